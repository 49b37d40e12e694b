"""Dates at which limits are reached: every state, and what must not change an answer."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from cronocast.handoff.evaluation import STATES, Crossing
from cronocast.monitor.crossing.calibrate import calibration
from cronocast.monitor.crossing.event import DAY_NS, OF, Event, Found
from cronocast.monitor.crossing.find import crossings

Floats = NDArray[np.float64]

HOUR_NS = 3600 * 10**9
START_NS = 20_454 * DAY_NS  # a midnight
WEEKS = 4
N = WEEKS * 168
DAYS = np.arange(N) / 24


def noise(sd: float, n: int = N, phi: float = 0.9, seed: int = 1) -> Floats:
    rng = np.random.default_rng(seed)
    out = rng.normal(0, sd * np.sqrt(1 - phi**2), n)
    for i in range(1, n):
        out[i] += phi * out[i - 1]
    return out


def find(y: Floats, event: Event, step_ns: int = HOUR_NS, reach: int | None = None, **more: float) -> Found:
    time_ns = START_NS + np.arange(y.size, dtype=np.int64) * step_ns
    (found,) = crossings(time_ns, y, step_ns, (event,), reach or y.size, 7, **more)
    return found


def days_left(found: Found, y: Floats, step_ns: int = HOUR_NS) -> tuple[float, float, float]:
    """Earliest, median and latest in days from the newest value; inf for none."""
    now = START_NS + (y.size - 1) * step_ns
    stated = (found.earliest_ns, found.crosses_ns, found.latest_ns)
    low, middle, high = (float("inf") if at is None else (at - now) / DAY_NS for at in stated)
    return low, middle, high


GROWTH = 40 + DAYS + noise(0.5)
SAW = 40 + 3 * (np.arange(N) % 144) / 24 + noise(0.3)  # cleaned every 6 days at 58
CHANGED = 50 + np.maximum(12 * (DAYS - 27.5), 0) + 0.1 * DAYS + noise(0.1)  # for half a day
FIVE = np.arange(14 * 288) / 288
BEND = 70 + 18 * (1 - np.exp(-DAYS / 10)) + noise(0.2)  # ends at 88

STATE: dict[str, tuple[Floats, Event, str]] = {
    "grows": (GROWTH, Event(75), "date"),
    "grew, its newest slope is half a day old": (CHANGED, Event(100), "open"),
    "far away": (GROWTH, Event(300), "quiet"),
    "flat": (50 + noise(1.0), Event(65), "not_growing"),
    "falls": (80 - DAYS + noise(0.5), Event(95), "not_growing"),
    "constant": (np.full(N, 7.0), Event(8), "not_growing"),
    "zero": (np.zeros(N), Event(1), "not_growing"),
    "cleaned": (SAW, Event(75), "cleaned"),
    "fades": (BEND, Event(90), "quiet"),
    "over": (GROWTH, Event(60), "over"),
    "at the limit, where nothing grows any more": (np.minimum(60 + 2 * DAYS, 100.0), Event(100), "over"),
    "recovers to just the limit": (np.append(np.full(N, 40.0), 100.0), Event(100), "over"),
    "three points": (np.array([1.0, 2.0, 3.0]), Event(10), "too_little"),
    "three points, over": (np.array([1.0, 2.0, 3.0]), Event(2), "over"),
    "47 points": (GROWTH[:47], Event(75), "too_little"),
    "one point": (np.array([1.0]), Event(10), "too_little"),
    "no value": (np.full(60, np.nan), Event(10), "too_little"),
    "no row": (np.empty(0), Event(10), "too_little"),
}


@pytest.mark.parametrize(("y", "event", "state"), STATE.values(), ids=STATE)
def test_state(y: Floats, event: Event, state: str) -> None:
    assert find(y, event, reach=N).state == state


@pytest.mark.parametrize(("y", "event", "state"), STATE.values(), ids=STATE)
def test_below_is_above_upside_down(y: Floats, event: Event, state: str) -> None:
    up, down = find(y, event, reach=N), find(-y, event._replace(limit=-event.limit, above=False), reach=N)
    turned = up._replace(words="", now=up.now and -up.now, slope_day=up.slope_day and -up.slope_day)
    assert down._replace(words="") == turned


@pytest.mark.parametrize(
    ("scale", "shift"), [(1e-6, 0.0), (1e9, 0.0), (1.0, 1e6), (1e-290, 0.0), (-0.0 + 1024.0, -5e5)]
)
@pytest.mark.parametrize("y", [GROWTH, CHANGED, SAW], ids=["grows", "changed", "cleaned"])
def test_units_do_not_matter(y: Floats, scale: float, shift: float) -> None:
    plain, other = find(y, Event(75.0)), find(y * scale + shift, Event(75.0 * scale + shift))
    assert other.state == plain.state
    for a, b in zip(days_left(plain, y), days_left(other, y), strict=True):
        assert a == pytest.approx(b, abs=0.3)


def test_every_answer_fits_the_hand_off() -> None:
    for y, event, _ in STATE.values():
        found = find(y, event, reach=N)
        crossing = Crossing(threshold="full", limit=event.limit, above=event.above, of=event.of, **found._asdict())
        assert crossing.state in STATES
        assert crossing.words
        assert all(v == v and abs(v) < 1e300 for v in found if isinstance(v, float)), found  # noqa: PLR0124 - no NaN


def test_the_same_seed_gives_the_same_answer() -> None:
    assert find(GROWTH, Event(75)) == find(GROWTH, Event(75))


def test_events_together_are_as_alone() -> None:
    events = (Event(75), Event(20, above=False), Event(70, of="daily_mean"), Event(80, stays=3))
    time_ns = START_NS + np.arange(N, dtype=np.int64) * HOUR_NS
    assert crossings(time_ns, GROWTH, HOUR_NS, events, N, 7) == tuple(find(GROWTH, event) for event in events)


# Steps of 5 minutes to a day: noise whose memory is hours, growth of 1 a day, 14 to 15 days to go.
def at_steps(step_ns: int, days: int) -> Floats:
    per_day = DAY_NS // step_ns
    t = np.arange(days * per_day) / per_day
    return 40 + t + noise(0.4, t.size, phi=0.9 ** (24 / per_day), seed=3)


STEPS = {
    "5 min": (HOUR_NS // 12, 28),
    "10 min": (HOUR_NS // 6, 28),
    "1 h": (HOUR_NS, 28),
    "6 h": (6 * HOUR_NS, 60),
    "1 d": (DAY_NS, 120),
}


@pytest.mark.parametrize(("step_ns", "days"), STEPS.values(), ids=STEPS)
def test_steps(step_ns: int, days: int) -> None:
    y = at_steps(step_ns, days)
    low, middle, high = days_left(find(y, Event(40 + days + 10 - step_ns / DAY_NS), step_ns), y, step_ns)
    assert 6 < low <= 10 <= high
    assert 8 < middle < 11


@pytest.mark.parametrize("step_ns", [HOUR_NS // 12, HOUR_NS])
def test_a_limit_that_is_near_is_told_to_the_step(step_ns: int) -> None:
    per_hour = HOUR_NS // step_ns
    y = 40 + np.arange(14 * 24 * per_hour) / per_hour * 0.5  # 0.5 an hour, no noise
    low, middle, _ = days_left(find(y, Event(float(y[-1]) + 1.25), step_ns), y, step_ns)
    assert middle * 24 == pytest.approx(2.5, abs=0.5 / per_hour + 0.01)
    assert low == pytest.approx(middle, abs=2 / 24)


GAPS: dict[str, Callable[[Floats], NDArray[np.bool_]]] = {
    "one in five missing": lambda y: np.random.default_rng(2).random(y.size) > 0.2,
    "two days missing": lambda y: (np.arange(y.size) < 300) | (np.arange(y.size) >= 348),
    "only every second": lambda y: np.arange(y.size) % 2 == 1,
    "nothing at night": lambda y: np.arange(y.size) % 24 >= 6,
}


@pytest.mark.parametrize("kept", GAPS.values(), ids=GAPS)
@pytest.mark.parametrize("as_rows", [True, False], ids=["rows missing", "NaN"])
def test_gaps(kept: Callable[[Floats], NDArray[np.bool_]], as_rows: bool) -> None:
    y, time_ns = GROWTH, START_NS + np.arange(N, dtype=np.int64) * HOUR_NS
    mask = kept(y)
    mask[-1] = True
    given_ns, given = (time_ns[mask], y[mask]) if as_rows else (time_ns, np.where(mask, y, np.nan))
    (found,) = crossings(given_ns, given, HOUR_NS, (Event(78),), N, 7)
    low, middle, high = days_left(found, y)
    assert low < 10 < high
    assert 8 < middle < 12


def test_a_clean_up_in_a_gap_is_one() -> None:
    """Filling along a line would make a slow fall of it."""
    y, mask = SAW, np.ones(N, bool)
    for end in range(144, N, 144):
        mask[end - 3 : end + 2] = False
    time_ns = START_NS + np.arange(N, dtype=np.int64) * HOUR_NS
    (found,) = crossings(time_ns[mask], y[mask], HOUR_NS, (Event(75),), N, 7)
    assert found.state == "cleaned"


def test_values_of_a_year_are_looked_at() -> None:
    """More than fits in the newest weeks: the newest count, or coarser units where the reach is long."""
    y = 40 + np.arange(365 * 24) / 24 * 0.1 + noise(0.3, 365 * 24)
    near, far = find(y, Event(78.5), reach=1000), find(y, Event(90), reach=365 * 24)
    assert days_left(near, y)[1] == pytest.approx(20, abs=6)
    assert days_left(far, y)[1] == pytest.approx(135, abs=25)


# A spike of one hour a day; the mean of a day is 1 above the line, half a day late.
PEAKS = 40 + DAYS + np.where(np.arange(N) % 24 == 12, 24.0, 0.0) + noise(0.1)
OF_EVENT = {"value": (98, 6.5), "daily_peak": (98, 6.5), "daily_mean": (74, 5.5)}  # noon of the seventh day; 28 + 5 + 1


@pytest.mark.parametrize("of", OF)
def test_what_is_compared_with_the_limit(of: str) -> None:
    limit, days = OF_EVENT[of]
    assert days_left(find(PEAKS, Event(limit, of=of)), PEAKS)[1] == pytest.approx(days, abs=1.1)


def test_a_part_of_a_day_is_no_daily_mean() -> None:
    y = 50 + noise(0.1)
    y[-23:-18] = 100.0  # 60 in the mean of the day
    assert find(y, Event(80, of="daily_mean")).p_1d < 0.1  # type: ignore[operator]


def test_a_peak_counts_as_over_for_its_day_a_value_does_not() -> None:
    limit = 40 + 28 + 24 - 2  # reached by the newest noon alone
    assert find(PEAKS, Event(limit, of="daily_peak")).state == "over"
    assert find(PEAKS, Event(limit, of="daily_mean")).state != "over"
    assert find(PEAKS, Event(limit)).state == "date"


@pytest.mark.parametrize(("newest", "stays", "state"), [(1, 1, True), (2, 3, False), (3, 3, True), (30, 24, True)])
def test_over_only_once_it_stays(newest: int, stays: int, state: bool) -> None:
    y = np.append(np.full(N - newest, 50.0), np.full(newest, 90.0)) + noise(0.1)
    found = find(y, Event(80, stays=stays))
    assert (found.state == "over") == state
    if state:
        assert found.since_ns == START_NS + (N - newest) * HOUR_NS


def test_staying_longer_never_comes_earlier() -> None:
    y = 40 + DAYS + noise(2.0, phi=0.5)
    dates = [days_left(find(y, Event(76, stays=stays)), y)[1] for stays in (1, 3, 12)]
    assert dates == sorted(dates)
    assert dates[0] < dates[2]


def test_chances_stand_only_where_it_was_looked_that_far() -> None:
    found = find(GROWTH, Event(75), reach=10 * 24)
    assert found.p_1d is not None
    assert found.p_7d is not None
    assert found.p_30d is None
    assert found.reach_ns == 10 * DAY_NS
    assert found.p_1d <= found.p_7d


def test_no_date_beyond_the_history() -> None:
    """The limit is 1.5 histories away, and looked for three of them ahead."""
    found = find(GROWTH, Event(40 + 2.5 * 28), reach=3 * N)
    assert (found.state, found.crosses_ns, found.latest_ns) == ("unsure", None, None)
    assert found.earliest_ns is not None
    assert "28 days" in found.words or "4 weeks" in found.words


@pytest.mark.parametrize(("days", "rough"), [(10, False), (20, True)])
def test_rough_from_half_of_the_history(days: float, rough: bool) -> None:
    y = 40 + DAYS + noise(0.1)
    found = find(y, Event(40 + 28 + days))
    assert found.rough == rough
    assert ("rough" in found.words) == rough


WORDS: dict[str, tuple[Floats, Event, tuple[str, ...]]] = {
    "over": (GROWTH, Event(60), ("over 60 now", "since")),
    "date": (GROWTH, Event(75), ("reaches 75 on", "between", " and ")),
    "below": (-GROWTH, Event(-75, above=False), ("falls to -75 on",)),
    "mean": (GROWTH, Event(75, of="daily_mean"), ("daily mean reaches 75",)),
    "chance of a mean": (GROWTH, Event(96, of="daily_mean"), ("that the daily mean reaches 96",)),
    "mean, quiet": (GROWTH, Event(300, of="daily_mean"), ("daily mean does not reach 300",)),
    "below, quiet": (-GROWTH, Event(-300, above=False), ("does not fall to -300",)),
    "reach": (GROWTH, Event(300), ("300 within 4 weeks",)),
    "young": (CHANGED, Event(100), ("growth since", "a day, before: +0.")),
    "cleaned": (SAW, Event(75), ("stays below 75", "every 6 days", "peaks about 5")),
    "not growing": (50 + noise(1.0), Event(65), ("not growing",)),
    "not falling": (-50 + noise(1.0), Event(-65, above=False), ("not falling",)),
}


@pytest.mark.parametrize(("y", "event", "said"), WORDS.values(), ids=WORDS)
def test_words(y: Floats, event: Event, said: tuple[str, ...]) -> None:
    words = find(y, event).words
    assert all(part in words for part in said), words
    assert "inf" not in words
    assert "nan" not in words


def test_a_clean_up_that_has_not_come() -> None:
    y = np.where(np.arange(N) < 432, SAW, 40 + 3 * (np.arange(N) - 432) / 24 + noise(0.3))
    found = find(y, Event(75))
    assert found.state in ("date", "open")
    assert "has not come" in found.words
    assert days_left(found, y)[1] == pytest.approx((75 - 40) / 3 - 10, abs=0.5)


def test_a_leak_is_dated_after_some_hours() -> None:
    hours = np.arange(N)
    y = 55 + 0.1 * hours / 24 + np.maximum(hours - (N - 6), 0) + noise(0.05)
    found = find(y, Event(float(y[-1]) + 40))
    assert days_left(found, y)[1] * 24 == pytest.approx(40, abs=3)
    assert "if the growth since" in found.words


def test_a_slope_that_grows_is_followed() -> None:
    """A line through the newest week would come more than a week late."""
    inside, middles = 0, []
    for seed in range(8):
        y = 50 + 2 * np.exp((DAYS - 28) / 10) + noise(0.05, seed=seed)
        low, middle, high = days_left(find(y, Event(50 + 2 * np.exp(1.5))), y)
        inside += low <= 15 <= high
        middles.append(middle)
    assert inside >= 5
    assert np.median(middles) == pytest.approx(15, abs=2.5)


SURPRISES = {
    "steady": (40 + DAYS, 1.0, 1.3),
    "changes every week": (40 + np.interp(DAYS, [0, 7, 14, 21, 28], [0, 2, 22, 24, 44]), 1.3, 4.0),
}


@pytest.mark.parametrize(("line", "least", "most"), SURPRISES.values(), ids=SURPRISES)
def test_calibration(line: Floats, least: float, most: float) -> None:
    y, time_ns = line + noise(0.3, seed=3), START_NS + np.arange(N, dtype=np.int64) * HOUR_NS
    widen = calibration(time_ns, y, HOUR_NS, Event(float(y[-1]) + 10), N, 7)
    assert least <= widen <= most


def test_wider_paths_widen_the_range_and_leave_the_date() -> None:
    plain, wider = (days_left(find(GROWTH, Event(78), widen=widen), GROWTH) for widen in (1.0, 3.0))
    assert wider[0] < plain[0]
    assert wider[1] == plain[1]
    assert wider[2] >= plain[2]


@pytest.mark.parametrize("y", [SAW, np.full(N, 5.0), GROWTH[:20], np.array([1.0]), np.empty(0)])
def test_calibration_of_what_tells_nothing(y: Floats) -> None:
    time_ns = START_NS + np.arange(y.size, dtype=np.int64) * HOUR_NS
    assert calibration(time_ns, y, HOUR_NS, Event(100), N, 7) == 1.0


FALSE: dict[str, Callable[[int], tuple[Floats, float]]] = {
    "flat": lambda seed: (50 + noise(1.0, seed=seed), 57.0),
    "flat, long memory": lambda seed: (50 + noise(1.0, seed=seed, phi=0.99), 56.0),
    "falling": lambda seed: (80 - 0.5 * DAYS + noise(1.0, seed=seed), 92.0),
    "cleaned by time": lambda seed: (40 + 3 * ((np.arange(N) + 20 * seed) % 120) / 24 + noise(0.5, seed=seed), 64.0),
    "nightly job": lambda seed: (50 + 15 * ((np.arange(N) + seed) % 24 < 3) + noise(0.3, seed=seed), 80.0),
}


@pytest.mark.parametrize("made", FALSE.values(), ids=FALSE)
def test_no_date_for_what_stays_below(made: Callable[[int], tuple[Floats, float]]) -> None:
    found = [find(*made(seed)[:1], Event(made(seed)[1])) for seed in range(6)]
    assert sum(one.crosses_ns is not None for one in found) == 0, [one.words for one in found]


@pytest.mark.parametrize("off", [3.0, 8.0, -4.0])
def test_a_single_value_is_no_trend(off: float) -> None:
    y = GROWTH.copy()
    y[-1] += off
    assert days_left(find(y, Event(78)), y)[1] == pytest.approx(days_left(find(GROWTH, Event(78)), y)[1], abs=3)
