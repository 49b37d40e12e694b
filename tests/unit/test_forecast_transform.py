"""Transforms are strictly monotone, invert exactly, and bring forecast and interval back to where quantiles belong."""

from typing import Any

import numpy as np
import pytest

from cronocast.forecast.answer import MemberForecast, Settings
from cronocast.forecast.engine import forecast_member
from cronocast.forecast.transform import fitted
from cronocast.handoff.profile import Profile

HOUR_NS = 3600 * 10**9
RNG = np.random.default_rng(11)
SKEWED = np.exp(RNG.normal(size=600))


@pytest.mark.parametrize("name", ["none", "log", "sqrt", "power"])
@pytest.mark.parametrize(
    "y",
    [SKEWED, np.concatenate(([0.0], SKEWED)), 1e200 * SKEWED, 1e-200 * SKEWED],
    ids=["positive", "with zero", "huge", "tiny"],
)
def test_inverse_undoes_it(name: str, y: np.ndarray) -> None:
    transform, refused = fitted(name, y)
    assert not refused
    z = transform.forward(y)
    assert np.isfinite(z).all()
    assert np.allclose(transform.back(z), y, rtol=1e-9, atol=1e-12 * y.max())
    assert (np.diff(transform.forward(np.unique(y))) > 0).all()


@pytest.mark.parametrize("name", ["log", "sqrt", "power"])
def test_back_never_falls_and_never_overflows(name: str) -> None:
    transform, _ = fitted(name, SKEWED)
    z = np.linspace(-1e4, 1e4, 2001)
    with np.errstate(over="ignore"):
        back = transform.back(z)
    assert np.isfinite(back).all()
    assert (np.diff(back) >= 0).all()
    assert back.min() >= 0


def test_power_makes_skewed_values_even() -> None:
    transform, _ = fitted("power", SKEWED)
    z = transform.forward(SKEWED)
    skew = np.mean((z - z.mean()) ** 3) / z.std() ** 3
    assert abs(skew) < 0.3
    assert transform.power == pytest.approx(0, abs=0.15)


@pytest.mark.parametrize(
    ("name", "y"),
    [
        ("log", np.array([-1.0, 2.0])),
        ("sqrt", np.array([-1e-9, 2.0])),
        ("log", np.zeros(4)),
        ("power", np.array([-3.0, 3.0])),
    ],
    ids=["log below zero", "root below zero", "log of zeros", "power below zero"],
)
def test_what_can_not_be_transformed_stays_and_is_said(name: str, y: np.ndarray) -> None:
    transform, refused = fitted(name, y)
    assert not transform.name
    assert refused.startswith("transform: ")


def test_gaps_stay_gaps() -> None:
    y = np.where(np.arange(600) % 7 == 0, np.nan, SKEWED)
    for name in ("log", "sqrt", "power"):
        transform, _ = fitted(name, y)
        assert np.isnan(transform.forward(y)).sum() == np.isnan(y).sum()


def run(
    y: np.ndarray, transform: str, model: str = "auto", periods: tuple[int, ...] = (24,), **more: Any
) -> MemberForecast:
    profile = Profile("m", "", "trend_seasonal", "", HOUR_NS, y.size, 0, (y.size - 1) * HOUR_NS, periods=periods)
    settings = Settings(horizon=24, end_ns=y.size * HOUR_NS, model=model, transform=transform, **more)
    return forecast_member(profile, np.arange(y.size) * HOUR_NS, y, settings)


def growing(n: int = 24 * 28 + 24) -> np.ndarray:
    t = np.arange(n)
    return np.asarray(
        np.exp(0.003 * t + 0.8 * np.sin(2 * np.pi * t / 24) + 0.05 * np.random.default_rng(11).normal(size=n))
    )


@pytest.mark.parametrize("transform", ["log", "sqrt", "power"])
def test_growth_in_percent_is_forecast_better_than_without(transform: str) -> None:
    y = growing()
    plain, other = (np.mean(np.abs(run(y[:-24], name, "linear").yhat / y[-24:] - 1)) for name in ("none", transform))
    assert other < plain


def test_log_forecasts_are_above_zero_with_their_interval_around_them() -> None:
    y = growing()
    result = run(y[:-24], "log")
    assert (result.lower > 0).all()
    assert (result.lower <= result.yhat).all()
    assert (result.yhat <= result.upper).all()
    assert np.mean((result.lower <= y[-24:]) & (y[-24:] <= result.upper)) >= 0.8
    assert result.prepared["transform"] == "log"
    assert result.upper[-1] - result.yhat[-1] > result.yhat[-1] - result.lower[-1]  # skewed as the values are


def test_naive_does_not_care() -> None:
    y = growing()[:-24]
    for transform in ("log", "sqrt", "power"):
        assert np.allclose(run(y, transform, "seasonal_naive").yhat, run(y, "none", "seasonal_naive").yhat)


def test_errors_are_told_in_the_unit_of_the_values() -> None:
    y = growing()[:-24]
    plain, log = (run(y, name, "seasonal_naive").backtest for name in ("none", "log"))
    assert log["scale"] == pytest.approx(plain["scale"], rel=1e-4)
    assert log["models"]["seasonal_naive"]["mase"] == pytest.approx(plain["models"]["seasonal_naive"]["mase"], rel=1e-3)


def test_negative_values_are_forecast_without_and_the_result_says_so() -> None:
    y = growing()[:-24] - 5
    result = run(y, "log", "linear")
    assert result.status == "ok"
    assert "log" in result.prepared["note"]
    assert f"{y.min():.6g}" in result.prepared["note"]
    assert np.allclose(result.yhat, run(y, "none", "linear").yhat)


def test_gap_beyond_the_limit_is_not_filled() -> None:
    y = growing()[:-24]
    y[200:230] = np.nan
    limited, free = run(y, "none", "linear", fill_limit=24), run(y, "none", "linear", fill_limit=30)
    assert limited.prepared == {"left_out_before_outage": 200}
    assert free.prepared == {"filled_by_season": 30}
