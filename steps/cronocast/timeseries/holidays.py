"""Public holidays: which steps of a grid lie on one, by the wall clock."""

import re
from dataclasses import replace
from functools import lru_cache

import numpy as np

from cronocast.durations import UNIT_NS
from cronocast.errors import ConfigError, MissingExtraError, Problem, seen
from cronocast.timeseries.grid import Bools, Floats, Ints

DAY = UNIT_NS["d"]
MOST_LEFT_OUT = 0.25  # of the values; where more of them lie on holidays, those are its ordinary days
CODE = re.compile(r"([A-Z]{2})(?:-([A-Z0-9]{1,4}))?")


def on_holiday(place: str, time_ns: Ints, offset_ns: int, step_ns: int) -> Bools:
    """Tell which steps lie on a public holiday.

    Args:
        place: A country such as DE, or a part of one such as DE-BY (ISO 3166).
        time_ns: Times at which steps begin, shape (t,).
        offset_ns: What the wall clock shows beyond them.
        step_ns: Step of the grid; the middle of a step says its day, except where it is a day itself.

    Returns:
        Shape (t,); all False where steps are longer than a day.

    Raises:
        ConfigError: no such place.
        MissingExtraError: the package `holidays` is not installed.
    """
    if not time_ns.size:
        return np.zeros(0, dtype=bool)
    days = day_numbers(time_ns, offset_ns, step_ns)
    first, last = (
        int(day.astype("datetime64[D]").astype("datetime64[Y]").astype(int)) + 1970 for day in (days.min(), days.max())
    )
    known = np.array(_days(place, first, last), dtype=np.int64)
    return np.isin(days, known) & (step_ns <= DAY)


def place_problems(place: str | None, where: str) -> list[Problem]:
    """What the package has against a place; where it is not installed it can't be asked."""
    try:
        if place is not None:
            _days(place, 2000, 2000)
    except MissingExtraError:
        return []
    except ConfigError as error:
        return [replace(problem, where=f"{where}.{problem.where}") for problem in error.problems]
    return []


def left_out(place: str | None, time_ns: Ints, y: Floats, offset_ns: int, step_ns: int) -> Bools:
    """Tell which observations lie on holidays and are not to be learnt from: shape (t,)."""
    if place is None:
        return np.zeros(time_ns.size, dtype=bool)
    off = on_holiday(place, time_ns, offset_ns, step_ns) & np.isfinite(y)
    return off if off.sum() <= MOST_LEFT_OUT * np.isfinite(y).sum() else np.zeros(time_ns.size, dtype=bool)


def day_numbers(time_ns: Ints, offset_ns: int, step_ns: int) -> Ints:
    """Days since 1970 by the wall clock; a step of a day or more has its own date, as days of a zone are dated."""
    return (time_ns + (offset_ns + step_ns // 2 if step_ns < DAY else 0)) // DAY


@lru_cache(maxsize=32)
def _days(place: str, first: int, last: int) -> tuple[int, ...]:
    try:
        from holidays import country_holidays
    except ModuleNotFoundError as error:
        sentence = (
            "needs the module 'holidays', which is not installed here: pip install 'cronocast[linear]' or use the image"
            " that carries it"
        )
        raise MissingExtraError([Problem("E_MISSING_EXTRA", "calendar.holidays", sentence)]) from error
    code = CODE.fullmatch(place)
    try:
        found = country_holidays(code[1], subdiv=code[2], years=range(first, last + 1)) if code else {}
    except NotImplementedError as error:
        sentence = f"{seen(place)} is not a known place; allowed: a code such as DE, GB, US, DE-BY"
        raise ConfigError.one("E_CONFIG_CHOICE", "calendar.holidays", sentence) from error
    return tuple(int(np.datetime64(day).astype(int)) for day in found)
