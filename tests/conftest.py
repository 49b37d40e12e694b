"""What tests share: a real InfluxDB. Where none can be had the tests fail and say what to install; they never skip."""

import itertools
import signal
from collections.abc import Callable, Iterator

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


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what starts a server, so that `-m influxdb` finds it."""
    for item in items:
        if {"influxd", "serve"} & set(getattr(item, "fixturenames", ())):
            item.add_marker("influxdb")


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
