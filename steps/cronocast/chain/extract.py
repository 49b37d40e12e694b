"""The extract step: read the history of a series from its source into history.csv."""

from collections.abc import Collection

from cronocast.chain.job import Job
from cronocast.chain.unwritable import Unwritable, refuse_doubles
from cronocast.console import say
from cronocast.document.cross import one_place
from cronocast.document.entry import Entry
from cronocast.durations import MAX_NS, stamp
from cronocast.errors import ConfigError, DataError, seen
from cronocast.handoff.files import atomic
from cronocast.handoff.results import Outcome
from cronocast.handoff.series import HISTORY_COLUMNS, header, parse_tags
from cronocast.registry import load
from cronocast.settings.declare import plain
from cronocast.sources.reading import Window
from cronocast.sources.spool import Spool
from cronocast.sources.table import SOURCES, Source


def window_of(entry: Entry, run_ns: int) -> Window:
    """The window of a run: `lookback` up to the last step that was finished `delay` before the run.

    Raises:
        ConfigError: it would begin before 1970, or the forecast of it end after 2262.
    """
    end = (run_ns - entry.source.delay) // entry.every * entry.every
    if end + entry.horizon > MAX_NS:
        sentence = f"{entry.horizon} after {stamp(run_ns)} ends after {stamp(MAX_NS)}, the last time; shorten it"
        raise ConfigError.one("E_CONFIG_CROSS", "horizon", sentence)
    if end < entry.lookback:
        raise ConfigError.one(
            "E_CONFIG_CROSS",
            "lookback",
            f"{entry.lookback} before {stamp(max(run_ns, 0))} begins before 1970; shorten it",
        )
    return Window(end - entry.lookback, end, int(entry.every))


def _refuse_own(entry: Entry, names: Collection[str]) -> None:
    """Refuse what the series itself has written: a query may name measurements by a pattern.

    Raises:
        ConfigError: there is some of it.
    """
    target = entry.sink_measurement()
    own = {target, f"{target}_runs"} & {*names}
    if own and one_place(plain(entry.source), plain(entry.sink)):
        sentence = f"the query reads {seen(min(own))}, which the series itself writes; exclude it from the query"
        raise ConfigError.one("E_FEEDBACK_LOOP", "source.query", sentence)


def run(job: Job, outcome: Outcome) -> None:
    """Publish the history of one run.

    Where the window holds nothing, the file has its header only and the outcome is `skipped`, or the step fails, as the
    entry says; where the field itself is not there, it fails unless the entry says otherwise.

    Raises:
        DataError: no data or no such field although that means failure, or more rows or bytes than allowed.
        ContractError: no member can be written, or two would overwrite each other.
        ConfigError: it reads what it writes, or members have a tag that a forecast has itself.
        CronocastError: whatever goes wrong with the server, its answer or the volume; nothing is published then.
    """
    entry = job.entry
    source: Source = load(SOURCES, "source.kind", entry.source.kind)()
    window = window_of(entry, job.run_ns)
    outcome.window = {"start_ns": window.start_ns, "end_ns": window.end_ns, "every_ns": window.every_ns}
    with atomic(job.history) as file:
        unwritable = Unwritable(job)
        spool = Spool(file, job.history.parent, header(HISTORY_COLUMNS), unwritable)
        reading = source.read(entry.source_settings(), window, spool, say)
        arranged = spool.arrange()
        outcome.rows_in, outcome.bytes, outcome.attempts, outcome.notes = (
            reading.rows,
            reading.bytes,
            reading.attempts,
            reading.notes,
        )
        outcome.facts = reading.facts
        outcome.rows_dropped = {
            reason: rows for reason, rows in {**reading.dropped, **arranged.dropped}.items() if rows
        }
        keys = [(name, tags) for name, tags, _ in arranged.members]
        unwritable.refuse_if_all(keys)
        _refuse_own(entry, {name for name, _ in keys})
        refuse_doubles(keys, entry.sink_measurement())
        outcome.notes += unwritable.notes("extract")
        asked = (window.end_ns - window.start_ns) // window.every_ns
        outcome.members = [
            {"name": name, "tags": tags, "rows": rows, "rows_asked": asked}
            | ({"rows_found": rows} if reading.single else {})
            for name, tags, rows in arranged.members
        ]
        outcome.rows_kept = outcome.expected = sum(rows for _, _, rows in arranged.members)
        for key in getattr(entry.source, "group_by", ()) if outcome.members else ():
            if not any(key in dict(parse_tags(str(member["tags"]))) for member in outcome.members):
                outcome.notes.append(
                    f"no value has the tag {seen(key)} named in group_by: members that it would separate are merged"
                )
                say(f"extract: {outcome.notes[-1]}")
        if arranged.sorted_members:
            outcome.notes.append(f"{arranged.sorted_members} members came out of order and were sorted")
        if not outcome.rows_kept:
            why = reading.why_empty or f"{reading.rows} rows in the window {window}, none of them with a value"
            if reading.absent and entry.on_missing == "fail":
                sentence = f"{why}; check the names, or set on_missing: skip where it comes later"
                raise DataError("E_NO_FIELD", entry.name, sentence)
            if entry.on_no_data == "fail" and not reading.absent:
                raise DataError(
                    "E_NO_DATA", entry.name, f"{why}; check the source, the window and delay, or set on_no_data: skip"
                )
            outcome.skip(f"no_data: {why}")
    outcome.add_output(job.history, outcome.rows_kept, arranged.sha256)
