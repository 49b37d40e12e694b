"""Where the result of a step belongs that was refused before it had a job."""

from pathlib import Path

from cronocast.chain.job import part_of, run_folder, run_time
from cronocast.chain.resolve import Invocation, read_entry
from cronocast.chain.table import STEPS
from cronocast.durations import stamp
from cronocast.errors import ConfigError, Problem
from cronocast.formats import influx_names
from cronocast.handoff.results import result_path


def refused_place(given: Invocation) -> tuple[Path, str, str] | None:
    """Where the result of a step that was refused belongs, its series and its run; None where they can't be told.

    Beside a file that was named it belongs only if one lies there: that of an earlier try, which must not stand for
    this one.
    """
    problems: list[Problem] = []
    try:
        document = read_entry(given.entry or "{}")
        part = part_of(given.part)
    except ConfigError:
        return None
    row, run_ns = STEPS[given.step], run_time(given.run, problems)
    name = given.texts.get("name") or (document.get("name") if isinstance(document, dict) else None)
    if problems:
        return None
    if (output := given.files.get(row.writes)) is not None:
        place = result_path(given.step, output)
        return (place, name if isinstance(name, str) else "series", stamp(run_ns)) if place.is_file() else None
    unnamed = not isinstance(name, str) or influx_names.series_name_fault(name)
    if given.root is None or not given.run or unnamed or any(given.files.values()):
        return None
    folder = run_folder(given.root, str(name), run_ns)
    if not given.entry and not folder.is_dir():
        return None  # a name alone may be a slip: no folder is made for it
    whole = folder / f"{row.publishes_as or given.step}.result.json"
    return result_path(part.name, folder / part.file) if part else whole, str(name), stamp(run_ns)
