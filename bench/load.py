"""Loads 1,000,000 points with the step and with curl, in turn, into fresh databases, and prints a table.

load.py [--members 100] [--rows 10000] [--turns 3] [--min-ratio 0.8] [--max-mb 200]

curl is one process with one kept connection that posts ready-made files of 10,000 lines, the very lines that the step
sends (made by `--dry-run`, cut by 10,000). The step is the whole process: start of Python, checks of the hand-off and
of each row, formatting, sending, the records of the run, its result file. Exit 1 where the step is slower than the
ratio allows or takes more memory.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from cronocast.chain.job import run_folder
from cronocast.handoff import series
from cronocast.handoff.results import Outcome, write_result
from demo.influxd import Account, Influxd

NAME, RUN, RUN_NS = "bench", "2026-01-01T00:00:00Z", 1_767_225_600 * 10**9
EVERY_NS = 300 * 10**9
BATCH = 10_000


def make_forecast(folder: Path, members: int, rows: int) -> None:
    """Write forecast.csv and its result as the forecast step leaves them: doubles of full length."""
    rng = random.Random(1)
    folder.mkdir(parents=True)
    path = folder / "forecast.csv"
    listed = []
    with path.open("wb") as file:
        file.write(series.header(series.FORECAST_COLUMNS))
        for number in range(members):
            tags = f"host=server{number:05d},region=eu"
            start = series.prefix("cpu", tags).decode()
            for i in range(rows):
                yhat = rng.gauss(50, 10)
                file.write(f"{start}{RUN_NS + i * EVERY_NS},{yhat!r},{yhat - 3.7!r},{yhat + 3.7!r}\n".encode())
            listed.append(
                {"name": "cpu", "tags": tags, "class": "seasonal", "model": "naive", "status": "ok", "rows": rows}
            )
    outcome = Outcome(members=listed, window={"start_ns": 0, "end_ns": RUN_NS, "every_ns": EVERY_NS})
    outcome.add_output(path, members * rows)
    write_result(folder / "forecast.result.json", "forecast", NAME, RUN, outcome, 1.0, None, {})


def entry_text(url: str, account: Account, password: Path, database: str) -> str:
    """The series document for one database."""
    source = {
        "url": url,
        "database": database,
        "measurement": "cpu",
        "field": "value",
        "auth": "basic",
        "username": account.name,
        "password_file": str(password),
    }
    return json.dumps({"name": NAME, "every": "5m", "horizon": "1d", "source": source, "sink": {"batch": BATCH}})


def timed(command: list[str]) -> tuple[float, float, float]:
    """Run a command; return wall seconds, CPU seconds and peak memory in MB (2**20 bytes)."""
    begin = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        raise SystemExit(f"{command[0]} ended with {os.waitstatus_to_exitcode(status)}")
    return time.perf_counter() - begin, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def step_command(root: Path, entry: str, *more: str) -> list[str]:
    """The load step as a container runs it."""
    return [sys.executable, "-m", "cronocast", "load", "--entry", entry, "--root", str(root), "--run", RUN, *more]


def curl_files(root: Path, lines: Path) -> list[Path]:
    """Cut the step's own lines into files of 10,000."""
    files: list[Path] = []
    with lines.open("rb") as file:
        while part := b"".join(islice(file, BATCH)):
            files.append(root / f"{len(files):05d}.lp")
            files[-1].write_bytes(part)
    return files


def curl_command(config: Path, url: str, account: Account, database: str, files: list[Path]) -> list[str]:
    """One curl for all files; `next` keeps the connection. `fail` makes anything but a 2xx an error."""
    one = (
        f'silent\nshow-error\nfail\nuser = "{account.name}:{account.password}"\nurl ='
        f' "{url}/write?db={database}&precision=ns"\ndata-binary = "@%s"\n'
    )
    config.write_text("next\n".join(one % path for path in files))
    config.chmod(0o600)
    return ["curl", "--fail-early", "--config", str(config)]


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    for flag, kind, default in (
        ("--members", int, 100),
        ("--rows", int, 10_000),
        ("--turns", int, 3),
        ("--min-ratio", float, 0.8),
        ("--max-mb", float, 200.0),
    ):
        parser.add_argument(flag, type=kind, default=default)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, Influxd() as server:
        measured = measure(Path(name), server, options)
    points = options.members * options.rows
    print(
        f"{points:,} points, {options.members} members; median of {options.turns} turns, load of the machine before:"
        f" {os.getloadavg()[0]:.1f}"
    )
    print(f"{'':6} {'wall s':>8} {'points/s':>10} {'CPU s':>7} {'peak MB':>8}   each wall s")
    for who, figures in measured.items():
        wall, cpu = median(f[0] for f in figures), median(f[1] for f in figures)
        print(
            f"{who:6} {wall:8.2f} {points / wall:10,.0f} {cpu:7.2f} {max(f[2] for f in figures):8.0f}  "
            f" {' '.join(f'{f[0]:.2f}' for f in figures)}"
        )
    ratio = median(c[0] / s[0] for c, s in zip(measured["curl"], measured["step"], strict=True))
    memory = max(figure[2] for figure in measured["step"])
    print(
        f"speed of the step as a share of curl's: {ratio:.2f} (median of the turns; at least {options.min_ratio}),"
        f" memory {memory:.0f} MB (at most {options.max_mb:.0f})"
    )
    return int(ratio < options.min_ratio or memory > options.max_mb)


# of argparse
def measure(root: Path, server: Influxd, options: Any) -> dict[str, list[tuple[float, float, float]]]:  # noqa: ANN401
    """Both ways in turn, each into a database of its own that goes away afterwards; the counts must be right."""
    password = root / "password"
    password.write_text(server.writer.password)
    password.chmod(0o600)
    make_forecast(run_folder(root, NAME, RUN_NS), options.members, options.rows)
    timed(
        step_command(root, entry_text(server.url, server.writer, password, "none"), "--dry-run", str(root / "lines.lp"))
    )
    files = curl_files(root, root / "lines.lp")
    measured: dict[str, list[tuple[float, float, float]]] = {"step": [], "curl": []}
    for turn in range(options.turns):
        for who in ("step", "curl") if turn % 2 else ("curl", "step"):
            database = f"{who}{turn}"
            server.create_database(database)
            if who == "step":
                command = step_command(root, entry_text(server.url, server.writer, password, database))
            else:
                command = curl_command(root / "curl.config", server.url, server.writer, database, files)
            measured[who].append(timed(command))
            found = server.query("SELECT count(yhat) FROM cpu_forecast", database)[0]["count"]
            if found != options.members * options.rows:
                raise SystemExit(f"{who} left {found} points")
            server.query(f'DROP DATABASE "{database}"')
    return measured


if __name__ == "__main__":
    raise SystemExit(main())
