"""The extract step: read the history of a series from its source into history.csv."""

from cronocast.chain.job import Job
from cronocast.console import say
from cronocast.document.entry import Entry
from cronocast.durations import stamp
from cronocast.errors import ConfigError, DataError, seen
from cronocast.handoff.files import atomic
from cronocast.handoff.results import Outcome
from cronocast.handoff.series import HISTORY_COLUMNS, header, parse_tags
from cronocast.registry import load
from cronocast.sources.reading import Window
from cronocast.sources.spool import Spool
from cronocast.sources.table import SOURCES, Source


def window_of(entry: Entry, run_ns: int) -> Window:
    """The window of a run: `lookback` up to the last step that was finished `delay` before the run.

    Raises:
        ConfigError: it would begin before 1970.
    """
    end = (run_ns - entry.source.delay) // entry.every * entry.every
    if end < entry.lookback:
        raise ConfigError.one(
            "E_CONFIG_CROSS",
            "lookback",
            f"{entry.lookback} before {stamp(max(run_ns, 0))} begins before 1970; shorten it",
        )
    return Window(end - entry.lookback, end, int(entry.every))


def run(job: Job, outcome: Outcome) -> None:
    """Publish the history of one run.

    Where the window holds nothing, the file has its header only and the outcome is `skipped`, or the step fails, as the
    entry says.

    Raises:
        DataError: no data although that means failure, or more rows or bytes than allowed.
        CronocastError: whatever goes wrong with the server, its answer or the volume; nothing is published then.
    """
    entry = job.entry
    source: Source = load(SOURCES, "source.kind", entry.source.kind)()
    window = window_of(entry, job.run_ns)
    outcome.window = {"start_ns": window.start_ns, "end_ns": window.end_ns, "every_ns": window.every_ns}
    with atomic(job.history) as file:
        spool = Spool(file, job.history.parent, header(HISTORY_COLUMNS))
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
        asked = (window.end_ns - window.start_ns) // window.every_ns
        outcome.members = [
            {
                "name": name,
                "tags": tags,
                "rows": rows,
                "rows_asked": asked,
                **({"rows_found": rows} if reading.single else {}),
            }
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
            if entry.on_no_data == "fail":
                raise DataError(
                    "E_NO_DATA", entry.name, f"{why}; check the source, the window and delay, or set on_no_data: skip"
                )
            outcome.skip(f"no_data: {why}")
    outcome.add_output(job.history, outcome.rows_kept, arranged.sha256)
