"""Rolling-origin backtest: what each model would have forecast in the past, from nothing but what was known then."""

import math
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from cronocast.errors import CronocastError, Terminated, seen
from cronocast.forecast.breaks import Break, fresh_break, without
from cronocast.timeseries.fill import Filled, fill

if TYPE_CHECKING:
    from cronocast.models.model import Context, ForecastOrigins, Shared
    from cronocast.timeseries.grid import Bools, Floats

# nearly three weeks of daily origins: enough to rank models and to measure widths; each is one more fit of each model
MOST_ORIGINS = 20
CHANGED = (2, 4)  # after a recent change: origins half and a quarter of a horizon ago
LEAST_TRAINING = 8  # points before the first origin


@dataclass(frozen=True)
class Past:
    """One origin: the history as it was known then, and what to forecast from it."""

    filled: Filled
    context: "Context"
    end: int  # index of the first forecast step in the whole history
    fresh: "Break | None" = None  # a change too new for models to know

    @cached_property
    def y(self) -> "Floats":
        """What models are given: the history without that change, shape (t,)."""
        return without(self.fresh, self.filled.y)


@dataclass
class Backtest:
    """Forecasts of the past.

    Rows are origins, oldest first; NaN where a model had no forecast or nothing was observed.
    """

    actual: "Floats"  # shape (k, h)
    origins: list[Past]
    forecasts: dict[str, "Floats"] = field(default_factory=dict)  # name -> shape (k, h)
    failures: dict[str, str] = field(default_factory=dict)  # name -> why it has no forecast at some or all origins
    seconds: dict[str, float] = field(default_factory=dict)  # name -> CPU seconds

    @property
    def ends(self) -> list[int]:
        """First step of each origin."""
        return [origin.end for origin in self.origins]

    @cached_property
    def chains(self) -> list[list[Past]]:
        """Origins in rows of whose histories each begins with the one before: a gap may be filled otherwise later."""
        found: list[list[Past]] = []
        for past in self.origins:
            before = found[-1][-1].y if found else np.empty(0)
            if found and np.array_equal(past.y[: before.size], before):
                found[-1].append(past)
            else:
                found.append([past])
        return found


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
    origins = []
    # what was before is no history
    start = 0 if fill_limit is None else fill(y, context.periods, fill_limit, holidays).start
    for end in _ends(y.size, start, context, h, most):
        filled = fill(y[:end], context.periods, fill_limit, None if holidays is None else holidays[:end])
        if filled.y.size >= LEAST_TRAINING:
            origins.append(Past(filled, context_of(filled, context), end, fresh_break(filled.y, context.periods)))
    later = np.concatenate((y, np.full(h, np.nan)))
    actual = np.array([later[o.end : o.end + h] for o in origins]).reshape(len(origins), h)
    return Backtest(np.where(np.isfinite(actual), actual, np.nan), origins)


def _ends(size: int, start: int, context: "Context", h: int, most: int) -> list[int]:
    """Where the histories of past forecasts end, in one of `size` steps that is whole from `start` on."""
    ends = [start + end for end in origin_ends(size - start, h, context.periods, most)]
    if len(ends) < most / 2:  # too few to go by: soon after a gap what was before it says more
        ends = origin_ends(size, h, context.periods, most)
    if ends and 0 < size - context.last_change < 2 * h and context.last_change > 0:
        ends += [size - h // part for part in CHANGED if h // part > 0]
    return ends


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
    together = None if trained else _together(new_model)
    results: list[Floats | str] = []
    for pasts in test.chains if together else [[past] for past in test.origins]:
        if time.process_time() > until:
            return False
        results += (
            _at_once(together, pasts, h)
            if together
            else [attempt(new_model, past.filled, past.context, h, trained, _fresh(name, past)) for past in pasts]
        )
    failures = [result for result in results if isinstance(result, str)]
    if failures:
        test.failures[name] = failures[-1]
    missing = np.full(h, np.nan)
    test.forecasts[name] = np.array([missing if isinstance(r, str) else r for r in results]).reshape(test.actual.shape)
    test.seconds[name] = time.process_time() - began
    return True


def _fresh(name: str, past: Past) -> "Break | None":
    """The change that a model is not shown; the naive forecast, which all are held against, repeats what is there."""
    return None if name == "naive" else past.fresh


def _together(new_model: Callable[[], Any]) -> "ForecastOrigins | None":
    """What forecasts many origins at once. Not inherited: a class that fits in a way of its own has to say so."""
    own = "forecast_origins" in getattr(new_model, "__dict__", {})
    return new_model.forecast_origins if own else None  # type: ignore[attr-defined]


def _at_once(forecast_origins: "ForecastOrigins", pasts: Sequence[Past], h: int) -> "list[Floats | str]":
    """Forecast h steps from each of a chain of origins; answers as of `attempt`."""
    steps = h + max(past.filled.tail for past in pasts)
    ys, contexts = [past.y for past in pasts], [past.context for past in pasts]
    found = _guarded(lambda: list(zip(pasts, forecast_origins(ys, contexts, steps), strict=True)))
    if isinstance(found, str):
        return [found] * len(pasts)
    return [
        result.problem
        if isinstance(result, CronocastError)
        else _checked(result, steps, past.filled.tail, h, past.fresh)
        for past, result in found
    ]


def attempt(
    new_model: Callable[[], Any],
    filled: Filled,
    context: "Context",
    h: int,
    trained: "Shared | str | None" = None,
    fresh: "Break | None" = None,
) -> "Floats | str":
    """Forecast h steps from the end of a filled history; a failure comes back as a sentence, never as an exception.

    Steps between the last observation and the end are forecast too, and cut.

    Args:
        new_model: Makes an unfitted model.
        filled: The history.
        context: What is known of it.
        h: Steps to return.
        trained: A model trained for many members, to be used instead of fitting one; a sentence says why there is none.
        fresh: A change that the model is not shown, and that goes on in its forecast.
    """
    if isinstance(trained, str):
        return trained
    steps = filled.tail + h
    y = without(fresh, filled.y)
    yhat = _guarded(
        lambda: (
            _fitted(new_model(), y, context).predict(steps)
            if trained is None
            else trained.predict_after(y, steps, context)
        )
    )
    return yhat if isinstance(yhat, str) else _checked(yhat, steps, filled.tail, h, fresh)


def _guarded(work: Callable[[], Any]) -> Any:  # noqa: ANN401 - what models give
    """What models give, or in a sentence why they do not."""
    try:
        # Overflow and the like show in the result, which is checked; a library's warnings would fill the log of every
        # run.
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return work()
    except Terminated:
        raise
    except CronocastError as error:
        return error.problem
    # a model may be anyone's; its bug, or its end, must not stop other members
    except (Exception, SystemExit) as error:  # noqa: BLE001
        return f"{type(error).__name__}: {seen(str(error))}"


def _checked(given: Any, steps: int, tail: int, h: int, fresh: "Break | None") -> "Floats | str":  # noqa: ANN401 - what a model gave
    """The h steps after the tail of what should be a forecast of so many steps, or what is wrong with it."""
    try:
        yhat = np.asarray(given, dtype=float)
    except (TypeError, ValueError) as error:
        return f"{type(error).__name__}: {seen(str(error))}"
    if yhat.shape != (steps,):
        return f"gave {seen(yhat.shape)} instead of {steps} values"
    yhat = (yhat if fresh is None else yhat + fresh.ahead(steps))[tail : tail + h]
    return yhat if np.isfinite(yhat).all() else f"gave {int((~np.isfinite(yhat)).sum())} values that are not finite"


def _fitted(model: Any, y: "Floats", context: "Context") -> Any:  # noqa: ANN401 - a Model
    """The model that fit returns, or itself where a person's own returns nothing."""
    fitted = model.fit(y, context)
    return model if fitted is None else fitted
