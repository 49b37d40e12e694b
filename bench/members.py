"""Forecasts many members with the step as a container runs it: CPU per member, and memory of all its processes.

members.py [--members 1000] [--jobs 2] [--against CHECKOUT]     auto, hourly, four weeks, 24 h ahead
members.py --members 0                                          only the comparison with the other checkout
members.py --growth 10 100 1000 10000                           naive, theta and linear at each number

Members have a day, a week, a trend, noise with memory and a level of their own; one in ten has an outage. They are
classified beforehand, as the chain does. CPU per member is that of the whole process less that of a run with nothing to
do. With `--against`, a folder or a commit of this repository, the forecast step of that checkout runs in turn with ours
on the same members, one job each. Exit 1 where auto is above a limit.
"""

import argparse
import io
import json
import math
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path
from statistics import mean, median, quantiles

import numpy as np
from numpy.typing import NDArray

from bench.processes import Usage, used
from cronocast.handoff import series

ROOT = Path(__file__).resolve().parents[1]
BEFORE = "2eccc9e"  # the commit that costs are compared with: work was not yet shared between origins and members
DAY, WEEK, WEEKS = 24, 168, 4
HOUR_NS = 3600 * 10**9
START_NS = 1_767_225_600 * 10**9  # 2026-01-01
CHEAP = ("naive", "theta", "linear")


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


def step(name: str, folder: Path, *more: str) -> list[str]:
    """A step on the files of a folder."""
    files = ["--history", str(folder / "history.csv"), "--profile", str(folder / "profile.json")]
    return [sys.executable, "-m", "cronocast", name, *files, "--every", "1h", *more]


def forecast_step(folder: Path, model: str, jobs: int) -> list[str]:
    """The forecast step on the files of a folder."""
    file = str(folder / "forecast.csv")
    return step("forecast", folder, "--forecast", file, "--horizon", "24h", "--model", model, "--jobs", str(jobs))


def forecast(folder: Path, model: str, jobs: int, env: Mapping[str, str]) -> tuple[Usage, list[float]]:
    """One run of the forecast step; what it took, and the CPU seconds that it says each member took.

    Raises:
        SystemExit: a member has no plain forecast.
    """
    usage = used(forecast_step(folder, model, jobs), env)
    result = json.loads((folder / "forecast.result.json").read_text())
    bad = [m for m in result["members"] if m["status"] != "ok" or m["rows"] != 24]
    if bad:
        raise SystemExit(f"{len(bad)} members without a plain forecast, such as {bad[0]}")
    return usage, [m["cpu_s"] for m in result["members"]]


def prepared(folder: Path, members: int, env: Mapping[str, str]) -> Usage:
    """Write the history and the classes of so many members into a new folder; what classifying took."""
    folder.mkdir(parents=True)
    write_history(folder / "history.csv", members)
    return used(step("classify", folder), env)


def environment(folder: Path, checkout: Path | None = None) -> dict[str, str]:
    """Modules are compiled, as an image has them; those of another checkout where one is given."""
    env = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    env["PYTHONPYCACHEPREFIX"] = str(folder / "compiled")
    return env | ({"PYTHONPATH": str(checkout / "steps")} if checkout else {})


def checkout(root: Path, wanted: str) -> Path:
    """The folder that is named, or one with the steps of the commit that is.

    Raises:
        SystemExit: there is neither.
    """
    if Path(wanted, "steps").is_dir():
        return Path(wanted).resolve()
    packed = subprocess.run(["git", "archive", wanted, "steps"], cwd=ROOT, capture_output=True, check=False)
    if packed.returncode:
        raise SystemExit(f"{wanted!r} is no folder with steps/ and no commit here: {packed.stderr.decode().strip()}")
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        archive.extractall(root / "other", filter="data")
    return root / "other"


def compared(root: Path, options: argparse.Namespace) -> bool:
    """CPU per member beside another checkout's; whether the ratio is within its limit."""
    folders = {"ours": root / "ours", options.against: root / "theirs"}
    envs = {
        "ours": environment(root / "ours"),
        options.against: environment(root / "theirs", checkout(root, options.against)),
    }
    for who, folder in folders.items():
        prepared(folder / "many", options.compared, envs[who])
        prepared(folder / "one", 1, envs[who])
        used(forecast_step(folder / "one", "auto", 1), envs[who])  # compiles
    rounds = [
        {who: cpu_per_member(folder, options.compared, envs[who]) for who, folder in folders.items()}
        for _ in range(options.rounds)
    ]
    ratio = median(turn["ours"] / turn[options.against] for turn in rounds)
    print(
        f"CPU s per member of {options.compared}, {options.rounds} rounds: "
        + ", ".join(f"{who} {min(turn[who] for turn in rounds):.3f}" for who in folders)
        + f"; ratio {ratio:.2f}, limit {options.max_ratio:g}"
    )
    return bool(ratio <= options.max_ratio)


def cpu_per_member(folder: Path, members: int, env: Mapping[str, str]) -> float:
    """CPU seconds of one forecast of each member; start and imports left out."""
    nothing, usage = used(forecast_step(folder / "one", "naive", 1), env), forecast(folder / "many", "auto", 1, env)[0]
    return (usage.cpu_s - nothing.cpu_s) / members


def whole(root: Path, options: argparse.Namespace) -> bool:
    """Auto on all members at once; whether time and memory are within their limits."""
    env = environment(root)
    classify = prepared(root / "all", options.members, env)
    prepared(root / "one", 1, env)
    start = used(forecast_step(root / "one", "naive", 1), env)
    usage, each = forecast(root / "all", "auto", options.jobs, env)
    seconds, peak_mb = classify.wall_s + usage.wall_s, max(classify.peak_mb, usage.peak_mb)
    print(
        f"classify: {classify.wall_s:.1f} s, {classify.cpu_s:.1f} CPU s, {classify.peak_mb:.0f} MB\n"
        f"forecast: {usage.wall_s:.1f} s, {usage.cpu_s:.1f} CPU s, {usage.peak_mb:.0f} MB in all processes; a run with"
        f" nothing to do: {start.wall_s:.1f} s, {start.cpu_s:.2f} CPU s\n"
        f"CPU s per member: {(usage.cpu_s - start.cpu_s) / options.members:.3f}; by the step's own count mean"
        f" {mean(each):.3f}, 95 % of members under {quantiles(each, n=20)[-1]:.3f}, most {max(each):.3f}\n"
        f"together: {seconds:.1f} s, limit {options.max_s:g} s; {peak_mb:.0f} MB, limit {options.max_mb:g} MB"
    )
    return bool(seconds <= options.max_s and peak_mb <= options.max_mb)


def growth(root: Path, numbers: list[int], jobs: int) -> None:
    """Print CPU and memory of the cheap models by number of members."""
    columns = "".join(f" | {model}: CPU ms per member (whole run) | MB" for model in CHEAP)
    print(f"| members{columns} |\n|{'---|' * (1 + 2 * len(CHEAP))}")
    env = environment(root)
    for number in numbers:
        prepared(root / str(number), number, env)
        print(f"| {number:,} |", end="", flush=True)
        for model in CHEAP:
            usage, each = forecast(root / str(number), model, jobs, env)
            all_ms = 1000 * usage.cpu_s / number
            print(f" {1000 * mean(each):.1f} ({all_ms:.1f}) | {usage.peak_mb:.0f} |", end="", flush=True)
        print()


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--growth", nargs="+", type=int)
    parser.add_argument("--against", default=BEFORE, help="a folder, or a commit; empty: none")
    for flag, kind, default in (
        ("--members", int, 1000),
        ("--jobs", int, 2),
        ("--compared", int, 100),
        ("--rounds", int, 3),
        ("--max-ratio", float, 0.5),
        ("--max-s", float, 75.0),
        ("--max-mb", float, 200.0),
    ):
        parser.add_argument(flag, type=kind, default=default)
    options = parser.parse_args()
    print(f"hourly, {WEEKS} weeks, 24 h ahead; load of the machine before: {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as name:
        if options.growth:
            growth(Path(name), options.growth, options.jobs)
            return 0
        fine = [not options.against or compared(Path(name), options)]
        fine.append(not options.members or whole(Path(name), options))
    return 0 if all(fine) else 1


if __name__ == "__main__":
    raise SystemExit(main())
