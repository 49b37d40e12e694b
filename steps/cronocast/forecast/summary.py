"""What the result file keeps of a backtest: JSON numbers, errors in the unit of MASE unless said."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cronocast.forecast import choose, intervals, measures
from cronocast.handoff.series import level_name
from cronocast.models.naive import best_season

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cronocast.forecast.backtest import Backtest
    from cronocast.forecast.transform import Unit
    from cronocast.timeseries.grid import Floats

    Clip = tuple[float | None, float | None]


@dataclass(frozen=True)
class Scaled:
    """The scale on which errors are measured, and what of it is written."""

    unit: "Unit"
    clip: "Clip"

    def written(self, z: "Floats") -> "Floats":
        """From what models work in to that scale, inside the clip."""
        values = self.unit.measured(z)
        low, high = (None if v is None else float(np.ldexp(v, -self.unit.measured_exponent)) for v in self.clip)
        return values if low is None and high is None else np.clip(values, low, high)


def backtest_report(
    test: "Backtest",
    errors: "Floats",
    y: "Floats",
    unit: "Unit",
    levels: tuple[float, ...],
    season: int,
    clip: "Clip" = (None, None),
    covered: "Mapping[str, Any] | None" = None,
) -> dict[str, Any]:
    """Errors of every model, and steps, bounds and coverage of what was chosen beside the better naive forecast.

    Args:
        test: The backtest.
        errors: Actual - forecast of what was chosen, shape (k, b).
        y: History with NaN, shape (t,), as models see it, like everything in the backtest.
        unit: What brings that back to the unit of the member, in which errors are measured.
        levels: Nominal coverage of the interval, then of further ones, whose scores carry the level in their names,
            such as coverage_80.
        season: Steps of the season that scales errors, 1 if none.
        clip: Lowest and highest value that is written, in the unit of the member: what is scored is what is written.
        covered: Coverage by its names, as measured at nearly the same origins. None: it is measured, which costs more
            than all else in the report.
    """
    scaled = Scaled(unit, clip)
    actual = unit.measured(test.actual)
    scale, naive = measures.scale(unit.measured(y), season), choose.reference(test)
    models = {
        name: scaled.written(rows) for name, rows in test.forecasts.items() if np.isfinite(test.actual - rows).any()
    }
    report: dict[str, Any] = {
        "origins": len(test.ends),
        "steps": test.actual.shape[1] if test.ends else 0,
        "season": season,
        "scale": _round(float(np.ldexp(scale, unit.measured_exponent))),
        "failed": test.failures,
        "models": {
            name: {**_measured(actual, rows, scale), **_ratio(test, test.forecasts[name], naive)}
            for name, rows in models.items()
        },
    }
    if np.isfinite(errors).any():
        chosen = scaled.written(test.actual - errors)
        independent = intervals.effective_origins(errors, test.ends)
        first, *further = (
            _interval(test, errors, y, scaled, level, season, scale, independent, apart=covered is None)
            for level in levels
        )
        named = {
            f"{name}_{level_name(level)}": value
            for level, scores in zip(levels[1:], further, strict=True)
            for name, value in scores.items()
        }
        report["chosen"] = {
            **_measured(actual, chosen, scale),
            **_ratio(test, test.actual - errors, naive),
            **first,
            **named,
            **(covered or {}),
            "by_step": _by_step(actual - chosen, scale),
        }
        if naive:
            repeated = {"seasons": _repeated(test)} if naive == "seasonal_naive" else {}
            report["naive"] = {"model": naive, **repeated, "by_step": _by_step(actual - models[naive], scale)}
    return report


def _repeated(test: "Backtest") -> list[int]:
    """Steps of the season that the seasonal naive forecast repeated, ascending.

    Several where it was not the same one at all origins.
    """
    first = len(test.ends) - len(test.origins)
    rows = zip(test.origins, test.forecasts["seasonal_naive"][first:], strict=True)
    with np.errstate(all="ignore"):
        found = {best_season(past.filled.y, past.context.periods) for past, row in rows if np.isfinite(row).any()}
    return sorted(found | set(test.earlier.seasons if test.earlier else ()))


def _ratio(test: "Backtest", forecasts: "Floats", naive: str | None) -> dict[str, float]:
    """The error relative to the better naive forecast by which models are chosen.

    Nothing where there is none to hold it against.
    """
    ratio = choose.relative_error(test, forecasts, naive) if naive else choose.UNUSABLE
    return {"ratio": _round(ratio)} if ratio < choose.UNUSABLE else {}


def _interval(
    test: "Backtest",
    errors: "Floats",
    y: "Floats",
    scaled: "Scaled",
    level: float,
    season: int,
    scale: float,
    independent: int,
    *,
    apart: bool,
) -> dict[str, float | None]:
    """Scores of the interval, and its coverage where each origin is judged by the others."""
    centre = test.actual - errors
    below, above = intervals.offsets(errors, errors.shape[1], level, y, season, independent)
    actual = scaled.unit.measured(test.actual)
    lower, upper = scaled.written(centre - below), scaled.written(centre + above)
    held_out = intervals.left_out_offsets(errors, test.ends, level, y, season) if apart else ()
    covered = [
        measures.inside(actual[row], scaled.written(centre[row] - low), scaled.written(centre[row] + high))
        for row, low, high in held_out
    ]
    judged = np.concatenate(covered) if covered else np.empty(0)
    return {
        "coverage": _round(measures.mean(judged)) if np.isfinite(judged).any() else None,
        "msis": _round(measures.interval_score(actual, lower, upper, level) / scale),
        "pinball": _round(
            (measures.pinball(actual, lower, (1 - level) / 2) + measures.pinball(actual, upper, (1 + level) / 2))
            / 2
            / scale
        ),
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
