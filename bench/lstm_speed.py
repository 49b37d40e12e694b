"""Time of `cronocast forecast` with the model lstm: many members in one run against runs of one member each.

    python -m bench.lstm_speed [--members 100] [--single 3] [--points 672] [--jobs 2] [--options JSON]
    KERAS_BACKEND=jax JAX_PLATFORMS=cuda python -m bench.lstm_speed --single 0      # and JAX_PLATFORMS=cpu: the GPU's
    worth

Members are hourly, with a day, a week, a trend, AR(1) noise and levels of their own. Each run starts from nothing, its
start of Python included.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from array import array
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cronocast.handoff.series import HISTORY_COLUMNS, Member, header, rows

HORIZON, DAY, WEEK = 24, 24, 168
HOUR_NS = 3600 * 10**9
# what a run of a hundred may take on two cores; how much cheaper a member of it must be
MOST_SECONDS, LEAST_RATIO = (90.0, 10.0)
Floats = NDArray[np.float64]


def member(i: int, points: int) -> Floats:
    """One synthetic member, shape (points,)."""
    rng = np.random.default_rng(i)
    t = np.arange(points)
    noise = np.zeros(t.size)
    for k in range(1, t.size):
        noise[k] = 0.8 * noise[k - 1] + rng.normal(0, 0.4)
    day = np.sin(2 * np.pi * (t + rng.integers(DAY)) / DAY) + 0.4 * np.sin(4 * np.pi * (t + rng.integers(DAY)) / DAY)
    week = np.where(t // DAY % 7 >= 5, -rng.uniform(0.5, 1.5), 0.0)
    return rng.uniform(1, 1000) * (10 + rng.uniform(-0.01, 0.01) * t + day + week + noise)


def forecast(folder: Path, members: list[int], points: int, jobs: int, options: str) -> tuple[float, float, int]:
    """Run the step on some members: seconds, CPU seconds, rows written."""
    history, out = folder / "history.csv", folder / "forecast.csv"
    times = array("q", (HOUR_NS * np.arange(points)).tolist())
    with history.open("wb") as file:
        file.write(header(HISTORY_COLUMNS))
        for i in members:
            file.write(rows(Member("cpu", f"host={i:03}", times, (array("d", member(i, points).tolist()),))))
    given = [
        "--history",
        str(history),
        "--forecast",
        str(out),
        "--name",
        "bench",
        "--model",
        "lstm",
        "--horizon",
        f"{HORIZON}h",
        "--every",
        "1h",
        "--jobs",
        str(jobs),
        "--options",
        options,
    ]
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, "-m", "cronocast", "forecast", *given], check=True, capture_output=True)
    seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return (
        seconds,
        after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        len(out.read_text().splitlines()) - 1,
    )


def main() -> int:
    """Print the table; 1 if an aim was missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--members", type=int, default=100)
    parser.add_argument(
        "--single", type=int, default=3, help="how many are also forecast in a run each; 0 leaves the comparison out"
    )
    parser.add_argument("--points", type=int, default=672)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--options", default="{}", help="of the model, such as a larger network")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        alone = [forecast(Path(name), [i], given.points, 1, given.options) for i in range(given.single)]
        seconds, cpu, count = forecast(Path(name), list(range(given.members)), given.points, given.jobs, given.options)
    print(
        "| way | members | seconds | CPU seconds | seconds per member | CPU seconds per member"
        " |\n|---|---|---|---|---|---|"
    )
    together = (
        f"| one run for all | {given.members} | {seconds:.1f} | {cpu:.1f} | {seconds / given.members:.3f} |"
        f" {cpu / given.members:.3f} |"
    )
    whole = count == given.members * HORIZON
    if not alone:
        print(together)
        return int(not whole)
    each, each_cpu = (sum(run[k] for run in alone) / len(alone) for k in (0, 1))
    print(
        f"| a run for each | {len(alone)} | {each * len(alone):.1f} | {each_cpu * len(alone):.1f} | {each:.2f} |"
        f" {each_cpu:.2f} |"
    )
    print(together)
    ratio = each * given.members / seconds
    print(
        f"\nper member {ratio:.1f} times faster, by CPU time {each_cpu * given.members / cpu:.1f}; aims:"
        f" {LEAST_RATIO:.0f} times, {MOST_SECONDS:.0f} s for a hundred on two cores"
    )
    return int(not whole or ratio < LEAST_RATIO or seconds > MOST_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
