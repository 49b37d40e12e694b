"""What tests of `cronocast serve` share: a volume with forecasts, the real server, a real Prometheus."""

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from cronocast.durations import stamp
from cronocast.handoff.evaluation import EVALUATION, SCHEMA, MemberEvaluation, to_document
from cronocast.handoff.files import run_name, series_id, write_json
from cronocast.handoff.results import Outcome, write_result
from demo.influxd import free_port
from tests import servers
from tests.report_runs import HOUR, Sample, write_run

SCHEDULES: Mapping[str, Any] = {"schedules": ["0 * * * *"], "timezone": "UTC"}


def add_run(
    root: Path,
    series: str,
    now_ns: int,
    samples: Sequence[Sample],
    found: Sequence[MemberEvaluation] = (),
    **more: Any,
) -> Path:
    """A whole run of an hourly series on the volume, with what evaluate found."""
    folder = root / series_id(series) / "runs" / run_name(now_ns)
    settings = {**SCHEDULES, **more.pop("settings", {})}
    write_run(folder, [*samples], series=series, now=now_ns, points=2, settings=settings, **more)
    if found:
        run, outcome = stamp(now_ns), Outcome()
        document = {"schema": SCHEMA, "series": series, "run": run, "members": [to_document(one) for one in found]}
        write_json(folder / EVALUATION, document)
        outcome.add_output(folder / EVALUATION, len(found))
        write_result(folder / "evaluate.result.json", "evaluate", series, run, outcome, 0.1, None, {})
    return folder


def this_hour() -> int:
    """The hour that it is now; ns UTC."""
    return time.time_ns() // HOUR * HOUR


@contextmanager
def server(*words: str, code: int = 143) -> Iterator[str]:
    """`cronocast serve` as a process of its own, and its address; in the end it must leave with the exit code."""
    address = f"127.0.0.1:{free_port()}"
    command = [sys.executable, "-m", "cronocast", "serve", "--listen", address, *words]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            await_answer(f"http://{address}/readyz", process)
            yield f"http://{address}"
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                said = process.communicate(timeout=10)[1]
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        assert process.returncode == code, said


def await_answer(url: str, process: "subprocess.Popen[str] | None" = None, seconds: float = 60.0) -> None:
    """Wait until an address answers 200."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and (process is None or process.poll() is None):
        try:
            if requests.get(url, timeout=5).status_code == 200:
                return
        except requests.ConnectionError:
            pass
        time.sleep(0.1)
    raise TimeoutError(f"{url} does not answer 200" if process is None else f"{url}: ended or not ready")


def promtool() -> Path | None:
    """The program that checks metrics and rules: of the shared servers, or the one on the PATH."""
    found = shutil.which("promtool")
    return _program("promtool") or (Path(found) if found else None)


def prometheus() -> Path | None:
    """A real Prometheus, in the same way."""
    found = shutil.which("prometheus")
    return _program("prometheus") or (Path(found) if found else None)


NO_PROMETHEUS = "no prometheus on the PATH, and no ../shared/servers that fetches it"


def _program(name: str) -> Path | None:
    script = servers.SCRIPTS / "prometheus"
    if not script.exists() or subprocess.run([script, "build"], capture_output=True, check=False).returncode:
        return None
    path = servers.home() / "prometheus/usr/bin" / name
    return path if path.exists() else None
