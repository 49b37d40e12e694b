"""Values files: `defaults:` and a map `series:` merged over them, as Helm values; every problem at once."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from cronocast.console import say
from cronocast.document.carried import size_problems
from cronocast.document.entry import Entry, parse_entry
from cronocast.document.kinds import SINK, SOURCE
from cronocast.errors import ConfigError, Problem, seen
from cronocast.settings.declare import merge, parse, plain, read_text

MAX_SERIES = 5_000  # more CronWorkflows than one controller is asked to hold


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
    entries: dict[str, Entry] = {}
    problems: list[Problem] = []
    data = _loaded(path, problems)
    shared = _shared_problems(data)
    met: set[Problem] = set()
    for name, document in documents(data, str(path), problems):
        at = f"series.{name}"
        known = {replace(problem, where=problem.where.replace("defaults", at, 1)): problem for problem in shared}
        try:
            entries[name] = parse_entry(document, at)
            problems += size_problems(document, at)
        except ConfigError as error:
            met |= {known[problem] for problem in error.problems if problem in known}
            problems += [problem for problem in error.problems if problem not in known]
    open_parts = tuple(_open_parts(data))
    sure = [problem for problem in shared if problem in met or not problem.where.startswith(open_parts)]
    return entries, [*sure, *problems]


def _loaded(path: Path, problems: list[Problem]) -> Any:  # noqa: ANN401 - untrusted data
    """The data of a file; JSON, as the chart hands it to a pod, needs no library, which images do not carry."""
    if path.suffix == ".json":
        try:
            return json.loads(read_text(path))
        except (ValueError, RecursionError) as error:
            raise ConfigError.one("E_CONFIG_JSON", str(path), f"not a JSON document: {seen(str(error))}") from error
    from cronocast.document.yaml_file import load_yaml

    return load_yaml(path, problems)


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
    defaults, series = _frame(data, where, problems)
    if "name" in defaults:
        sentence = "the key in the map of series is the name; leave this out"
        problems.append(Problem("E_CONFIG_UNKNOWN_KEY", "defaults.name", sentence))
    for key, own in series.items():
        if own is None:
            say(f"series.{key}: taken out (null)")
        elif problem := _series_problem(key, own):
            problems.append(problem)
        else:
            yield key, {**merge(defaults, own), "name": key}


def _series_problem(key: str, own: object) -> Problem | None:
    """What is wrong with one entry of the map of series."""
    where = f"series.{key}"
    if not isinstance(own, dict):
        return Problem("E_CONFIG_TYPE", where, f"{seen(own)} is not a mapping; allowed: settings of the series")
    if not own:
        sentence = "{} says nothing of this series; name what it does not share with defaults, or null to take it out"
        return Problem("E_CONFIG_MISSING", where, sentence)
    if "name" in own:
        return Problem("E_CONFIG_UNKNOWN_KEY", f"{where}.name", "the key of the map is the name; leave this out")
    return None


def _frame(
    data: Any,  # noqa: ANN401 - untrusted data
    where: str,
    before: list[Problem],
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The two parts of a file; what is wrong with it is raised with the problems found before."""
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
    elif all(own is None for own in series.values()):
        sentence = f"null takes out all {len(series)} of them; allowed: at least one series with settings"
        problems.append(Problem("E_CONFIG_TYPE", "series", sentence))
    own = {key: value for key, value in data.items() if key not in ("defaults", "series", "regimes")}
    problems += _chart_problems(own)
    if problems:
        raise ConfigError([*before, *problems])
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
