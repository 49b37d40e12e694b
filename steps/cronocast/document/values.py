"""Values files: `defaults:` and a map `series:` merged over them, as Helm values; every problem at once."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from cronocast.document.entry import Entry, parse_entry
from cronocast.document.kinds import SINK, SOURCE
from cronocast.errors import ConfigError, Problem, seen
from cronocast.settings.declare import merge, parse, plain, read_text

MAX_NODES = 200_000  # after aliases are followed; a file of 1 MiB without aliases holds fewer
MAX_SERIES = 5_000  # more CronWorkflows than one controller is asked to hold


class _Loader(yaml.SafeLoader):
    """Plain data only; a key that stands twice is an error instead of a silent loss."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        known: set[str] = set()
        for key, (mark, _) in zip(keys, node.value, strict=True):
            text = key if isinstance(key, str) else ascii(key)  # a list as a key can't be hashed; the loader refuses it
            if text != "<<" and text in known:
                raise yaml.MarkedYAMLError(problem=f"key {seen(key)} appears twice", problem_mark=mark.start_mark)
            known.add(text)
        return super().construct_mapping(node, deep=deep)


def _expanded(node: yaml.Node, known: dict[int, int]) -> int:
    """Nodes below one node with aliases followed, without following them (a bomb of aliases is small as text)."""
    if known.get(id(node)) == 0:
        raise yaml.MarkedYAMLError(problem="an alias is inside what it refers to", problem_mark=node.start_mark)
    if id(node) not in known:
        known[id(node)] = 0  # begun
        children = (
            [part for pair in node.value for part in pair]
            if isinstance(node, yaml.MappingNode)
            else node.value
            if isinstance(node, yaml.SequenceNode)
            else []
        )
        known[id(node)] = 1 + sum(_expanded(child, known) for child in children)
    return known[id(node)]


def load_yaml(path: Path) -> Any:  # noqa: ANN401 - untrusted data
    """Read one YAML document of plain data.

    Raises:
        ConfigError: can't be read, is not YAML, is several documents, or is too large.
    """
    text = read_text(path)
    try:
        node = yaml.compose(text, Loader=_Loader)
        if node is None:
            sentence = "empty; allowed: a mapping with series: and, if wanted, defaults:"
            raise ConfigError.one("E_CONFIG_READ", str(path), sentence)
        if _expanded(node, {}) > MAX_NODES:
            sentence = f"more than {MAX_NODES} values once aliases are followed; write them out or split the file"
            raise ConfigError.one("E_CONFIG_SIZE", str(path), sentence)
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)  # not the text of the line: it may hold a password
        sentence = f"{problem or 'not readable as YAML'}; allowed: one YAML document of plain data"
        raise ConfigError.one("E_CONFIG_YAML", where, sentence) from error
    except (RecursionError, ValueError) as error:
        reason = f"nested too deeply, or a number or date that can't be read: {seen(str(error))}"
        raise ConfigError.one("E_CONFIG_YAML", str(path), f"{reason}; allowed: plain data") from error


def load_values(path: Path) -> dict[str, Entry]:
    """Read a values file into checked entries by name, in the order of the file.

    Raises:
        ConfigError: with every problem of every series, each with its path.
    """
    entries, problems = read_values(path)
    if problems:
        raise ConfigError(problems)
    return entries


def read_values(path: Path) -> tuple[dict[str, Entry], list[Problem]]:
    """The entries of a values file that are sound, and the problems of the others.

    Raises:
        ConfigError: the file as a whole can't be read.
    """
    data = load_yaml(path)
    entries: dict[str, Entry] = {}
    problems: list[Problem] = []
    shared = _shared_problems(data)
    met: set[Problem] = set()
    for name, document in documents(data, str(path), problems):
        at = f"series.{name}"
        known = {replace(problem, where=problem.where.replace("defaults", at, 1)): problem for problem in shared}
        try:
            entries[name] = parse_entry(document, at)
        except ConfigError as error:
            met |= {known[problem] for problem in error.problems if problem in known}
            problems += [problem for problem in error.problems if problem not in known]
    open_parts = tuple(_open_parts(data))
    sure = [problem for problem in shared if problem in met or not problem.where.startswith(open_parts)]
    return entries, [*sure, *problems]


def _open_parts(data: dict[str, Any]) -> Iterator[str]:
    """Parts of `defaults` whose kind may stand in the series; what is wrong there may be right for another kind."""
    for name, kind in (("source", SOURCE), ("sink", SINK)):
        part = (data.get("defaults") or {}).get(name)
        if isinstance(part, dict) and part.get("kind") is None and len(kind.table) > 1:
            yield f"defaults.{name}."


def _shared_problems(data: Any) -> list[Problem]:  # noqa: ANN401 - untrusted data
    """What is wrong in `defaults`, told once and there, not again in each series.

    What is not given there may stand in the series.
    """
    problems: list[Problem] = []
    if isinstance(data, dict) and isinstance(data.get("defaults"), dict):
        parse(Entry, data["defaults"], "defaults", problems)
    return [problem for problem in problems if problem.token != "E_CONFIG_MISSING"]


# untrusted data
def documents(data: Any, where: str, problems: list[Problem]) -> Iterator[tuple[str, dict[str, Any]]]:  # noqa: ANN401
    """Each series' name and document: `defaults` with the series' own settings over them.

    Adds what is wrong with the map itself.

    Raises:
        ConfigError: the frame of the file is wrong.
    """
    defaults, series = _frame(data, where)
    if "name" in defaults:
        sentence = "the key in the map of series is the name; leave this out"
        problems.append(Problem("E_CONFIG_UNKNOWN_KEY", "defaults.name", sentence))
    for key, own in series.items():
        if problem := _series_problem(key, own):
            problems.append(problem)
        else:
            yield key, {**merge(defaults, own or {}), "name": key}


def _series_problem(key: object, own: object) -> Problem | None:
    """What is wrong with one entry of the map of series."""
    where = f"series.{key}"
    if not isinstance(key, str):
        sentence = f"YAML reads this name as {seen(key)}, not as text; write it in quotes"
        return Problem("E_SERIES_NAME", where, sentence)
    if own is not None and not isinstance(own, dict):
        return Problem("E_CONFIG_TYPE", where, f"{seen(own)} is not a mapping; allowed: settings of the series")
    if own and "name" in own:
        return Problem("E_CONFIG_UNKNOWN_KEY", f"{where}.name", "the key of the map is the name; leave this out")
    return None


def _frame(data: Any, where: str) -> tuple[dict[Any, Any], dict[Any, Any]]:  # noqa: ANN401 - untrusted data
    problems: list[Problem] = []
    if not isinstance(data, dict):
        raise ConfigError.one(
            "E_CONFIG_TYPE", where, f"{seen(data)} is not a mapping; allowed: series: and, if wanted, defaults:"
        )
    defaults, series = data.get("defaults") or {}, data.get("series")
    if not isinstance(defaults, dict):
        problems.append(
            Problem(
                "E_CONFIG_TYPE",
                "defaults",
                f"{seen(defaults)} is not a mapping; allowed: settings that every series shares",
            )
        )
    if not isinstance(series, dict) or not series:
        problems.append(
            Problem(
                "E_CONFIG_TYPE",
                "series",
                f"{seen(series)} is not a map of series; allowed: NAME: {{settings}}, at least one",
            )
        )
    elif len(series) > MAX_SERIES:
        problems.append(
            Problem("E_CONFIG_SIZE", "series", f"{len(series)} series; allowed: at most {MAX_SERIES} in one file")
        )
    own = {key: value for key, value in data.items() if key not in ("defaults", "series")}
    problems += _chart_problems(own)
    if problems:
        raise ConfigError(problems)
    return defaults, series  # type: ignore[return-value]


def _chart_problems(own: dict[Any, Any]) -> list[Problem]:
    """What is wrong with the keys that only the chart reads: one file serves a cluster and this machine."""
    if not own:
        return []
    from cronocast.document.chart import Chart

    problems: list[Problem] = []
    # null takes a default away, as in Helm
    parse(Chart, merge(plain(Chart()), own), "", problems, ("defaults", "series"))
    return problems
