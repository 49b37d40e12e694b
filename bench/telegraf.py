"""Forecasts a database as Telegraf fills it, whose truth is known, at ten times over two days, through the whole chain.

telegraf.py [--entries disk cpu queue net] [--now SECONDS] [--apart 4.8] [--jobs 2] [--keep FOLDER] [--json]

Entries as somebody new writes them are in telegraf.yaml. The database ends at `now`; each run sees only what lies
before it. What comes after `now` is known by formula. Needs shared/cases/telegraf.py beside the repository, or in it.
With `--keep` the database and the run folders stay in a folder; the next call does not fill the database again.
Exit 1 where a check fails.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import yaml

from bench.telegraf_judge import CHECKS, Finding, as_dicts, judged
from bench.telegraf_runs import HOUR_S, VALUES, run_all
from demo.influxd import Influxd

NOW_S = 1_772_532_000  # 2026-03-03 10:00 UTC, a Tuesday: the disk that fills in office hours is full on Thursday
RUNS, APART_H = 10, 4.8
ENTRIES = tuple(yaml.safe_load(VALUES.read_text())["series"])


def generator() -> Path | None:
    """The script that fills the database, if it is here."""
    root = Path(__file__).resolve().parents[1]
    paths = (folder / "shared" / "cases" / "telegraf.py" for folder in (root, root.parent))
    return next((path for path in paths if path.exists()), None)


@contextmanager
def database(folder: Path, now_s: int, seed: int) -> Iterator[str]:
    """URL of a server whose database holds what the generator wrote; filled only once per folder.

    Raises:
        SystemExit: there is no generator, or it failed.
    """
    server = Influxd(folder, {"HTTP_AUTH_ENABLED": "false"})  # no accounts that a later start would have to know
    filled = folder / f"filled-{now_s}-{seed}"
    server.start()
    try:
        if not filled.exists():
            fill(server, now_s, seed)
            filled.touch()
        yield server.url
    finally:
        server.stop()


def fill(server: Influxd, now_s: int, seed: int) -> None:
    """Write the five weeks before `now_s` into a new database."""
    script = generator()
    if script is None:
        raise SystemExit("no shared/cases/telegraf.py beside the repository or in it")
    for name in ("telegraf", "forecasts"):
        server.drop_database(name)
        server.query(f'CREATE DATABASE "{name}"')
    command = [sys.executable, str(script), server.url, "telegraf", "--now", str(now_s), "--seed", str(seed)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def table(findings: Sequence[Finding]) -> Iterator[str]:
    """Every finding in a line, then one verdict per check."""
    yield "| check | of | found | | forecast by |\n|---|---|---|---|---|"
    for finding in findings:
        verdict = "" if finding.fine else "FAILS"
        yield f"| {finding.check} | {finding.what} | {finding.figure} | {verdict} | {finding.said} |"
    yield ""
    for check in CHECKS:
        fine = [finding.fine for finding in findings if finding.check == check]
        verdict = ("pass" if all(fine) else "FAIL") if fine else "none"
        yield f"{verdict}  {check}: {sum(fine)} of {len(fine)}"


def main() -> int:
    """Fill, run, judge, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", nargs="+", choices=ENTRIES, default=ENTRIES)
    parser.add_argument("--now", type=int, default=NOW_S, help="end of the database, in seconds since 1970")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--apart", type=float, default=APART_H, help="hours between runs")
    parser.add_argument("--jobs", type=int, default=2, help="entries that run at once")
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as name:
        folder = (given.keep or Path(name)).resolve()
        runs = folder / f"runs-{given.now}-{given.seed}"
        shutil.rmtree(runs, ignore_errors=True)  # what an earlier call knew must not help
        runs.mkdir(parents=True)
        with database(folder / "influxd", given.now, given.seed) as url:
            filled = time.perf_counter()
            times = [given.now - round(i * given.apart * HOUR_S) for i in reversed(range(RUNS))]
            findings = judged(run_all(url, runs, given.entries, times, given.jobs), given.now)
    if given.json:
        print(json.dumps(as_dicts(findings)))
    else:
        print(*table(findings), sep="\n")
        print(f"\n{filled - began:.0f} s to fill, {time.perf_counter() - filled:.0f} s for {RUNS} runs of each entry")
    return 0 if all(finding.fine for finding in findings) else 1


if __name__ == "__main__":
    sys.exit(main())
