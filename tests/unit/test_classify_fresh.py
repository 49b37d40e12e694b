"""The newest change: found while it is fresh, dated right, and none where there is none."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from cronocast.classify import classify_member
from cronocast.handoff.profile import Profile

pytestmark = pytest.mark.slow

Floats = NDArray[np.float64]

HOUR_NS = 3600 * 10**9
DAY_NS = 24 * HOUR_NS
START_NS = 1_764_547_200 * 10**9
SIZES = (336, 504, 672, 840)
COUNT = 60  # series of each kind
NEAR = 2  # steps by which a change may be dated wrongly
TREND = ("trend", "trend_seasonal")


class Case(NamedTuple):
    """Hourly values of which the newest change is known."""

    y: Floats
    at: int = 0  # where the change is
    slope: float = 0.0  # per step since then
    kept: Floats | None = None  # steps that have a value


def profile_of(y: Floats, step_ns: int = HOUR_NS, kept: Floats | None = None) -> Profile:
    index = np.arange(y.size) if kept is None else np.flatnonzero(kept)
    return classify_member("m", "", START_NS + index * step_ns, y[index], step_ns, 24, None, None)


def changes(profile: Profile) -> list[int]:
    """Places of the changes in steps."""
    return [(ns - START_NS) // profile.step_ns for ns in profile.change_points_ns]


def noise(rng: np.random.Generator, size: int, memory: float) -> Floats:
    """AR(1) of unit variance."""
    shocks, y = rng.normal(size=size + 200), np.zeros(size + 200)
    for i in range(1, y.size):
        y[i] = memory * y[i - 1] + shocks[i]
    return np.asarray(y[200:] * np.sqrt(1 - memory**2))


def wave(rng: np.random.Generator, size: int, period: float = 24) -> Floats:
    return np.asarray(np.sin(2 * np.pi * (np.arange(size) / period + rng.random())))


def some_gaps(rng: np.random.Generator, size: int, free: int = 12) -> Floats:
    """Three gaps of up to a day, none in the newest `free` steps."""
    kept = np.ones(size)
    for first in rng.integers(2, size - free - 25, 3):
        kept[first : first + rng.integers(1, 25)] = 0
    return kept


def line(rng: np.random.Generator, k: int) -> Case:
    """A straight line with any noise, rounding, a day on top or gaps."""
    size = int(rng.choice((120, 168, *SIZES)))
    slope = 10 ** rng.uniform(-4, 1) * rng.choice([-1, 1])
    rise = abs(slope) * size
    y = rng.choice([0, 55, 1e6]) + slope * np.arange(size)
    y = y + rise * rng.choice([0, 1e-4, 1e-3, 1e-2, 0.05, 0.2]) * rng.normal(size=size)
    if k % 3 == 1:
        y = y + rise * rng.choice([0.02, 0.1, 0.5]) * wave(rng, size)
    if k % 5 == 2:
        y = np.round(y / (0.01 * rise)) * 0.01 * rise
    return Case(y, kept=some_gaps(rng, size) if k % 4 == 3 else None)


def test_a_straight_line_has_no_change() -> None:
    rng, wrong = np.random.default_rng(1), 0
    for k in range(300):
        case = line(rng, k)
        wrong += bool(changes(profile_of(case.y, kept=case.kept)))
    assert wrong <= 3  # 1 %


def leak(rng: np.random.Generator, y: Floats, noise_of: float, digits: int | None = None) -> Case:
    """A disk that fills by a fixed rate since 6 to 40 hours."""
    at = y.size - int(rng.choice([6, 7, 8, 10, 12, 16, 24, 30, 40]))
    rate, before = float(rng.choice([1.0, 0.5, 2.0, -1.0])), float(rng.choice([0.0, 0.1, 0.5])) / 24
    index = np.arange(y.size)
    filled = 55 + before * index + rate * np.maximum(0, index - at + rng.uniform(0.2, 1.0)) * (index >= at)
    whole = y + filled + noise_of * rng.normal(size=y.size)
    return Case(whole if digits is None else np.round(whole, digits), at, rate + before)


def size_of(rng: np.random.Generator) -> int:
    return int(rng.choice(SIZES))


LEAKS: dict[str, Callable[[np.random.Generator], Case]] = {
    "no noise": lambda rng: leak(rng, np.zeros(size_of(rng)), 0.0),
    "noise of means": lambda rng: leak(rng, np.zeros(size_of(rng)), 0.003),
    "noise": lambda rng: leak(rng, np.zeros(size_of(rng)), 0.02),
    "rounded": lambda rng: leak(rng, np.zeros(size_of(rng)), 0.02, 1),
    "small day": lambda rng: leak(rng, 0.5 * wave(rng, size_of(rng)), 0.05),
    "large day": lambda rng: leak(rng, 2 * wave(rng, size_of(rng)), 0.02),
    "slow wave": lambda rng: leak(rng, 0.3 * wave(rng, size_of(rng), 24 * 9), 0.003),
    "gaps": lambda rng: (case := leak(rng, np.zeros(size_of(rng)), 0.02))._replace(
        kept=some_gaps(rng, case.y.size, case.y.size - case.at + 3)
    ),
}


@pytest.mark.parametrize("name", LEAKS)
def test_a_leak_is_a_trend_from_six_hours_on(name: str) -> None:
    rng, found, trends = np.random.default_rng(2), 0, 0
    for _ in range(COUNT):
        case = LEAKS[name](rng)
        profile = profile_of(case.y, kept=case.kept)
        at = changes(profile)
        trends += profile.series_class in TREND
        found += (
            bool(at)
            and abs(at[-1] - case.at) <= NEAR
            and profile.last_change == "slope"
            and abs(profile.slope_now - case.slope) <= 0.15 * abs(case.slope)
        )
    assert found >= 0.95 * COUNT
    assert trends >= 0.98 * COUNT


@pytest.mark.parametrize(("step_ns", "per_day", "age"), [(300 * 10**9, 288, 72), (60 * 10**9, 1440, 360)])
def test_a_leak_is_a_trend_at_short_steps(step_ns: int, per_day: int, age: int) -> None:
    rng = np.random.default_rng(3)
    for day in (0.0, 1.0):
        size = 7 * per_day
        index = np.arange(size)
        filled = 55 + 0.1 * index / per_day + 24 / per_day * np.maximum(0, index - (size - age))
        profile = profile_of(filled + day * wave(rng, size, per_day) + 0.02 * rng.normal(size=size), step_ns)
        assert profile.series_class in TREND
        assert profile.last_change == "slope"
        assert changes(profile)[-1] == pytest.approx(size - age, abs=age / 10)
        assert profile.slope_now * per_day == pytest.approx(24, rel=0.1)


def shifted(y: Floats, age: int, by: float) -> Case:
    return Case(np.where(np.arange(y.size) >= y.size - age, y + by, y), y.size - age)


SHIFTS: dict[str, Callable[[np.random.Generator], Case]] = {
    "no noise": lambda rng: shifted(np.full(size_of(rng), 6.0), 7, 8.7),
    "three spreads of noise": lambda rng: shifted(rng.normal(size=size_of(rng)), 7, rng.choice([-3, 3])),
    "six spreads, four steps old": lambda rng: shifted(rng.normal(size=size_of(rng)), 4, rng.choice([-6, 6])),
    "five spreads of noise with memory": lambda rng: shifted(noise(rng, size_of(rng), 0.7), 7, rng.choice([-5, 5])),
    "day": lambda rng: shifted(5 * wave(rng, (n := size_of(rng))) + rng.normal(size=n), 8, rng.choice([-4, 4])),
    "line": lambda rng: shifted(0.2 * np.arange(n := size_of(rng)) + rng.normal(size=n), 10, rng.choice([-4, 4])),
}


@pytest.mark.parametrize("name", SHIFTS)
def test_a_new_level_is_found_while_it_is_fresh(name: str) -> None:
    rng, found = np.random.default_rng(4), 0
    for _ in range(COUNT):
        case = SHIFTS[name](rng)
        profile = profile_of(case.y)
        at = changes(profile)
        found += bool(at) and abs(at[-1] - case.at) <= NEAR and profile.last_change == "level"
    assert found >= 0.9 * COUNT


NOTHING_NEW: dict[str, Callable[[np.random.Generator], Floats]] = {
    "white noise": lambda rng: rng.normal(size=size_of(rng)),
    "heavy tails": lambda rng: rng.standard_t(4, size=size_of(rng)),
    "memory": lambda rng: noise(rng, size_of(rng), 0.9),
    "long memory": lambda rng: noise(rng, size_of(rng), 0.98),
    "random walk": lambda rng: np.cumsum(rng.normal(size=size_of(rng))),
    "random walk under noise": lambda rng: np.cumsum(rng.normal(size=(n := size_of(rng)))) + rng.normal(size=n),
    "day": lambda rng: wave(rng, (n := size_of(rng))) + 0.1 * rng.normal(size=n),
    "peak a day": lambda rng: 10.0 * ((np.arange(n := size_of(rng)) + rng.integers(24)) % 24 == 0) + rng.normal(size=n),
    "week": lambda rng: wave(rng, (n := size_of(rng)), 168) + 0.2 * rng.normal(size=n),
    "counts among zeros": lambda rng: rng.poisson(0.2, size_of(rng)).astype(np.float64),
}


@pytest.mark.parametrize("name", NOTHING_NEW)
def test_noise_and_seasons_have_no_fresh_change(name: str) -> None:
    rng, wrong = np.random.default_rng(5), 0
    for _ in range(100):
        y = NOTHING_NEW[name](rng)
        wrong += any(at >= y.size - y.size // 12 for at in changes(profile_of(y)))
    assert wrong <= 2


def test_a_switch_has_no_new_level() -> None:
    rng, wrong = np.random.default_rng(6), 0
    for _ in range(COUNT):
        lengths = rng.integers(5, 60, 40)
        y = np.repeat(np.arange(40) % 2 * 18.0, lengths)[:840] + 0.1 * rng.normal(size=840)
        wrong += bool(changes(profile_of(y)))
    assert wrong <= 0.05 * COUNT


def test_one_odd_newest_value_leaves_a_constant_constant() -> None:
    for size in (24, 30, 48, 168, 672):
        for usual, odd in ((7.0, 700.0), (0.0, 1.0), (34.7, 34.6)):
            y = np.append(np.full(size - 1, usual), odd)
            assert profile_of(y).series_class == "constant", (size, usual)


@pytest.mark.parametrize("nights", [5, 7, 14, 28])
@pytest.mark.parametrize("hours", [1, 2, 5])
def test_a_nightly_job_is_seasonal_although_it_was_skipped_once_and_not_if_it_ran_once(nights: int, hours: int) -> None:
    index = np.arange(24 * nights)
    runs = (index % 24 >= 2) & (index % 24 < 2 + hours)
    for skipped in (nights - 1, nights // 2):
        profile = profile_of(np.where(runs & (index // 24 != skipped), 400.0, 5.0))
        assert (profile.series_class, profile.periods) == ("seasonal", (24,)), skipped
        once = profile_of(np.where(runs & (index // 24 == skipped), 400.0, 5.0))
        assert once.periods == (), skipped


def test_kinds_of_values_stand_in_the_evidence() -> None:
    rng = np.random.default_rng(7)
    counts = rng.poisson(0.5, 600)
    seen = profile_of(counts.astype(np.float64)).evidence
    assert (seen["integers"], seen["distinct"]) == (1.0, float(np.unique(counts).size))
    assert seen["zero_share"] == pytest.approx(np.mean(counts == 0), abs=1e-4)
    assert profile_of(rng.normal(size=600)).evidence["integers"] == 0.0


@pytest.mark.parametrize(
    ("step_ns", "years", "weekly"),
    [(DAY_NS, 3.02, 0.0), (DAY_NS, 3.02, 0.8), (DAY_NS, 10, 0.8), (7 * DAY_NS, 4, 0.0), (DAY_NS // 2, 4, 0.0)],
)
def test_a_year_is_found_in_years_of_days_and_weeks(step_ns: int, years: float, weekly: float) -> None:
    rng, period = np.random.default_rng(8), 365.2425 * DAY_NS / step_ns
    expected = (*([7] if weekly else []), round(period))
    for trend in (0.0, 0.8, -0.8):
        for memory in (0.0, 0.7):
            size = int(years * period)
            index = np.arange(size)
            y = wave(rng, size, period) + trend * index / period + 0.3 * noise(rng, size, memory)
            assert profile_of(y + weekly * (index % 7 < 5), step_ns).periods == expected


def test_noise_of_days_has_no_year() -> None:
    rng = np.random.default_rng(9)
    for years in (2.01, 3.02, 5):
        for memory in (0.0, 0.9, 0.99):
            for _ in range(5):
                assert max(profile_of(noise(rng, int(years * 365.25), memory), DAY_NS).periods, default=0) < 300
