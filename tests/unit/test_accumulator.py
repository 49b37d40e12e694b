"""The rule of train-prometheus, told as anomalies."""

import numpy as np
import pytest

from cronocast.durations import UNIT_NS
from cronocast.monitor.accumulator import accumulated

HOUR_NS = UNIT_NS["h"]
N, LOOKED_AT = 24 * 21, 48


def series(seed: int = 0) -> dict[str, np.ndarray]:
    """Noise about a level, forecast without error."""
    y = 50 + np.random.default_rng(seed).normal(size=N)
    yhat = np.full(N, 50.0)
    return {"time_ns": HOUR_NS * np.arange(N), "y": y, "yhat": yhat, "lower": yhat - 1.96, "upper": yhat + 1.96}


@pytest.mark.parametrize("size", [12.0, -12.0])
@pytest.mark.parametrize(("steps", "told"), [(0, False), (4, False), (6, True), (9, True)])
def test_a_tenth_of_the_steps_must_be_far_off(size: float, steps: int, told: bool) -> None:
    given = series()
    given["y"][N - steps :] += size
    found = list(accumulated(**given, steps=LOOKED_AT))
    assert bool(found) == told
    for one in found:
        assert (one.kind, one.steps) == ("run", steps)
        assert (one.since_ns, one.until_ns) == ((N - steps) * HOUR_NS, N * HOUR_NS)
        assert one.score >= 0.99


def test_what_is_over_is_counted_back() -> None:
    """Six large errors are gone after three steps of -2."""
    given = series()
    given["y"][N - 9 : N - 3] += 12
    assert not list(accumulated(**given, steps=LOOKED_AT))


def test_errors_that_have_long_been_as_large_are_no_anomaly() -> None:
    given = series()
    given["yhat"] = given["yhat"] + 12  # also before: the tail test is silent
    assert not list(accumulated(**given, steps=LOOKED_AT))


def test_without_forecasts_nothing_is_told() -> None:
    given = series()
    given["yhat"][:-5] = np.nan
    given["y"][-5:] += 100
    assert not list(accumulated(**given, steps=LOOKED_AT))
