"""Past forecasts by the whole engine.

At each origin it is given what was known then, classifies, chooses and forecasts as a run would have.
"""

import multiprocessing
from array import array
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray

from cronocast.backtest.request import Request, origin_steps
from cronocast.classify.member import profile_of
from cronocast.document.entry import Entry
from cronocast.durations import Duration
from cronocast.errors import DataError
from cronocast.forecast import measures
from cronocast.forecast.answer import MemberForecast, settings_of
from cronocast.forecast.candidates import check_models, seasons
from cronocast.forecast.members import MemberJob, forecast_members
from cronocast.handoff.profile import Profile
from cronocast.handoff.series import Member
from cronocast.timeseries.grid import to_grid
from cronocast.timeseries.prepare import prepare_member

Floats = NDArray[np.float64]

MOST_CELLS = 200_000_000  # members times steps: 1.6 GB of doubles


@dataclass(frozen=True)
class History:
    """All members on one grid."""

    keys: list[tuple[str, str]]  # name and tags
    start_ns: int
    step_ns: int
    y: Floats  # shape (members, steps), NaN where nothing was observed


@dataclass(frozen=True)
class Past:
    """One origin of one member: what a run at that time would have read. Nothing of what came later is in it."""

    key: tuple[str, str]
    time_ns: NDArray[np.int64]
    y: Floats


@dataclass
class Rows:
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
    models: dict[str, Rows]

    def origin_ns(self, i: int) -> int:
        """Time of the first forecast step of an origin."""
        return self.history.start_ns + self.origins[i] * self.history.step_ns


def on_one_grid(members: Sequence[Member], step_ns: int) -> History:
    """Bring members to a common grid.

    Raises:
        DataError: there is no value, or there are too many steps.
    """
    grids = [
        to_grid(np.frombuffer(m.time_ns, dtype=np.int64), np.frombuffer(m.columns[0]), step_ns)[:2]
        for m in members
        if m.time_ns
    ]
    if not grids:
        raise DataError("E_INPUT_MISSING", "--history", "it has no values; give a history with values")
    start = min(s for s, _ in grids)
    steps = max((s - start) // step_ns + y.size for s, y in grids)
    if steps * len(grids) > MOST_CELLS:
        raise DataError(
            "E_TOO_LARGE",
            "--history",
            f"{len(grids)} members of up to {steps} steps; allowed: at most {MOST_CELLS} steps in total, so give fewer"
            " members or a longer step",
        )
    table = np.full((len(grids), steps), np.nan)
    for row, (own, y) in zip(table, grids, strict=True):
        at = (own - start) // step_ns
        row[at : at + y.size] = y
    return History([m.key for m in members if m.time_ns], start, step_ns, table)


def past(member: Member, origin_ns: int, lookback_ns: int | None) -> Past:
    """Cut what a run at an origin would have read."""
    time_ns = np.frombuffer(member.time_ns, dtype=np.int64)
    first = np.searchsorted(time_ns, origin_ns - lookback_ns) if lookback_ns else 0
    known = slice(first, np.searchsorted(time_ns, origin_ns))
    return Past(member.key, time_ns[known], np.frombuffer(member.columns[0])[known])


def run_study(request: Request, members: Sequence[Member], progress: Callable[[int, int], None] | None = None) -> Study:
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
    # What comes after is prepared as the forecast's own values, but nothing of it is thought away as odd.
    kept = replace(entry, prepare=replace(entry.prepare, outliers=None))
    history = on_one_grid([_prepared(member, kept) for member in members], int(entry.every))
    n = history.y.shape[1]
    origins = origin_steps(n, h, request.origins)
    if not origins:
        held, needed = (Duration.of(int(steps * history.step_ns)) for steps in (n, 3 * h))
        raise DataError(
            "E_TOO_SHORT",
            "--history",
            f"it holds {n} steps ({held}); a horizon of {entry.horizon} needs three times that ({needed}) or more",
        )
    places = list(product(range(len(history.keys)), range(len(origins))))
    by_key = {m.key: m for m in members}
    starts = [history.start_ns + o * history.step_ns for o in origins]
    seen = list(_seen(request, [past(by_key[history.keys[m]], starts[o], request.lookback_ns) for m, o in places]))
    known = list(zip([starts[o] for _, o in places], seen, strict=True))
    jobs = [
        MemberJob(profile, p.time_ns, p.y, replace(settings_of(entry, end_ns), model=model))
        for model in request.models
        for end_ns, (profile, p) in known
    ]
    results = forecast_members(jobs, entry.jobs, progress)
    models = {
        model: _rows(results, (len(history.keys), len(origins), h), len(entry.levels)) for model in request.models
    }
    next(results, None)  # past its end, where the last forecast is told
    by_place = dict(zip(places, [profile for profile, _ in seen], strict=True))
    season = [_season([by_place[m, o] for o in range(len(origins))]) for m in range(len(history.keys))]
    return Study(
        history=history,
        origins=origins,
        h=h,
        level=entry.level,
        levels=tuple(sorted(entry.levels)),
        actual=np.stack([history.y[:, o : o + h] for o in origins], axis=1),
        scale=np.array(
            [[_scale(history, m, o, season[m], request.lookback_ns) for o in origins] for m in range(len(history.keys))]
        ),
        season=season,
        classes=[[by_place[m, o].series_class for o in range(len(origins))] for m in range(len(history.keys))],
        models=models,
    )


def _seen(request: Request, pasts: Sequence[Past]) -> Iterator[tuple[Profile, Past]]:
    """Prepare and classify each past; in processes of their own where several are allowed."""
    jobs = [(request, p) for p in pasts]
    if request.entry.jobs == 1 or len(jobs) < 2:
        yield from map(see_past, jobs)
        return
    with ProcessPoolExecutor(
        min(request.entry.jobs, len(jobs)), mp_context=multiprocessing.get_context("spawn")
    ) as pool:
        yield from pool.map(see_past, jobs, chunksize=max(1, min(32, len(jobs) // (4 * request.entry.jobs))))


def _prepared(member: Member, entry: Entry) -> Member:
    return prepare_member(member, int(entry.every), entry.prepare, entry.calendar.timezone)[0]


def see_past(job: tuple[Request, Past]) -> tuple[Profile, Past]:
    """Prepare and classify one member as the steps would have at that time."""
    request, known = job
    read = Member(*known.key, array("q", known.time_ns.tobytes()), (array("d", known.y.tobytes()),))
    member = _prepared(read, request.entry)
    return profile_of(member, request.entry), Past(
        known.key, np.frombuffer(member.time_ns, dtype=np.int64), np.frombuffer(member.columns[0])
    )


def _rows(results: Iterator[MemberForecast], shape: tuple[int, int, int], levels: int) -> Rows:
    """Take the forecasts of one model off the stream of all."""
    rows = Rows(
        _unknown(shape),
        _unknown(shape),
        _unknown(shape),
        [(_unknown(shape), _unknown(shape)) for _ in range(levels)],
        [],
        [],
    )
    for m in range(shape[0]):
        rows.used.append([])
        rows.status.append([])
        for o in range(shape[1]):
            result = next(results)
            rows.used[m].append(result.model)
            rows.status[m].append(result.status)
            rows.cpu_s += result.cpu_s
            rows.not_tried += bool(result.backtest.get("not_tried"))
            if result.status != "ok" and result.reason not in rows.reasons:
                rows.reasons.append(result.reason)
            if result.yhat.size:
                rows.yhat[m, o], rows.lower[m, o], rows.upper[m, o] = result.yhat, result.lower, result.upper
                for (lower, upper), band in zip(rows.further, result.further, strict=True):
                    lower[m, o], upper[m, o] = band
    return rows


def _unknown(shape: tuple[int, int, int]) -> Floats:
    return np.full(shape, np.nan)


def _season(profiles: Sequence[Profile]) -> int:
    """Shortest season known at the first origin that had enough values; 1 if there is none."""
    first = next((p for p in profiles if p.series_class != "too_short"), profiles[-1])
    return min(seasons(first, (first.last_ns - first.first_ns) // first.step_ns + 1), default=1)


def _scale(history: History, member: int, origin: int, season: int, lookback_ns: int | None) -> float:
    first = max(0, origin - lookback_ns // history.step_ns) if lookback_ns else 0
    return measures.scale(history.y[member, first:origin], season)
