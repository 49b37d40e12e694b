"""Values that came late or changed after they had been used."""

from pathlib import Path

import numpy as np
import pytest

from cronocast.durations import UNIT_NS
from cronocast.monitor.late import late, newest, read_used, write_used

HOUR = UNIT_NS["h"]
KEY = ("cpu", "host=a")
TIMES = HOUR * np.arange(200, dtype=np.int64)
VALUES = np.sin(np.arange(200.0)) + 5
END = 150 * HOUR


@pytest.mark.parametrize(
    ("there", "changed", "expected"),
    [
        (slice(0, 150), {}, 0),
        (slice(0, 200), {}, 0),  # what is new since is not late
        (slice(20, 200), {}, 0),  # the window moves on
        (slice(0, 200), {140: 7.0}, 1),
        (slice(0, 200), {140: 7.0, 120: 0.0, 160: 1.0}, 2),
        (slice(0, 200), {10: 7.0}, 0),  # longer ago than what is kept
    ],
)
def test_changes_of_what_was_used_are_counted(there: slice, changed: dict[int, float], expected: int) -> None:
    used = newest(TIMES[:150], VALUES[:150], END, 24)
    now = VALUES.copy()
    for i, value in changed.items():
        now[i] = value
    assert late(used, TIMES[there], now[there]) == expected


def test_what_was_missing_and_came_later_is_late() -> None:
    known = np.delete(np.arange(150), [130, 149])
    used = newest(TIMES[known], VALUES[known], END, 24)
    assert late(used, TIMES, VALUES) == 2


def test_what_was_used_is_kept_for_later_runs_only(tmp_path: Path) -> None:
    used = newest(TIMES[:150], VALUES[:150], END, 24)
    write_used(tmp_path, END, {KEY: used})
    assert read_used(tmp_path, END) == ({}, [])
    found, notes = read_used(tmp_path, END + HOUR)
    assert notes == []
    assert found[KEY].end_ns == END
    assert found[KEY].time_ns.tolist() == used.time_ns.tolist()
    assert found[KEY].y.tolist() == used.y.tolist()
    assert late(found[KEY], TIMES, VALUES) == 0


@pytest.mark.parametrize("size", [0, 10, 100, -1])
def test_a_file_that_was_cut_is_a_note(tmp_path: Path, size: int) -> None:
    write_used(tmp_path, END, {KEY: newest(TIMES[:150], VALUES[:150], END, 24)})
    path = tmp_path / "actuals"
    path.write_bytes(path.read_bytes()[:size])
    found, notes = read_used(tmp_path, END + HOUR)
    assert (found, len(notes)) == ({}, 1)
