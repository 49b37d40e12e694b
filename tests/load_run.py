"""Run folders as the forecast step leaves them, for tests of the load step."""

import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cronocast.chain.job import Job, run_folder
from cronocast.chain.load import run
from cronocast.chain.shell import run_step
from cronocast.document.entry import parse_entry
from cronocast.handoff import series
from cronocast.handoff.files import series_id
from cronocast.handoff.results import Outcome, write_result

EVERY_NS = 300 * 10**9
RUN_NS = 1_767_225_600 * 10**9  # 2026-01-01T00:00:00Z
NAME = "web load"
Tags = Mapping[str, str]


def make_job(
    root: Path,
    url: str,
    /,
    *,
    run_ns: int = RUN_NS,
    name: str = NAME,
    source: Mapping[str, Any] | None = None,
    dry_run: Path | None = None,
    **sink: Any,
) -> Job:
    """A job of the load step in a run folder below `root`."""
    database = {"url": url, "database": "d", "measurement": "cpu", "field": "v", **(source or {})}
    entry = parse_entry(
        {
            "name": name,
            "every": "5m",
            "horizon": "1d",
            "source": database,
            "sink": {**({} if "kind" in sink else {"retry_for": "1s", "timeout": "5s"}), **sink},
        }
    )
    folder = run_folder(root, name, run_ns)
    folder.mkdir(parents=True, exist_ok=True)
    return Job(
        "load",
        entry,
        run_ns,
        False,
        folder / "history.csv",
        folder / "profile.json",
        folder / "forecast.csv",
        root / series_id(name) / "state",
        dry_run,
    )


def signed_in(server: Any, root: Path, database: str) -> dict[str, Any]:
    """Settings of a source that the server's writer may use."""
    password = root / "password"
    password.write_text(server.admin.password)
    password.chmod(0o600)
    return {"database": database, "auth": "basic", "username": server.admin.name, "password_file": str(password)}


def rows_of(tags: Tags, rows: int, seed: int = 1, name: str = "cpu") -> str:
    """CSV rows of one member from the run's time on, numbers of full length."""
    rng = random.Random(f"{seed} {sorted(tags.items())}")
    start = series.prefix(name, series.tags_text(tags.items())).decode()
    made = []
    for i in range(rows):
        yhat = rng.gauss(50, 10)
        made.append(f"{start}{RUN_NS + i * EVERY_NS},{yhat!r},{yhat - 3.7!r},{yhat + 3.7!r}\n")
    return "".join(made)


def publish(job: Job, members: list[Tags], rows: int, text: str | None = None) -> None:
    """Write forecast.csv (or `text` instead) and the results of the steps before load."""
    body = (
        series.header(series.FORECAST_COLUMNS).decode() + "".join(rows_of(tags, rows) for tags in members)
        if text is None
        else text
    )
    job.forecast.write_text(body)
    listed: list[dict[str, Any]] = [
        {
            "name": "cpu",
            "tags": series.tags_text(tags.items()),
            "class": "seasonal",
            "model": "naive",
            "why": 'the "best"',
            "rows": rows,
            "backtest": {"mase": 1, "coverage": 0.94},
        }
        for tags in members
    ]
    outcome = Outcome(members=listed, window={"start_ns": 0, "end_ns": RUN_NS, "every_ns": EVERY_NS})
    outcome.add_output(job.forecast, rows * len(members))
    write_result(
        job.forecast.parent / "forecast.result.json", "forecast", job.entry.name, job.run, outcome, 1.5, None, {}
    )
    write_result(
        job.forecast.parent / "extract.result.json", "extract", job.entry.name, job.run, Outcome(), 0.5, None, {}
    )


def load(job: Job) -> tuple[int, dict[str, Any]]:
    """Run the step in this process; return its exit code and its result."""
    code = run_step(run, job)
    return code, json.loads((job.forecast.parent / "load.result.json").read_text())


HOSTS: list[Tags] = [
    {"host": "a", "region": "eu"},
    {"host": "b", "region": "eu"},
    {"host": 'we, = "ird"', "region": "eu"},
]
