"""What the result file keeps of a backtest: JSON numbers, errors in the unit of MASE unless said."""

from typing import TYPE_CHECKING, Any

import numpy as np

from cronocast.forecast import intervals, measures, select

if TYPE_CHECKING:
    from cronocast.forecast import Floats
    from cronocast.forecast.backtest import Backtest


def backtest_report(test: "Backtest", errors: "Floats", y: "Floats", exponent: int, level: float, season: int) -> dict[str, Any]:
    """Errors of every model, and steps, bounds and coverage of what was chosen beside the better naive forecast.

    Args:
        test: The backtest.
        errors: Actual - forecast of what was chosen, shape (k, b).
        y: History with NaN, shape (t,), scaled by 2**-exponent as everything in the backtest.
        exponent: See y.
        level: Nominal coverage.
        season: Steps of the season that scales errors, 1 if none.
    """
    scale = measures.scale(y, season)
    report: dict[str, Any] = {
        "origins": len(test.origins),
        "steps": test.actual.shape[1] if test.origins else 0,
        "season": season,
        "scale": _round(float(np.ldexp(scale, exponent))),
        "failed": test.failures,
        "models": {name: _measured(test.actual, rows, scale) for name, rows in test.forecasts.items() if np.isfinite(test.actual - rows).any()},
    }
    if np.isfinite(errors).any():
        measured = _measured(test.actual, test.actual - errors, scale)
        report["chosen"] = {**measured, **_interval(errors, y, level, season, scale, test.independent), "by_step": _by_step(errors, scale)}
        if naive := select.reference(test):
            report["naive"] = {"model": naive, "by_step": _by_step(test.actual - test.forecasts[naive], scale)}
    return report


def _interval(errors: "Floats", y: "Floats", level: float, season: int, scale: float, independent: int) -> dict[str, float | None]:
    below, above = intervals.offsets(errors, errors.shape[1], level, y, season, independent)
    left_out = intervals.left_out_coverage(errors, level, y, season, independent)
    return {
        "coverage": None if left_out is None else _round(left_out),
        "msis": _round(measures.interval_score(errors, -below, above, level) / scale),
        "pinball": _round((measures.pinball(errors, -below, (1 - level) / 2) + measures.pinball(errors, above, (1 + level) / 2)) / 2 / scale),
    }


def _measured(actual: "Floats", forecast: "Floats", scale: float) -> dict[str, float]:
    return {
        "mase": _round(measures.mae(actual, forecast) / scale),
        "rmse": _round(measures.rmse(actual, forecast) / scale),
        "smape": _round(measures.smape(actual, forecast)),
        "bias": _round(measures.bias(actual, forecast) / scale),
    }


def _by_step(errors: "Floats", scale: float) -> list[float | None]:
    """Mean absolute error per horizon step; None where nothing was observed."""
    size = np.abs(errors)
    counts = np.isfinite(size).sum(axis=0)
    means = np.nansum(size, axis=0) / np.maximum(counts, 1) / scale
    return [_round(float(m)) if c else None for m, c in zip(means, counts, strict=True)]


def _round(value: float) -> float:
    """Five digits are more than a backtest knows; JSON has no infinity."""
    return float(f"{min(max(value, -1e300), 1e300):.5g}")
