#!/usr/bin/env bash
# darts: asking a linear model for an interval turns its forecast into a flat line, if the values are small.
#
# Expected   LinearRegressionModel(likelihood="quantile") is the same linear model with quantiles beside the middle. It is
#            linear: values in another unit (0..1 or per cent) give the same forecast in that unit.
# Happens    With the likelihood darts fits scikit-learn's QuantileRegressor in place of LinearRegression, whose L1 penalty
#            alpha=1.0 is a fixed number in the unit of the values. At 0..100 it is lost in the sums, at 0..1 (ratios, and
#            everything scaled by a Scaler first, as is usual) it takes every coefficient to zero: the median is a constant
#            and the interval spans the whole range of the history. No warning. alpha=0 gives the forecast back.
# Version    darts 0.48.1 with scikit-learn 1.9.1.
# Bites      utilisation ratios, scaled series; a backtest then finds "linear" far worse than naive.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet darts==0.48.1 scikit-learn==1.9.1 pandas==2.3.3 numpy==2.4.6
"$dir/venv/bin/python" -W ignore - 2>"$dir/log" <<'PYTHON' || { tail -n 5 "$dir/log" >&2; exit 1; }
import logging, sys

logging.disable(logging.WARNING)
import darts, numpy, pandas, sklearn
from darts import TimeSeries
from darts.metrics import mae
from darts.models import LinearRegressionModel

print("darts", darts.__version__, "scikit-learn", sklearn.__version__)
hours = numpy.arange(40 * 24)
ratio = 0.5 + 0.3 * numpy.sin(hours * 2 * numpy.pi / 24) + numpy.random.default_rng(1).normal(0, 0.03, hours.size)
times = pandas.date_range("2026-01-01", periods=hours.size, freq="h")
QUANTILES = {"likelihood": "quantile", "quantiles": [0.025, 0.5, 0.975]}
CASES = {"plain": {}, "quantiles": QUANTILES, "quantiles, alpha=0": {**QUANTILES, "alpha": 0}}
swing = {}
print("a daily wave from 0.2 to 0.8 with a little noise, 24 h ahead; all in parts of 1:")
for unit in (100, 1):
    series = TimeSeries.from_times_and_values(times, unit * ratio)
    for name, options in CASES.items():
        model = LinearRegressionModel(lags=24, output_chunk_length=24, **options).fit(series[:-24])
        middle = model.predict(24)
        swing[unit, name] = numpy.ptp(middle.values()) / unit
        line = f"  values 0..{unit:<4}{name:20} error {mae(series[-24:], middle) / unit:.3f}  forecast swings by {swing[unit, name]:.3f}"
        if options:
            bounds = model.predict(24, predict_likelihood_parameters=True).values()
            line += f"  95 % interval {numpy.mean(bounds[:, 2] - bounds[:, 0]) / unit:.2f} wide"
        print(line)
flat = swing.pop((1, "quantiles"))
sys.exit(None if flat < 0.01 and min(swing.values()) > 0.5 else "no longer as stated")
PYTHON
echo "So: the unit of the values decides whether the same linear model follows the day or draws a flat line."
