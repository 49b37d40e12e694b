"""Whole days from forecasts at fixed leads, and the file they are kept in."""

import io
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from cronocast.monitor.daily import DAY_NS, Days, Issued, between, joined, no_days, slots_of, whole_days
from cronocast.monitor.days_file import KeptDays, read_days, write_days
from cronocast.monitor.drift import KEEP

HOUR_NS = DAY_NS // 24
MINUTE_NS = HOUR_NS // 60
DAY = 20_000
START_NS = DAY * DAY_NS


def runs(at: Sequence[int], horizon: int, every_ns: int = HOUR_NS) -> list[Issued]:
    """Runs at so many steps after the start; each forecasts its own lead, so that an error tells the lead used."""
    return [Issued(START_NS + step * every_ns, np.arange(1.0, horizon + 1), np.ones(horizon)) for step in at]


def days_of(
    issued: list[Issued], days: int = 3, every_ns: int = HOUR_NS, after: int | None = None, late_ns: int = 0
) -> Days:
    """Actual values are all 0: the error is minus the lead."""
    times = np.arange(START_NS, START_NS + days * DAY_NS, every_ns)
    return whole_days(issued, times, np.zeros(times.size), every_ns, after, START_NS + days * DAY_NS + late_ns)


@pytest.mark.parametrize(
    ("at", "horizon", "leads"),
    [
        (range(72), 48, list(range(1, 25))),  # each hour: the run at midnight
        (range(0, 72, 24), 24, list(range(1, 25))),
        (range(72), 6, [1, 2, 3, 4, 5, 6] * 4),  # a short horizon: the newest run whenever one ends
        (range(-18, 72, 24), 24, [*range(19, 25), *range(1, 19)]),  # once a day at six
        (range(-18, 72, 24), 72, [*range(19, 25), *range(1, 19)]),  # no lead beyond a day
        (range(0, 72, 12), 24, list(range(1, 25))),
    ],
)
def test_an_hour_of_the_day_has_the_same_lead_on_all_days(at: range, horizon: int, leads: list[int]) -> None:
    found = days_of(runs(at, horizon))
    assert found.numbers.tolist() == [DAY, DAY + 1, DAY + 2]
    assert (-found.errors).tolist() == [leads] * 3


@pytest.mark.parametrize(
    ("every_ns", "slots"),
    [
        (MINUTE_NS, 24),
        (5 * MINUTE_NS, 24),
        (HOUR_NS, 24),
        (3 * HOUR_NS, 8),
        (5 * HOUR_NS, 4),
        (6 * HOUR_NS, 4),
        (8 * HOUR_NS, 0),
        (DAY_NS, 0),
        (7 * DAY_NS, 0),
    ],
)
def test_a_day_has_as_many_parts_as_steps_but_no_more_than_hours(every_ns: int, slots: int) -> None:
    assert slots_of(every_ns) == slots
    steps = 4 * DAY_NS // every_ns + 1
    found = days_of(runs([0], int(steps), every_ns), 1, every_ns)
    assert found.errors.shape == ((1, slots) if slots else (0, 0))
    assert no_days(every_ns).errors.shape == (0, slots)


def test_an_error_is_one_of_the_mean_of_its_hour_over_the_width() -> None:
    times = np.arange(START_NS, START_NS + DAY_NS, 15 * MINUTE_NS)
    issued = [Issued(START_NS, np.full(96, 10.0), np.full(96, 4.0))]
    found = whole_days(issued, times, np.tile([10.0, 12.0, 14.0, 16.0], 24), 15 * MINUTE_NS, None, START_NS + DAY_NS)
    assert found.errors.tolist() == [[0.75] * 24]


@pytest.mark.parametrize(("seen", "whole"), [(15, 0), (16, 1), (24, 1)])
def test_a_day_is_whole_with_two_thirds_of_its_steps(seen: int, whole: int) -> None:
    times = np.arange(START_NS, START_NS + DAY_NS, HOUR_NS)[:seen]
    found = whole_days(runs([0], 24), times, np.zeros(seen), HOUR_NS, None, START_NS + DAY_NS)
    assert len(found.numbers) == whole
    assert np.isfinite(found.errors).sum() == seen * whole


def test_a_day_that_few_forecasts_reach_is_left_out() -> None:
    assert days_of(runs([0, 36], 12)).numbers.tolist() == []
    assert days_of(runs([0, 24], 24)).numbers.tolist() == [DAY, DAY + 1]
    assert days_of([]).numbers.size == 0


def test_only_days_that_are_over_and_new_count() -> None:
    issued = runs(range(96), 24)
    assert days_of(issued, late_ns=-1).numbers.tolist() == [DAY, DAY + 1]
    assert days_of(issued, after=DAY + 1).numbers.tolist() == [DAY + 2]
    assert days_of(issued, after=DAY + 9).numbers.size == 0  # the clock was moved back


@pytest.mark.parametrize(("actual", "expected"), [(5.0, 0.0), (5.1, 100.0), (-1e300, -100.0)])
def test_an_interval_without_width_gives_no_infinite_error(actual: float, expected: float) -> None:
    times = np.arange(START_NS, START_NS + DAY_NS, HOUR_NS)
    issued = [Issued(START_NS, np.full(24, 5.0), np.zeros(24))]
    found = whole_days(issued, times, np.full(24, actual), HOUR_NS, None, START_NS + DAY_NS)
    assert found.errors.tolist() == [[expected] * 24]


def kept(days: int, slots: int = 24, first: int = DAY) -> KeptDays:
    errors = np.round(np.random.default_rng(days).standard_normal((days, slots)), 2).astype(np.float32)
    return KeptDays(START_NS, Days(first + np.arange(days), errors.astype(float)))


def test_the_newest_days_are_kept() -> None:
    found = joined(kept(KEEP).days, kept(3, first=DAY + 500).days)
    assert found.numbers.size == len(found.errors) == KEEP
    assert found.numbers[-4:].tolist() == [DAY + KEEP - 1, DAY + 500, DAY + 501, DAY + 502]


def test_days_between_two_times_are_whole_within_them() -> None:
    found = between(kept(10).days, START_NS + DAY_NS // 2, START_NS + 4 * DAY_NS - 1)
    assert found.numbers.tolist() == [DAY + 1, DAY + 2]
    assert found.errors.shape == (2, 24)


MEMBERS = {("cpu", "host=a"): kept(5), ("cpu", "host=b"): kept(0), ('d"\u2028', "x\x00"): kept(KEEP)}


def test_what_is_written_is_read(tmp_path: Path) -> None:
    notes: list[str] = []
    assert read_days(tmp_path / "days", HOUR_NS, notes) == {}
    for members in ({}, MEMBERS):
        write_days(tmp_path / "days", HOUR_NS, members)
        found = read_days(tmp_path / "days", HOUR_NS, notes)
        assert list(found) == list(members)
        for key, member in members.items():
            assert found[key].begun_ns == member.begun_ns
            assert np.array_equal(found[key].days.numbers, member.days.numbers)
            assert np.array_equal(found[key].days.errors, member.days.errors)
    assert notes == []
    assert [path.name for path in tmp_path.iterdir()] == ["days"]


def test_a_file_cut_or_damaged_anywhere_is_a_note_and_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "days"
    write_days(path, HOUR_NS, {("cpu", ""): kept(2)})
    whole = path.read_bytes()
    for cut in range(0, len(whole), 7):
        path.write_bytes(whole[:cut])
        notes: list[str] = []
        assert read_days(path, HOUR_NS, notes) == {}
        assert len(notes) == 1
    for at in range(0, len(whole), 11):  # a changed byte is told by its checksum, or stands where nothing depends on it
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        notes = []
        found = read_days(path, HOUR_NS, notes)
        assert notes or np.array_equal(found["cpu", ""].days.errors, kept(2).days.errors)


def _archive(**parts: object) -> bytes:
    file = io.BytesIO()
    np.savez(file, **parts)  # type: ignore[arg-type]
    return file.getvalue()


@pytest.mark.parametrize(
    ("change", "token"),
    [
        ({"head": b'{"version": 2, "every_ns": 3600000000000, "members": [["a", ""]]}'}, "version"),
        ({"head": b'{"version": 1, "every_ns": 60000000000, "members": [["a", ""]]}'}, "step size"),
        ({"head": b'{"version": 1, "every_ns": 3600000000000, "members": []}'}, "match"),
        ({"head": b"[]"}, ""),
        ({"head": b"\xff"}, ""),
        ({"counts": [3]}, "match"),
        ({"counts": [-2]}, "match"),
        ({"numbers": [DAY, DAY]}, "rise"),
        ({"errors": np.zeros((2, 23))}, "match"),
        ({"errors": np.full((2, 24), np.nan)}, "match"),
        ({"errors": np.array([[{}]])}, ""),
    ],
)
def test_another_version_or_parts_that_do_not_match_begin_anew(
    change: dict[str, object], token: str, tmp_path: Path
) -> None:
    parts: dict[str, object] = {
        "head": b'{"version": 1, "every_ns": 3600000000000, "members": [["a", ""]]}',
        "begun": [0],
        "counts": [2],
        "numbers": [DAY, DAY + 1],
        "errors": np.zeros((2, 24), np.float32),
    }
    for given, valid in ((parts, True), (parts | change, False)):
        head = np.frombuffer(given["head"], np.uint8)  # type: ignore[call-overload]
        (tmp_path / "days").write_bytes(_archive(**given | {"head": head}))
        notes: list[str] = []
        assert bool(read_days(tmp_path / "days", HOUR_NS, notes)) == valid
        assert bool(notes) != valid
        assert valid or token in notes[0]


def test_killed_at_any_point_the_days_before_are_still_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever call to the system is the last one: a reader finds the old days or the new ones."""
    from cronocast.handoff import files

    path = tmp_path / "days"
    write_days(path, HOUR_NS, {("cpu", ""): kept(2)})

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    for owner, name in ((files._Raw, "write"), (os, "fsync"), (os, "fchmod"), (Path, "replace")):
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, killed)
            with pytest.raises(KeyboardInterrupt):
                write_days(path, HOUR_NS, {("cpu", ""): kept(9)})
        notes: list[str] = []
        assert len(read_days(path, HOUR_NS, notes)["cpu", ""].days.numbers) == 2
        assert notes == []
    write_days(path, HOUR_NS, {("cpu", ""): kept(9)})
    assert len(read_days(path, HOUR_NS, [])["cpu", ""].days.numbers) == 9


def test_a_folder_in_its_place_is_a_note(tmp_path: Path) -> None:
    (tmp_path / "days").mkdir()
    notes: list[str] = []
    assert read_days(tmp_path / "days", HOUR_NS, notes) == {}
    assert len(notes) == 1
