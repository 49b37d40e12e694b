"""Which periods a series holds: hour, day and week first, then what its spectrum shows."""

from dataclasses import dataclass, field

import numpy as np

from cronocast.classify.features import Floats, Scaled
from cronocast.classify.periods import Season, cycles, pattern, repeated, score, strength
from cronocast.classify.spectrum import spectral_peaks
from cronocast.durations import UNIT_NS

# Bounds were set on noise alone (white, AR(1) with 0.9 and 0.98, random walks, 2 to 84 cycles): under 0.5 % of them pass.
SCORE, SCORE_FEW = 5.0, 48.0  # a score must exceed SCORE + SCORE_FEW / cycles**2: two smooth cycles resemble each other by chance
STRENGTH, STRENGTH_FEW = 0.04, 0.6  # and its strength the larger of STRENGTH (noise of about three times the wave) and STRENGTH_FEW / cycles
FOUND_CYCLES = 5  # a period that no calendar suggests must have been seen this often
FOUND_SCORE = 5.0  # and have this much more score, since many were looked at
INSIDE = 4.0  # score that a shorter season needs among the lines of a longer one to be a season of its own
INSIDE_TIMES = 6  # with fewer repeats inside the longer one there are too few lines to compare, and the longer one alone says it all
NOTHING = 1.0  # score of lines that are no higher than noise
SAWTOOTH = 0.9  # share of a pattern that one drop and a straight rise explain


@dataclass
class Found:
    """Seasons of a series and what is left without them."""

    rest: Floats  # shape (t,)
    seasons: list[Season] = field(default_factory=list)  # ascending period
    tried: dict[int, Season] = field(default_factory=dict)  # calendar periods and those that stood the test
    regular_drops: int = 0  # period of a sawtooth that is left to the trend, 0 if there is none


def calendar(step_ns: int, size: int) -> list[int]:
    """Hour, day and week in steps, as far as two of them fit into `size` and whole steps keep their phase."""
    exact = [UNIT_NS[unit] / step_ns for unit in "hdw"]
    return [round(p) for p in exact if p >= 1.5 and 2 * round(p) <= size and abs(p - round(p)) * (size / p) <= 0.05 * p]


def find(series: Scaled, step_ns: int) -> Found:
    """Find the seasons of a series; each is judged on what the others leave."""
    found = Found(series.y)
    peaks = spectral_peaks(series, FOUND_CYCLES)
    for period in calendar(step_ns, series.y.size):
        table = cycles(found.rest, series, period)
        if table is not None:
            found.tried[period] = season = _season(table)
            if _stands(season, len(table), 0.0):
                _add(found, series, Season(_fundamental(table), season.score, season.strength))
    while _add_strongest(found, series, peaks) and len(found.seasons) < len(peaks) + 3:
        pass
    _split_inner(found, series, peaks)
    return found


def given(series: Scaled, periods: list[int]) -> Found:
    """Take these periods as they are."""
    found = Found(series.y)
    for period in periods:
        table = cycles(found.rest, series, period)
        found.tried[period] = Season(period, 0.0, 0.0) if table is None else _season(table)
        _add(found, series, found.tried[period])
    return found


def _season(table: Floats) -> Season:
    return Season(table.shape[1], score(table), strength(table))


def _stands(season: Season, count: int, extra: float) -> bool:
    return season.score >= SCORE + extra + SCORE_FEW / count**2 and season.strength >= max(STRENGTH, STRENGTH_FEW / count)


def _add(found: Found, series: Scaled, season: Season) -> None:
    found.seasons = sorted([*found.seasons, season], key=lambda s: s.period)
    found.rest = _without(series, found.seasons)


def drop(found: Found, series: Scaled, period: int) -> None:
    """Take a season back."""
    found.seasons = [s for s in found.seasons if s.period != period]
    found.rest = _without(series, found.seasons)


def _without(series: Scaled, seasons: list[Season]) -> Floats:
    """Take seasons out of the series; two rounds, since each pattern holds a trace of the others."""
    waves = {s.period: np.zeros(series.y.size) for s in seasons}
    rest = series.y
    for _ in range(2 if len(waves) > 1 else 1):
        for period, known in waves.items():
            table = cycles(rest + known, series, period)
            if table is not None:
                wave = repeated(pattern(table), series.y.size)
                rest, waves[period] = rest + known - wave, wave
    return rest


def _fundamental(table: Floats) -> int:
    """The shortest period whose lines are all there is: lines between them are no higher than noise."""
    period = int(table.shape[1])
    whole = strength(table)
    for times in range(period // 2, 1, -1):
        if period % times == 0 and score(table, apart_from=times) < NOTHING and strength(table.reshape(-1, period // times)) >= whole - 0.02:
            return period // times
    return period


def _add_strongest(found: Found, series: Scaled, peaks: list[float]) -> bool:
    """Add the period near a peak of the spectrum that foretells most of the rest, if any stands the test."""
    candidates = [c for c in (_near(series, found, p * times) for p in peaks for times in (1, 2, 3)) if c is not None]
    standing = [t for t in candidates if _stands(_season(t), len(t), FOUND_SCORE)]
    if not standing:
        return False
    period = _fundamental(max(standing, key=strength))
    if any(s.period == period for s in found.seasons):
        return False
    # A longer season holds those that divide it, unless they repeat often enough in it to be told apart later.
    kept = [s for s in found.seasons if period % s.period or period // s.period >= INSIDE_TIMES]
    table = cycles(_without(series, [s for s in kept if period % s.period]), series, period)
    if table is None:
        return False
    season = _season(table)
    found.tried[period] = season
    found.seasons = kept
    if _is_sawtooth(pattern(table)):
        found.regular_drops = period
        found.rest = _without(series, kept)
        return False
    _add(found, series, season)
    return True


def _near(series: Scaled, found: Found, period: float) -> Floats | None:
    """Cycles of the rest at the whole period next to a peak that foretells most; None if a known season explains it or it was seen too seldom."""
    slack = max(0.5, 0.3 * period**2 / series.y.size)  # an interpolated peak is this sharp
    if not 2 <= period <= series.y.size / FOUND_CYCLES:
        return None
    if any(abs(s.period / round(s.period / period) - period) <= slack for s in found.seasons if period <= s.period + slack):
        return None
    near = np.unique(np.clip(np.linspace(period - slack, period + slack, 5).round(), 2, series.y.size // FOUND_CYCLES)).astype(int)
    tables = [t for t in (cycles(found.rest, series, int(p)) for p in near) if t is not None]
    return max(tables, key=strength, default=None)


def _is_sawtooth(shape: Floats) -> bool:
    """Tell whether one jump a cycle and a straight line in between make the pattern: then the last slope says more than the season."""
    if shape.size < 8:
        return False
    jump = int(np.argmax(np.abs(np.diff(shape, append=shape[0]))))
    rolled = np.roll(shape, -(jump + 1))
    time = np.arange(shape.size) - (shape.size - 1) / 2
    line = time * (time @ rolled) / (time @ time)
    return float(np.sum((rolled - line) ** 2)) <= (1 - SAWTOOTH) * float(np.sum(rolled**2))


def _split_inner(found: Found, series: Scaled, peaks: list[float]) -> None:
    """Keep a season inside a longer one only if its lines stand out there; add one that hides there (jobs every 90 minutes under a daily wave)."""
    for outer in [s.period for s in found.seasons]:
        table = cycles(series.y, series, outer)
        if table is None:
            continue
        shape = pattern(table)
        for season in [s for s in found.seasons if s.period < outer and outer % s.period == 0]:
            if outer // season.period >= INSIDE_TIMES and score(shape.reshape(-1, season.period)) < INSIDE:
                found.seasons.remove(season)
        for period in {round(peak) for peak in peaks if peak >= 1.5}:
            known = any(s.period % period == 0 and s.period < outer for s in found.seasons) or any(s.period == period for s in found.seasons)
            if outer % period == 0 and outer // period >= INSIDE_TIMES and not known and score(shape.reshape(-1, period)) > SCORE + FOUND_SCORE:
                judged = cycles(series.y, series, period)
                if judged is not None and strength(judged) >= STRENGTH:
                    found.seasons.append(_season(judged))
                    found.tried[period] = found.seasons[-1]
    found.seasons.sort(key=lambda s: s.period)
    found.rest = _without(series, found.seasons)
