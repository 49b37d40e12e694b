"""What tests against a server share."""

from collections.abc import Callable
from pathlib import Path

import pytest

from demo.influxd import Influxd
from tests.wire.extract_run import Ran, extract_run


@pytest.fixture
def run(
    influxd: Influxd, database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Ran]:
    """Extract from the database as its reader, with further settings of the source and of the entry."""
    monkeypatch.setenv("CRONOCAST_SOURCE_PASSWORD", influxd.reader.password)
    user = {"database": database, "auth": "basic", "username": influxd.reader.name, "timeout": "20s"}
    return lambda source=None, **more: extract_run(
        capsys, tmp_path, more.pop("url", influxd.url), {**user, **(source or {})}, **more
    )
