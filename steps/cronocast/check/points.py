"""What a run would read now: members, points against steps, and how new they are."""

from collections.abc import Iterator

from cronocast.charts.words import counted, length_about
from cronocast.check.finding import NOTE, Finding, doubtful, fine, listed, wrong
from cronocast.check.look import Look, member_name
from cronocast.check.server import elsewhere, in_other_policy
from cronocast.durations import UNIT_NS, Duration, stamp
from cronocast.errors import DataError
from cronocast.sources.influxql import schema

MANY = 1000  # members: an hour of one CPU core at a few seconds each
TOGETHER = ("sum", "min", "max", "count")  # of several series at once they mean something
FEW = 0.5  # share of the steps with a point below which a person should look
LATE_START = 0.1  # share of the window without any point before the first one
NEW_STEPS = 2  # steps of silence that are no reason to look


def members(look: Look) -> Iterator[Finding]:
    """Which members a run would find, and whether each is one series."""
    if not look.points:
        yield _nothing(look)
        return
    count, group_by = len(look.members), look.entry.source.group_by
    by = f" by {', '.join(group_by)}" if group_by else ""
    text = f"{count:,}{by} in the last {look.entry.lookback}: {listed(look.members)}"
    if count > MANY:
        yield doubtful("members", "source.group_by", text, "fewer tags in group_by, or shards and jobs for so many")
    else:
        yield fine("members", "source.group_by", text)
    every = [tags for tags, _ in look.points]
    if different := schema.differing(every, group_by):
        yield _mixed(look, every, different)


def _mixed(look: Look, every: list[dict[str, str]], different: dict[str, int]) -> Finding:
    """Points of one member that come from several series."""
    source = look.entry.source_settings()
    also = ", ".join(f"{key} ({count})" for key, count in different.items())
    added = schema.separating(every, source.group_by)
    fix = f"{_fixed(every, added)}group_by: [{', '.join([*source.group_by, *added])}]"
    if source.aggregate in TOGETHER:
        text = f"also differ by {also}; {source.aggregate} takes these series together"
        return Finding("tags", NOTE, "source.group_by", text, f"if each is to be forecast: {fix}")
    text = f"also differ by {also}: the {source.aggregate} goes over several series at once"
    return doubtful("tags", "source.group_by", text, fix)


def _fixed(every: list[dict[str, str]], added: list[str]) -> str:
    """What to keep where one value of a tag stands for the whole, as cpu-total does."""
    for key in added:
        totals = {tags.get(key, "") for tags in every} & {"total", "all", f"{key}-total"}
        if totals:
            return f"tags: {{{key}: {min(totals)}}}, or "
    return ""


def _nothing(look: Look) -> Finding:
    """Why the window is empty."""
    source, window = look.entry.source, look.window
    text = f"no points from {stamp(window.start_ns)} to {stamp(window.end_ns)}"
    if look.newest_ever:
        newest = max(found.time_ns for found in look.newest_ever)
        text += f"; the newest is {length_about(look.now_ns - newest)} old"
        return wrong("points", "lookback", text, "see that they are written, or lengthen lookback", DataError)
    if others := elsewhere(look):
        return in_other_policy(text, others)
    if len(source.tags) > 1:
        return wrong("points", "source.tags", f"{text}: no series has all these tags", "fewer of them", DataError)
    fix = "see that they are written to this database and policy, in the right precision"
    return wrong("points", "source.measurement", text, fix, DataError)


def steps(look: Look) -> Iterator[Finding]:
    """How many steps of the window have a point, and why not all."""
    asked = look.entry.lookback // look.entry.every
    of = {member_name(tags, look.entry.source.group_by): count / asked for tags, count in look.steps}
    if not of:
        return
    shares = sorted(of.values())
    total = sum(count for _, count in look.points)
    span = f"{shares[0]:.0%} to {shares[-1]:.0%}" if round(shares[0], 2) < round(shares[-1], 2) else f"{shares[0]:.0%}"
    text = f"{total:,} points; {span} of the {asked:,} steps of {look.entry.every} have any"
    if shares[len(shares) // 2] < FEW:
        yield _few(look, text)
        return
    yield fine("points", "lookback", text)
    if few := {name: share for name, share in of.items() if share < FEW}:
        text = f"{counted(len(few), 'member')} with points in less than half of the steps: {listed(few)}"
        yield Finding("points", NOTE, "lookback", text, "nothing, if they are new or write seldom")


def _few(look: Look, text: str) -> Finding:
    """Most members have points in less than half of the steps: points are further apart, or begin late."""
    apart = look.recent.apart_ns
    if apart > look.entry.every:
        fix = f"every: {_whole(apart)}, as far as points are apart"
        return doubtful("points", "every", f"{text}; points are {length_about(apart)} apart", fix)
    window = look.window
    begin = min(found.time_ns for found in look.oldest)
    if begin - window.start_ns > LATE_START * (window.end_ns - window.start_ns):
        text += f"; the first is {length_about(look.now_ns - begin)} old"
        return doubtful("points", "lookback", text, f"lookback: {_whole(look.now_ns - begin)} until there is more")
    return doubtful("points", "lookback", text, "see why points are missing; what an absent point means is for you")


def _whole(ns: int) -> Duration:
    """A duration of whole minutes, hours or days, no shorter than seen."""
    unit = next((UNIT_NS[unit] for unit in ("d", "h", "m") if ns >= 2 * UNIT_NS[unit]), UNIT_NS["s"])
    return Duration.of(max(unit, round(ns / unit) * unit))


def age(look: Look) -> Iterator[Finding]:
    """How old the newest points are, of all and of each member."""
    newest: dict[str, int] = {}
    for found in look.newest:
        name = member_name(found.tags, look.entry.source.group_by)
        newest[name] = max(found.time_ns, newest.get(name, 0))
    if not newest:
        return
    limit = NEW_STEPS * max(int(look.entry.every), look.recent.apart_ns) + look.entry.source.delay
    youngest = look.now_ns - max(newest.values())
    if youngest > limit:
        fix = f"see that points are still written; if they arrive late, source.delay: {_whole(youngest)}"
        yield doubtful("newest", "source.delay", f"the newest point is {length_about(youngest)} old", fix)
        return
    yield fine("newest", "source.delay", f"the newest point is {length_about(youngest)} old")
    if silent := {name: look.now_ns - time for name, time in newest.items() if look.now_ns - time > limit}:
        longest = length_about(max(silent.values()))
        text = f"{len(silent)} of {len(newest)} members silent, for up to {longest}: {listed(silent)}"
        fix = "if they are gone for good: nothing, they leave with the window; else see that they are written"
        yield Finding("newest", NOTE, "source.group_by", text, fix)


def counter(look: Look) -> Iterator[Finding]:
    """Whether values that count something are forecast as a rate, and no others."""
    name, prepare = look.entry.source.field, "prepare"
    if look.entry.prepare.rate and look.recent.cannot_count:
        text = f"{name} falls in {look.recent.falls:.0%} of its changes, and prepare.rate takes it for a counter"
        yield doubtful("counter", prepare, text, "leave rate out")
    elif not look.entry.prepare.rate and look.recent.counts and look.entry.source.aggregate not in ("count", "sum"):
        text = f"{name} hardly ever falls, as counters do"
        yield Finding("counter", NOTE, prepare, text, "if it is one: aggregate: last and prepare: {rate: true}")


def spans(look: Look) -> Iterator[Finding]:
    """Whether a history as long as the lookback says enough of a horizon."""
    entry = look.entry
    asked = entry.lookback // entry.every
    if asked < entry.min_points:
        text = f"lookback holds {asked} steps, min_points is {entry.min_points}: every member is too_short"
        yield doubtful("spans", "lookback", text, f"lookback: {Duration.of(entry.min_points * entry.every)} or more")
    elif entry.horizon * 2 > entry.lookback:
        text = (
            f"horizon {entry.horizon} is more than half of lookback {entry.lookback}: no error so far ahead is measured"
        )
        fix = f"lookback: {Duration.of(2 * entry.horizon)} or more, four times as long is better"
        yield doubtful("spans", "horizon", text, fix)
