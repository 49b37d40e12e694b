"""The rule of train-prometheus for anomalies, for those who come from it: a count that rises while errors are large.

Both of its tests must speak: the count, and how unlikely the newest errors are beside those before. Unlike there the
count stops at zero, as else no anomaly after a long quiet time would be told, and errors below the forecast count too.
"""

from collections.abc import Iterator
from statistics import NormalDist

import numpy as np

from cronocast.charts.words import counted
from cronocast.handoff.evaluation import Anomaly
from cronocast.timeseries.grid import Floats, Ints

LARGE = 3.0  # spreads of the values: an error beyond is large
BEYOND, ELSE = -3, -2  # what a value outside all intervals adds without a large error, and what any other adds
SHARE = 0.1  # of the steps looked at: a count above it speaks
NEWEST = 0.2  # share of the steps whose errors are held against those before
TAIL = 0.99  # how unlikely they must be
LEAST = 10  # steps; fewer say nothing


def accumulated(time_ns: Ints, y: Floats, yhat: Floats, lower: Floats, upper: Floats, steps: int) -> Iterator[Anomaly]:
    """Find out whether the newest steps are an anomaly by this rule; at most one is told.

    Args:
        time_ns: Begins of finished steps, evenly spaced, ascending.
        y: What was measured; NaN where nothing was.
        yhat: What the newest forecast issued before each step said of it; NaN where there was none.
        lower: Lower end of its interval, as `yhat`.
        upper: Upper end, as `yhat`.
        steps: So many of the newest are looked at.
    """
    known = np.flatnonzero(np.isfinite(y) & np.isfinite(yhat))[-steps:]
    if known.size < LEAST:
        return
    errors, spread = np.abs(y[known] - yhat[known]), float(np.nanstd(y))
    outside = (y[known] > upper[known].max()) | (y[known] < lower[known].min())
    count, begin = 0, 0
    for i, step in enumerate(np.where(errors > LARGE * spread, 1, np.where(outside, BEYOND, ELSE)).tolist()):
        begin = begin if count else i
        count = max(0, count + step)
    newest = max(1, round(NEWEST * known.size))
    before = errors[:-newest]
    tail = NormalDist().cdf((errors[-newest:].mean() - before.mean()) / max(float(before.std()), 1e-9 * spread, 1e-300))
    if count > SHARE * known.size and tail >= TAIL:
        n = known.size - begin
        words = f"{counted(n, 'step')} with errors of more than {LARGE:g} spreads of the values"
        until_ns = int(time_ns[known[-1]] + time_ns[1] - time_ns[0])
        yield Anomaly("run", int(time_ns[known[begin]]), until_ns, n, tail, words)
