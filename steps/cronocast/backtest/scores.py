"""Errors of past forecasts as one JSON-shaped document.

They are given by model, member and step ahead, each against the naive forecast.
"""

import math
from collections import Counter
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cronocast.backtest.chance import Band, coverage_band, ratio_band
from cronocast.backtest.request import NAIVE, Request
from cronocast.backtest.study import ModelForecasts, Study
from cronocast.durations import Duration, stamp
from cronocast.forecast import measures
from cronocast.handoff.series import level_name

Floats = NDArray[np.float64]

SCHEMA = 1
OF_INTERVAL = ("pinball", "msis", "coverage")  # also measured at further levels, as coverage_50
MEASURES = ("mase", "smape", "rmse", "pinball", "msis", "coverage", "bias")
# MASE below counts as this in a ratio: a tenth of a usual change is as good as right, and ratios of nothing explode
LEAST_ERROR = 0.1
UNIT = (
    "errors (mase, rmse, pinball, msis, bias) are in units of the member's mean absolute change over one season"
    " before each origin; smape is in percent, coverage from 0 to 1; ratios are relative to the better of the two naive"
    " forecasts of each member, averaged geometrically"
)


def document(study: Study, request: Request) -> dict[str, Any]:
    """All that the study found, with plain numbers; None where nothing could be measured."""
    with np.errstate(
        all="ignore"
    ):  # errors of absurd forecasts overflow; what is not finite is cut where it is rounded
        return _document(study, request)


def _document(study: Study, request: Request) -> dict[str, Any]:
    return {**_asked(study, request), **_found(study)}


def _asked(study: Study, request: Request) -> dict[str, Any]:
    """What was asked for, and over which values and origins it was answered."""
    return {
        "schema": SCHEMA,
        "history": request.name,
        "every": str(request.entry.every),
        "horizon": str(request.entry.horizon),
        "lookback": str(Duration.of(request.lookback_ns)) if request.lookback_ns else None,
        "level": study.level,
        "levels": list(study.levels),
        "unit": UNIT,
        "origins": [stamp(study.origin_ns(i)) for i in range(len(study.origins))],
        "overlap": any(b - a < study.h for a, b in pairwise(study.origins)),
        "values": int(np.isfinite(study.actual).sum()),
    }


def _found(study: Study) -> dict[str, Any]:
    """Measures by model, by step ahead and by member."""
    errors = {name: np.maximum(mase(study, rows), LEAST_ERROR) for name, rows in study.models.items()}
    references = [reference_of(errors, m) for m in range(len(study.history.keys))]
    base = np.array([errors[name][m] for m, name in enumerate(references)])
    ratios = {name: np.log(own / base) for name, own in errors.items()}
    by_step = {name: _by_step(study, rows) for name, rows in study.models.items()}
    steps = list(range(1, study.h + 1))
    return {
        "models": {name: _model(study, rows, ratios[name]) for name, rows in study.models.items()},
        "by_step": {"step_s": study.history.step_ns / 1e9, "steps": steps, "models": by_step},
        "by_member": [
            _member(study, m, reference, {name: r[m] for name, r in ratios.items()})
            for m, reference in enumerate(references)
        ],
    }


def reference_of(errors: dict[str, Floats], member: int) -> str:
    """What a member is held against.

    The better of the naive forecasts at all its origins, which is more than a run could have known.
    """
    known = np.isfinite(errors["seasonal_naive"][member]) & np.isfinite(errors["naive"][member])
    return min(NAIVE, key=lambda name: float(np.log(errors[name][member][known]).sum()))


def measured(
    actual: Floats, yhat: Floats, lower: Floats, upper: Floats, scale: Floats, level: float
) -> dict[str, float] | None:
    """Measures over all values together; None where nothing was both forecast and observed.

    Args:
        actual: Shape (k, h), NaN where not observed.
        yhat: Shape (k, h), NaN where not forecast.
        lower: Lower bounds, same shape.
        upper: Upper bounds, same shape.
        scale: Unit of errors, shape (k, 1).
        level: Nominal coverage.
    """
    known = np.isfinite(actual) & np.isfinite(yhat)
    if not known.any():
        return None
    a, f, low, up = (np.where(known, v / scale, np.nan) for v in (actual, yhat, lower, upper))
    losses = [measures.pinball(a, bound, q) for bound, q in ((low, (1 - level) / 2), (up, (1 + level) / 2))]
    found = {
        "mase": measures.mae(a, f),
        "smape": measures.smape(a, f),
        "rmse": measures.rmse(a, f),
        "pinball": sum(losses) / 2,
        "msis": measures.interval_score(a, low, up, level),
        "coverage": measures.coverage(a, low, up),
        "bias": measures.bias(a, f),
    }
    return {name: rounded(value) for name, value in found.items()}


def rounded(value: float) -> float:
    """Five digits; JSON has no infinity."""
    return float(f"{min(max(value, -1e300), 1e300):.5g}")


def _flat(
    study: Study, rows: ModelForecasts, member: int | slice = slice(None), step: int | slice = slice(None)
) -> dict[str, float] | None:
    """Measures over the chosen members and steps, all origins."""
    scale = study.scale[member].reshape(-1, 1)

    def at(level: float, lower: Floats, upper: Floats) -> dict[str, float] | None:
        cells = [v[member][..., step].reshape(scale.shape[0], -1) for v in (study.actual, rows.yhat, lower, upper)]
        return measured(cells[0], cells[1], cells[2], cells[3], scale, level)

    found = at(study.level, rows.lower, rows.upper)
    for level, band in zip(study.levels, rows.further, strict=True) if found else ():
        scores = at(level, *band) or {}
        found = {**(found or {}), **{f"{name}_{level_name(level)}": scores[name] for name in OF_INTERVAL}}
    return found


def mase(study: Study, rows: ModelForecasts) -> Floats:
    """MASE of each forecast, shape (members, origins); NaN where nothing was both forecast and observed."""
    errors = np.abs(study.actual - rows.yhat)
    known = np.isfinite(errors)
    counts = known.sum(axis=2)
    means = np.where(known, errors, 0).sum(axis=2) / np.maximum(counts, 1) / study.scale
    return np.where(counts > 0, means, np.nan)


def inside(study: Study, rows: ModelForecasts, lower: Floats, upper: Floats) -> tuple[Floats, Floats]:
    """Values inside their interval, and values in all, of each forecast: shapes (members, origins)."""
    known = np.isfinite(study.actual) & np.isfinite(rows.yhat)
    held = known & (study.actual >= lower) & (study.actual <= upper)
    return held.sum(axis=2).astype(float), known.sum(axis=2).astype(float)


def _model(study: Study, rows: ModelForecasts, log_ratio: Floats) -> dict[str, Any]:
    held, counts = inside(study, rows, rows.lower, rows.upper)
    further = {
        f"coverage_range_{level_name(level)}": _coverage_range(inside(study, rows, *band)[0], counts)
        for level, band in zip(study.levels, rows.further, strict=True)
    }
    status = Counter(s for member in rows.status for s in member)
    return {
        **(_flat(study, rows) or dict.fromkeys(MEASURES)),
        "ratio": _ratio(ratio_band(log_ratio)),
        "coverage_range": _coverage_range(held, counts),
        **further,
        "values": int(counts.sum()),
        "statuses": dict(sorted(status.items())),
        "reasons": rows.reasons[:20],  # a person reads a few
        "not_tried": rows.not_tried,
        "cpu_s": round(rows.cpu_s, 3),
    }


def _ratio(band: Band | None) -> dict[str, float | None] | None:
    """Error over the naive one, with its interval; None where nothing was measured."""
    if band is None:
        return None
    low, high = (None if b is None else rounded(math.exp(b)) for b in (band.low, band.high))
    return {"value": rounded(math.exp(band.value)), "low": low, "high": high}


def _coverage_range(held: Floats, counts: Floats) -> list[float] | None:
    """The confidence range of a coverage; None where there is too little to say."""
    band = coverage_band(held.ravel(), counts.ravel())
    return None if band is None or band.low is None or band.high is None else [rounded(band.low), rounded(band.high)]


def _by_step(study: Study, rows: ModelForecasts) -> dict[str, list[float | None]]:
    found = [_flat(study, rows, step=slice(k, k + 1)) for k in range(study.h)]
    return {name: [f[name] if f else None for f in found] for name in MEASURES}


def _member(study: Study, m: int, reference: str, log_ratios: dict[str, Floats]) -> dict[str, Any]:
    name, tags = study.history.keys[m]
    return {
        "name": name,
        "tags": tags,
        "season_s": study.season[m] * study.history.step_ns / 1e9,
        "reference": reference,
        "classes": dict(Counter(study.classes[m])),
        "models": {model: _of_member(study, rows, m, log_ratios[model]) for model, rows in study.models.items()},
    }


def _of_member(study: Study, rows: ModelForecasts, m: int, log_ratio: Floats) -> dict[str, Any]:
    raw = _flat_in_unit(study, rows, m)
    return {
        **(_flat(study, rows, slice(m, m + 1)) or dict.fromkeys(MEASURES)),
        "ratio": _ratio(ratio_band(log_ratio.reshape(1, -1))),
        "in_unit": raw,
        "used": dict(Counter(used or "none" for used in rows.used[m])),
    }


def _flat_in_unit(study: Study, rows: ModelForecasts, m: int) -> dict[str, float] | None:
    """Errors of a member in its own unit."""
    if not np.isfinite(study.actual[m] - rows.yhat[m]).any():
        return None
    pairs = {"mae": measures.mae, "rmse": measures.rmse, "bias": measures.bias}
    return {name: rounded(measure(study.actual[m], rows.yhat[m])) for name, measure in pairs.items()}
