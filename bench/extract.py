"""Reads 1,000,000 rows with the step and with curl, in turn, from one InfluxDB, and prints a table.

extract.py [--members 100] [--rows 10000] [--turns 3] [--min-ratio 0.8] [--max-mb 150]

Two queries, both judged: one mean per step, as entries ask by default; and raw values, where the server is so fast that
the start of Python and of its HTTP library count. curl streams the same query as CSV into a file.
The step is the whole process: start of Python, the request, the check of each row and of the answer's end, the synced
file, its checksum, the result file. Both files must hold the same rows. Exit 1 where the step is slower than the ratio
allows or takes more memory.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from demo.influxd import Influxd

END_S = 1_767_225_600
EVERY_S = 10
BATCH = 20_000


def fill(server: Influxd, members: int, rows: int) -> None:
    """Write one value of three decimals per member and step."""
    rng = random.Random(1)
    server.create_database("bench")
    lines: list[str] = []
    for i in range(rows):
        time_ns = (END_S - (rows - i) * EVERY_S) * 10**9
        lines += [f"narrow,host=h{member:04d} v={rng.uniform(0, 1000):.3f} {time_ns}" for member in range(members)]
        if len(lines) >= BATCH or i == rows - 1:
            server.write(lines, "bench")
            lines = []


def entry_of(server: Influxd, rows: int, reading: dict[str, object]) -> str:
    """The series document of the step."""
    source = {
        "url": server.url,
        "auth": "basic",
        "username": server.reader.name,
        "database": "bench",
        "delay": "0s",
        **reading,
    }
    return json.dumps(
        {
            "name": "bench",
            "source": source,
            "every": f"{EVERY_S}s",
            "lookback": f"{rows * EVERY_S}s",
            "horizon": f"{EVERY_S}s",
        }
    )


def timed(words: list[str], server: Influxd, stdin: str = "") -> tuple[float, float, float]:
    """Run a process to its end; wall seconds, its CPU seconds, and its peak memory in MB."""
    env = {**os.environ, "CRONOCAST_SOURCE_PASSWORD": server.reader.password}
    begin = time.perf_counter()
    process = subprocess.Popen(
        words, env=env, stdin=subprocess.PIPE, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    if process.stdin and process.stderr:
        process.stdin.write(stdin)
        process.stdin.close()
        said = process.stderr.read()
    _, code, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - begin
    if code:
        raise SystemExit(f"{words[0]} failed: {said}")
    return wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def by_curl(server: Influxd, query: str, to: Path) -> Callable[[], tuple[float, float, float]]:
    """curl, streaming chunked CSV; the password goes in by stdin."""
    words = [
        "curl",
        "-sS",
        "--fail",
        "-K",
        "-",
        "-G",
        f"{server.url}/query",
        "-H",
        "Accept: application/csv",
        "-o",
        str(to),
    ]
    words += ["-d", "db=bench", "-d", "epoch=ns", "-d", "chunked=true", "--data-urlencode", f"q={query}"]
    return lambda: timed(words, server, f'user = "{server.reader.name}:{server.reader.password}"\n')


def by_step(server: Influxd, entry: str, to: Path) -> Callable[[], tuple[float, float, float]]:
    """The step as a pod runs it."""
    run = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(END_S))
    words = [sys.executable, "-m", "cronocast", "extract", "--entry", entry, "--run", run, "--history", str(to)]
    return lambda: timed(words, server)


def same_rows(one: Path, other: Path) -> bool:
    """Whether two CSV files differ in their first line only."""
    with one.open("rb") as a, other.open("rb") as b:
        a.readline(), b.readline()
        # In blocks: the peak of a child begins with the size of this process.
        while (block := a.read(2**20)) == b.read(2**20):
            if not block:
                return True
    return False


def main() -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--members", type=int, default=100)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--min-ratio", type=float, default=0.8)
    parser.add_argument("--max-mb", type=float, default=150.0)
    chosen = parser.parse_args()
    window = f"time >= {(END_S - chosen.rows * EVERY_S) * 10**9} AND time < {END_S * 10**9}"
    own = "SELECT v FROM narrow WHERE time >= $start AND time < $end GROUP BY host"
    cases: dict[str, tuple[str, dict[str, object]]] = {
        "raw values": (f"SELECT v FROM narrow WHERE {window} GROUP BY host", {"query": own}),
        "mean per step": (
            f'SELECT mean("v") FROM "narrow" WHERE {window} GROUP BY time({EVERY_S}s), "host" fill(none)',
            {"measurement": "narrow", "field": "v", "group_by": ["host"]},
        ),
    }
    fine = True
    # Compiled modules, as an image has them.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with Influxd() as server, tempfile.TemporaryDirectory() as name:
        os.environ["PYTHONPYCACHEPREFIX"] = f"{name}/compiled"
        fill(server, chosen.members, chosen.rows)
        load = os.getloadavg()[0]
        print(
            f"{chosen.members * chosen.rows} rows of {chosen.members} members, {chosen.turns} turns each, medians; load"
            f" of the machine before: {load:.1f}"
        )
        print("query           curl_s  step_s  ratio  curl_cpu_s  step_cpu_s  step_peak_MB")
        for case, (query, reading) in cases.items():
            csv, history = Path(name, "curl.csv"), Path(name, "history.csv")
            ways = by_curl(server, query, csv), by_step(server, entry_of(server, chosen.rows, reading), history)
            turns = [[way() for way in ways] for _ in range(chosen.turns + 1)][1:]  # the first one warms up
            if not same_rows(csv, history):
                raise SystemExit(f"{case}: the step and curl read different rows")
            curl, step = ([median(values) for values in zip(*(turn[i] for turn in turns), strict=True)] for i in (0, 1))
            peak = max(turn[1][2] for turn in turns)
            print(
                f"{case:14}  {curl[0]:6.2f}  {step[0]:6.2f}  {curl[0] / step[0]:5.2f}  {curl[1]:10.2f}  {step[1]:10.2f}"
                f"  {peak:12.0f}"
            )
            fine = fine and peak <= chosen.max_mb and curl[0] / step[0] >= chosen.min_ratio
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
