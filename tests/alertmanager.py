"""A real Alertmanager of one's own: the distribution's package, unpacked into the cache once, without root.

with Alertmanager("http://127.0.0.1:1/") as server:
    server.alerts()
"""

import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any, Self

from demo.influxd import die_with_parent, free_port
from demo.influxd_find import cache

PACKAGE = "prometheus-alertmanager"
READY_S = 30.0
BUILT_IN = b"/usr/share/prometheus/alertmanager"  # where the program looks for its templates
CONFIG = """
global: {{resolve_timeout: 2s}}
route: {{receiver: hook, group_wait: 0s, group_interval: 1s, repeat_interval: 1h, group_by: ['...']}}
receivers: [{{name: hook, webhook_configs: [{{url: "{hook}"}}]}}]
"""


def missing() -> str:
    """Why no Alertmanager can be had here; "" where one can."""
    return "" if shutil.which("apt-get") and shutil.which("dpkg-deb") else f"no apt-get to fetch {PACKAGE} with"


class Alertmanager:
    """One server on 127.0.0.1 that tells `hook` of each alert by itself; it never outlives this process."""

    def __init__(self, hook: str) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="cronocast-alertmanager-"))
        (self._folder / "config.yml").write_text(CONFIG.format(hook=hook))
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def start(self) -> None:
        """Start it, with what it knew before, and wait until it answers."""
        root = _unpacked()
        words: list[str | Path] = [
            "--config.file",
            self._folder / "config.yml",
            "--storage.path",
            self._folder / "data",
        ]
        words += ["--web.listen-address", f"127.0.0.1:{self._port}", "--cluster.listen-address", ""]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [root / "usr/bin/prometheus-alertmanager", *words],
                cwd=root / "usr/share/prometheus/alertmanager",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent,  # noqa: PLW1509 - calls prctl only
            )
        end = time.monotonic() + READY_S
        while time.monotonic() < end and self._process.poll() is None:
            with contextlib.suppress(OSError):
                self._get("/-/ready")
                return
            time.sleep(0.02)
        raise AssertionError((self._folder / "log").read_text()[-2000:])

    def stop(self) -> None:
        """End it in order; `start` brings it back."""
        if self._process:
            self._process.terminate()
            self._process.wait(10)

    def alerts(self) -> list[dict[str, Any]]:
        """The alerts that it holds as active."""
        return json.loads(self._get("/api/v2/alerts"))  # type: ignore[no-any-return]

    def _get(self, path: str) -> bytes:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(self.url + path, timeout=5) as answer:
            return bytes(answer.read())


def _unpacked() -> Path:
    """The folder of the unpacked package; fetched once, by one process."""
    root = cache().parent / "alertmanager"
    root.parent.mkdir(parents=True, exist_ok=True)
    with (root.parent / "alertmanager.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not root.exists():
            _fetch(root)
    return root


def _fetch(root: Path) -> None:
    with tempfile.TemporaryDirectory(dir=root.parent) as name:
        work = Path(name)
        (work / "lists/partial").mkdir(parents=True)
        own = ["-o", f"Dir::State::lists={work}/lists", "-o", f"Dir::Cache={work}"]
        if _run(["apt-get", "download", PACKAGE], work):  # package lists of our own: only root may renew the system's
            for command in (["update"], ["download", PACKAGE]):
                fault = _run(["apt-get", *own, *command], work)
            assert not fault, fault
        [package] = work.glob("*.deb")
        fault = _run(["dpkg-deb", "-x", str(package), str(work / "root")], work)
        assert not fault, fault
        program = work / "root/usr/bin/prometheus-alertmanager"
        here = b"./" * (len(BUILT_IN) // 2)  # as long: the folder that it is started in
        program.write_bytes(program.read_bytes().replace(BUILT_IN, here))
        (work / "root").rename(root)


def _run(words: list[str], folder: Path) -> str:
    """Run a command; "" or what went wrong."""
    done = subprocess.run(
        words, cwd=folder, env={**os.environ, "LC_ALL": "C"}, capture_output=True, text=True, check=False
    )
    return "" if done.returncode == 0 else done.stderr[-500:] or "failed"
