"""Entries for one measurement: by its recipe, else by its tags and how many members they make."""

from dataclasses import dataclass

from cronocast.propose.inventory import Content, keys_of
from cronocast.propose.recipes import PERCENT, Recipe, recipe_of
from cronocast.propose.spans import Spans, spans_of
from cronocast.sources.influxql import schema
from cronocast.sources.influxql.schema import Found

MOST_MEMBERS = 200  # of an entry; each takes a fraction of a CPU second, and somebody is to look at them
MANY = 20  # values of a tag that lasts may be silent without a word
MOST_FIELDS = 3  # of a measurement without a recipe; the others are named in a comment
PERCENTAGES = ("percent", "_pct", "percentage")
# Fields that say most of a measurement that has many.
TELLING = ("value", "used_percent", "usage", "count", "requests", "messages", "mean", "p95")


@dataclass(frozen=True)
class Proposal:
    """One entry, and what a person should know of it.

    Attributes:
        name: Of the entry.
        content: The field that it reads.
        spans: Step size, lookback, horizon.
        members: How many it has.
        group_by: Tags that make them.
        tags: Values of tags to keep.
        clip: What values can be.
        rate: The field is a counter.
        notes: Sentences for comments.
    """

    name: str
    content: Content
    spans: Spans
    members: int
    group_by: list[str]
    tags: dict[str, str]
    clip: tuple[float | None, float | None]
    rate: bool
    notes: list[str]


def chosen_fields(measurement: str, fields: list[str]) -> list[str]:
    """The fields of a measurement that get an entry: those of its recipe, else those that tell most."""
    recipe = recipe_of(measurement)
    if recipe:
        known = [name for name in recipe.fields if name in fields]
        return known[:1] if recipe.only_first else known
    ranked = sorted(fields, key=lambda name: (TELLING.index(name) if name in TELLING else len(TELLING), name))
    return ranked[:MOST_FIELDS]


def propose(content: Content, name: str) -> Proposal:
    """The entry for one field of a measurement, under a name."""
    recipe = recipe_of(content.measurement) or Recipe("", (), ("host",), clip=_clip(content), rate=content.counts)
    tags = _fixed(content, recipe)
    kept = [found for found in content.series if tags.items() <= found.tags.items()]
    group_by, left = _members(kept, recipe, content)
    return Proposal(
        name=name,
        content=content,
        spans=spans_of(content.apart_ns, content.age_ns, far=recipe.far),
        members=_count(kept, group_by),
        group_by=group_by,
        tags=tags,
        clip=recipe.clip,
        rate=recipe.rate,
        notes=[note for note in (recipe.about, _mixed(kept, left)) if note],
    )


def _clip(content: Content) -> tuple[float | None, float | None]:
    """What values can be, as far as a name or their kind tells."""
    if content.field.endswith(PERCENTAGES):
        return PERCENT
    return (0, None) if content.counts else (None, None)


def _fixed(content: Content, recipe: Recipe) -> dict[str, str]:
    """Values of tags to keep, of those that are there."""
    there = {(key, value) for found in content.series for key, value in found.tags.items()}
    return {key: value for key, value in recipe.tags if (key, value) in there}


def _members(kept: list[Found], recipe: Recipe, content: Content) -> tuple[list[str], list[str]]:
    """Tags that make members, and tags that would make too many."""
    known = keys_of(found.tags for found in kept)
    left = [key for key in known if _comes_and_goes(kept, key, content)]
    group_by = _grouped(kept, recipe, left)
    while _count(kept, group_by) > MOST_MEMBERS:
        left.append(max(group_by, key=lambda key: _count(kept, [key])))
        group_by = _grouped(kept, recipe, left)
    mixed = schema.differing([found.tags for found in kept], group_by)
    return group_by, [key for key in left if key in mixed]


def _grouped(kept: list[Found], recipe: Recipe, without: list[str]) -> list[str]:
    """The tags of the recipe that are there, and those that it takes to make each member one series."""
    lasting = [{key: value for key, value in found.tags.items() if key not in without} for found in kept]
    known = keys_of(lasting)
    first = [key for key in recipe.group_by if key in known]
    return [*first, *schema.separating(lasting, first)]


def _comes_and_goes(kept: list[Found], key: str, content: Content) -> bool:
    """Whether a tag names what lives for a while, such as a pod: of many values few are still written."""
    values = {found.tags.get(key) for found in kept}
    alive = {found.tags.get(key) for found in kept if not content.has_ended(found)}
    return len(values) > MANY and len(alive) < len(values) / 2


def _count(kept: list[Found], keys: list[str]) -> int:
    return len({tuple(found.tags.get(key, "") for key in keys) for found in kept})


def _mixed(kept: list[Found], left: list[str]) -> str:
    """A note where members are made of several series, since there would be too many of them."""
    if not left:
        return ""
    counts = ", ".join(f"{key} ({_count(kept, [key])} values)" for key in left)
    return f"the mean over {counts}: too many members, or they come and go; keep some by tags to forecast them alone"
