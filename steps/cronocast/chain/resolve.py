"""Where each setting of a step comes from: flag, then env variable, then series document, then default."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from cronocast.chain.job import Job, check_paths, run_folder
from cronocast.chain.parts import ForecastPart
from cronocast.chain.provenance import provenance
from cronocast.document.cross import cross_problems
from cronocast.document.entry import MAX_ENTRY_BYTES, Entry, parse_entry_text, read_entry_text
from cronocast.durations import UNIT_NS, Duration, parse_stamp, stamp
from cronocast.errors import ConfigError, Problem, seen
from cronocast.formats import influx_names
from cronocast.handoff.files import series_id
from cronocast.handoff.results import result_path
from cronocast.handoff.series import HISTORY_COLUMNS, read_members
from cronocast.settings.declare import Leaf, leaves, parse, plain, read_text, with_value
from cronocast.sources.table import NO_DATABASE

OUTPUTS = {
    "extract": "history",
    "classify": "profile",
    "forecast": "forecast",
    "select": "forecast",
    "load": "",
    "record": "",
}
# without a series document there is nothing to take them from
NEEDED_TO_WRITE = ("sink.url", "sink.database", "sink.measurement")
# select does for many containers what forecast does in one: it publishes the same files
PUBLISHED_AS = {"select": "forecast"}
MANY_LINES = ("source.query", "source.tags", "options")  # people fold these over several lines
# 1970 to 2255: what int64 nanoseconds hold, with room for a horizon
EARLIEST_RUN_NS, LATEST_RUN_NS = (0, 9_000_000_000 * 10**9)


@dataclass(frozen=True)
class Invocation:
    """What a person or the engine gave one step: texts, None where not given, and by which way they came."""

    step: str
    entry: str | None
    root: Path | None
    run: str | None
    files: Mapping[str, Path | None]  # history, profile, forecast, dry_run
    texts: Mapping[str, str | None]  # path of a setting -> text
    from_env: frozenset[str]  # paths of settings that came by env
    outputs: Path | None = None  # classify: folder for values that a workflow engine branches on
    told: Mapping[str, str] = field(default_factory=dict)  # record: what the engine says of the run
    part: str | None = None  # forecast: this container's share of the members


@cache
def step_leaves(step: str) -> tuple[Leaf, ...]:
    """The settings that a step takes as flags and env variables, in order of declaration."""
    takes = "load" if step == "record" else step  # both write to the sink
    return tuple(leaf for leaf in leaves(Entry) if takes in leaf.steps)


def make_job(given: Invocation) -> Job:
    """Check everything a step was given and say what it is to do.

    Raises:
        ConfigError: with every problem found.
    """
    problems: list[Problem] = []
    _check_files(given, problems)
    if problems:
        raise ConfigError(problems)  # before any of these files is opened
    data, origins = _document(given, problems)
    run_ns = run_time(given.run, problems)
    if problems and not data:
        raise ConfigError(problems)  # no document: all that is required would be missing, too
    entry = parse(Entry, data, "", problems)
    crossed = cross_problems(data, "")
    if not given.entry:  # a default that this step does not read can't be mended by any of its flags
        read = {leaf.path for leaf in step_leaves(given.step)}
        crossed = [problem for problem in crossed if problem.where.partition("[")[0] in read]
    problems += crossed
    if origins.get("every") == "history":
        found = "; this step is the commonest one of the file, --every sets another"
        problems = [
            replace(p, sentence=p.sentence + found) if "multiple of every" in p.sentence else p for p in problems
        ]
    problems = [_renamed(problem, given) for problem in problems]
    job = None
    if entry is not None:
        job = _job(given, entry, run_ns, origins, problems)
    if problems or job is None:
        raise ConfigError(list(dict.fromkeys(problems)))
    return job


def refused_place(given: Invocation) -> tuple[Path, str, str] | None:
    """Where the result of a step that was refused belongs, its series and its run; None where they can't be told.

    Beside a file that was named it belongs only if one lies there: that of an earlier try, which must not stand for
    this one.
    """
    problems: list[Problem] = []
    try:
        text = given.entry or "{}"
        document = read_entry_text(read_text(Path(text[1:])) if text.startswith("@") else text, "--entry")
        part = ForecastPart.parse(given.part) if given.part else None
    except ConfigError:
        return None
    name = given.texts.get("name") or (document.get("name") if isinstance(document, dict) else None)
    run_ns = run_time(given.run, problems)
    if (output := given.files.get(OUTPUTS[given.step])) is not None and not problems:
        place = result_path(given.step, output)
        return (place, name if isinstance(name, str) else "series", stamp(run_ns)) if place.is_file() else None
    if (
        given.root is None
        or not given.run
        or problems
        or not isinstance(name, str)
        or influx_names.series_name_fault(name)
        or any(given.files.values())
    ):
        return None
    folder = run_folder(given.root, name, run_ns)
    if not given.entry and not folder.is_dir():
        return None  # a name alone may be a slip: no folder is made for it
    return (
        (
            result_path(part.name, folder / part.file)
            if part
            else folder / f"{PUBLISHED_AS.get(given.step, given.step)}.result.json"
        ),
        name,
        stamp(run_ns),
    )


def _check_files(given: Invocation, problems: list[Problem]) -> None:
    files = {f"--{name.replace('_', '-')}": path for name, path in given.files.items() if path is not None}
    written = {f"--{OUTPUTS[given.step]}", "--dry-run"}
    check_paths(
        problems,
        {n: p for n, p in files.items() if n not in written},
        {n: p for n, p in files.items() if n in written},
        given.root,
    )


def _document(given: Invocation, problems: list[Problem]) -> tuple[dict[str, Any], dict[str, str]]:
    """The series document with flags and env variables laid over it, and where each setting came from."""
    data, origins = _base(given, problems)
    for leaf in step_leaves(given.step):
        text = given.texts.get(leaf.path)
        if not text:
            continue  # an empty text means not given: parameters of a workflow are empty unless somebody fills them
        where = leaf.env if leaf.path in given.from_env else leaf.flag
        if len(text) > MAX_ENTRY_BYTES:
            problems.append(
                Problem("E_CONFIG_SIZE", where, f"{len(text)} characters; allowed: at most {MAX_ENTRY_BYTES}")
            )
        elif any("\ud800" <= c <= "\udfff" for c in text):
            problems.append(Problem("E_CONFIG_ENCODING", where, f"{seen(text)} is not UTF-8; give UTF-8"))
        elif leaf.path in given.from_env and leaf.path not in MANY_LINES and not text.isprintable():
            problems.append(
                Problem(
                    "E_CONFIG_ENCODING",
                    where,
                    f"{seen(text)} holds a new line or a control character; give one plain line",
                )
            )
        else:
            data = with_value(data, leaf.path, leaf.kind.from_text(text)) if data else data
            origins[leaf.path] = where
    return data, origins


def _base(given: Invocation, problems: list[Problem]) -> tuple[dict[str, Any], dict[str, str]]:
    if given.entry:
        where, text = "--entry", given.entry
        if text.startswith("@"):
            where, text = text[1:], read_text(Path(text[1:]))
        try:
            data = plain(parse_entry_text(text, where))
            document = json.loads(text)
        except ConfigError as error:
            problems += error.problems
            return {}, {}
        return document, {leaf.path: "entry" for leaf in leaves(Entry) if _has(document, leaf.path) and data}
    source = {} if given.step == "extract" else NO_DATABASE
    needed = {"load": NEEDED_TO_WRITE, "record": ("name", *NEEDED_TO_WRITE)}.get(given.step, ())
    if missing := [leaf for leaf in step_leaves(given.step) if leaf.path in needed and not given.texts.get(leaf.path)]:
        problems += [
            Problem("E_CONFIG_MISSING", leaf.flag, f"not given; allowed: {leaf.kind.words()}, or a whole --entry")
            for leaf in missing
        ]
    data = {"name": given.texts.get("source.measurement") or "series", "source": source}
    origins: dict[str, str] = {}
    history = given.files.get("history")
    if given.step in ("classify", "forecast") and history is not None and history.exists():
        every_ns, span_ns = infer_grid(history)
        if not given.texts.get("every"):
            data["every"], origins["every"] = str(Duration.of(every_ns)), "history"
        data["lookback"] = whole_steps(span_ns, Duration.read(given.texts.get("every")) or every_ns)
    return data, origins


def whole_steps(span_ns: int, every_ns: int) -> str:
    """The lookback of a history that is a file.

    The file is the window, and settings that must fit into the window are held against it.
    """
    return str(Duration.of(max(span_ns // every_ns, 1) * every_ns))


def _has(document: Any, path: str) -> bool:  # noqa: ANN401
    for name in path.split("."):
        if not isinstance(document, dict) or document.get(name) is None:
            return False
        document = document[name]
    return True


def infer_grid(history: Path) -> tuple[int, int]:
    """Step size and span in ns of the first member of a history file.

    The commonest distance of its stamps, in whole seconds.
    """
    member = next(iter(read_members(history, HISTORY_COLUMNS)), None)
    times = member.time_ns if member else ()
    gaps = sorted(b - a for a, b in pairwise(times))
    step = gaps[len(gaps) // 2] if gaps else 3600 * 10**9
    second = UNIT_NS["s"]
    step = max(second, round(step / second) * second)
    return step, (times[-1] - times[0] + step if times else step)


def run_time(text: str | None, problems: list[Problem]) -> int:
    """The scheduled time: RFC 3339 in UTC or seconds since 1970; now, in whole seconds, if not given."""
    if not text:
        return int(time.time()) * 10**9
    try:
        run_ns = int(text) * 10**9 if text.isascii() and text.isdigit() else parse_stamp(text)
        if EARLIEST_RUN_NS <= run_ns <= LATEST_RUN_NS:
            return run_ns
    except ValueError:
        pass
    problems.append(
        Problem(
            "E_CONFIG_TIME", "--run", f"{seen(text)} is no time; allowed: 2026-01-31T12:00:00Z, or seconds since 1970"
        )
    )
    return 0


def _renamed(problem: Problem, given: Invocation) -> Problem:
    """Name the flag or env variable at fault instead of the path that it fills."""
    for leaf in step_leaves(given.step):
        if problem.where == leaf.path and (given.texts.get(leaf.path) or not given.entry):
            return Problem(problem.token, leaf.env if leaf.path in given.from_env else leaf.flag, problem.sentence)
    return problem


def _job(given: Invocation, entry: Entry, run_ns: int, origins: dict[str, str], problems: list[Problem]) -> Job:
    files = {name: path for name, path in given.files.items() if path is not None}
    folder = run_folder(given.root, entry.name, run_ns) if given.root else None
    needed = {
        "extract": ["history"],
        "classify": ["history", "profile"],
        "forecast": ["history", "forecast"],
        "select": [],
        "load": ["forecast"],
        "record": [],
    }[given.step]
    if folder is None and (given.part or given.step in ("select", "record")):
        problems.append(Problem("E_CONFIG_MISSING", "--root", "not given; what this step reads lies in a run folder"))
    if folder is None:
        missing = [name for name in needed if name not in files]
        problems += [
            Problem("E_CONFIG_MISSING", f"--{name}", "not given; name the file, or give --root for a run folder")
            for name in missing
        ]
    base = folder or files.get(OUTPUTS[given.step], files.get("forecast", Path())).parent
    return Job(
        step=PUBLISHED_AS.get(given.step, given.step),
        entry=entry,
        run_ns=run_ns,
        standalone=folder is None or bool(files.keys() & {"history", "profile", "forecast"}),
        history=files.get("history") or base / "history.csv",
        profile=files.get("profile") or (base / "profile.json" if folder else None),
        forecast=files.get("forecast") or base / "forecast.csv",
        state=given.root / series_id(entry.name) / "state" if given.root else None,
        dry_run=files.get("dry_run"),
        outputs=given.outputs,
        told=dict(given.told),
        part=ForecastPart.parse(given.part) if given.part else None,
        settings=provenance(given.step, entry, origins),
    )
