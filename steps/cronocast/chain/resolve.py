"""What a step is to do, from what it was given: invocation, layers, document, entry, job.

The layers are flag, then env variable, then series document, then default. They are merged first; then the document is
parsed and checked, once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from cronocast.chain.job import Job, check_paths, part_of, run_folder, run_time
from cronocast.chain.provenance import provenance
from cronocast.chain.table import STEPS
from cronocast.document.cross import cross_problems
from cronocast.document.entry import MAX_ENTRY_BYTES, Entry, read_entry_text
from cronocast.document.kinds import SINK
from cronocast.errors import ConfigError, Problem, seen
from cronocast.handoff.files import series_id
from cronocast.settings.declare import Leaf, leaves, parse, read_text, with_value

MANY_LINES = ("source.query", "source.tags", "options")  # users fold these over several lines
HELD_AGAINST_EVERY = ("horizon", "lookback", "periods", "prepare.smooth")


@dataclass(frozen=True, eq=False)
class Invocation:
    """What a person or the engine gave one step: texts, None where not given, and by which way they came."""

    step: str
    entry: str | None
    root: Path | None
    run: str | None
    files: Mapping[str, Path | None]  # those between steps by name, and dry_run
    texts: Mapping[str, str | None]  # path of a setting -> text
    from_env: frozenset[str]  # paths of settings that came by env
    outputs: Path | None = None  # folder for values that a workflow engine shows or branches on
    part: str | None = None  # forecast: this container's share of the members
    flags: Mapping[str, str] = field(default_factory=dict)  # further flags of the step that were given

    def way(self, leaf: Leaf) -> str:
        """The flag or env variable by which a setting came, or would come."""
        return leaf.env if leaf.path in self.from_env else leaf.flag


@cache
def step_leaves(step: str) -> tuple[Leaf, ...]:
    """The settings that a step takes as flags and env variables, in order of declaration."""
    row = STEPS[step]
    names = {step, row.settings_of}
    return tuple(leaf for leaf in leaves(Entry) if names & {*leaf.steps} or leaf.path in row.settings)


def make_job(given: Invocation) -> Job:
    """Check everything a step was given and say what it is to do.

    Raises:
        ConfigError: with every problem found.
    """
    problems = _path_problems(given)
    if problems:
        raise ConfigError(problems)  # before any of these files is opened
    data, origins = _merged(given, problems)
    run_ns = run_time(given.run, problems)
    if data is None:
        raise ConfigError(problems)  # all that is required would be missing, too
    entry = parse(Entry, data, "", problems)
    if isinstance(data, dict):
        problems += _cross_problems(given, data, origins)
    names = _names(given)
    problems = [replace(problem, where=names.get(problem.where, problem.where)) for problem in problems]
    job = _job(given, entry, run_ns, origins, problems) if entry is not None else None
    if problems or job is None:
        raise ConfigError(list(dict.fromkeys(problems)))
    return job


def _path_problems(given: Invocation) -> list[Problem]:
    row, problems = STEPS[given.step], list[Problem]()
    named = {name: path for name, path in given.files.items() if path is not None}
    written = {row.writes, *(option.name for option in row.flags if option.written)}
    sides: tuple[dict[str, Path], dict[str, Path]] = ({}, {})
    for name, path in named.items():
        sides[name in written][f"--{name.replace('_', '-')}"] = path
    check_paths(problems, *sides, given.root)
    return problems


def _merged(given: Invocation, problems: list[Problem]) -> tuple[Any, dict[str, str]]:
    """The document with env variables and flags laid over it, unchecked, and where each setting in it came from.

    The document is None where there is none that could be read.
    """
    data, origins = _document(given, problems)
    for leaf in step_leaves(given.step):
        text = given.texts.get(leaf.path)
        if not text:
            continue  # an empty text means not given: parameters of a workflow are empty unless somebody fills them
        if problem := _text_problem(text, leaf, given):
            problems.append(problem)
        elif _is_open(data, leaf.path):
            data = with_value(data, leaf.path, leaf.kind.from_text(text))
            origins[leaf.path] = given.way(leaf)
    return data, origins


def _document(given: Invocation, problems: list[Problem]) -> tuple[Any, dict[str, str]]:
    """The lowest layer: the series document as it was given, or what stands for it."""
    if not given.entry:
        problems += _needed(given)
        name, every = given.texts.get("source.measurement"), given.texts.get("every")
        from cronocast.chain.standalone import stand_in  # reads files; on a cluster nothing needs it

        data = stand_in(given.step, given.files.get("history"), name, every)
        return data, {"every": "history"} if "every" in data else {}
    try:
        data = read_entry(given.entry)
    except ConfigError as error:
        problems += error.problems
        return None, {}
    return data, {leaf.path: "entry" for leaf in leaves(Entry) if _holds(data, leaf.path)}


def read_entry(entry: str) -> Any:  # noqa: ANN401 - untrusted data
    """Read the series document from JSON text or @FILE; what it says is not checked.

    Raises:
        ConfigError: it can't be read, or is no JSON.
    """
    where, text = (entry[1:], read_text(Path(entry[1:]))) if entry.startswith("@") else ("--entry", entry)
    return read_entry_text(text, where)


def _needed(given: Invocation) -> list[Problem]:
    """Settings that nothing but flags can say, where there is no document."""
    sink = given.texts.get("sink.kind") or SINK.usual
    return [
        Problem("E_CONFIG_MISSING", leaf.flag, f"not given; allowed: {leaf.kind.words()}, or a whole --entry")
        for leaf in step_leaves(given.step)
        if leaf.path in STEPS[given.step].needs
        and (not leaf.kinds or sink in leaf.kinds)
        and not given.texts.get(leaf.path)
    ]


def _holds(data: Any, path: str) -> bool:  # noqa: ANN401 - untrusted data
    for name in path.split("."):
        if not isinstance(data, dict) or data.get(name) is None:
            return False
        data = data[name]
    return True


def _is_open(data: Any, path: str) -> bool:  # noqa: ANN401 - untrusted data
    """Whether a setting can be laid over a document: what is no mapping is kept, so that the check names it."""
    *parents, _ = path.split(".")
    for name in parents:
        if not isinstance(data, dict):
            return False
        data = {} if data.get(name) is None else data[name]
    return isinstance(data, dict)


def _text_problem(text: str, leaf: Leaf, given: Invocation) -> Problem | None:
    """What is wrong with a text before anything is known of its meaning."""
    where = given.way(leaf)
    if len(text) > MAX_ENTRY_BYTES:
        return Problem("E_CONFIG_SIZE", where, f"{len(text)} characters; allowed: at most {MAX_ENTRY_BYTES}")
    if any("\ud800" <= c <= "\udfff" for c in text):
        return Problem("E_CONFIG_ENCODING", where, f"{seen(text)} is not UTF-8; give UTF-8")
    if leaf.path in given.from_env and leaf.path not in MANY_LINES and not text.isprintable():
        sentence = f"{seen(text)} holds a newline or a control character; give one plain line"
        return Problem("E_CONFIG_ENCODING", where, sentence)
    return None


def _cross_problems(given: Invocation, data: dict[str, Any], origins: Mapping[str, str]) -> list[Problem]:
    """What is wrong with several settings seen together."""
    crossed = cross_problems(data, "")
    if not given.entry:  # a default that this step does not read can't be mended by any of its flags
        read = {leaf.path for leaf in step_leaves(given.step)}
        crossed = [problem for problem in crossed if _setting(problem) in read]
    if origins.get("every") != "history":
        return crossed
    found = "; this step is the most common one in the file, --every sets another"
    return [
        replace(problem, sentence=problem.sentence + found) if _setting(problem) in HELD_AGAINST_EVERY else problem
        for problem in crossed
    ]


def _setting(problem: Problem) -> str:
    """The path of the setting at fault: of an item of a list, the list."""
    return problem.where.partition("[")[0]


def _names(given: Invocation) -> dict[str, str]:
    """Setting -> the flag or env variable by which it came, or without a document can only come."""
    return {
        leaf.path: given.way(leaf) for leaf in step_leaves(given.step) if given.texts.get(leaf.path) or not given.entry
    }


def _job(given: Invocation, entry: Entry, run_ns: int, origins: Mapping[str, str], problems: list[Problem]) -> Job:
    row = STEPS[given.step]
    files = {name: path for name, path in given.files.items() if path is not None}
    folder = run_folder(given.root, entry.name, run_ns) if given.root else None
    if folder is None:
        problems += _missing_files(given, files)
    base = folder or files.get(row.writes, files.get("forecast", Path())).parent
    return Job(
        step=row.publishes_as or given.step,
        entry=entry,
        run_ns=run_ns,
        standalone=folder is None or bool(files.keys() & {*row.files}),
        history=files.get("history") or base / "history.csv",
        profile=files.get("profile") or (base / "profile.json" if folder else None),
        forecast=files.get("forecast") or base / "forecast.csv",
        state=given.root / series_id(entry.name) / "state" if given.root else None,
        dry_run=files.get("dry_run"),
        outputs=given.outputs,
        flags=dict(given.flags),
        part=part_of(given.part),
        settings=provenance(step_leaves(given.step), entry, origins),
        files=files,
    )


def _missing_files(given: Invocation, files: Mapping[str, Path]) -> list[Problem]:
    """What a step without a run folder must be given by name."""
    row, problems = STEPS[given.step], list[Problem]()
    table = ", or a table such as data.csv as the argument" if row.of_table else ""
    if given.part or row.in_folder:
        problems.append(Problem("E_CONFIG_MISSING", "--root", "not given; what this step reads is in a run folder"))
    return problems + [
        Problem("E_CONFIG_MISSING", f"--{name}", f"not given; name the file, or give --root for a run folder{table}")
        for name in row.files
        if name not in files and name not in row.optional
    ]
