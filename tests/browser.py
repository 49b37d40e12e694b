"""A real Chromium for tests, driven over its debugging pipe (Chrome DevTools Protocol).

No port is opened, no driver is needed.
"""

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.waiting import wait_until

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--hide-scrollbars", "--remote-debugging-pipe", "--force-color-profile=srgb",
)  # fmt: skip
WAIT_S = 60.0  # for one answer; a loaded machine starts a browser slowly


class Browser:
    """One page of a browser with a fresh profile. Console messages, exceptions and requests are kept in lists."""

    def __init__(self) -> None:
        found = next((path for name in NAMES if (path := shutil.which(name))), None)
        if found is None:
            raise RuntimeError(f"no browser found, install one of {', '.join(NAMES)}")
        self.profile = tempfile.mkdtemp(prefix="browser-")
        self.count, self.rest, self.session = 0, b"", ""
        self.console: list[str] = []
        self.requests: list[str] = []
        read_there, self.write_fd = os.pipe()
        self.read_fd, write_there = os.pipe()
        # The browser reads from descriptor 3 and writes to 4.
        script = f'exec "$0" "$@" 3<&{read_there} 4>&{write_there}'
        command = ["bash", "-c", script, found, *FLAGS, f"--user-data-dir={self.profile}", "about:blank"]
        self.process = subprocess.Popen(
            command,
            pass_fds=(read_there, write_there),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(read_there)
        os.close(write_there)

    def __enter__(self) -> Self:
        target = next(t for t in self.send("Target.getTargets")["targetInfos"] if t["type"] == "page")
        self.session = self.send("Target.attachToTarget", targetId=target["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.session = ""
            self.send("Browser.close")
            self.process.wait(20)
        except (OSError, RuntimeError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()
        os.close(self.write_fd)
        os.close(self.read_fd)
        shutil.rmtree(self.profile, ignore_errors=True)

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command and return its answer; events that come before it are kept."""
        self.count += 1
        message = {"id": self.count, "method": method, "params": params} | (
            {"sessionId": self.session} if self.session else {}
        )
        os.write(self.write_fd, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == self.count:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return dict(answer["result"])

    def _receive(self) -> dict[str, Any]:
        while b"\0" not in self.rest:
            ready, _, _ = select.select([self.read_fd], [], [], WAIT_S)
            block = os.read(self.read_fd, 2**20) if ready else b""
            if not block:
                raise RuntimeError("the browser does not answer")
            self.rest += block
        line, _, self.rest = self.rest.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        params = message.get("params", {})
        if message.get("method") == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif message.get("method") in (
            "Runtime.consoleAPICalled",
            "Runtime.exceptionThrown",
            "Log.entryAdded",
            "Page.javascriptDialogOpening",
        ):
            self.console.append(json.dumps(params)[:500])
        return message

    def open(self, path: Path, width: int, height: int = 900, *, dark: bool = False, scale: float = 1) -> None:
        """Load a file at a size and in a colour scheme."""
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=scale,
            mobile=width < 600,
        )
        self.send(
            "Emulation.setEmulatedMedia",
            features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}],
        )
        self.console.clear()
        self.requests.clear()
        self.send("Page.navigate", url=path.as_uri())
        wait_until(
            lambda: self.run("document.readyState") == "complete" and self.run("location.href") != "about:blank",
            "the page",
            WAIT_S,
        )

    def run(self, script: str) -> Any:
        """Evaluate JavaScript in the page, past its Content-Security-Policy."""
        answer = self.send("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(json.dumps(answer["exceptionDetails"])[:800])
        return answer["result"].get("value")

    def hover(self, x: float, y: float) -> None:
        """Move the mouse there."""
        self.send("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def press(self, key: str) -> None:
        """Press a key such as ArrowLeft."""
        for kind in ("rawKeyDown", "keyUp"):
            self.send("Input.dispatchKeyEvent", type=kind, key=key)

    def screenshot(self, path: Path, *, whole: bool = False) -> None:
        """Write what is seen, or the whole page, as PNG."""
        path.write_bytes(
            base64.b64decode(self.send("Page.captureScreenshot", format="png", captureBeyondViewport=whole)["data"])
        )
