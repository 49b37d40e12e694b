"""Forecasts many members with the step as a container runs it.

CPU per member, memory of all its processes, and how both grow with their number.

members.py [--members 1000] [--jobs 2] [--max-cpu 0.25] [--max-minutes 2.5] [--max-mb 1536]     auto, hourly, four
weeks, 24 h ahead members.py --growth 10 100 1000 10000                                                           naive,
theta and linear at each number

Members have a day, a week, a trend, noise with memory and a level of their own; one in ten has an outage. They are
classified beforehand, as the chain does. CPU per member leaves the start of Python and the imports out, which stand
beside it. Exit 1 where auto is above a limit.
"""

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, quantiles

import numpy as np
from numpy.typing import NDArray

from cronocast.handoff import series

DAY, WEEK, WEEKS = 24, 168, 4
HOUR_NS = 3600 * 10**9
START_NS = 1_767_225_600 * 10**9  # 2026-01-01
CHEAP = ("naive", "theta", "linear")
LOOK_EVERY_S = 0.05


@dataclass(frozen=True)
class Usage:
    """What a run took, its start and imports included."""

    wall_s: float
    cpu_s: float
    peak_mb: float  # of all processes at the same time; pages that they share count in each


def values(number: int) -> NDArray[np.float64]:
    """Hourly values of one member, shape (WEEKS * WEEK,)."""
    rng = np.random.default_rng(number)
    t = np.arange(WEEKS * WEEK)
    noise = np.convolve(rng.normal(0, rng.uniform(0.1, 0.6), t.size), 0.7 ** np.arange(12))[: t.size]
    day = np.sin(2 * np.pi * (t + rng.integers(DAY)) / DAY) + 0.4 * np.sin(4 * np.pi * (t + rng.integers(DAY)) / DAY)
    week = np.where(t // DAY % 7 >= 5, -rng.uniform(0.0, 1.5), 0.0)
    y = rng.uniform(1, 1000) * (10 + rng.uniform(-0.01, 0.01) * t + rng.uniform(0, 1.5) * day + week + noise)
    if number % 10 == 0:
        first = int(rng.integers(t.size - 60))
        y[first : first + 48] = np.nan
    return np.asarray(y)


def write_history(path: Path, members: int) -> None:
    """Write the file that extract would leave."""
    with path.open("wb") as file:
        file.write(series.header(series.HISTORY_COLUMNS))
        for number in range(members):
            start = series.prefix("cpu", f"host=server{number:05d}").decode()
            file.write(
                "".join(
                    f"{start}{START_NS + i * HOUR_NS},{v!r}\n"
                    for i, v in enumerate(values(number).tolist())
                    if not math.isnan(v)
                ).encode()
            )


def memory_mb(pid: int) -> float:
    """Resident memory of a process and all that it started, in MB (2**20 bytes)."""
    total, left = 0.0, [pid]
    while left:
        one = left.pop()
        try:
            total += int(Path(f"/proc/{one}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
            left += [
                int(child)
                for task in Path(f"/proc/{one}/task").iterdir()
                for child in (task / "children").read_text().split()
            ]
        except OSError:
            continue  # it ended in between
    return total


def used(command: list[str]) -> Usage:
    """Run a command to its end."""
    began, peak, ended = time.perf_counter(), 0.0, threading.Event()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def watch() -> None:
        nonlocal peak
        while not ended.wait(LOOK_EVERY_S):
            peak = max(peak, memory_mb(child.pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    said = child.stderr.read() if child.stderr else ""
    _, status, usage = os.wait4(child.pid, 0)
    ended.set()
    watcher.join()
    if status:
        raise SystemExit(f"{' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}: {said[-500:]}")
    return Usage(time.perf_counter() - began, usage.ru_utime + usage.ru_stime, peak)


def step(name: str, folder: Path, *more: str) -> list[str]:
    """A step on the files of a folder."""
    return [
        sys.executable,
        "-m",
        "cronocast",
        name,
        "--history",
        str(folder / "history.csv"),
        "--profile",
        str(folder / "profile.json"),
        "--every",
        "1h",
        *more,
    ]


def forecast(folder: Path, model: str, jobs: int) -> tuple[Usage, list[float]]:
    """One run of the forecast step; what it took, and the CPU seconds that it says each member took."""
    usage = used(
        step(
            "forecast",
            folder,
            "--forecast",
            str(folder / "forecast.csv"),
            "--horizon",
            "24h",
            "--model",
            model,
            "--jobs",
            str(jobs),
        )
    )
    result = json.loads((folder / "forecast.result.json").read_text())
    bad = [m for m in result["members"] if m["status"] != "ok" or m["rows"] != 24]
    if bad:
        raise SystemExit(f"{len(bad)} members without a plain forecast, such as {bad[0]}")
    return usage, [m["cpu_s"] for m in result["members"]]


def prepared(root: Path, members: int) -> tuple[Path, Usage]:
    """A folder with the history and the classes of so many members, and what classifying took."""
    folder = root / str(members)
    folder.mkdir()
    write_history(folder / "history.csv", members)
    return folder, used(step("classify", folder))


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--growth", nargs="+", type=int)
    for flag, kind, default in (
        ("--members", int, 1000),
        ("--jobs", int, 2),
        ("--max-cpu", float, 0.25),
        ("--max-minutes", float, 2.5),
        ("--max-mb", float, 1536.0),
    ):
        parser.add_argument(flag, type=kind, default=default)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        return growth(Path(name), options.growth, options.jobs) if options.growth else whole(Path(name), options)


def whole(root: Path, options: argparse.Namespace) -> int:
    """Auto on all members at once, held against the limits."""
    print(
        f"{options.members:,} members, hourly, {WEEKS} weeks, 24 h ahead, {options.jobs} jobs; load of the machine"
        f" before: {os.getloadavg()[0]:.1f}"
    )
    folder, classify = prepared(root, options.members)
    start = used(
        step(
            "forecast",
            prepared(root, 1)[0],
            "--forecast",
            str(root / "1" / "forecast.csv"),
            "--model",
            "naive",
            "--jobs",
            "1",
        )
    )
    usage, each = forecast(folder, "auto", options.jobs)
    print(f"classify: {classify.wall_s:.1f} s, {classify.cpu_s:.1f} CPU s, {classify.peak_mb:.0f} MB")
    print(
        f"forecast: {usage.wall_s:.1f} s, {usage.cpu_s:.1f} CPU s, {usage.peak_mb:.0f} MB in all processes; a run with"
        f" nothing to do: {start.wall_s:.1f} s, {start.cpu_s:.2f} CPU s"
    )
    print(
        f"CPU s per member without start and imports: mean {mean(each):.3f}, 95 % of members under"
        f" {quantiles(each, n=20)[-1]:.3f}, most {max(each):.3f}"
    )
    print(f"limits: {options.max_cpu} CPU s per member, {options.max_minutes} minutes, {options.max_mb:.0f} MB")
    return int(
        mean(each) > options.max_cpu or usage.wall_s > 60 * options.max_minutes or usage.peak_mb > options.max_mb
    )


def growth(root: Path, numbers: list[int], jobs: int) -> int:
    """CPU and memory of the cheap models by number of members."""
    print(
        "| members | "
        + " | ".join(f"{model}: CPU ms per member (whole run) | MB" for model in CHEAP)
        + " |\n|"
        + "---|" * (1 + 2 * len(CHEAP))
    )
    for number in numbers:
        folder, _ = prepared(root, number)
        print(f"| {number:,} |", end="", flush=True)
        for model in CHEAP:
            usage, each = forecast(folder, model, jobs)
            print(
                f" {1000 * mean(each):.1f} ({1000 * usage.cpu_s / number:.1f}) | {usage.peak_mb:.0f} |",
                end="",
                flush=True,
            )
        print()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
