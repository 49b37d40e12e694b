"""What is common to models of darts: how a class is made from options, and how values are handed to it."""

import difflib
import inspect
import logging
import os
from collections.abc import Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np
import pandas as pd

from cronocast.errors import ConfigError, MissingExtraError, Problem, seen

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
    from cronocast.timeseries.grid import Floats

OF_SEASON = ("seasonal_periods", "seasonality_period", "season_length")  # arguments that mean the length of a season
# 2000-01-01; where silent steps are left out, the steps that count follow each other from here
FIRST_NS = 946_684_800 * 10**9
# it tells of every season that it looks for, and of each error before it raises it
logging.getLogger("darts").setLevel(logging.CRITICAL)


def class_named(name: str) -> type[ForecastingModel]:
    """A class of forecasting models by its name.

    Raises:
        ConfigError: darts has no such model; those that work here are listed.
        MissingExtraError: the model is there, but not the library that it needs.
    """
    found = getattr(darts.models, name, None)
    if _works(found):
        return found
    if isinstance(found, NotImportedModule):
        sentence = (
            f"{seen(f'darts:{name}')} needs a library that is not installed here: pip install"
            " 'cronocast[pretrained]', or the image forecast-pretrained, for a network; xgboost, lightgbm,"
            " catboost or statsforecast for others"
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


def check_arguments(library_class: type[ForecastingModel], options: Mapping[str, Any]) -> None:
    """Refuse options that are no arguments of a class; one that hands further ones on says itself what it takes.

    Raises:
        ConfigError: with every such option, and the arguments that there are.
    """
    arguments = arguments_of(library_class)
    if any(argument.kind is argument.VAR_KEYWORD for argument in arguments.values()):
        return
    allowed = _names(arguments)
    sentence = f"{library_class.__name__} of darts has no such argument; allowed: {', '.join(allowed)}"
    if problems := [
        Problem("E_CONFIG_UNKNOWN_KEY", f"options.{name}", sentence) for name in options if name not in allowed
    ]:
        raise ConfigError(problems)


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
    check_arguments(library_class, options)
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
