"""A run folder read into a view of its run; whatever is missing or broken becomes a sentence in `problems`.

Standard library only.
"""

from array import array
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median_low
from typing import Any

from cronocast.chain.table import chain_steps
from cronocast.durations import UNIT_NS, Duration
from cronocast.errors import DataError
from cronocast.handoff.evaluation import EVALUATION, MemberEvaluation
from cronocast.handoff.profile import Profile
from cronocast.handoff.series import HISTORY_COLUMNS, Member, forecast_columns
from cronocast.report.model import MemberView, RunView, StepView
from cronocast.report.reading import (
    Key,
    by_key,
    evaluations_of,
    file_members,
    json_file,
    points_written,
    profiles_of,
    set_aside_earlier,
    step_result,
)
from cronocast.report.scores import backtest_of, dict_of, list_of, number_of


@dataclass(frozen=True)
class RunFiles:
    """What the files of a run folder hold."""

    results: dict[str, dict[str, Any]]  # step -> its result, empty where it left none
    settings: dict[str, Any]  # path -> value, of all steps together
    further: tuple[float, ...]  # nominal coverages of further intervals, ascending
    history: dict[Key, Member]
    forecast: dict[Key, Member]
    profile: dict[str, Any]  # the document of classify
    profiles: dict[Key, Profile]
    evaluations: dict[Key, MemberEvaluation]

    def named(self, name: str) -> str:
        """What the files say of the run, such as its series; "" where they do not."""
        heads = [*self.results.values(), self.profile]
        return next((str(head[name]) for head in heads if head.get(name)), "")


def read_run(folder: Path) -> RunView:
    """Read what the steps left in a run folder.

    Raises:
        DataError: the folder is missing or holds no file of a run.
    """
    problems: list[str] = []
    found = _found(folder, problems)
    if not (found.history or found.forecast or found.profile or any(found.results.values())):
        hint = problems[0] if problems else "no history.csv, profile.json, forecast.csv or result of a step"
        said = f"not a run folder: {hint}; name a folder such as cronocast-data/<series>/runs/<run>"
        raise DataError("E_INPUT_MISSING", str(folder), said)
    return _view(folder, found, _members(found), problems)


def _found(folder: Path, problems: list[str]) -> RunFiles:
    """Read the files; those of an earlier try of the run count as missing."""
    results = {step: step_result(folder, step, problems) for step in chain_steps()}
    outdated = set_aside_earlier(results, problems)
    prepared = folder / "prepared.csv"  # what the forecast continues, where an entry has values changed before
    history = file_members(prepared if prepared.exists() else folder / "history.csv", HISTORY_COLUMNS, problems)
    profile = {} if "classify" in outdated else json_file(folder / "profile.json", problems)
    settings = _settings(results)
    further = _further(settings)
    columns = forecast_columns(further)
    forecast = {} if "forecast" in outdated else file_members(folder / "forecast.csv", columns, problems)
    profiles = profiles_of(profile, folder / "profile.json", problems)
    evaluation = {} if "evaluate" in outdated else json_file(folder / EVALUATION, problems)
    evaluations = evaluations_of(evaluation, folder / EVALUATION, problems)
    return RunFiles(results, settings, further, history, forecast, profile, profiles, evaluations)


def _settings(results: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The settings of all steps together."""
    own = [dict_of(result.get("settings")) for result in results.values()]
    return {path: item.get("value") for settings in own for path, item in settings.items() if isinstance(item, dict)}


def _further(settings: dict[str, Any]) -> tuple[float, ...]:
    """Levels of further intervals, ascending."""
    levels = [number_of(item) for item in list_of(settings.get("levels"))]
    return tuple(sorted(level for level in levels if level is not None and 0 < level < 1))


def _view(folder: Path, found: RunFiles, members: list[MemberView], problems: list[str]) -> RunView:
    settings = found.settings
    in_backtest = (m.backtest.level for m in members if m.backtest and m.backtest.level)
    return RunView(
        folder=folder.absolute().name,
        series=found.named("series") or folder.name,
        title=str(settings.get("title") or ""),
        run=found.named("run"),
        steps=tuple(_step(name, found.results[name]) for name in chain_steps()),
        members=tuple(members),
        window=_window(found.results, members),
        zone=_zone(settings),
        level=number_of(settings.get("level")) or next(in_backtest, 0.95),
        settings=settings,
        problems=tuple(problems),
        further=found.further,
    )


def _zone(settings: dict[str, Any]) -> str:
    """Whose clock the report shows: that of the people behind the values, else that of the schedules."""
    named = (str(settings.get(path) or "UTC") for path in ("calendar.timezone", "timezone"))
    return next((zone for zone in named if zone != "UTC"), "UTC")


def _members(found: RunFiles) -> list[MemberView]:
    """All members that any of the files knows."""
    decisions = by_key(found.results["forecast"].get("members"))
    written = points_written(found.results["load"])
    step_ns = _step_ns(found.results, found.settings)
    keys = dict.fromkeys([*found.history, *found.forecast, *found.profiles, *decisions])
    return [_member(key, found, decisions.get(key, {}), written.get(key), step_ns) for key in keys]


def _member(key: Key, found: RunFiles, decision: dict[str, Any], written: int | None, step_ns: int) -> MemberView:
    profile = found.profiles.get(key)
    known = found.history.get(key) or Member(*key, columns=(array("d"),))
    ahead = found.forecast.get(key) or Member(*key, columns=(array("d"), array("d"), array("d")))
    spacing = profile.step_ns if profile else step_ns or _spacing(ahead) or _spacing(known)
    return MemberView(
        *(*key, known, ahead, spacing or UNIT_NS["h"], profile),
        status=str(decision.get("status") or ""),
        reason=str(decision.get("reason") or ""),
        series_class=str(decision.get("class") or (profile.series_class if profile else "")),
        model=str(decision.get("model") or ""),
        why=str(decision.get("why") or ""),
        backtest=backtest_of(decision.get("backtest")),
        prepared=dict_of(decision.get("prepared")),
        written=written,
        evaluation=found.evaluations.get(key),
    )


def _step(name: str, result: dict[str, Any]) -> StepView:
    if not result:
        return StepView(name)
    whole = {n: int(number_of(result.get(n)) or 0) for n in ("exit", "rows_in", "rows_kept", "expected", "acked")}
    return StepView(
        name=name,
        status=str(result["status"]),
        reason=str(result.get("reason") or ""),
        message=str(result.get("message") or ""),
        duration_s=number_of(result.get("duration_s")) or 0.0,
        dropped={str(k): int(v) for k, v in dict_of(result.get("rows_dropped")).items() if number_of(v)},
        rows_out=sum(
            int(number_of(dict_of(item).get("rows")) or 0) for item in dict_of(result.get("outputs")).values()
        ),
        members=len(list_of(result.get("members"))),
        notes=tuple(str(note) for note in list_of(result.get("notes"))),
        **whole,
    )


def _window(results: dict[str, dict[str, Any]], members: list[MemberView]) -> tuple[int, int] | None:
    for result in results.values():
        window = dict_of(result.get("window"))
        if isinstance(window.get("start_ns"), int) and isinstance(window.get("end_ns"), int):
            return window["start_ns"], window["end_ns"]
    known = [m for m in members if len(m.history.time_ns)]
    return (
        (min(m.history.time_ns[0] for m in known), max(m.history.time_ns[-1] + m.step_ns for m in known))
        if known
        else None
    )


def _step_ns(results: dict[str, dict[str, Any]], settings: dict[str, Any]) -> int:
    """The step of the grid, as a result or else the settings have it; 0 where neither has."""
    windows = [dict_of(result.get("window")) for result in results.values()]
    every = next((w["every_ns"] for w in windows if isinstance(w.get("every_ns"), int)), 0)
    return every or Duration.read(settings.get("every")) or 0


def _spacing(member: Member) -> int:
    """The usual distance of two rows, 0 where there are not two."""
    return median_low([b - a for a, b in pairwise(member.time_ns[:200])]) if len(member.time_ns) > 1 else 0
