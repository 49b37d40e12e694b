"""Public holidays: which steps of a grid lie on one, by the wall clock."""

import re
from collections.abc import Collection
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from cronocast.durations import UNIT_NS
from cronocast.errors import ConfigError, MissingExtraError, Problem, seen
from cronocast.timeseries.grid import Bools, Floats, Ints

DAY = UNIT_NS["d"]
MOST_PARTS, MOST_DAYS = 6, 3  # parts of which a note names days, and how many of each
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


def parts_note(place: str | None, now_ns: int) -> str:
    """What the parts of a country have otherwise than the country without a part; "" where there is nothing to say.

    The country's own days are those that all of its parts share, or the usual ones.

    Args:
        place: As in `calendar.holidays`.
        now_ns: A time; its year and the next are looked at.
    """
    if place is None or "-" in place or not CODE.fullmatch(place):
        return ""
    try:
        parts = _parts(place, int(np.datetime64(now_ns, "ns").astype("datetime64[Y]").astype(int)) + 1970)
    except (ConfigError, MissingExtraError):  # told elsewhere
        return ""
    if not parts:
        return ""
    told = [f"{code} ({_differing(*days)})" for code, days in parts.items()][:MOST_PARTS]
    named = ", ".join([*told, *list(parts)[MOST_PARTS:]])
    known = f"calendar: parts of {place} have other holidays than {place} itself, on which they are ordinary days here"
    return f"{known}: {named}; name a part where that is meant, such as holidays: {next(iter(parts))}"


@lru_cache(maxsize=8)
def _parts(place: str, year: int) -> dict[str, tuple[list[str], list[str]]]:
    """By the code of each part that differs: names of the days that it has more, and of those that it lacks."""
    whole = _calendar(place, year, year + 1)
    found: dict[str, tuple[list[str], list[str]]] = {}
    for part in whole.subdivisions:
        if CODE.fullmatch(code := f"{place}-{part}"):
            own = _calendar(code, year, year + 1)
            more, fewer = (_names(a, a.keys() - b.keys()) for a, b in ((own, whole), (whole, own)))
            found |= {code: (more, fewer)} if more or fewer else {}
    return found


def _names(calendar: Any, days: Collection[Any]) -> list[str]:  # noqa: ANN401 - of a package without types
    """Names of days, each once, by date; the word for a day that is made up for on another says nothing new."""
    return list(dict.fromkeys(re.sub(r" \([^)]*\)$", "", calendar.get(day)) for day in sorted(days)))


def _differing(more: list[str], fewer: list[str]) -> str:
    """Names of some days that a part has more, or else lacks."""
    names = more or fewer
    shown = ", ".join(names[:MOST_DAYS]) + (", ..." if len(names) > MOST_DAYS else "")
    return f"also {shown}" if more else f"without {shown}"


@lru_cache(maxsize=32)
def _days(place: str, first: int, last: int) -> tuple[int, ...]:
    return tuple(int(np.datetime64(day).astype(int)) for day in _calendar(place, first, last))


def _calendar(place: str, first: int, last: int) -> Any:  # noqa: ANN401 - of a package without types
    """Names by date of a place's holidays in some years."""
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
        return country_holidays(code[1], subdiv=code[2], years=range(first, last + 1)) if code else {}
    except NotImplementedError as error:
        sentence = f"{seen(place)} is not a known place; allowed: a code such as DE, GB, US, DE-BY"
        raise ConfigError.one("E_CONFIG_CHOICE", "calendar.holidays", sentence) from error
