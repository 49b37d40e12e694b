"""The demo as a newcomer meets it.

It runs to the end without a terminal, tells no secret, and leaves nothing running.
"""

import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A copy of the demo, so that it writes elsewhere than a demo that runs at the same time."""
    shutil.copytree(ROOT / "demo", tmp_path / "demo", ignore=shutil.ignore_patterns("out", "__pycache__"))
    yield tmp_path
    assert left_running(tmp_path) == []


def start(place: Path) -> "subprocess.Popen[str]":
    words = [sys.executable, "-m", "demo.demo"]
    return subprocess.Popen(
        words,
        cwd=place,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def left_running(place: Path) -> list[bytes]:
    """Command lines of processes that have to do with a folder by their arguments or their environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (
                process.name != str(os.getpid())
                and bytes(place / "demo") in (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
            ):
                found.append((process / "cmdline").read_bytes())
        except OSError:
            continue  # ended meanwhile, or another user's
    return found


def test_the_demo_ends_with_forecasts_that_can_be_read_and_a_report(place: Path) -> None:
    with start(place) as process:
        output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    out = place / "demo" / "out"
    assert (out / "report.html").stat().st_size > 10_000
    told = re.findall(r"^(parking|power|archive|wind): [1-9][0-9]* .*\b[1-9]", output, flags=re.MULTILINE)
    assert sorted(told) == sorted(["parking", "power", "archive", "wind"] * 2)  # what was read, and the forecast of it
    assert output.count("yhat_lower") > 1  # in the query, and in its answer
    secrets = [path for path in out.glob("*.password") if stat.S_IMODE(path.stat().st_mode) == 0o600]
    assert len(secrets) == 2
    texts = [
        output,
        *(
            path.read_text(errors="replace")
            for path in out.rglob("*")
            if path.is_file() and path.suffix in {".yaml", ".json", ".csv", ".html", ".log"}
        ),
    ]
    assert not [secret.name for secret in secrets for text in texts if secret.read_text() in text]


@pytest.mark.skipif(sys.platform != "linux", reason="looks through /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
@pytest.mark.parametrize(
    ("line", "pause_s"),
    [("http://127.0.0.1:", 0.0), ("$ cronocast run", 0.05), ("$ cronocast run", 1.5)],
    ids=["server just up", "chain starts", "chain runs"],
)
def test_an_interrupted_demo_leaves_nothing_running(
    place: Path, line: str, pause_s: float, number: signal.Signals
) -> None:
    with start(place) as process:
        assert process.stdout is not None
        for text in process.stdout:
            if line in text:
                break
        time.sleep(pause_s)
        process.send_signal(number)
        output = process.stdout.read()
        process.wait(30)
    assert process.returncode == {signal.SIGINT: 130, signal.SIGTERM: 143}[number], output
    assert "Traceback" not in output
