"""From runs and values to verdicts, day by day, through the file of days."""

from pathlib import Path

import numpy as np
import pytest

from cronocast.handoff.evaluation import FULL, Verdict
from cronocast.monitor.daily import Issued
from cronocast.monitor.days_file import read_days, write_days
from cronocast.monitor.judge import Watched, judge
from cronocast.monitor.meaning import History
from cronocast.monitor.verdict import Kept, Rules

HOUR_NS = 3600 * 10**9
DAY_NS = 24 * HOUR_NS
DAY = 20_400
KEY = ("cpu", "host=a")
LEVEL = 0.95


class World:
    """A member that is run once a day at six: forecast is its mean of 10, or of what it was last made anew from."""

    def __init__(self, folder: Path, days: int = 70, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.file = folder / "days"
        self.times = DAY * DAY_NS + np.arange(days * 24) * HOUR_NS
        self.values = 10 + rng.standard_normal(days * 24)
        self.kept: Kept | None = None
        self.issued: list[Issued] = []
        self.notes: list[str] = []
        self.mean = 10.0

    def change(self, day: int, size: float) -> None:
        self.values[day * 24 :] += size

    def run(self, day: float, watched: bool = True) -> Verdict | None:
        """One run at six of a day, from the file of days to that of the next run."""
        now_ns = DAY * DAY_NS + round((day + 0.25) * DAY_NS)
        known = self.times < now_ns
        read = History(int(self.times[0]), self.times[known], self.values[known])
        rules = Rules(now_ns, HOUR_NS, DAY_NS, "s", "1", every_ns=1000 * DAY_NS)
        members = [Watched(KEY, self.kept, read, self.issued)] if watched else []
        found, days = judge(members, read_days(self.file, HOUR_NS, self.notes), rules, LEVEL)
        write_days(self.file, HOUR_NS, days)
        if not watched:
            return None
        if found[0].kind == FULL:
            self.kept = Kept(now_ns, now_ns, found[0].reason, HOUR_NS, 10**6, (24,), "s", "1")
            self.mean = self.level(now_ns)
        self.issued = [one for one in self.issued if one.first_ns != now_ns] + [self.forecast(now_ns, self.mean)]
        self.issued.sort(key=lambda one: one.first_ns)
        return found[0]

    def level(self, now_ns: int) -> float:
        """What was usual on the day before."""
        return float(self.values[(self.times < now_ns) & (self.times >= now_ns - DAY_NS)].mean())

    def forecast(self, first_ns: int, mean: float) -> Issued:
        return Issued(first_ns, np.full(24, mean), np.full(24, 3.92))

    def reasons(self, days: range, watched: bool = True) -> dict[int, str]:
        """Day and reason of each run of everything."""
        found = {day: self.run(day, watched) for day in days}
        return {day: one.reason for day, one in found.items() if one and one.kind == FULL}

    def kept_days(self) -> list[int]:
        return [int(day) - DAY for day in read_days(self.file, HOUR_NS, self.notes)[KEY].days.numbers]


def test_a_change_is_answered_once_and_the_days_begin_anew(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.change(45, 4)
    found = world.reasons(range(1, 70))
    assert found.pop(1) == "first"
    assert list(found.values()) == ["drift"]
    (answered,) = found
    assert 47 <= answered <= 49
    assert world.kept_days()[0] == answered + 1
    assert world.notes == []


def test_without_a_change_nothing_is_made_anew(tmp_path: Path) -> None:
    assert World(tmp_path).reasons(range(1, 70)) == {1: "first"}


def test_runs_that_come_again_or_earlier_change_no_day(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.reasons(range(1, 40))
    days = world.kept_days()
    before = world.file.read_bytes()
    world.run(39)
    assert world.kept_days() == days
    assert world.file.read_bytes() == before
    assert world.run(39 - 1 / 24) is not None  # the clock moved back an hour
    assert world.kept_days() == days
    world.run(37)  # and two days: those that are not over yet count when they are
    assert world.kept_days() == days[:-2]
    world.run(40)
    assert world.kept_days() == [*days, 39]


def test_days_without_runs_or_values_are_left_out(tmp_path: Path) -> None:
    world = World(tmp_path)
    gone = (world.times >= world.times[20 * 24]) & (world.times < world.times[20 * 24] + 12 * HOUR_NS)
    world.times, world.values = world.times[~gone], world.values[~gone]
    assert world.reasons(range(1, 30)) == {1: "first"}
    assert world.reasons(range(33, 60)) == {}
    missed = {30, 31, 32}  # no run reaches them; the run at six of the 33rd covers three quarters of it
    assert world.kept_days() == [day for day in range(2, 59) if day not in missed - {32} | {20} and day != 32]


def test_a_member_that_vanishes_and_returns_goes_on_where_it_was(tmp_path: Path) -> None:
    world = World(tmp_path, days=160)
    world.reasons(range(1, 30))
    days = world.kept_days()
    world.reasons(range(30, 35), watched=False)
    assert world.kept_days() == days
    assert world.reasons(range(35, 40)) == {}
    assert world.kept_days()[: len(days)] == days


def test_a_member_that_stays_away_is_forgotten(tmp_path: Path) -> None:
    world = World(tmp_path, days=160)
    world.reasons(range(1, 30))
    world.reasons(range(100, 120), watched=False)
    assert read_days(world.file, HOUR_NS, world.notes) == {}


@pytest.mark.parametrize("lost", ["removed", "cut"])
def test_lost_days_are_taken_from_stored_forecasts_again(lost: str, tmp_path: Path) -> None:
    world = World(tmp_path)
    world.reasons(range(1, 40))
    days = world.kept_days()
    if lost == "removed":
        world.file.unlink()
    else:
        world.file.write_bytes(world.file.read_bytes()[:500])
    assert world.reasons(range(40, 42)) == {}
    assert world.kept_days() == [*days, 39, 40]
    assert len(world.notes) == (lost == "cut")
