"""Forecasts of made series, classified as the steps do."""

import numpy as np
from numpy.typing import NDArray

from cronocast.classify import classify_member
from cronocast.forecast.answer import MemberForecast, Settings
from cronocast.forecast.engine import forecast_member

Floats = NDArray[np.float64]
MINUTE, HOUR, DAY = 60, 3600, 86_400
START_NS = 1_764_547_200 * 10**9
SIZE, H = 336, 24


def forecast(y: Floats, step_s: int = HOUR, horizon: int = H, silent: int = 0, **settings: object) -> MemberForecast:
    """Classify and forecast as the steps do; NaN is no point, and nothing came in the last `silent` steps."""
    step_ns = step_s * 10**9
    there = np.flatnonzero(np.isfinite(y))
    time_ns = START_NS + step_ns * there.astype(np.int64)
    profile = classify_member("m", "", time_ns, y[there], step_ns, horizon, None, None)
    end_ns = START_NS + step_ns * (y.size + silent)
    return forecast_member(profile, time_ns, y[there], Settings(horizon=horizon, end_ns=end_ns, **settings))  # type: ignore[arg-type]


def width(result: MemberForecast) -> float:
    return float(np.mean(result.upper - result.lower))


def shown(result: MemberForecast) -> str:
    """First, middle and last step."""
    at = np.array([0, result.yhat.size // 2, -1])
    return f"{result.model} {np.round(np.array([result.lower, result.yhat, result.upper])[:, at].T, 2).tolist()}"


def season(size: int, period: int = 24, first: int = 0) -> Floats:
    return np.asarray(np.sin(2 * np.pi * np.arange(first, first + size) / period))
