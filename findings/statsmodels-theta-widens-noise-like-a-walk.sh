#!/usr/bin/env bash
# statsmodels: ThetaModel's interval grows fastest where it should not grow at all.
#
# Expected   The theta model is exponential smoothing with a drift, and its forecast errors have variance
#            sigma^2 * (1 + (h - 1) * alpha^2) at step h. Noise around a level (alpha near 0) gets an interval of one
#            width; a random walk (alpha near 1) one that grows with the root of h.
# Happens    prediction_intervals() takes (1 + (alpha - 1)^2) for alpha^2. That is 1, and right, for a random walk, and 2
#            for noise: the steadier the level, the faster the interval grows, more than 9 times as wide after 48 steps
#            where it should be the same. Its 95 % then hold every value, so that no check of coverage from below complains.
# Version    statsmodels 0.15.0 (the newest); its documentation states the same formula.
# Bites      alerts on the upper bound, disks "full within the interval", every level with noise and a long horizon.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet statsmodels==0.15.0 pandas==3.1.1 numpy==2.4.6 scipy==1.17.1
"$dir/venv/bin/python" -W ignore - <<'PYTHON'
import sys
import numpy, pandas, statsmodels
from statsmodels.tsa.forecasting.theta import ThetaModel

print("statsmodels", statsmodels.__version__)
STEPS, SERIES, LENGTH = 48, 10, 300
times = pandas.date_range("2026-01-01", periods=LENGTH, freq="h")
growth, coverage = {}, {}
for name in ("noise around a level", "random walk"):
    ratios, inside, alphas = [], [], []
    for seed in range(SERIES):
        noise = numpy.random.default_rng(seed).normal(0, 1, LENGTH + STEPS)
        y = 100 + (noise.cumsum() if name == "random walk" else noise)
        fitted = ThetaModel(pandas.Series(y[:LENGTH], times), deseasonalize=False).fit()
        bounds = fitted.prediction_intervals(STEPS).to_numpy()
        width = bounds[:, 1] - bounds[:, 0]
        ratios.append(width[-1] / width[0])
        inside.append(numpy.mean((bounds[:, 0] <= y[LENGTH:]) & (y[LENGTH:] <= bounds[:, 1])))
        alphas.append(fitted.params["alpha"])
    growth[name], coverage[name], alpha = numpy.median(ratios), numpy.mean(inside), numpy.median(alphas)
    right = numpy.sqrt(1 + (STEPS - 1) * alpha**2)
    print(f"{name}: alpha {alpha:.2f}, interval at step {STEPS} / at step 1: {growth[name]:.1f}, right {right:.1f};", end=" ")
    print(f"the 95 % interval covers {coverage[name]:.0%} of {SERIES * STEPS} values")
level, walk = growth.values()
as_stated = level > 9 and 6 < walk < 8 and coverage["noise around a level"] > 0.995
sys.exit(None if as_stated else "no longer as stated")
PYTHON
echo "So: the interval of pure noise grows faster than that of a random walk."
