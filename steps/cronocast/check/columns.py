"""Are the field and the tags that an entry names there, and of a kind that can be forecast?"""

from collections.abc import Iterator

from cronocast.check.finding import Finding, doubtful, fine, instead, listed, wrong
from cronocast.check.look import Look
from cronocast.errors import ConfigError, DataError, RefusedError, seen
from cronocast.sources.influxql.schema import NUMERIC


def field(look: Look) -> Iterator[Finding]:
    """Whether the field is there and holds numbers of one type."""
    name, source = look.entry.source.field, look.entry.source
    types = look.fields.get(name)
    if types is None:
        yield _no_field(look, name)
    elif len(types) > 1:
        yield _two_types(look, name, types)
    elif types[0] not in NUMERIC and source.aggregate != "count":
        numbers = [other for other, kinds in look.fields.items() if NUMERIC.issuperset(kinds)]
        fix = f"a field of numbers ({listed(numbers) or 'there is none here'}), or aggregate: count"
        yield wrong("field", "source.field", f"{seen(name)} holds {types[0]} values", fix, RefusedError)
    else:
        yield fine("field", "source.field", f"{name}, {types[0]}")


def _no_field(look: Look, name: str) -> Finding:
    measurement = look.entry.source.measurement
    text = f"measurement {measurement} has no field {seen(name)}"
    if name in look.tag_keys:
        text += ", that is one of its tags"
    return wrong("field", "source.field", text, instead("source.field", name, look.fields), DataError)


def _two_types(look: Look, name: str, types: list[str]) -> Finding:
    """Shards hold one type each, and a query reads numbers of both kinds, but leaves out text without a word."""
    text = f"{seen(name)} is stored as {' and as '.join(sorted(types))}, in different shards or policies"
    fix = "have every writer send numbers of one type (in Telegraf the converter processor): within a shard the server"
    fix += " refuses the other"
    unread = {kind: look.unread(kind) for kind in types if kind not in NUMERIC}
    if not any(unread.values()) or look.entry.source.aggregate == "count":
        return doubtful("field", "source.field", text, fix)
    left = " and ".join(f"{points:,} of type {kind}" for kind, points in unread.items() if points)
    text += f"; of the points in the window {left} can't be read"
    return wrong("field", "source.field", text, fix, DataError)


def group_by(look: Look) -> Iterator[Finding]:
    """Whether the tags that make members are there."""
    for i, key in enumerate(look.entry.source.group_by):
        if key not in look.tag_keys:
            yield _no_tag(look, key, f"source.group_by[{i}]", "its members are merged")


def fixed_tags(look: Look) -> Iterator[Finding]:
    """Whether the tags that keep points are there, with such values."""
    allowed = look.entry.source.tags
    there = [key for key in allowed if key in look.tag_keys]
    yield from (_no_tag(look, key, f"source.tags.{key}", "nothing is read") for key in allowed if key not in there)
    if not there:
        return
    values = look.tag_values(there)
    for key in there:
        known = values.get(key, [])
        for value in allowed[key]:
            if value not in known:
                text = f"no series has {key}={seen(value)[1:-1]}"
                yield wrong("tags", f"source.tags.{key}", text, instead(key, value, known), DataError)


def _no_tag(look: Look, key: str, setting: str, so: str) -> Finding:
    measurement = look.entry.source.measurement
    what = "is a field, no tag" if key in look.fields else "is no tag"
    text = f"{seen(key)} {what} of measurement {measurement}: {so}"
    source = look.entry.source
    others = [other for other in look.tag_keys if other not in source.group_by and other not in source.tags]
    fix = instead(setting.partition("[")[0], key, others) if others else "leave it out"
    return wrong("tags", setting, text, fix, ConfigError)
