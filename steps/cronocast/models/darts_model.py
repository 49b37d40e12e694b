"""Any forecasting model of darts by its name, with the options of the entry as its arguments."""

import difflib
import inspect
import logging
import os
from collections.abc import Callable, Mapping
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Any, Self, TypeGuard

import numpy as np
import pandas as pd

from cronocast.errors import ConfigError, DataError, MissingExtraError, Problem, seen

# Nothing is ever downloaded: weights lie in a folder that the entry names. It counts when the library is imported.
os.environ["HF_HUB_OFFLINE"] = "1"
# darts imports prophet, which tells that plotly, for its pictures, is not there
logging.getLogger("prophet.plot").setLevel(logging.CRITICAL)
import darts.models  # noqa: E402
from darts import TimeSeries  # noqa: E402
from darts.models.forecasting.forecasting_model import ForecastingModel  # noqa: E402
from darts.utils.utils import NotImportedModule  # noqa: E402

if TYPE_CHECKING:
    from cronocast.models.model import Context
    from cronocast.models.pretrained import Pretrained
    from cronocast.timeseries.grid import Floats

OF_SEASON = ("seasonal_periods", "seasonality_period", "season_length")  # arguments that mean the length of a season
# 2000-01-01; where silent steps are left out, the steps that count follow each other from here
FIRST_NS = 946_684_800 * 10**9
# it tells of every season that it looks for, and of each error before it raises it
logging.getLogger("darts").setLevel(logging.CRITICAL)


def named(name: str) -> "Callable[[], Darts] | Callable[[], Pretrained]":
    """Any model of [darts](https://unit8co.github.io/darts/) by its class name; `options` are its arguments.

    Those on torch, XGBoost or others need these libraries too.

    Raises:
        ConfigError: darts has no such model; those that work here are listed.
        MissingExtraError: the model is there, but not the library that it needs.
    """
    from cronocast.models import pretrained  # it imports this file

    library_class = _library_class(name)
    if pretrained.is_pretrained(library_class):
        return pretrained.new_pretrained(library_class)
    return partial(Darts, library_class)


def check_options(name: str, options: Mapping[str, Any]) -> None:
    """Refuse options that are no arguments of the class that `darts:<Model>` names.

    A model that hands further ones on says itself what it takes, when it is fitted.

    Raises:
        ConfigError: with every such option, and the arguments that there are; or as `named`.
        MissingExtraError: as `named`.
    """
    from cronocast.models import pretrained  # it imports this file

    library_class = _library_class(name.partition(":")[2])
    _check_arguments(library_class, options)
    if pretrained.is_pretrained(library_class):
        pretrained.check_weights(library_class, options)


def _library_class(name: str) -> type[ForecastingModel]:
    found = getattr(darts.models, name, None)
    if _works(found):
        return found
    if isinstance(found, NotImportedModule):
        sentence = (
            f"{seen(f'darts:{name}')} needs a library that is not installed here: pip install"
            " 'cronocast[pretrained]' for a network, xgboost, lightgbm, catboost or statsforecast for others"
        )
        raise MissingExtraError([Problem("E_MISSING_EXTRA", "model", sentence)])
    # dir, not vars: newer releases of darts import a model when it is first named.
    there = sorted(key for key in dir(darts.models) if _works(getattr(darts.models, key)))
    near = difflib.get_close_matches(name, there, 1)
    meant = f"did you mean {near[0]!r}? " if near else ""
    raise ConfigError.one(
        "E_MODEL", "model", f"darts has no model {seen(name)}; {meant}available here: {', '.join(there)}"
    )


def _works(found: object) -> TypeGuard[type[ForecastingModel]]:
    return inspect.isclass(found) and issubclass(found, ForecastingModel)


def _check_arguments(library_class: type[ForecastingModel], options: Mapping[str, Any]) -> None:
    arguments = arguments_of(library_class)
    if any(argument.kind is argument.VAR_KEYWORD for argument in arguments.values()):
        return
    allowed = _names(arguments)
    sentence = f"{library_class.__name__} of darts has no such argument; allowed: {', '.join(allowed)}"
    if problems := [
        Problem("E_CONFIG_UNKNOWN_KEY", f"options.{name}", sentence) for name in options if name not in allowed
    ]:
        raise ConfigError(problems)


class Darts:
    """One model of darts.

    Its values have a size of at most 1; a season that is known and a seed are handed to models that take them.
    """

    def __init__(self, library_class: type[ForecastingModel]) -> None:
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


def series_of(y: "Floats", context: "Context") -> TimeSeries:
    """Values as darts wants them, shape (t,)."""
    start = context.start_ns if context.hours is None else FIRST_NS
    times = pd.to_datetime(start + np.arange(y.size) * context.step_ns)
    return TimeSeries.from_times_and_values(times, y, freq=pd.Timedelta(context.step_ns, unit="ns"))


# the library's own types differ by model
def made(library_class: type[ForecastingModel], context: "Context") -> Any:  # noqa: ANN401
    """An unfitted model with the options as arguments.

    Raises:
        ConfigError: an option is no argument of the model, or a value is not allowed.
    """
    arguments = arguments_of(library_class)
    options = context.options
    _check_arguments(library_class, options)
    given: dict[str, Any] = {"random_state": context.seed} if "random_state" in arguments else {}
    if context.periods:
        given |= {name: context.periods[0] for name in OF_SEASON if name in arguments}
    given |= {
        name: _choice(f"options.{name}", value, arguments[name].default if name in arguments else None)
        for name, value in options.items()
    }
    try:
        return library_class(**given)
    except (TypeError, ValueError) as error:
        allowed = f"its arguments: {', '.join(_names(arguments))}"
        sentence = f"{library_class.__name__} of darts refuses {seen(options)}: {seen(str(error))}; {allowed}"
        raise ConfigError.one("E_CONFIG_CHOICE", "options", sentence) from error


def arguments_of(library_class: type[ForecastingModel]) -> Mapping[str, inspect.Parameter]:
    """What a class can be made with, by name."""
    return inspect.signature(library_class.__init__).parameters


def _names(arguments: Mapping[str, inspect.Parameter]) -> list[str]:
    return [
        name
        for name, argument in arguments.items()
        if name != "self" and argument.kind not in (argument.VAR_KEYWORD, argument.VAR_POSITIONAL)
    ]


def _choice(where: str, value: Any, default: Any) -> Any:  # noqa: ANN401 - JSON in, whatever darts wants out
    """The member of darts' enumeration that a text names, where the argument is one."""
    if not isinstance(default, Enum) or not isinstance(value, str):
        return value
    choices = {str(choice.value): choice for choice in type(default)}
    if value not in choices:
        raise ConfigError.one("E_CONFIG_CHOICE", where, f"{seen(value)} is not allowed; allowed: {', '.join(choices)}")
    return choices[value]
