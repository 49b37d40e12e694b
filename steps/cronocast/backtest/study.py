"""Past forecasts by the whole engine.

At each origin the engine gets what was known then, classifies, chooses and forecasts as a run would have.
"""

import multiprocessing
from array import array
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from cronocast.backtest.history import Floats, History, on_one_grid
from cronocast.backtest.request import Request, origin_steps
from cronocast.classify.member import profile_of
from cronocast.document.entry import Entry
from cronocast.document.meaning import preparation_of
from cronocast.durations import Duration
from cronocast.errors import DataError
from cronocast.forecast import measures
from cronocast.forecast.answer import MemberForecast, settings_of
from cronocast.forecast.candidates import check_models, seasons
from cronocast.forecast.members import MemberJob, forecast_members
from cronocast.handoff.profile import Profile
from cronocast.handoff.series import Member
from cronocast.timeseries.prepare import prepare_member


@dataclass(frozen=True)
class OriginHistory:
    """One origin of one member: what a run at that time would have read. Nothing of what came later is in it."""

    key: tuple[str, str]
    time_ns: NDArray[np.int64]
    y: Floats
    end_ns: int  # of what could be read


Known = tuple[int, Profile, OriginHistory]  # when its forecast begins, class and all that was found of it, its values
Progress = Callable[[int, int], None]  # called with (done, all)


@dataclass
class ModelForecasts:
    """Forecasts of one model: arrays of shape (members, origins, h), NaN where it had none."""

    yhat: Floats
    lower: Floats
    upper: Floats
    further: list[tuple[Floats, Floats]]  # bounds at further levels, ascending
    used: list[list[str]]  # what made each forecast, such as median(theta,linear)
    status: list[list[str]]
    reasons: list[str] = field(default_factory=list)  # why a forecast is not simply ok, each once
    not_tried: int = 0  # forecasts whose time for trying models was used up
    cpu_s: float = 0.0


@dataclass(frozen=True)
class Study:
    """Forecasts of the past beside what came after."""

    history: History
    origins: list[int]  # index of the first forecast step, ascending
    h: int
    level: float
    levels: tuple[float, ...]  # of further intervals, ascending
    actual: Floats  # shape (members, origins, h)
    scale: Floats  # shape (members, origins): mean absolute change over one season before the origin, the unit of MASE
    season: list[int]  # per member: steps of the season that scales errors, as known at the first origin
    classes: list[list[str]]  # per member and origin
    models: dict[str, ModelForecasts]
    time_of: Callable[[int], int]  # time of its table in ns that a time of the history stands for

    def step_time(self, index: int) -> int:
        """Time in ns of a step of the history, as the table dates it."""
        return self.time_of(self.history.start_ns + index * self.history.step_ns)

    def origin_ns(self, i: int) -> int:
        """Time of the first forecast step of an origin."""
        return self.step_time(self.origins[i])


def past(member: Member, origin_ns: int, lookback_ns: int | None) -> OriginHistory:
    """Cut what a run at an origin would have read."""
    time_ns = np.frombuffer(member.time_ns, dtype=np.int64)
    first = np.searchsorted(time_ns, origin_ns - lookback_ns) if lookback_ns else 0
    known = slice(first, np.searchsorted(time_ns, origin_ns))
    return OriginHistory(member.key, time_ns[known], np.frombuffer(member.columns[0])[known], origin_ns)


def run_study(request: Request, members: Sequence[Member], progress: Progress | None = None) -> Study:
    """Forecast every member from every origin with every model.

    Args:
        request: What is asked for.
        members: The history.
        progress: Called with (done, all) after each forecast.

    Raises:
        DataError: the history is empty, or too short for one origin.
        ConfigError: a model is unknown, does not take an option, or its library is missing.
    """
    entry, h = request.entry, request.h
    for model in request.models:
        check_models(model, entry.candidates, entry.options)
    history = _history(entry, members)
    origins = _origins(history, request)
    known = _known(request, members, history, origins)
    profiles = _by_member([profile for _, profile, _ in known], len(origins))
    season = [_season(of_member) for of_member in profiles]
    return Study(
        history=history,
        time_of=request.table.time_ns,
        origins=origins,
        h=h,
        level=entry.level,
        levels=tuple(sorted(entry.levels)),
        actual=np.stack([history.y[:, o : o + h] for o in origins], axis=1),
        scale=_scales(history, origins, season, request.lookback_ns),
        season=season,
        classes=[[profile.series_class for profile in of_member] for of_member in profiles],
        models=_forecasts(request, known, (len(history.keys), len(origins), h), progress),
    )


def _history(entry: Entry, members: Sequence[Member]) -> History:
    """The values that forecasts are compared with: prepared as their own, but nothing is thought away as odd."""
    kept = replace(entry, prepare=replace(entry.prepare, outliers=None))
    every = int(entry.every)
    end_ns = max((m.time_ns[-1] // every * every + every for m in members if m.time_ns), default=0)
    return on_one_grid([_prepared(member, kept, end_ns) for member in members], every)


def _origins(history: History, request: Request) -> list[int]:
    """Where past forecasts begin.

    Raises:
        DataError: the history is too short for one origin.
    """
    n, h = history.y.shape[1], request.h
    origins = origin_steps(n, h, request.origins)
    if not origins:
        held, needed = (Duration.of(int(steps * history.step_ns)) for steps in (n, 3 * h))
        raise DataError(
            "E_TOO_SHORT",
            "DATA",
            f"it holds {n} steps ({held}); a horizon of {request.entry.horizon} needs three times that ({needed}) or"
            " more",
        )
    return origins


def _known(request: Request, members: Sequence[Member], history: History, origins: Sequence[int]) -> list[Known]:
    """What was known of each member at each origin, member by member."""
    by_key = {m.key: m for m in members}
    starts = [history.start_ns + o * history.step_ns for o in origins]
    pasts = [past(by_key[key], start, request.lookback_ns) for key in history.keys for start in starts]
    return [(start, *found) for start, found in zip(starts * len(history.keys), _seen(request, pasts), strict=True)]


def _forecasts(
    request: Request, known: Sequence[Known], shape: tuple[int, int, int], progress: Progress | None
) -> dict[str, ModelForecasts]:
    """Forecast from all that was known, with each model; the shape is (members, origins, steps)."""
    entry = request.entry
    jobs = [
        MemberJob(profile, p.time_ns, p.y, replace(settings_of(entry, end_ns), model=model))
        for model in request.models
        for end_ns, profile, p in known
    ]
    results = forecast_members(jobs, entry.jobs, progress)
    models = {model: _rows(results, shape, len(entry.levels)) for model in request.models}
    next(results, None)  # past its end, where the last forecast is reported
    return models


def _by_member(values: Sequence[Profile], origins: int) -> list[list[Profile]]:
    """Profiles of all members in a row, as one list per member."""
    return [list(values[i : i + origins]) for i in range(0, len(values), origins)]


def _seen(request: Request, pasts: Sequence[OriginHistory]) -> Iterator[tuple[Profile, OriginHistory]]:
    """Prepare and classify each past; in processes of their own where several are allowed."""
    jobs = [(request, p) for p in pasts]
    if request.entry.jobs == 1 or len(jobs) < 2:
        yield from map(see_past, jobs)
        return
    with ProcessPoolExecutor(
        min(request.entry.jobs, len(jobs)), mp_context=multiprocessing.get_context("spawn")
    ) as pool:
        yield from pool.map(see_past, jobs, chunksize=max(1, min(32, len(jobs) // (4 * request.entry.jobs))))


def _prepared(member: Member, entry: Entry, end_ns: int) -> Member:
    return prepare_member(member, preparation_of(entry), end_ns)[0]


def see_past(job: tuple[Request, OriginHistory]) -> tuple[Profile, OriginHistory]:
    """Prepare and classify one member as the steps would have at that time."""
    request, known = job
    read = Member(*known.key, array("q", known.time_ns.tobytes()), (array("d", known.y.tobytes()),))
    member = _prepared(read, request.entry, known.end_ns)
    return profile_of(member, request.entry), OriginHistory(
        known.key, np.frombuffer(member.time_ns, dtype=np.int64), np.frombuffer(member.columns[0]), known.end_ns
    )


def _rows(results: Iterator[MemberForecast], shape: tuple[int, int, int], levels: int) -> ModelForecasts:
    """Take the forecasts of one model off the stream of all."""
    further = [(_unknown(shape), _unknown(shape)) for _ in range(levels)]
    rows = ModelForecasts(_unknown(shape), _unknown(shape), _unknown(shape), further, [], [])
    for m in range(shape[0]):
        of_member = [next(results) for _ in range(shape[1])]
        rows.used.append([result.model for result in of_member])
        rows.status.append([result.status for result in of_member])
        for o, result in enumerate(of_member):
            _take(rows, (m, o), result)
    return rows


def _take(rows: ModelForecasts, place: tuple[int, int], result: MemberForecast) -> None:
    """Put one forecast at its place, and add up what it cost."""
    rows.cpu_s += result.cpu_s
    rows.not_tried += bool(result.backtest.get("not_tried"))
    if result.status != "ok" and result.reason not in rows.reasons:
        rows.reasons.append(result.reason)
    if result.yhat.size:
        rows.yhat[place], rows.lower[place], rows.upper[place] = result.yhat, result.lower, result.upper
        for (lower, upper), band in zip(rows.further, result.further, strict=True):
            lower[place], upper[place] = band


def _unknown(shape: tuple[int, int, int]) -> Floats:
    return np.full(shape, np.nan)


def _season(profiles: Sequence[Profile]) -> int:
    """Shortest season known at the first origin that had enough values; 1 if there is none."""
    first = next((p for p in profiles if p.series_class != "too_short"), profiles[-1])
    return min(seasons(first, (first.last_ns - first.first_ns) // first.step_ns + 1), default=1)


def _scales(history: History, origins: Sequence[int], season: Sequence[int], lookback_ns: int | None) -> Floats:
    """Units of errors, shape (members, origins)."""
    return np.array([[_scale(history, m, o, s, lookback_ns) for o in origins] for m, s in enumerate(season)])


def _scale(history: History, member: int, origin: int, season: int, lookback_ns: int | None) -> float:
    first = max(0, origin - lookback_ns // history.step_ns) if lookback_ns else 0
    return measures.scale(history.y[member, first:origin], season)
