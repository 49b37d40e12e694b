"""The values that models of a member see: transformed, in a unit that can't overflow, gaps filled."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from cronocast.forecast.transform import Unit, exponent_of, fitted
from cronocast.timeseries.fill import Filled, fill

if TYPE_CHECKING:
    from cronocast.forecast.answer import Settings
    from cronocast.forecast.timeline import Timeline
    from cronocast.timeseries.grid import Bools, Floats

LARGEST_EXPONENT = 1023  # values below 2**1023


@dataclass(frozen=True)
class ModelInput:
    """Values on the steps of a timeline, in what models work in, see Unit."""

    values: "Floats"  # the whole timeline with NaN, shape (t,)
    holidays: "Bools"  # which of them were left out since they lie on holidays, shape (t,)
    filled: Filled
    unit: Unit
    preparation: dict[str, Any]  # what was done with the values, for the result file


def model_input(line: "Timeline", holidays: "Bools", settings: "Settings") -> ModelInput:
    """Make the values of a timeline ready for models.

    Args:
        line: The steps that count, with their values.
        holidays: Which of them lie on holidays, shape (t,).
        settings: How to forecast.
    """
    transform, refused = fitted(settings.transform, line.values)
    values = transform.forward(line.values)
    # the difference of two values at the edge of doubles overflows
    halved = int(exponent_of(values) > LARGEST_EXPONENT)
    values = np.ldexp(values, -halved)
    filled = fill(values, line.periods, settings.fill_limit, holidays)
    exponent = exponent_of(filled.y)
    measured = exponent_of(line.values[filled.start :]) if transform.name else exponent + halved
    preparation = {**filled.counts(), **transform.preparation(), **line.preparation(), "note": refused}
    return ModelInput(
        values=np.ldexp(values, -exponent),
        holidays=holidays,
        filled=replace(filled, y=np.ldexp(filled.y, -exponent)),
        unit=Unit(transform, exponent + halved, measured),
        preparation={name: value for name, value in preparation.items() if value},
    )
