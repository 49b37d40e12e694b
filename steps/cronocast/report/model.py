"""A run folder read into plain dataclasses; whatever is missing or broken becomes a sentence in `problems`.

Standard library only.
"""

from array import array
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import median_low
from typing import Any

from cronocast.chain.table import chain_steps
from cronocast.durations import UNIT_NS, Duration, parse_stamp
from cronocast.errors import CronocastError, DataError
from cronocast.handoff.files import read_json
from cronocast.handoff.profile import Profile, from_document
from cronocast.handoff.results import read_result
from cronocast.handoff.series import HISTORY_COLUMNS, Member, forecast_columns, parse_tags
from cronocast.handoff.strict import read_members
from cronocast.report.scores import BacktestView, backtest_of, dict_of, list_of, number_of

Key = tuple[str, str]


@dataclass(frozen=True)
class Step:
    """How one step ended. `status` is "missing" where it left no result."""

    name: str
    status: str = "missing"
    exit: int = 0
    reason: str = ""
    message: str = ""
    duration_s: float = 0.0
    rows_in: int = 0
    rows_kept: int = 0
    rows_out: int = 0  # rows of the files it published
    dropped: dict[str, int] = field(default_factory=dict)
    expected: int = 0
    acked: int = 0
    members: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class MemberView:
    """All that is known of one member. Times are ns UTC; history and forecast may be empty."""

    name: str
    tags: str
    history: Member
    forecast: Member
    step_ns: int
    profile: Profile | None = None
    status: str = ""
    reason: str = ""
    series_class: str = ""
    model: str = ""
    why: str = ""
    backtest: BacktestView | None = None
    # what was done with the values before, as the forecast step counts it
    prepared: dict[str, Any] = field(default_factory=dict)
    written: int | None = None  # points acknowledged; None where load did not say
    earlier: tuple[tuple[str, Member], ...] = ()  # (run, forecast) of earlier runs that were given too

    @property
    def label(self) -> str:
        """What people read."""
        return ", ".join(f"{key}={value}" for key, value in parse_tags(self.tags)) or self.name


@dataclass(frozen=True)
class RunView:
    """One run of one series."""

    folder: str
    series: str
    title: str
    run: str
    steps: tuple[Step, ...]
    members: tuple[MemberView, ...]
    window: tuple[int, int] | None  # start_ns, end_ns of what was read; the end is "now"
    zone: str
    level: float
    settings: dict[str, Any]  # path of a setting -> value, of all steps together
    problems: tuple[str, ...]
    earlier_runs: tuple[str, ...] = ()
    further: tuple[float, ...] = ()  # nominal coverages of further intervals, ascending


def read_run(folder: Path) -> RunView:
    """Read what the steps left in a run folder.

    Raises:
        DataError: the folder is missing or holds no file of a run.
    """
    problems: list[str] = []
    results = {step: _result(folder, step, problems) for step in chain_steps()}
    outdated = _set_aside_earlier(results, problems)
    prepared = folder / "prepared.csv"  # what the forecast continues, where an entry has values changed before
    history = _members(prepared if prepared.exists() else folder / "history.csv", HISTORY_COLUMNS, problems)
    profile = {} if "classify" in outdated else _json(folder / "profile.json", problems)
    settings = {
        path: item.get("value")
        for r in results.values()
        for path, item in dict_of(r.get("settings")).items()
        if isinstance(item, dict)
    }
    further = tuple(
        sorted(
            level
            for item in list_of(settings.get("levels"))
            if (level := number_of(item)) is not None and 0 < level < 1
        )
    )
    forecast = {} if "forecast" in outdated else _members(folder / "forecast.csv", forecast_columns(further), problems)
    if not (history or forecast or profile or any(results.values())):
        hint = problems[0] if problems else "no history.csv, profile.json, forecast.csv or result of a step"
        raise DataError(
            "E_INPUT_MISSING",
            str(folder),
            f"not a run folder: {hint}; name a folder such as cronocast-data/<series>/runs/<run>",
        )
    heads = [dict_of(r) for r in results.values() if r] + [profile]
    series, run = (next((str(h[name]) for h in heads if h.get(name)), "") for name in ("series", "run"))
    profiles = _profiles(profile, folder / "profile.json", problems)
    decisions = _by_key(results["forecast"].get("members"))
    written = _written(results["load"])
    step_ns = _step_ns(results, settings)
    keys = list(dict.fromkeys([*history, *forecast, *profiles, *decisions]))
    members = [
        _member(
            key,
            history.get(key),
            forecast.get(key),
            profiles.get(key),
            decisions.get(key, {}),
            written.get(key),
            step_ns,
        )
        for key in keys
    ]
    return RunView(
        folder=folder.absolute().name,
        series=series or folder.name,
        title=str(settings.get("title") or ""),
        run=run,
        steps=tuple(_step(name, results[name]) for name in chain_steps()),
        members=tuple(members),
        window=_window(results, members),
        zone=_zone(settings),
        level=number_of(settings.get("level"))
        or next((m.backtest.level for m in members if m.backtest and m.backtest.level), 0.95),
        settings=settings,
        problems=tuple(problems),
        further=further,
    )


def _zone(settings: dict[str, Any]) -> str:
    """Whose clock the report shows: that of the people behind the values, else that of the schedules."""
    named = (str(settings.get(path) or "UTC") for path in ("calendar.timezone", "timezone"))
    return next((zone for zone in named if zone != "UTC"), "UTC")


def _result(folder: Path, step: str, problems: list[str]) -> dict[str, Any]:
    path = folder / f"{step}.result.json"
    if not path.exists():
        return {}
    try:
        return read_result(path, step)
    except CronocastError as error:
        problems.append(str(error))
        return {}


def _set_aside_earlier(results: dict[str, dict[str, Any]], problems: list[str]) -> tuple[str, ...]:
    """Empty the results of steps after one that failed: it ended the chain, so they are of an earlier try of this run.

    Returns:
        Steps whose files are of that try too: these, and the one that failed.
    """
    failed = next((step for step, result in results.items() if result.get("status") == "failed"), None)
    if failed is None:
        return ()
    later = chain_steps()[chain_steps().index(failed) + 1 :]
    earlier = [step for step in later if results[step]]
    results |= {step: {} for step in later}
    if earlier:
        problems.append(
            f"{', '.join(earlier)}: from an earlier attempt of this run and not shown, since {failed} has failed after"
            " it"
        )
    return (failed, *later)


def _json(path: Path, problems: list[str]) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        return dict_of(read_json(path))
    except CronocastError as error:
        problems.append(str(error))
        return {}


def _members(path: Path, columns: tuple[str, ...], problems: list[str]) -> dict[Key, Member]:
    """Members of a file; where it breaks, those before are kept and the break is told."""
    found: dict[Key, Member] = {}
    if path.exists():
        try:
            for member in read_members(path, columns):
                found[member.key] = member
        except CronocastError as error:
            problems.append(str(error))
    return found


def _profiles(document: dict[str, Any], path: Path, problems: list[str]) -> dict[Key, Profile]:
    found = {}
    for item in list_of(document.get("members")):
        try:
            profile = from_document(item, str(path))
            found[profile.name, profile.tags] = profile
        except CronocastError as error:
            problems.append(str(error))
    return found


def _member(
    key: Key,
    history: Member | None,
    forecast: Member | None,
    profile: Profile | None,
    decision: dict[str, Any],
    written: int | None,
    step_ns: int,
) -> MemberView:
    known = history or Member(*key, columns=(array("d"),))
    ahead = forecast or Member(*key, columns=(array("d"), array("d"), array("d")))
    spacing = profile.step_ns if profile else step_ns or _spacing(ahead) or _spacing(known)
    return MemberView(
        name=key[0],
        tags=key[1],
        history=known,
        forecast=ahead,
        step_ns=spacing or UNIT_NS["h"],
        profile=profile,
        status=str(decision.get("status") or ""),
        reason=str(decision.get("reason") or ""),
        series_class=str(decision.get("class") or (profile.series_class if profile else "")),
        model=str(decision.get("model") or ""),
        why=str(decision.get("why") or ""),
        backtest=backtest_of(decision.get("backtest")),
        prepared=dict_of(decision.get("prepared")),
        written=written,
    )


def _written(result: dict[str, Any]) -> dict[Key, int]:
    """Points of each member that are known to be written.

    Load counts acknowledgements of all together, so all or nothing is known.
    """
    whole = bool(result.get("acked")) and result.get("acked") == result.get("expected")
    return (
        {key: int(number_of(row.get("points")) or 0) for key, row in _by_key(result.get("members")).items()}
        if whole
        else {}
    )


def _step(name: str, result: dict[str, Any]) -> Step:
    if not result:
        return Step(name)
    whole = {n: int(number_of(result.get(n)) or 0) for n in ("exit", "rows_in", "rows_kept", "expected", "acked")}
    return Step(
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
    every = next(
        (w["every_ns"] for r in results.values() if isinstance((w := dict_of(r.get("window"))).get("every_ns"), int)), 0
    )
    return every or Duration.read(settings.get("every")) or 0


def _spacing(member: Member) -> int:
    """The usual distance of two rows, 0 where there are not two."""
    return median_low([b - a for a, b in pairwise(member.time_ns[:200])]) if len(member.time_ns) > 1 else 0


def _by_key(rows: Any) -> dict[Key, dict[str, Any]]:  # noqa: ANN401 - untrusted JSON
    return {(str(r.get("name", "")), str(r.get("tags", ""))): r for r in list_of(rows) if isinstance(r, dict)}


def run_ns(view: RunView) -> int | None:
    """The run's time in ns UTC; None where it can't be read."""
    try:
        return parse_stamp(view.run)
    except ValueError:
        return None
