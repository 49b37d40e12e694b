"""`cronocast forget` against a real server: the future of one series goes, its past and other series stay."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cronocast.check.forget import forget
from cronocast.document.entry import Entry, parse_entry
from cronocast.errors import CronocastError
from demo.influxd import Influxd
from tests import servers

DATABASE = "forgotten"
NOW_S = int(time.time())


@pytest.fixture
def server(influxd: Influxd) -> Iterator[Influxd]:
    influxd.create_database(DATABASE)
    lines = [
        f"{measurement},series={series},host=a yhat=1,run=1i {(NOW_S + hours * 3600) * 10**9}"
        for measurement in ("m_forecast", "m_forecast_vintage")
        for series in ("it\\'s", "b")
        for hours in (-2, -1, 1, 2, 3)
    ]
    influxd.write([line.replace("\\'", "'") for line in lines], DATABASE)
    yield influxd
    influxd.drop_database(DATABASE)


@pytest.fixture
def entry(server: Influxd, tmp_path: Path) -> Any:
    def made(account: str) -> Entry:
        file = tmp_path / account
        file.write_text(getattr(server, account).password)
        file.chmod(0o400)
        source = {"url": server.url, "auth": "basic", "username": account, "password_file": str(file)}
        return parse_entry(
            {"name": "it's", "source": {**source, "database": DATABASE, "measurement": "m", "field": "f"}}, ""
        )

    return made


def left(server: Influxd) -> dict[tuple[str, str], int]:
    """Points by measurement and series."""
    found = {}
    for measurement in ("m_forecast", "m_forecast_vintage"):
        for row in server.query(f'SELECT count(yhat) FROM "{measurement}" GROUP BY "series"', DATABASE):
            found[measurement, row["series"]] = row["count"]
    return found


@pytest.mark.skipif(servers.IS_2, reason="2.x deletes by another API, and 403s this one")
def test_only_the_future_of_the_series_goes_and_only_if_it_is_really_wanted(server: Influxd, entry: Any) -> None:
    said: list[str] = []
    whole = left(server)
    assert set(whole.values()) == {5}
    forget(entry("admin"), NOW_S * 10**9, said.append, really=False)
    assert (left(server), [line.split(" of ")[0] for line in said]) == (whole, ["forget: 3 points"] * 2)
    forget(entry("admin"), NOW_S * 10**9, said.append, really=True)
    assert left(server) == {(name, series): 2 if series == "it's" else 5 for name, series in whole}
    assert said[-1].endswith("deleted")


@pytest.mark.skipif(servers.IS_2, reason="accounts of 1.x")
def test_a_user_without_the_right_is_told(server: Influxd, entry: Any) -> None:
    with pytest.raises(CronocastError) as caught:
        forget(entry("reader"), NOW_S * 10**9, print, really=True)
    assert caught.value.exit_code == 77
    assert set(left(server).values()) == {5}
