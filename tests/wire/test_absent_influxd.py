"""Absent rows and counters on a real InfluxDB: what the engine is given is what happened."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cronocast.document.entry import parse_entry
from cronocast.document.meaning import preparation_of
from cronocast.handoff.series import HISTORY_COLUMNS
from cronocast.handoff.strict import read_members
from cronocast.timeseries.prepare import prepare_member
from demo.influxd import Influxd
from tests.wire.extract_run import DAY, END, HOUR, SOURCE, START, Ran, extract_run

MINUTE = HOUR // 60
Given = Callable[..., tuple[Ran, list[float], dict[str, int]]]


@pytest.fixture
def given(
    influxd: Influxd, database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Given:
    """Writes points, extracts them and prepares them as classify and forecast do."""
    monkeypatch.setenv("CRONOCAST_SOURCE_PASSWORD", influxd.reader.password)
    user = {"database": database, "auth": "basic", "username": influxd.reader.name, "timeout": "20s"}

    def run(points: list[tuple[int, float]], source: dict[str, Any], **entry: Any) -> Any:
        influxd.write([f"m f={value!r} {time}" for time, value in points], database)
        ran = extract_run(capsys, tmp_path, influxd.url, {**user, **source}, **entry)
        assert ran.code == 0, ran.stderr
        document = {"name": "s", "source": {**SOURCE, "url": influxd.url, **source}, **DAY, **entry}
        [member] = read_members(tmp_path / "history.csv", HISTORY_COLUMNS)
        prepared, counts = prepare_member(member, preparation_of(parse_entry(document)), END)
        return ran, prepared.columns[0].tolist(), counts

    return run


def test_an_hour_without_an_event_counts_as_zero(given: Given) -> None:
    events = np.sort(np.random.default_rng(1).choice(24 * 60, 20, replace=False))
    ran, values, counts = given([(START + int(m) * MINUTE, 1.0) for m in events], {"aggregate": "count"})
    expected = np.bincount(events // 60, minlength=24)[events[0] // 60 :].tolist()
    assert values == expected
    assert counts == {"filled_as_zero": expected.count(0)}
    [member] = ran.result["members"]
    assert (member["rows_asked"], member["rows_found"]) == (24, len(set((events // 60).tolist())))


def test_a_valve_that_is_written_on_changes_stands_between_them(given: Given) -> None:
    changes = [(370, 100.0), (490, 0.0), (1030, 100.0), (1330, 0.0)]  # 06:10 to 08:10 and 17:10 to 22:10
    points = [(START + m * MINUTE, value) for m, value in [(0, 0.0), *changes]]
    _, values, counts = given(points, {"empty": "previous"})
    minutes = np.repeat([0.0, 100, 0, 100, 0], np.diff([0, *(m for m, _ in changes), 1440]))
    assert values == pytest.approx(minutes.reshape(24, 60).mean(axis=1).tolist())
    assert counts == {"filled_as_previous": 19}


def test_a_counter_that_stands_still_has_no_restart(given: Given) -> None:
    minutes = np.arange(24 * 60)
    counter = 51_234_573.13 + np.cumsum(np.where((minutes // 60 >= 6) & (minutes // 60 < 20), 24.0, 0.0))
    points = [(START + int(m) * MINUTE, float(counter[m])) for m in minutes if m % 50]
    _, values, counts = given(points, {}, prepare={"rate": True})
    assert not any(counts.values())
    assert values == pytest.approx([0.0] * 5 + [0.4] * 14 + [0.0] * 4, abs=0.4 / 50)
