"""Rolling-origin backtest: what each model would have forecast in the past, from nothing but what was known then."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from cronocast.forecast.attempts import Past, at_once, attempt, together
from cronocast.forecast.breaks import Break, fresh_breaks
from cronocast.timeseries.fill import Filled, fill

if TYPE_CHECKING:
    from cronocast.models.model import Context, Shared
    from cronocast.timeseries.grid import Bools, Floats

# nearly three weeks of daily origins: enough to rank models and to measure widths; each is one more fit of each model
MOST_ORIGINS = 20
CHANGED = (2, 4)  # after a recent change: origins half and a quarter of a horizon ago
LEAST_TRAINING = 8  # points before the first origin


@dataclass(frozen=True)
class Earlier:
    """Origins whose forecasts are kept from an earlier run."""

    ends: tuple[int, ...]  # first step of each, as of the present history; negative where it lies before that
    forecasts: "Mapping[str, Floats]"  # name -> shape (ends, h)
    seasons: tuple[int, ...]  # steps of the season that the seasonal naive forecast repeated


@dataclass
class Backtest:
    """Forecasts of the past.

    Rows are origins, oldest first; NaN where a model had no forecast or nothing was observed.
    """

    actual: "Floats"  # shape (k, h)
    origins: list[Past]  # those that are forecast from now
    earlier: "Earlier | None" = None  # origins before them, whose forecasts are kept from an earlier run
    forecasts: dict[str, "Floats"] = field(default_factory=dict)  # name -> shape (k, h)
    failures: dict[str, str] = field(default_factory=dict)  # name -> why it has no forecast at some or all origins
    seconds: dict[str, float] = field(default_factory=dict)  # name -> CPU seconds

    @property
    def ends(self) -> list[int]:
        """First step of each origin."""
        return [*(self.earlier.ends if self.earlier else ()), *(origin.end for origin in self.origins)]

    def before(self, name: str) -> "Floats":
        """The kept forecasts of a model from earlier origins, shape (earlier, h); NaN where it has none."""
        if self.earlier is None:
            return np.empty((0, self.actual.shape[1]))
        return self.earlier.forecasts.get(name, np.full((len(self.earlier.ends), self.actual.shape[1]), np.nan))

    @cached_property
    def chains(self) -> list[list[int]]:
        """Origins in rows of whose histories each begins with the one before; where they stand in `origins`.

        There are several where a gap was filled otherwise later, or a change was too new at one of them.
        """
        found: list[list[int]] = []
        for i, past in enumerate(self.origins):
            known = (chain for chain in found if _goes_on(past.y, self.origins[chain[-1]].y))
            chain = next(known, None)
            if chain is None:
                found.append([i])
            else:
                chain.append(i)
        return found


def _goes_on(y: "Floats", before: "Floats") -> bool:
    return bool(np.array_equal(y[: before.size], before))


def origin_ends(n: int, h: int, periods: tuple[int, ...], most: int = MOST_ORIGINS) -> list[int]:
    """Choose where past forecasts begin, ascending.

    Origins lie whole short seasons before the end, so that each starts at the same phase as the real forecast: at other
    hours errors are of another size. They lie so far apart that windows share no step, as far as there is room for
    `most` of them; where one season leaves fewer than half of `most`, they move closer together. Each has at least two
    seasons (the longest that still leaves half of the history) before it, and all h steps after it.
    """
    seasons = [p for p in periods if 4 * p <= n] or [p for p in periods[:1] if 3 * p <= n]
    least = max(LEAST_TRAINING, 2 * max(seasons, default=0), n // 4)
    room = n - h - least
    if room < 0:
        return []
    season = max(1, min(periods, default=h))
    newest = n - h - -h % season  # the last one of this phase that has all h steps after it
    stride = season * max(1, min((newest - least) // (season * (most - 1)), -(-h // season)))
    if newest < least or (newest - least) // stride + 1 < most / 2:
        stride, newest = max(1, room // (most - 1)), n - h
    count = min(most, (newest - least) // stride + 1)
    return [newest - stride * i for i in reversed(range(count))]


def begin(
    y: "Floats",
    context: "Context",
    h: int,
    most: int = MOST_ORIGINS,
    fill_limit: int | None = None,
    holidays: "Bools | None" = None,
) -> Backtest:
    """Cut the history at each origin and fill its gaps as they would have been filled then.

    Args:
        y: History, shape (t,), NaN where nothing was observed.
        context: What is known of it; its `last_change` is forgotten at origins before it. After a change in the newest
            two horizons
            there are origins with only part of their steps behind them: only they show which model has noticed.
        h: Steps per origin.
        most: Origins at most.
        fill_limit: Longest gap, in steps, that is filled; origins lie after the newest longer one, if there is room for
            half of `most`.
        holidays: Steps whose values are left out, shape (t,). None: no step.
    """
    # what was before is no history
    start = 0 if fill_limit is None else fill(y, context.periods, fill_limit, holidays).start
    return at(_ends(y.size, start, context, h, most), y, context, h, fill_limit, holidays)


def at(
    ends: Sequence[int],
    y: "Floats",
    context: "Context",
    h: int,
    fill_limit: int | None = None,
    holidays: "Bools | None" = None,
) -> Backtest:
    """Cut the history at given origins; arguments as of `begin`."""
    known = []
    for end in ends:
        filled = fill(y[:end], context.periods, fill_limit, None if holidays is None else holidays[:end])
        if filled.y.size >= LEAST_TRAINING:
            known.append((filled, context_of(filled, context), end))
    fresh = fresh_changes([filled for filled, *_ in known], context)
    origins = [Past(*each, change) for each, change in zip(known, fresh, strict=True)]
    return Backtest(actual_after(y, [origin.end for origin in origins], h), origins)


def actual_after(y: "Floats", ends: Sequence[int], h: int) -> "Floats":
    """What was observed in the h steps from each of some places on, shape (ends, h); NaN where nothing was."""
    steps = np.asarray(ends, dtype=np.int64)[:, None] + np.arange(h)
    inside = (steps >= 0) & (steps < y.size)
    actual = np.where(inside, y[np.where(inside, steps, 0)], np.nan)
    return np.where(np.isfinite(actual), actual, np.nan)


def _ends(size: int, start: int, context: "Context", h: int, most: int) -> list[int]:
    """Where the histories of past forecasts end, in one of `size` steps that is whole from `start` on."""
    ends = [start + end for end in origin_ends(size - start, h, context.periods, most)]
    if len(ends) < most / 2:  # too few to go by: soon after a gap what was before it says more
        ends = origin_ends(size, h, context.periods, most)
    if ends and 0 < size - context.last_change < 2 * h and context.last_change > 0:
        ends += [size - h // part for part in CHANGED if h // part > 0]
    return ends


def fresh_changes(histories: Sequence[Filled], context: "Context") -> list[Break | None]:
    """Changes too new for models to know, by history; that of a constant is the matter of its own model."""
    if context.series_class == "constant":
        return [None] * len(histories)
    return fresh_breaks([filled.y for filled in histories], [context.periods] * len(histories))


def context_of(filled: Filled, whole: "Context") -> "Context":
    """Say of a cut history what is known of the whole one, as far as it can have been known."""
    fitting = tuple(p for p in whole.periods if 2 * p <= filled.y.size)
    change = whole.last_change - filled.start
    return replace(
        whole,
        start_ns=whole.time_of(filled.start),
        periods=fitting,
        last_change=change if 0 < change < filled.y.size else 0,
        observed=filled.observed,
        state=None,  # weights of the real forecast have seen what an origin must not know
    )


def add(
    test: Backtest,
    name: str,
    new_model: Callable[[], Any],
    trained: "Shared | str | None" = None,
    until: float = math.inf,
) -> bool:
    """Forecast from every origin with one model.

    One that was trained for many members reads on, others are fitted at every origin.

    Tells whether it came to the end: where the clock of CPU seconds passes `until` before the last origin, nothing is
    kept of the model, since it would be judged by other origins than the others.
    """
    began, h = time.process_time(), test.actual.shape[1]
    forecast_origins = None if trained else together(new_model)
    found: dict[int, Floats | str] = {}
    for places in test.chains if forecast_origins else [[i] for i in range(len(test.origins))]:
        if time.process_time() > until:
            return False
        pasts = [test.origins[i] for i in places]
        given = (
            at_once(forecast_origins, pasts, h)
            if forecast_origins
            else [attempt(new_model, past.filled, past.context, h, trained, _fresh(name, past)) for past in pasts]
        )
        found.update(zip(places, given, strict=True))
    results = [found[i] for i in range(len(test.origins))]
    failures = [result for result in results if isinstance(result, str)]
    if failures:
        test.failures[name] = failures[-1]
    missing = np.full(h, np.nan)
    rows = np.array([missing if isinstance(r, str) else r for r in results]).reshape(len(results), h)
    test.forecasts[name] = np.concatenate((test.before(name), rows))
    test.seconds[name] = time.process_time() - began
    return True


def _fresh(name: str, past: Past) -> "Break | None":
    """The change that a model is not shown; the naive forecast, which all are held against, repeats what is there."""
    return None if name == "naive" else past.fresh
