"""CPU seconds that a process spends on importing a library: why the light images do without some of them.

imports.py [--turns 7] [NAME...]

Modules are compiled, as an image has them. Each library has its turn, so that a busy moment hits all alike. The least
of the turns counts, less that of an interpreter which imports nothing. What is not installed is left out. Linux only.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from importlib.util import find_spec

# What is imported -> the packages of ours or of others that it stands for.
WAYS = {
    "typer": "typer",
    "requests": "requests",
    "rich": "rich.console, rich.live, rich.table",
    "numpy": "numpy",
    "our arima, theta, holt_winters": ("cronocast.models.arima, cronocast.models.theta, cronocast.models.holt_winters"),
    "pandas": "pandas",
    "scipy.optimize": "scipy.optimize",
    "statsmodels, ARIMA": "statsmodels.tsa.arima.model",
    "statsmodels, Holt-Winters": "statsmodels.tsa.holtwinters",
    "statsmodels, MSTL": "statsmodels.tsa.seasonal",
    "prophet": "prophet",
    "darts, exponential smoothing": "darts.models.forecasting.exponential_smoothing",
    "keras": "keras",
}
NOTHING = "nothing"
# What a process says of itself: of a child, the system counts memory of the parent too.
COST = """
import time
cpu = time.process_time()
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(cpu, int(peak.split()[1]) / 1024)
"""


def cost(code: str, env: dict[str, str]) -> tuple[float, float]:
    """CPU seconds and peak memory in MB (2**20 bytes) of an interpreter that runs some code."""
    done = subprocess.run(
        [sys.executable, "-c", code + COST],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=True,
    )
    cpu, peak = done.stdout.split()[-2:]
    return float(cpu), float(peak)


def main() -> int:
    """Measure and print; there is no aim."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(WAYS))
    given = parser.parse_args()
    chosen = {name: code for name, code in WAYS.items() if name in given.names or not given.names}
    there = {name: code for name, code in chosen.items() if find_spec(code.split(".")[0].split(",")[0])}
    commands = {NOTHING: "pass", **{name: f"import {code}" for name, code in there.items()}}
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        env = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"} | {
            "PYTHONPYCACHEPREFIX": folder,
            "TF_CPP_MIN_LOG_LEVEL": "3",
        }
        # the first one compiles
        turns = [{name: cost(code, env) for name, code in commands.items()} for _ in range(given.turns + 1)][1:]
    print(f"{given.turns} turns; load of the machine before: {load:.1f}\n")
    print("| import | CPU s | MB |\n|---|---|---|")
    base_cpu, base_mb = (min(turn[NOTHING][i] for turn in turns) for i in (0, 1))
    for name in there:
        cpu, peak = (min(turn[name][i] for turn in turns) for i in (0, 1))
        print(f"| {name} | {cpu - base_cpu:.2f} | {peak - base_mb:.0f} |")
    if absent := [name for name in chosen if name not in there]:
        print(f"\nnot installed: {', '.join(absent)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
