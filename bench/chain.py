"""Time of the whole chain, `cronocast run`, against a real InfluxDB.

Seconds per step and in all, and peak memory, by number of members.

chain.py [--members 1 10 100] [--weeks 4] [--horizon 24h] [--jobs 1] [--model auto]

Hourly values with a day, a week, noise and a level of their own per member. Every forecast point is counted in the
database afterwards. Peak memory is that of the largest process of the chain.
"""

import argparse
import json
import math
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from cronocast.chain.table import chain_steps
from demo.influxd import Influxd

RUN, END_S, HOUR_S = "2026-01-01T00:00:00Z", 1_767_225_600, 3600


def fill(server: Influxd, database: str, members: int, weeks: int) -> None:
    """Write the history of every member until the time of the run."""
    server.create_database(database)
    for number in range(members):
        rng, lines, noise = random.Random(number), [], 0.0
        for i in range(-weeks * 168, 0):
            noise = 0.7 * noise + rng.gauss(0, 1)
            day, weekend = math.sin(2 * math.pi * (i + number) / 24), i // 24 % 7 >= 5
            lines.append(
                f"cpu,host=h{number:04d} value={50 + number + 10 * day - 6 * weekend + noise:.3f}"
                f" {(END_S + i * HOUR_S) * 10**9}"
            )
        server.write(lines, database)


def write_values(path: Path, server: Influxd, database: str, given: argparse.Namespace) -> None:
    """A values file with one series, and the accounts' passwords in files beside it."""
    for account in (server.reader, server.writer):
        secret = path.parent / account.name
        secret.write_text(account.password)
        secret.chmod(0o600)
    source = {
        "url": server.url,
        "auth": "basic",
        "username": server.reader.name,
        "password_file": str(path.parent / server.reader.name),
        "database": database,
    }
    reading = {"measurement": "cpu", "field": "value", "group_by": ["host"]}
    sink = {"username": server.writer.name, "password_file": str(path.parent / server.writer.name)}
    entry = {
        "source": {**source, **reading},
        "sink": sink,
        "lookback": f"{given.weeks}w",
        "horizon": given.horizon,
        "model": given.model,
        "jobs": given.jobs,
    }
    path.write_text(json.dumps({"series": {"bench": entry}}))  # JSON is YAML


def run(folder: Path, values: Path) -> tuple[float, float, float, dict[str, Any]]:
    """Run the chain; wall seconds, CPU seconds, peak MB (2**20 bytes), and what it said."""
    command = [
        sys.executable,
        "-m",
        "cronocast",
        "run",
        "-f",
        str(values),
        "--root",
        str(folder / "data"),
        "--run",
        RUN,
        "--json",
    ]
    begin = time.perf_counter()
    with (folder / "out.json").open("wb") as out:
        child = subprocess.Popen(command, stdout=out)
        _, status, used = os.wait4(child.pid, 0)
    wall = time.perf_counter() - begin
    if status:
        raise SystemExit(f"cronocast run ended with {os.waitstatus_to_exitcode(status)}")
    return wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, json.loads((folder / "out.json").read_text())[0]


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--members", type=int, nargs="*", default=[1, 10, 100])
    parser.add_argument("--weeks", type=int, default=4)
    parser.add_argument("--horizon", default="24h")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--model", default="auto")
    given = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    print(
        f"{given.weeks} weeks of hours, {given.horizon} ahead, model {given.model}, jobs {given.jobs}; load of the"
        f" machine before: {os.getloadavg()[0]:.1f}\n"
    )
    columns = ["members", *(f"{step} s" for step in chain_steps()), "in all s", "CPU s", "peak MB", "points"]
    print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    with Influxd() as server, tempfile.TemporaryDirectory() as name:
        os.environ["PYTHONPYCACHEPREFIX"] = f"{name}/compiled"  # compiled modules, as an image has them
        for i, members in enumerate([1, *given.members]):  # the first one compiles
            folder, database = Path(name, str(i)), f"chain{i}"
            folder.mkdir()
            fill(server, database, members, given.weeks)
            write_values(folder / "values.yaml", server, database, given)
            wall, cpu, peak, said = run(folder, folder / "values.yaml")
            found = server.query("SELECT count(yhat) FROM cpu_forecast", database)[0]["count"]
            if (
                found != said["steps"]["load"]["acked"]
                or said["steps"]["load"]["acked"] != said["steps"]["load"]["expected"]
            ):
                raise SystemExit(
                    f"{found} points are in the database, {said['steps']['load']['acked']} were acknowledged"
                )
            if i:
                steps = " | ".join(f"{said['steps'][step]['duration_s']:.2f}" for step in chain_steps())
                print(f"| {members} | {steps} | {wall:.2f} | {cpu:.2f} | {peak:.0f} | {found} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
