"""What the volume says of a series: the newest forecast, what evaluate found, and how the newest run went.

Standard library only.
"""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from cronocast.document.schedule import due_times
from cronocast.durations import MAX_NS, parse_stamp
from cronocast.errors import ContractError, CronocastError, seen
from cronocast.handoff.evaluation import EVALUATION, MemberEvaluation, read_evaluation
from cronocast.handoff.files import newest_first, read_json, run_name, series_id
from cronocast.handoff.results import check_handoff
from cronocast.handoff.series import Member, forecast_columns
from cronocast.handoff.strict import read_members

Key = tuple[str, str]  # name and tags of a member
FORECAST = "forecast.csv"
MOST_LOOKED_AT = 20  # runs of a series, the newest first: before them it has failed for so long that no forecast holds
USUAL_LEVEL = 0.95


@dataclass(frozen=True, eq=False)
class Shown:
    """The newest forecast of a series, and what stands beside it in its run folder."""

    series: str
    run_ns: int
    step_ns: int
    level: float  # nominal coverage of the interval
    levels: tuple[float, ...]  # of further ones, ascending
    members: dict[Key, Member]  # times and columns of the forecast
    models: dict[Key, tuple[str, str]]  # class and model
    evaluations: dict[Key, MemberEvaluation]
    next_run_ns: int | None  # when the run after it is due; None where that is not known, or nothing is

    @cached_property
    def first_ns(self) -> int:
        """The first time of the forecast, which all members share."""
        return min(member.time_ns[0] for member in self.members.values())

    @cached_property
    def end_ns(self) -> int:
        """The end of its last step."""
        return max(member.time_ns[-1] for member in self.members.values()) + self.step_ns


@dataclass
class Watched:
    """The folder of a series, and what is known of it; `look` renews that."""

    folder: Path
    shown: Shown | None = None
    failed: bool = False  # whether the newest run has a step that failed
    problems: list[str] = field(default_factory=list)  # what can't be read, in words
    _listed: object = None  # what tells whether the volume has anything new
    _read: object = None  # the same of the run that is shown

    def look(self) -> bool:
        """Read what is new on the volume.

        Returns:
            Whether anything is: else all is as it was.
        """
        try:
            runs = newest_first(self.folder / "runs")[:MOST_LOOKED_AT]
            # Of older runs than these nothing new is expected: a run begins when the one before it has ended.
            listed = [run.name for run in runs], [_signature(run) for run in runs[:2]]
        except OSError as error:  # what was read before holds on
            self.problems = [f"{self.folder.name}: {error.strerror}"]
            return False
        if listed == self._listed:
            return False
        self._listed, self.problems = listed, []
        self.failed = bool(runs) and _has_failed(runs[0])
        self._show(runs)
        return True

    def _show(self, runs: list[Path]) -> None:
        """Take the newest forecast that is whole."""
        for run in runs:
            try:
                signature = _signature(run)
                if self.shown is not None and run_name(self.shown.run_ns) == run.name and signature == self._read:
                    return
                shown = read_shown(run, self.problems)
            except (CronocastError, OSError) as error:
                self.problems.append(str(error))
                continue
            if shown is not None:
                self.shown, self._read = shown, signature
                return
        self.shown = None


def _signature(run: Path) -> tuple[tuple[str, int, int], ...]:
    """What tells whether a step has published anything in a run folder: each writes its result last."""
    results = sorted(run.glob("*.result.json"))
    return tuple((path.name, status.st_mtime_ns, status.st_size) for path in results for status in (path.stat(),))


def _has_failed(run: Path) -> bool:
    for path in run.glob("*.result.json"):
        try:
            if read_json(path).get("status") == "failed":
                return True
        except (CronocastError, AttributeError, OSError):
            continue  # not written to its end, or no result: it says nothing
    return False


def read_shown(run: Path, problems: list[str]) -> Shown | None:
    """Read the forecast of a run folder; None where it has none yet, or none was due.

    What is wrong with anything beside the forecast is added to the problems.

    Raises:
        CronocastError: a file is not what its step published.
    """
    if not (run / "forecast.result.json").exists():
        return None
    if (result := read_json(run / "forecast.result.json")).get("status") in ("failed", "skipped"):
        return None
    result = check_handoff(run / FORECAST, "forecast", None, None)
    series, run_ns = _named(run, result)
    settings = {
        path: item.get("value") for path, item in (result.get("settings") or {}).items() if isinstance(item, dict)
    }
    level, levels = float(settings.get("level") or USUAL_LEVEL), tuple(sorted(settings.get("levels") or ()))
    step_ns = int((result.get("window") or {}).get("every_ns") or 0)
    members = {member.key: member for member in read_members(run / FORECAST, forecast_columns(levels))}
    members = {key: member for key, member in members.items() if len(member.time_ns)}
    if not members or step_ns <= 0:
        return None
    decided = [item for item in result.get("members") or () if isinstance(item, dict)]
    return Shown(
        series=series,
        run_ns=run_ns,
        step_ns=step_ns,
        level=level,
        levels=levels,
        members=members,
        models={
            (str(d.get("name")), str(d.get("tags"))): (str(d.get("class") or ""), str(d.get("model") or ""))
            for d in decided
        },
        evaluations=_evaluations(run, series, str(result["run"]), problems),
        next_run_ns=_next_run(series, settings, run_ns),
    )


def _named(run: Path, result: dict[str, Any]) -> tuple[str, int]:
    """Series and time of a run, which must be those that its folder is named by."""
    series = str(result.get("series"))
    try:
        run_ns = parse_stamp(str(result.get("run")))
    except ValueError:
        run_ns = -1
    if run_ns < 0 or series_id(series) != run.parent.parent.name or run_name(run_ns) != run.name:
        said = f"says series {seen(series)}, run {seen(result.get('run'))}, which is another folder; move it back"
        raise ContractError("E_HANDOFF", str(run), said)
    return series, run_ns


def _evaluations(run: Path, series: str, name: str, problems: list[str]) -> dict[Key, MemberEvaluation]:
    try:
        return read_evaluation(run / EVALUATION, series, name) if (run / EVALUATION).exists() else {}
    except CronocastError as error:
        problems.append(str(error))
        return {}


def _next_run(series: str, settings: dict[str, Any], run_ns: int) -> int | None:
    """When the run after this one is due, by the schedules that its result names."""
    schedules, zone = settings.get("schedules"), settings.get("timezone")
    if not schedules or not isinstance(zone, str) or settings.get("suspend"):
        return None
    return next(due_times(series, schedules, zone, run_ns + 1, MAX_NS), None)
