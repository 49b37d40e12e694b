"""Runs the extract step as the command does, and returns all that can be seen of it."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cronocast.chain import extract
from cronocast.chain.job import Job
from cronocast.chain.shell import run_step
from cronocast.document.entry import parse_entry

HOUR = 3600 * 10**9
END = 1_700_006_400 * 10**9  # a full hour
START = END - 24 * HOUR
SOURCE: dict[str, Any] = {"database": "d", "measurement": "m", "field": "f", "timeout": "2s", "retry_for": "0s"}
DAY = {"every": "1h", "lookback": "24h", "horizon": "1h"}


@dataclass(frozen=True)
class Ran:
    """One run of the step."""

    code: int
    error: str  # the last line, if it is an error
    stderr: str
    result: dict[str, Any]
    history: str | None

    @property
    def token(self) -> str:
        """E_NAME of the error line."""
        return self.error.split()[1] if self.error else ""

    @property
    def rows(self) -> list[tuple[str, int, float]]:
        """Tags, time and value of each row; for tags that need no quotes."""
        lines = (self.history or "").splitlines()[1:]
        return [
            (tags, int(time), float(value))
            for tags, time, value in (line.removeprefix("m,").rsplit(",", 2) for line in lines)
        ]


def extract_run(
    capsys: pytest.CaptureFixture[str],
    folder: Path,
    url: str,
    source: Mapping[str, Any] | None = None,
    run_ns: int = END + 10**9,
    **entry: Any,
) -> Ran:
    """Run the step on a folder; settings of the source and of the entry on top of SOURCE and DAY."""
    document = {"name": "s", "source": {**SOURCE, "url": url, **(source or {})}, **DAY, **entry}
    document["source"] = {key: value for key, value in document["source"].items() if value is not None}
    return run_extract(capsys, folder, document, run_ns)


def run_extract(
    capsys: pytest.CaptureFixture[str], folder: Path, document: dict[str, Any], run_ns: int = END + 10**9
) -> Ran:
    """Run the step with a series document on a folder."""
    history = folder / "history.csv"
    job = Job(
        "extract",
        parse_entry(document),
        run_ns,
        standalone=True,
        history=history,
        profile=folder / "p",
        forecast=folder / "f",
        state=None,
    )
    capsys.readouterr()
    code = run_step(extract.run, job)
    stderr = capsys.readouterr().err
    last = stderr.splitlines()[-1]
    result = json.loads((folder / "extract.result.json").read_text())
    assert not list(folder.glob(".tmp.*"))
    if code:
        assert re.fullmatch(r"error: E_[A-Z0-9_]+ \S+: .{5,400}", last)
        assert (result["status"], result["exit"], result["token"]) == ("failed", code, last.split()[1])
        assert "Traceback" not in stderr
    return Ran(code, last if code else "", stderr, result, history.read_text() if history.exists() else None)
