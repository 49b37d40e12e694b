"""All checks of one entry, in the order in which one rests on the other."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from cronocast.check import canary, columns, local, points, server, sink
from cronocast.check.finding import ERROR, Finding, fine, of_error, wrong
from cronocast.check.look import Look
from cronocast.document.entry import Entry
from cronocast.document.kinds import one_family
from cronocast.errors import CronocastError, DataError
from cronocast.handoff.files import atomic
from cronocast.handoff.series import HISTORY_COLUMNS, header
from cronocast.registry import load
from cronocast.sources.spool import Spool
from cronocast.sources.table import SOURCES, Source

Check = Callable[[Look], Iterable[Finding]]
# Checks of one group are independent of each other; after an error the later groups have nothing to look at.
READING: tuple[tuple[Check, ...], ...] = (
    (server.server,),
    (server.database,),
    (server.measurement,),
    (columns.field, columns.group_by, columns.fixed_tags),
    (points.members, points.spans),
    (points.steps, points.age, points.counter),
)


def check_entry(
    entry: Entry, now_ns: int, *, write: bool, elsewhere: bool = False, env: Mapping[str, str] = os.environ
) -> list[Finding]:
    """Look at everything that an entry needs.

    Args:
        entry: A sound one.
        now_ns: Time of the run that is thought of.
        write: Also write a canary to the sink.
        elsewhere: Forecasts are made elsewhere, so that the models need not be here.
        env: The environment.
    """
    here = [*local.variables(entry, env), *(() if elsewhere else local.models(entry)), *local.secrets(entry)]
    look = Look(entry, now_ns)
    named = entry.source.kind == "influxql" and entry.source.query is None
    groups = READING if named else (*READING[:2], (whole,)) if entry.source.kind == "influxql" else ((whole,),)
    read = list(_in_order(groups, look))
    written = list(_in_order(_writing(entry, write=write), look))
    # A server or a database that both share is told once.
    told = {(one.seen, one.exit) for one in read if one.what != "policy"}
    return [*here, *read, *(finding for finding in written if (finding.seen, finding.exit) not in told)]


def _writing(entry: Entry, *, write: bool) -> tuple[tuple[Check, ...], ...]:
    if entry.sink.kind != "influx" or not one_family({"kind": entry.source.kind}, {"kind": entry.sink.kind}):
        return ()
    return ((sink.sink,), (canary.canary,)) if write else ((sink.sink,),)


def _in_order(groups: Iterable[tuple[Check, ...]], look: Look) -> Iterator[Finding]:
    for group in groups:
        found = [finding for check in group for finding in _guarded(check, look)]
        yield from found
        if any(finding.level == ERROR for finding in found):
            return


def _guarded(check: Check, look: Look) -> Iterator[Finding]:
    """What a check finds; an error of the server on the way is a finding, too."""
    role = "sink" if check in (sink.sink, canary.canary) else "source"
    try:
        yield from check(look)
    except CronocastError as error:
        yield from of_error(role if role == "sink" else check.__name__, f"{role}.url", error)


def whole(look: Look) -> Iterator[Finding]:
    """Read the history as extract does: the only way to look at a query of one's own."""
    entry, window = look.entry, look.window
    source: Source = load(SOURCES, "source.kind", entry.source.kind)()
    with TemporaryDirectory() as folder, atomic(Path(folder) / "history.csv") as file:
        spool = Spool(file, Path(folder), header(HISTORY_COLUMNS))
        reading = source.read(entry.source, window, spool, lambda _: None)
        arranged = spool.arrange()
    asked = entry.lookback // entry.every
    rows = sum(rows for _, _, rows in arranged.members)
    if not rows:
        text = reading.why_empty or f"{reading.rows} rows from the query, none of them with a value in {window}"
        yield wrong("points", "source.query", text, "see what the query answers, and lengthen lookback", DataError)
        return
    text = f"{rows} rows of {len(arranged.members)} members; {asked} steps were asked for of each"
    yield fine("points", "source.query", text)
