"""Which periods a series holds: hour, day, week, and what its spectrum shows."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from cronocast.classify.features import Scaled
from cronocast.classify.periods import Season, cycles, explained, offset, pattern, repeated, score, strength
from cronocast.classify.spectrum import spectral_peaks
from cronocast.durations import UNIT_NS
from cronocast.timeseries.grid import Floats

# Bounds were set on noise alone (white, AR(1) with 0.9 and 0.98, random walks, 2 to 84 cycles): under 0.5 % of them
# pass.
# a score must exceed SCORE + SCORE_FEW / cycles**2: two smooth cycles resemble each other by chance
SCORE, SCORE_FEW = (5.0, 48.0)
# steps of a cycle below which SCORE_FEW shrinks in proportion: seven values resemble seven others by chance less often
# than smooth curves do
SHORT = 24
# and its strength the larger of STRENGTH (noise of about three times the wave) and STRENGTH_FEW / cycles
STRENGTH, STRENGTH_FEW = (0.04, 0.6)
FOUND_CYCLES = 5  # a period that no calendar suggests must have been seen this often
FOUND_SCORE = 5.0  # and have this much more score, since many were looked at
SAME = 0.95  # a shorter period that explains this share of what a longer one does is preferred
USUAL = 0.8  # the same for a shorter period that a calendar suggests
MATTERS = 0.01  # share of the variance around the local level that a season explains at least
YEAR_NS = 365.2425 * UNIT_NS["d"]
LONGEST_YEAR = 1500  # steps: with shorter ones a few years are more values than a forecast is made of
MOST = 6  # seasons that are looked for
INSIDE = 4.0  # score that a shorter season needs among the lines of a longer one to be a season of its own
# with fewer repeats inside the longer one there are too few lines to compare, and the longer one alone says it all
INSIDE_TIMES = 6


@dataclass
class Cut:
    """Whole cycles of one period and what is measured on them, each once."""

    table: Floats  # shape (cycles, period), level removed

    @cached_property
    def season(self) -> Season:
        """Its pattern in numbers."""
        return Season(self.table.shape[1], score(self.table), self.strength)

    @cached_property
    def strength(self) -> float:
        """Share of the variance that the pattern foretells, at most 1."""
        return strength(self.table)


@dataclass
class Found:
    """Seasons of a series and what is left without them."""

    rest: Floats  # shape (t,)
    seasons: list[Season] = field(default_factory=list)  # ascending period
    tried: dict[int, Season] = field(default_factory=dict)  # calendar periods and those that stood the test
    # cycles of the series itself, since each is asked for several times
    whole: dict[int, Cut | None] = field(default_factory=dict)


def calendar(step_ns: int, size: int) -> list[int]:
    """Hour, day, week and year in steps, as far as two of them fit into `size` and whole steps keep their phase."""
    exact = [UNIT_NS[unit] / step_ns for unit in "hdw"]
    if LONGEST_YEAR * step_ns >= YEAR_NS:
        exact.append(YEAR_NS / step_ns)
    return [round(p) for p in exact if p >= 1.5 and 2 * round(p) <= size and abs(p - round(p)) * (size / p) <= 0.05 * p]


def find(series: Scaled, usual: list[int], *, others: bool = True) -> Found:
    """Find the seasons of a series, the strongest first; each is judged on what the others leave.

    Args:
        series: The series.
        usual: Periods that a calendar suggests, in steps.
        others: Also look for periods that none suggests.
    """
    found = Found(series.y)
    bounds = dict.fromkeys(_from_peaks(found, series, usual) if others else [], SCORE + FOUND_SCORE) | dict.fromkeys(
        usual, SCORE
    )
    for period in usual:
        cut = _whole(found, series, period)
        if cut is not None:
            found.tried[period] = cut.season
    for _ in range(MOST):
        if not _add_next(found, series, bounds):
            break
    _split_inner(found, series, bounds)
    return found


def periods_asked_for(series: Scaled, periods: list[int]) -> Found:
    """Take these periods as they are."""
    found = Found(series.y)
    for period in periods:
        cut = _cut(found.rest, series, period)
        found.tried[period] = Season(period, 0.0, 0.0) if cut is None else cut.season
        found.seasons.append(found.tried[period])
        found.rest = without(series, found.seasons)
    return found


def _cut(y: Floats, series: Scaled, period: int) -> Cut | None:
    table = cycles(y, series, period)
    return None if table is None else Cut(table)


def _whole(found: Found, series: Scaled, period: int) -> Cut | None:
    """Cycles of the series itself."""
    if period not in found.whole:
        found.whole[period] = _cut(series.y, series, period)
    return found.whole[period]


def _from_peaks(found: Found, series: Scaled, usual: list[int]) -> list[int]:
    """Whole periods next to the peaks of the spectrum and to two and three times them.

    Those next to the usual ones are left out.
    """
    periods: set[int] = set()
    for peak in spectral_peaks(series, FOUND_CYCLES):
        for period in (peak, 2 * peak, 3 * peak):
            slack = max(0.5, 0.3 * period**2 / series.y.size)  # an interpolated peak is this sharp
            if 2 <= period <= series.y.size / FOUND_CYCLES and all(abs(u - period) > slack for u in usual):
                near = np.unique(
                    np.clip(np.linspace(period - slack, period + slack, 5).round(), 2, series.y.size // FOUND_CYCLES)
                ).astype(int)
                cuts = {int(p): cut for p in near if (cut := _cut(series.y, series, int(p))) is not None}
                if cuts:
                    best = max(cuts, key=lambda p: cuts[p].strength)
                    found.whole[best] = cuts[best]
                    periods.add(best)
    return sorted(periods)


def _add_next(found: Found, series: Scaled, bounds: dict[int, float]) -> bool:
    """Add the season that explains most of what is left, if any stands the test; tell whether to go on."""
    asked = [period for period in bounds if all(period != s.period for s in found.seasons)]
    cuts = {p: _cut(found.rest, series, p) if found.seasons else _whole(found, series, p) for p in asked}
    sound = {p: c for p, c in cuts.items() if c is not None and _stands(c, bounds[p])}
    standing = {p: c.table for p, c in sound.items() if _matters(c.table, series, found, bounds)}
    if not standing:
        return False
    period = _shortest(standing, bounds)
    # A longer season holds those that divide it, unless they repeat often enough in it to be told apart later.
    kept = [s for s in found.seasons if period % s.period or period // s.period >= INSIDE_TIMES]
    others = [s for s in kept if period % s.period]
    cut = _cut(without(series, others), series, period) if others else _whole(found, series, period)
    if cut is None:
        return False
    found.tried[period] = cut.season
    found.seasons = sorted([*kept, found.tried[period]], key=lambda s: s.period)
    found.rest = without(series, found.seasons)
    return True


def _shortest(tables: dict[int, Floats], bounds: dict[int, float]) -> int:
    """The shortest of the periods that explain most: its multiples explain as much but for chance.

    A calendar's may explain a little less.
    """
    powers = {period: explained(table) for period, table in tables.items()}
    most = max(power - 2 * error for power, error in powers.values())
    # Where noise has more than its share nothing is explained: then a share of it would be more than all, and none
    # would be left.
    return min(
        period
        for period, (power, _) in powers.items()
        if power >= min(most, (USUAL if bounds[period] <= SCORE else SAME) * most)
    )


def _stands(cut: Cut, bound: float) -> bool:
    count = len(cut.table)
    few = float(SCORE_FEW * min(1.0, cut.table.shape[1] / SHORT) / count**2)
    return cut.strength >= max(STRENGTH, STRENGTH_FEW / count) and cut.season.score >= bound + few


def _matters(table: Floats, series: Scaled, found: Found, bounds: dict[int, float]) -> bool:
    """Tell whether a season of what is left explains a part of the whole.

    After a perfect wave even rounding has a pattern.

    Two or three days as a period must explain a good part of what the day does, whose place they would take.
    """
    period = table.shape[1]
    whole = _whole(found, series, period)
    taken = any(
        bounds.get(s.period, 0) <= SCORE and period % s.period == 0 and 1 < period // s.period < INSIDE_TIMES
        for s in found.seasons
    )
    return whole is not None and explained(table)[0] >= (1 - USUAL if taken else MATTERS) * float(whole.table.var())


def without(series: Scaled, seasons: list[Season]) -> Floats:
    """Take seasons out of the series; two rounds, since each pattern holds a trace of the others.

    Gaps are bridged anew.
    """
    waves = {s.period: np.zeros(series.y.size) for s in seasons}
    rest = series.y
    for _ in range(2 if len(waves) > 1 else 1):
        for period, known in waves.items():
            table = cycles(rest + known, series, period, trusted=True)
            if table is not None:
                wave = repeated(pattern(table), series.y.size, offset(series.observed, period))
                rest, waves[period] = rest + known - wave, wave
    seen = np.flatnonzero(series.observed)
    return rest if seen.size == rest.size else np.interp(np.arange(rest.size), seen, rest[seen])


def _split_inner(found: Found, series: Scaled, bounds: dict[int, float]) -> None:
    """Keep a season inside a longer one only if its lines stand out there.

    Add one that hides there (a day inside a week).
    """
    for outer in [s.period for s in found.seasons]:
        cut = _whole(found, series, outer)
        inner = [p for p in bounds if outer % p == 0 and outer // p >= INSIDE_TIMES]
        if cut is None or not inner:
            continue
        found.seasons = [s for s in found.seasons if s.period not in inner]
        shape = pattern(cut.table)
        while standing := {p: t for p in inner if score(t := shape.reshape(-1, p)) >= INSIDE + bounds[p] - SCORE}:
            period = _shortest(standing, bounds)
            inner = [p for p in inner if p != period]
            shape = shape - repeated(pattern(standing[period]), outer)
            judged = _whole(found, series, period)
            if judged is not None and _stands(judged, bounds[period]):
                found.tried[period] = judged.season
                found.seasons.append(found.tried[period])
    found.seasons.sort(key=lambda s: s.period)
    found.rest = without(series, found.seasons)
