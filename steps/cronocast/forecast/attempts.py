"""Forecasts that models are asked for: what fails comes back as a sentence, never as an exception."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from cronocast.errors import CronocastError, Terminated, seen
from cronocast.forecast.breaks import without

if TYPE_CHECKING:
    from cronocast.forecast.breaks import Break
    from cronocast.models.model import Context, ForecastOrigins, Shared
    from cronocast.timeseries.fill import Filled
    from cronocast.timeseries.grid import Floats


@dataclass(frozen=True)
class Past:
    """One origin: the history as it was known then, and what to forecast from it."""

    filled: "Filled"
    context: "Context"
    end: int  # index of the first forecast step in the whole history
    fresh: "Break | None" = None  # a change too new for models to know

    @cached_property
    def y(self) -> "Floats":
        """What models are given: the history without that change, shape (t,)."""
        return without(self.fresh, self.filled.y)


def together(new_model: Callable[[], Any]) -> "ForecastOrigins | None":
    """What forecasts many origins at once. Not inherited: a class that fits in a way of its own has to say so."""
    own = "forecast_origins" in getattr(new_model, "__dict__", {})
    return new_model.forecast_origins if own else None  # type: ignore[attr-defined]


def at_once(forecast_origins: "ForecastOrigins", pasts: Sequence[Past], h: int) -> "list[Floats | str]":
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
    filled: "Filled",
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
