"""What is unusual at the end of a series, and what only recurs."""

from collections.abc import Callable

import numpy as np
import pytest

from cronocast.durations import UNIT_NS
from cronocast.handoff.evaluation import Anomaly
from cronocast.monitor.anomalies import anomalies

LEVEL = 0.95
DAYS = 35


def series(step: str = "1h", memory: float = 0.0, seed: int = 1) -> dict[str, np.ndarray]:
    """A daily wave with noise, forecast without error, with an interval as wide as the noise."""
    step_ns = UNIT_NS[step[-1]] * int(step[:-1])
    n = DAYS * UNIT_NS["d"] // step_ns
    time_ns = np.int64(20_000 * UNIT_NS["d"]) + step_ns * np.arange(n, dtype=np.int64)
    noise = np.random.default_rng(seed).normal(size=n + 200)
    for i in range(1, noise.size):
        noise[i] = memory * noise[i - 1] + np.sqrt(1 - memory**2) * noise[i]
    yhat = 50 + 10 * np.sin(2 * np.pi * time_ns / UNIT_NS["d"])
    return {"time_ns": time_ns, "y": yhat + noise[200:], "yhat": yhat, "lower": yhat - 1.96, "upper": yhat + 1.96}


def found(given: dict[str, np.ndarray], kind: str = "") -> list[Anomaly]:
    """Anomalies of a kind whose score is worth a word."""
    return [one for one in anomalies(**given, level=LEVEL) if kind in ("", one.kind) and one.score > 0.99]


def spoiled(part: slice, value: Callable[[np.ndarray], object], **more: object) -> dict[str, np.ndarray]:
    """A series with other values in some steps."""
    given = series(**more)  # type: ignore[arg-type]
    given["y"][part] = value(given["y"][part])
    return given


@pytest.mark.parametrize("step", ["5m", "1h", "6h"])
@pytest.mark.parametrize("memory", [0.0, 0.8])
def test_noise_is_seldom_unusual(step: str, memory: float) -> None:
    counts = [len(found(series(step, memory, seed))) for seed in range(30)]
    assert sum(count > 0 for count in counts) <= 2


@pytest.mark.parametrize(
    ("part", "change", "kind", "steps"),
    [
        (slice(-3, None), lambda y: y + 12, "outside", 3),
        (slice(-1, None), lambda y: y - 12, "outside", 1),
        (slice(-10, -5), lambda y: y + 12, "outside", 5),  # over, but of today
        (slice(-5, None), lambda y: y * np.nan, "missing", 5),
        (slice(-30, None), lambda y: y + 2, "run", 30),
    ],
)
@pytest.mark.parametrize("seed", range(5))
def test_what_is_unusual_is_told_with_its_begin(
    part: slice, change: Callable[[np.ndarray], object], kind: str, steps: int, seed: int
) -> None:
    given = spoiled(part, change, seed=seed)
    one = max(found(given, kind), key=lambda anomaly: anomaly.steps)
    first = int(given["time_ns"][part.start])
    slack = 8 if kind == "run" else 3  # neighbours by chance
    assert abs(one.since_ns - first) <= slack * UNIT_NS["h"]
    assert steps <= one.steps + slack
    assert one.words


def test_what_ended_more_than_a_day_ago_is_history() -> None:
    assert not found(spoiled(slice(-60, -50), lambda y: y + 12))


def test_a_job_that_runs_each_night_is_usual_and_at_another_hour_it_is_not() -> None:
    given = series()
    hours = given["time_ns"] // UNIT_NS["h"] % 24
    nightly = np.isin(hours, (2, 3))
    given["y"][nightly] += 15
    assert not found(given)
    given["y"][-2:] += 15  # 22 and 23 o'clock
    assert [one.steps for one in found(given, "outside")] == [2]


def test_a_weekly_job_is_usual() -> None:
    given = series()
    hours = given["time_ns"] // UNIT_NS["h"] % 168
    given["y"][hours == hours[-1]] += 15
    assert not found(given)


@pytest.mark.parametrize("days", [1, 2])
def test_closing_hours_are_not_missing(days: int) -> None:
    given = series()
    hours = given["time_ns"] // UNIT_NS["h"] % 24
    given["y"][hours >= 18] = np.nan
    assert not found(given, "missing")
    given["y"][-24 * days :] = np.nan
    assert [one.steps for one in found(given, "missing")] == [24 * days + 6]


@pytest.mark.parametrize("size", [0, 1])
def test_almost_nothing_is_nothing_unusual(size: int) -> None:
    assert not anomalies(**{name: values[:size] for name, values in series().items()}, level=LEVEL)


def test_without_any_forecast_only_silence_can_be_told() -> None:
    given = spoiled(slice(-8, None), lambda y: y * np.nan)
    for name in ("yhat", "lower", "upper"):
        given[name][:] = np.nan
    assert [one.kind for one in anomalies(**given, level=LEVEL)] == ["missing"]
