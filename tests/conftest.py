"""What tests share: a command, and a real InfluxDB.

Where no server can be had the tests fail and say what to install; they never skip.
"""

import itertools
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from demo.influxd import Influxd
from tests import servers

# Every run tries the same examples: one that fails can be run again, and nothing lands by luck. Nor does a loaded
# machine fail one.
settings.register_profile("same", derandomize=True, deadline=None)
settings.load_profile("same")

_numbers = itertools.count(1)

# A shell starts what it runs in the background deaf to Ctrl-C, and every process below would stay so.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "influxdb: needs an InfluxDB; set by itself, see tests/wire/README.md")
    servers.choose()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """A file that is slow as a whole is not even imported by the quick loop: TensorFlow and its like take seconds."""
    if config.getoption("markexpr") != "not slow" or collection_path.suffix != ".py":
        return None
    return "\npytestmark = pytest.mark.slow\n" in collection_path.read_text() or None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what starts a server: `-m influxdb` finds it, and the quick loop does without it."""
    for item in items:
        if {"influxd", "serve"} & set(getattr(item, "fixturenames", ())):
            item.add_marker("influxdb")
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def serve() -> Callable[..., Influxd]:
    """Makes a further server, of the version under test, with settings of its own."""
    return servers.server


@pytest.fixture(scope="session")
def influxd(serve: Callable[..., Influxd]) -> Iterator[Influxd]:
    """One server for the session (with xdist: for each worker)."""
    with serve() as server:
        yield server


@pytest.fixture
def database(influxd: Influxd) -> Iterator[str]:
    """A fresh database that the server's reader may read and its writer may write."""
    name = f"test_{next(_numbers)}"
    influxd.create_database(name)
    yield name
    influxd.drop_database(name)


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run a command in this process: exit code, stdout, stderr."""
    from cronocast.commands import application as cli

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["cronocast", *words])
        with pytest.raises(SystemExit) as caught:
            cli.main()
        return int(caught.value.code or 0), *capsys.readouterr()

    return run
