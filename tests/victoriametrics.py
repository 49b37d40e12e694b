"""A real VictoriaMetrics for tests, one for the session; `../shared/servers/victoriametrics` compiles it."""

import atexit
import json
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from functools import cache
from typing import Any

import pytest

from cronocast.sinks.victoriametrics import sink
from tests.servers import SCRIPTS, home
from tests.waiting import wait_until


class VictoriaMetrics:
    """One server on loopback, and how tests look into it."""

    def __init__(self, *options: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.url = f"http://127.0.0.1:{free.getsockname()[1]}"
        self._folder = tempfile.mkdtemp()
        listen = f"-httpListenAddr={self.url.removeprefix('http://')}"
        command = [_binary(), listen, f"-storageDataPath={self._folder}", "-retentionPeriod=5y", *options]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        atexit.register(self.close)
        wait_until(self._healthy, "VictoriaMetrics answers")

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def get(self, path: str, **params: str) -> bytes:
        query = urllib.parse.urlencode({name.replace("match", "match[]"): value for name, value in params.items()})
        with urllib.request.urlopen(f"{self.url}{path}?{query}", timeout=10) as answer:
            return bytes(answer.read())

    def export(self, selector: str = '{__name__!=""}') -> list[dict[str, Any]]:
        """Metrics with all their values, those of the future too."""
        self.get("/internal/force_flush")
        return [json.loads(line) for line in self.get("/api/v1/export", match=selector, end="4102444800").splitlines()]

    def clear(self) -> None:
        self.get("/internal/force_flush")
        self.get("/api/v1/admin/tsdb/delete_series", match='{__name__!=""}')

    def show(self) -> None:
        """Make visible what is written, again and again until the server ends."""
        while self._process.poll() is None:
            try:
                self.get("/internal/force_flush")
            except OSError:
                return
            time.sleep(0.1)

    def _healthy(self) -> bool:
        try:
            return self.get("/health") == b"OK"
        except OSError:
            return False


def _binary() -> str:
    script, found = SCRIPTS / "victoriametrics", home() / "victoriametrics/victoria-metrics"
    if not found.exists():
        if not script.exists():
            pytest.skip("there is no ../shared/servers/victoriametrics here that compiles it")
        subprocess.run([script, "build"], check=True, capture_output=True)
    return str(found)


@cache
def victoriametrics() -> VictoriaMetrics:
    """The one of all tests here, which keeps forecasts of two years and shows at once what was written."""
    made = VictoriaMetrics("-futureRetention=2y")
    threading.Thread(target=made.show, daemon=True).start()
    sink.SETTLE_S = 0.6  # long enough for `show`
    return made
