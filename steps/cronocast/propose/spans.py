"""Step size, lookback and horizon for data of a certain age, as often as they come."""

from typing import NamedTuple

from cronocast.durations import Duration

STEPS = ("1m", "5m", "10m", "15m", "30m", "1h", "2h", "3h", "6h", "12h", "1d", "1w")
# Age of the data from which steps of this length are enough, and a finer one would only cost more.
FINE = (("4d", "1h"), ("12h", "10m"), ("0s", "1m"))
LOOKBACKS = ("52w", "26w", "12w", "8w", "4w", "2w", "1w", "3d", "2d", "1d", "12h", "6h", "3h", "1h")
MOST_STEPS = 1000  # of the lookback: 4w of hours has 672
LEAST_STEPS = 24  # of the lookback: with fewer a member is too short to be more than repeated
HORIZONS = ("4w", "2w", "1w", "72h", "48h", "24h", "12h", "6h", "3h", "1h", "30m", "10m", "5m", "1m")
SHARE = 4  # a horizon is at most this part of the lookback
USUAL, FAR = "24h", "72h"


class Spans(NamedTuple):
    """Settings of an entry."""

    every: Duration
    lookback: Duration
    horizon: Duration


def spans_of(apart_ns: int, age_ns: int, *, far: bool) -> Spans:
    """Choose the spans of an entry.

    Args:
        apart_ns: How far points are apart; 0 where nobody knows.
        age_ns: How far back they go.
        far: Look further ahead.
    """
    every = _every(apart_ns, age_ns)
    lookback = _lookback(every, age_ns)
    daily = every >= Duration.parse("6h")
    most = min(lookback // SHARE, Duration.parse("4w" if daily else FAR if far else USUAL))
    horizon = next((text for text in map(Duration.parse, HORIZONS) if text <= most and text % every == 0), every)
    return Spans(every, lookback, horizon)


def _every(apart_ns: int, age_ns: int) -> Duration:
    """The shortest step that is no shorter than points are apart, nor finer than the age of the data calls for."""
    enough = next(step for age, step in FINE if age == "0s" or age_ns >= Duration.parse(age))
    least = max(apart_ns, Duration.parse(enough))
    return next((step for step in map(Duration.parse, STEPS) if step >= least), Duration.parse(STEPS[-1]))


def _lookback(every: Duration, age_ns: int) -> Duration:
    """The longest lookback that the data fill, of not too many steps; the shortest one where they fill none."""
    fitting = [
        span
        for span in map(Duration.parse, LOOKBACKS)
        if span % every == 0 and LEAST_STEPS * every <= span <= MOST_STEPS * every
    ]
    return next((span for span in fitting if span <= age_ns), fitting[-1])
