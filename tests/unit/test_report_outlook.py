"""What a report says of what lies ahead: the slope now, when a limit is reached, what nobody measured."""

import re
from array import array
from dataclasses import replace
from typing import Any

import pytest

from cronocast.charts.scale import zone_of
from cronocast.handoff.profile import Profile
from cronocast.handoff.series import Member
from cronocast.report.model import MemberView
from cronocast.report.outlook import outlook
from cronocast.report.scene import Scene
from cronocast.report.scores import backtest_of
from cronocast.report.sentences import remark
from tests.messages import numbers
from tests.report_runs import HOUR, NOW

UTC, _ = zone_of("UTC")
DAY = 24 * HOUR


def line(slope: float, last: float, width: float, *, step: int = HOUR, rows: int = 48, **known: Any) -> MemberView:
    """A member on a straight line that is at `last` one step before NOW; its interval reaches so far to each side."""
    past, ahead = range(-24, 0), range(rows)
    curve = [last + slope * (k + 1) for k in (*past, *ahead)]
    kept, yhat = curve[:24], [min(100.0, max(0.0, v)) for v in curve[24:]]
    bounds = [array("d", [min(100.0, max(0.0, v + side * width)) for v in curve[24:]]) for side in (-1, 1)]
    times = [NOW + k * step for k in (*past, *ahead)]
    changes = (NOW - 6 * step,)
    profile = Profile(
        "m", "", known.get("kind", "trend"), "", step, 24, times[0], NOW - step, (), changes, slope_now=slope,
        last_change=known.get("last_change", ""),
    )  # fmt: skip
    return MemberView(
        "m",
        "",
        Member("m", "", array("q", times[:24]), (array("d", kept),)),
        Member("m", "", array("q", times[24:]), (array("d", yhat), *bounds)),
        step,
        profile,
        backtest=backtest_of({"measured_steps": known.get("measured", rows)}),
    )


SLOPES: dict[str, tuple[MemberView, str, bool]] = {
    "an hour each": (line(1.0, 20, 1), r"rises by 24 a day", False),
    "falling": (line(-0.5, 80, 1), r"falls by 12 a day", False),
    "since a change": (line(1.0, 20, 1, last_change="slope"), r"rises by 24 a day.* since Tue 10 Mar 08:00", True),
    "the change was one of level": (line(1.0, 20, 1, last_change="level"), r"rises by 24 a day", False),
    "days": (line(0.25, 20, 1, step=DAY), r"rises by 0\.25\d* a day", False),
    "weeks": (line(2.0, 20, 1, step=7 * DAY), r"rises by 2 a week", False),
}


@pytest.mark.parametrize(("member", "said", "dated"), SLOPES.values(), ids=SLOPES)
def test_the_slope_now_is_said_with_its_date(member: MemberView, said: str, dated: bool) -> None:
    words = outlook(member, {}, UTC)
    assert re.search(said, words)
    assert ("since" in words) is dated


def test_nothing_is_said_without_a_trend_or_a_forecast() -> None:
    flat = line(0.0, 50, 1)
    assert outlook(flat, {"clip.max": 100}, UTC) == ""
    assert outlook(replace(flat, profile=None), {"clip.max": 100}, UTC) == ""
    rising = line(1.0, 50, 1)
    gone = Member("m", "", array("q"), tuple(array("d") for _ in range(3)))
    assert outlook(replace(rising, forecast=gone), {"clip.max": 100}, UTC) == ""


LIMITS: dict[str, tuple[MemberView, dict[str, Any], list[str]]] = {
    # one an hour from 80: 100 is 20 steps ahead, so step 19; two earlier and later by the interval
    "full": (line(1.0, 80, 2), {"clip.max": 100}, ["Wed 11 Mar 09:00", "Wed 11 Mar 07:00", "Wed 11 Mar 11:00"]),
    "empty": (line(-1.0, 20, 2), {"clip.min": 0}, ["Wed 11 Mar 09:00", "Wed 11 Mar 07:00", "Wed 11 Mar 11:00"]),
    "its end is not known": (line(1.0, 60, 10), {"clip.max": 100}, ["Thu 12 Mar 05:00", "Wed 11 Mar 19:00"]),
    "by its interval alone": (line(1.0, 50, 10), {"clip.max": 100}, ["Thu 12 Mar 05:00"]),
    "too far off": (line(0.1, 50, 2), {"clip.max": 100}, []),
    "away from it": (line(-0.1, 80, 2), {"clip.max": 100}, []),
    "there already": (line(0.0001, 100, 2), {"clip.max": 100}, []),
    "no limit": (line(1.0, 80, 2), {"clip.max": None}, []),
}


@pytest.mark.parametrize(("member", "settings", "times"), LIMITS.values(), ids=LIMITS)
def test_the_time_at_which_a_limit_is_reached_is_said(
    member: MemberView, settings: dict[str, Any], times: list[str]
) -> None:
    assert re.findall(r"\w{3} \d+ \w{3} \d\d:\d\d", outlook(member, settings, UTC)) == times


@pytest.mark.parametrize(("measured", "told"), [(48, []), (24, ["1", "2"]), (7, ["7", "2"]), (0, [])])
def test_what_nobody_measured_is_said(measured: int, told: list[str]) -> None:
    words = outlook(line(0.0, 50, 1, measured=measured), {}, UTC)
    assert ("not measured" in words.lower()) is (measured < 48)
    assert numbers(words) == told


@pytest.mark.parametrize(
    ("said", "measured"), [(None, 48), ("24", 48), (-1, 48), (True, 48), (24, 24), (500, 48), (0, 0)]
)
def test_measured_rows_of_any_result_lie_within_the_forecast(said: object, measured: int) -> None:
    member = replace(line(0.0, 50, 1), backtest=backtest_of({"measured_steps": said, "origins": 3}))
    assert member.measured == measured


def test_what_reaches_its_limit_deserves_a_look() -> None:
    scene = Scene(UTC, "UTC", 0.95, NOW, settings={"clip.max": 100})
    rank, said = remark(line(1.0, 80, 2), scene)
    assert (rank < 3, "100" in said, "Wed 11 Mar 09:00" in said) == (True, True, True)
    for quiet in (line(1.0, 50, 10), line(-1.0, 80, 2), line(0.0, 80, 2)):
        assert remark(quiet, scene) == (9, "")
    assert remark(line(0.0, 80, 2, measured=8), scene)[0] == 6
