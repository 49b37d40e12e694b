"""One sentence and named numbers that say why a class was chosen, for readers who are no statisticians."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np

from cronocast.classify.changes import unexplained
from cronocast.durations import MOST_OF_UNIT, UNIT_NS, Duration, readable_unit
from cronocast.errors import seen

if TYPE_CHECKING:
    from cronocast.classify.features import Shares
    from cronocast.classify.measured import Measured
    from cronocast.timeseries.grid import Floats

LARGEST = 1e6  # scores of series without noise grow without end; beyond this they say no more
DIGITS = 4


def too_short(points: int, min_points: int) -> str:
    """Say that there are too few points."""
    return f"Only {points} finished point{'s' * (points != 1)}; {min_points} are needed to tell a pattern from chance."


def failed(error: Exception) -> str:
    """Say that the tests themselves went wrong."""
    return (
        f"Classified as irregular because it could not be tested, which is a bug in cronocast: {type(error).__name__}:"
        f" {seen(str(error))}."
    )


def constant(values: Floats) -> str:
    """Say that nothing changes."""
    return f"All {values.size} values are {values[-1]:.6g}."


def _pattern(measured: Measured, step_ns: int) -> str:
    """What repeats and how much of the variance it explains; "" where nothing does."""
    seasons = measured.found.seasons
    if not seasons:
        return ""
    lengths = " and ".join(_length(s.period * measured.series.thinned * step_ns) for s in seasons)
    share = f"{max(0.0, *(s.strength for s in seasons)):.0%}"
    return f"a pattern repeats every {lengths} and explains {share} of the variance around the level"


def why(kind: str, measured: Measured, step_ns: int, values: Floats) -> str:
    """The sentence for a member that was tested."""
    if kind == "constant" and measured.changes:
        return f"The newest {np.argmax(np.append(values[::-1] != values[-1], True))} values are all {values[-1]:.6g}."
    if kind == "constant":
        return f"Nearly all of {values.size} values are {np.partition(values, values.size // 2)[values.size // 2]:.6g}."
    pattern = _pattern(measured, step_ns)
    rise, since = _rise(measured, step_ns), _since(measured)
    if kind == "trend_seasonal":
        return _sentence(f"{pattern}; the level {rise}{since}")
    if kind == "seasonal":
        return _sentence(f"{pattern}; the level has no significant slope")
    if kind == "trend":
        return _sentence(f"the level {rise}{since} (z = {min(abs(measured.now.z), LARGEST):.3g}); no pattern repeats")
    return "No pattern repeats and no slope is significant: the values change at random."


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:] + "."


def _since(measured: Measured) -> str:
    """The time in which that slope holds; "" where it is all the time."""
    if not measured.changes:
        return ""
    return " between sudden changes" if measured.now is measured.whole else " since the last sudden change"


def slope_now(kind: str, measured: Measured) -> float:
    """Slope per step of the grid in the member's own unit, 0 where the class has none."""
    if kind not in ("trend", "trend_seasonal"):
        return 0.0
    slope = float(measured.now.per_step) * measured.series.unit / measured.series.thinned
    return float(np.clip(slope, -sys.float_info.max, sys.float_info.max))


def _rise(measured: Measured, step_ns: int) -> str:
    """Direction and speed in the member's own unit."""
    chosen = measured.now
    per_day = float(chosen.per_step) * measured.series.unit * (UNIT_NS["d"] / (step_ns * measured.series.thinned))
    direction = "rises" if chosen.per_step > 0 else "falls"
    return f"{direction} by {abs(per_day):.3g} a day" if abs(per_day) <= sys.float_info.max else direction


def _length(ns: int) -> str:
    """As a duration is written; above 120 of its unit in the next one, rounded."""
    whole = next((u for u in ("w", "d", "h", "m") if ns % UNIT_NS[u] == 0), "s")
    if whole in "wd" or ns <= MOST_OF_UNIT * UNIT_NS[whole]:
        return str(Duration.of(ns))
    unit = readable_unit(ns)
    return f"{ns / UNIT_NS[unit]:.1f}{unit}"


def evidence(measured: Measured, shares: Shares) -> dict[str, float]:
    """Named numbers, finite and free of any scale.

    trend_z: slope in standard errors; trend_strength: share of the variance between changes that it explains; memory:
    how much noise remembers from one 64th of the time to the next (1 = random walk); noise: share of all variance that
    neither season nor slope explains; season_score_P, season_strength_P: see `periods.Season`, for each period P (in
    steps) that was tried; equal_share: share of the commonest value; zero_share: share of zeros; distinct: number of
    different values; integers: 1 where all values are whole numbers, else 0.
    """
    thinned = measured.series.thinned
    numbers = {
        "trend_z": measured.whole.z,
        "trend_strength": measured.whole.strength,
        "trend_z_last": measured.last.z,
        "memory": measured.whole.memory,
        "noise": _noise(measured),
        "changes": float(len(measured.changes)),
        "equal_share": shares.equal,
        "zero_share": shares.zero,
        "distinct": float(shares.distinct),
        "integers": float(shares.integers),
    }
    for season in measured.found.tried.values():
        numbers[f"season_score_{season.period * thinned}"] = season.score
        numbers[f"season_strength_{season.period * thinned}"] = max(0.0, season.strength)
    return {name: round(float(np.clip(value, -LARGEST, LARGEST)), DIGITS) for name, value in numbers.items()}


def _noise(measured: Measured) -> float:
    """Variance of what lines between the changes leave of the series without seasons, as a share of all."""
    return min(1.0, unexplained(measured.found.rest, measured.changes) / max(float(np.var(measured.series.y)), 1e-300))
