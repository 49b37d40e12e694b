"""Time to start: a help page, and a step that finds nothing to do, beside an interpreter that does nothing.

startup.py [--turns 15] [--max-s 0.3] [--against CHECKOUT]

Modules are compiled, as an image has them. Each way runs in turn, so that a busy moment hits all alike. With
`--against` the same commands of another checkout run in the same turns, and the ratio of the least CPU times is
printed. Exit 1 where a median is above the limit.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from cronocast.chain.job import run_folder
from cronocast.handoff.results import Outcome, write_result

NAME, RUN, RUN_NS = "bench", "2026-01-01T00:00:00Z", 1_767_225_600 * 10**9
STEP = [sys.executable, "-m", "cronocast"]
OF_OTHER = ", other checkout"


def nothing_to_load(root: Path) -> list[str]:
    """A load step after a forecast that was skipped: it starts, checks the hand-off, writes its result and ends."""
    source = {"url": "http://127.0.0.1:8086", "database": "bench", "measurement": "cpu", "field": "value"}
    folder = run_folder(root, NAME, RUN_NS)
    folder.mkdir(parents=True)
    write_result(
        folder / "forecast.result.json",
        "forecast",
        NAME,
        RUN,
        Outcome(status="skipped", reason="no_data: bench"),
        0.0,
        None,
        {},
    )
    return [*STEP, "load", "--entry", json.dumps({"name": NAME, "source": source}), "--root", str(root), "--run", RUN]


def timed(command: list[str], env: dict[str, str]) -> tuple[float, float, float]:
    """Wall seconds, CPU seconds and peak memory in MB (2**20 bytes) of a command."""
    begin = time.perf_counter()
    child = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    if status:
        raise SystemExit(f"{command[-1]} ended with {os.waitstatus_to_exitcode(status)}")
    return time.perf_counter() - begin, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def main() -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=15)
    parser.add_argument("--max-s", type=float, default=0.3)
    parser.add_argument("--against", type=Path)
    given = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as name:
        ways = {
            "python -c pass": [sys.executable, "-c", "pass"],
            "cronocast extract --help": [*STEP, "extract", "--help"],
        }
        ways["cronocast load, skipped"] = nothing_to_load(Path(name, "data"))
        env = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
        env["PYTHONPYCACHEPREFIX"] = f"{name}/compiled"
        other = {**env, "PYTHONPATH": f"{given.against}/steps", "PYTHONPYCACHEPREFIX": f"{name}/compiled-other"}
        runs = {way: (command, env) for way, command in ways.items()}
        if given.against:
            runs |= {f"{way}{OF_OTHER}": (command, other) for way, command in ways.items()}
        # the first one compiles
        turns = [{way: timed(*run) for way, run in runs.items()} for _ in range(given.turns + 1)][1:]
    print(f"{given.turns} turns; load of the machine before: {load:.1f}\n")
    print("| start of | median s | least s | CPU s | peak MB |\n|---|---|---|---|---|")
    fine = True
    least: dict[str, float] = {}
    for way in runs:
        walls, cpus, peaks = zip(*(turn[way] for turn in turns), strict=True)
        print(f"| `{way}` | {median(walls):.2f} | {min(walls):.2f} | {median(cpus):.2f} | {max(peaks):.0f} |")
        least[way] = min(cpus)
        fine = fine and (median(walls) <= given.max_s or way.endswith(OF_OTHER))
    for way in ways if given.against else ():
        print(f"\n{way}: least CPU time {least[way] / least[way + OF_OTHER]:.2f} of the other checkout's", end="")
    print(f"\nmedians {'within' if fine else 'ABOVE'} the aim of {given.max_s:g} s")
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
