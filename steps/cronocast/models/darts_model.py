"""Any forecasting model of darts by its name, with the options of the entry as its arguments."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from cronocast.errors import DataError
from cronocast.models.darts_library import check_arguments, class_named, made, series_of
from cronocast.models.pretrained import Pretrained, check_weights, is_pretrained, new_pretrained

if TYPE_CHECKING:
    from darts.models.forecasting.forecasting_model import ForecastingModel

    from cronocast.models.model import Context
    from cronocast.timeseries.grid import Floats


def named(name: str) -> "Callable[[], Darts] | Callable[[], Pretrained]":
    """Any model of [darts](https://unit8co.github.io/darts/) by its class name; `options` are its arguments.

    Those on torch, XGBoost or others need these libraries too.

    Raises:
        ConfigError: darts has no such model; those that work here are listed.
        MissingExtraError: the model is there, but not the library that it needs.
    """
    library_class = class_named(name)
    if is_pretrained(library_class):
        return new_pretrained(library_class)
    return partial(Darts, library_class)


def check_options(name: str, options: Mapping[str, Any]) -> None:
    """Refuse options that are no arguments of the class that `darts:<Model>` names.

    A model that hands further ones on says itself what it takes, when it is fitted.

    Raises:
        ConfigError: with every such option, and the arguments that there are; or as `named`.
        MissingExtraError: as `named`.
    """
    library_class = class_named(name.partition(":")[2])
    check_arguments(library_class, options)
    if is_pretrained(library_class):
        check_weights(library_class, options)


class Darts:
    """One model of darts.

    Its values have a size of at most 1; a season that is known and a seed are handed to models that take them.
    """

    def __init__(self, library_class: "type[ForecastingModel]") -> None:
        """Wrap one class of darts."""
        self._class = library_class

    def fit(self, y: "Floats", context: "Context") -> Self:
        """Fit y, shape (t,).

        Raises:
            ConfigError: an option is none of the model's arguments, or not allowed.
            DataError: y is shorter than the model asks for.
        """
        model = made(self._class, context)
        least = max(2, int(model.min_train_series_length))
        if y.size < least:
            raise DataError("E_SHORT", self._class.__name__, f"{y.size} points, need {least}: extract more")
        self._last, self._unit = float(y[-1]), float(np.max(np.abs(y))) if np.ptp(y) > 0 else 0.0
        if self._unit:  # a constant has no scale to fit on
            self._model = model.fit(series_of(y / self._unit, context))
        return self

    def predict(self, h: int) -> "Floats":
        """Extend y by h steps."""
        if not self._unit:
            return np.full(h, self._last)
        return self._unit * np.asarray(self._model.predict(h).values()[:, 0], dtype=float)
