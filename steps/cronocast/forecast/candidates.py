"""What is tried on a member: models by class, seasons, and how much history."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cronocast.errors import ConfigError, MissingExtraError
from cronocast.models.options import read_options
from cronocast.models.table import MODELS
from cronocast.registry import attribute_of, load, row_of

if TYPE_CHECKING:
    from cronocast.document.entry import Entry
    from cronocast.errors import Problem
    from cronocast.handoff.profile import Profile
    from cronocast.models.model import CheckOptions

DAY_NS = 86_400 * 10**9
# What each class is worth trying, simpler first (it wins ties); the naive forecasts are added to each.
BY_CLASS: Mapping[str, tuple[str, ...]] = {
    "constant": ("constant",),
    "trend": ("linear", "theta", "arima"),
    "seasonal": ("seasonal_median", "theta", "fourier", "arima", "linear"),
    "trend_seasonal": ("linear", "seasonal_median", "theta", "fourier", "arima"),
    "irregular": ("level", "theta", "seasonal_median", "linear", "fourier", "arima"),
    "too_short": (),
}
# Newest steps that models see: 12 weeks of hours. More changes no forecast and costs time; seasons are always seen
# often enough.
MOST_HISTORY, SHORT_CYCLES, LONG_CYCLES = 2016, 14, 4


def named(model: str, candidates: tuple[str, ...]) -> tuple[str, ...]:
    """Models that an entry names; none where auto chooses by class."""
    return candidates if model == "auto" else (model,)


def check_models(model: str, candidates: tuple[str, ...], options: Mapping[str, Any], *, trains: bool = True) -> None:
    """Load every model that is named.

    Thus a wrong name, a missing library or an unknown option shows before any work. Libraries that only training needs
    may be missing where nothing trains.

    Raises:
        ConfigError: unknown name, or an option that the model does not take; the known ones are listed.
        MissingExtraError: its library is not installed.
    """
    for name in named(model, candidates):
        row = row_of(MODELS, name)
        if row is not None and row.options:
            read_options(attribute_of(row.options), options)
        load(MODELS, "model" if model != "auto" else "candidates", name, later=trains)
        if row is not None and row.check:
            check: CheckOptions = attribute_of(row.check)
            check(name, options)


def option_problems(entry: "Entry", where: str) -> "list[Problem]":
    """What models of the table have against the options of an entry, and libraries against the name of a model.

    Libraries that are not installed here can't be asked, a user's own code is not run.
    """
    problems: list[Problem] = []
    for name in named(entry.model, entry.candidates):
        row = row_of(MODELS, name)
        if row is None or not (row.reads_options if entry.options else name not in MODELS):
            continue
        try:
            check_models(entry.model, (name,), entry.options)  # beside a fixed model candidates are not looked at
        except MissingExtraError:
            continue
        except ConfigError as error:
            named_by = "model" if entry.model != "auto" else "candidates"
            problems += [
                replace(problem, where=f"{where}.{named_by if problem.where == 'model' else problem.where}")
                for problem in error.problems
            ]
    return problems


def unused(options: Mapping[str, Any], model: str, candidates: tuple[str, ...]) -> list[str]:
    """A sentence on options that no named model reads.

    Such as those left over from a model that a flag has replaced.
    """
    names = named(model, candidates)
    rows = [row_of(MODELS, name) for name in names]
    if not options or any(
        row is None or row.reads_options for row in rows
    ):  # without a row it is a user's own: it may read them
        return []
    readers = ", ".join(names) or "the models that auto tries by default"
    return [f"options_unused: {', '.join(sorted(options))}; not read by {readers}"]


def seasons(profile: "Profile", n: int) -> tuple[int, ...]:
    """Periods to try: those found, else a day and a week, if n steps hold three of them.

    The backtest says whether they are any good.
    """
    if profile.periods or profile.series_class == "constant":
        return tuple(p for p in profile.periods if 2 * p <= n)
    natural = [span // profile.step_ns for span in (DAY_NS, 7 * DAY_NS) if span % profile.step_ns == 0]
    return tuple(p for p in natural if p >= 2 and 3 * p <= n)


def longest_history(periods: tuple[int, ...]) -> int:
    """Newest steps that models are given: at least 14 of the shortest season and 4 of the longest."""
    return max(MOST_HISTORY, SHORT_CYCLES * min(periods, default=0), LONG_CYCLES * max(periods, default=0))
