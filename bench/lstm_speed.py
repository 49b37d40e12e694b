"""Time and accuracy of `lstm`: many members in one network against one network after another.

    python bench/lstm_speed.py [--members 100] [--single 5] [--points 672]

Members are hourly, with a day, a week, a trend, AR(1) noise and levels of their own. MASE is against the repeated last week.
"""

import argparse
import time

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from cronocast.forecast import Context
from cronocast.forecast.lstm import Lstm, LstmMany

HORIZON, DAY, WEEK = 24, 24, 168
Floats = NDArray[np.float64]


def member(i: int, points: int) -> Floats:
    """One synthetic member, shape (points + HORIZON,)."""
    rng = np.random.default_rng(i)
    t = np.arange(points + HORIZON)
    noise = np.zeros(t.size)
    for k in range(1, t.size):
        noise[k] = 0.8 * noise[k - 1] + rng.normal(0, 0.4)
    day = np.sin(2 * np.pi * (t + rng.integers(DAY)) / DAY) + 0.4 * np.sin(4 * np.pi * (t + rng.integers(DAY)) / DAY)
    week = np.where(t // DAY % 7 >= 5, -rng.uniform(0.5, 1.5), 0.0)
    return rng.uniform(1, 1000) * (10 + rng.uniform(-0.01, 0.01) * t + day + week + noise)


def mase(y: Floats, forecast: Floats) -> float:
    """Mean absolute error against that of the last week repeated."""
    future, past = y[-HORIZON:], y[:-HORIZON]
    return float(np.mean(np.abs(future - forecast)) / np.mean(np.abs(future - past[-WEEK : -WEEK + HORIZON])))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--members", type=int, default=100)
    parser.add_argument("--single", type=int, default=5, help="how many are also trained one after another")
    parser.add_argument("--points", type=int, default=672)
    given = parser.parse_args()
    ys = [member(i, given.points) for i in range(given.members)]
    context = Context(3600 * 10**9, 0, periods=(DAY, WEEK), options={"horizon": HORIZON})
    import cronocast.forecast.network  # noqa: F401 - both ways need the import once

    Lstm().fit(ys[0][:-HORIZON], context)  # the first call also loads code
    start, cpu = time.perf_counter(), time.process_time()
    singles = [mase(y, Lstm().fit(y[:-HORIZON], context).predict(HORIZON)) for y in ys[: given.single]]
    each, each_cpu = (time.perf_counter() - start) / given.single, (time.process_time() - cpu) / given.single
    start, cpu = time.perf_counter(), time.process_time()
    many = LstmMany().fit_many([y[:-HORIZON] for y in ys], [context] * given.members)
    forecasts = many.predict_many(HORIZON)
    together, together_cpu = time.perf_counter() - start, time.process_time() - cpu
    errors = [mase(y, forecasts[i]) for i, y in enumerate(ys)]
    print(f"| way | members | seconds | CPU seconds | seconds per member | median ratio to the last week | of the first {given.single} |\n|---|---|---|---|---|---|---|")
    print(f"| one network after another | {given.single} | {each * given.single:.1f} | {each_cpu * given.single:.1f} | {each:.2f} | | {np.median(singles):.3f} |")
    medians = f"{np.median(errors):.3f} | {np.median(errors[: given.single]):.3f}"
    print(f"| one network for all | {given.members} | {together:.1f} | {together_cpu:.1f} | {together / given.members:.3f} | {medians} |")
    ratio, ratio_cpu = each * given.members / together, each_cpu * given.members / together_cpu
    print(f"\nper member {ratio:.1f} times faster, by CPU time {ratio_cpu:.1f}; {many.epochs} epochs")


if __name__ == "__main__":
    with threadpool_limits(limits=1):  # as the step does: NumPy's threads would only wait for those of TensorFlow
        main()
