"""Steps of a time zone with an offset, against points counted by local time."""

from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from demo.influxd import Influxd
from tests.wire.extract_run import HOUR, Ran

Run = Callable[..., Ran]
SECOND = 10**9
HALF = 1800
CHANGES = {  # of clocks: a day near
    "Europe/Berlin": ("2025-03-30", "2025-10-26"),
    "America/New_York": ("2025-03-09", "2025-11-02"),
    "Australia/Lord_Howe": ("2025-10-05", "2025-04-06"),  # by half an hour
    "America/Havana": ("2025-03-09", "2025-11-02"),  # at midnight
    "Asia/Kolkata": ("2025-03-30",),  # never
}
STEPS = [("1d", "6h"), ("1d", "-6h"), ("1d", "1h"), ("1d", "30h"), ("12h", "5h"), ("6h", "-5h"), ("1w", "102h")]
LENGTHS = {"6h": 6, "12h": 12, "1d": 24, "1w": 168}  # hours


@pytest.fixture
def run(run: Run) -> Run:
    return lambda query, **more: run({"measurement": None, "field": None, "query": query}, **more)


def counted(times: range, window: range, zone: ZoneInfo, step_s: int, offset_s: int) -> list[int]:
    """Points in each step of local time that lies in the window as a whole."""
    steps = defaultdict(list)
    for time in times:
        local = datetime.fromtimestamp(time, UTC).astimezone(zone).replace(tzinfo=UTC).timestamp()
        steps[int((local - offset_s) // step_s)].append(time)
    return [len(step) for _, step in sorted(steps.items()) if all(time in window for time in (step[0], step[-1]))]


@pytest.mark.parametrize(("step", "offset"), STEPS)
@pytest.mark.parametrize(("zone", "day"), [(zone, day) for zone, days in CHANGES.items() for day in days])
def test_every_point_is_in_the_step_of_its_local_time(
    zone: str, day: str, step: str, offset: str, run: Run, influxd: Influxd, database: str
) -> None:
    """As asked, servers lose up to a week after a change of clocks, or put hours into the wrong step."""
    every, hours = {"1w": "1w"}.get(step, "1d"), LENGTHS[step]
    around = 5 if step == "1w" else 14  # of the steps of the entry
    unit = LENGTHS[every] * 3600
    middle = int(datetime.fromisoformat(f"{day}T00:00:00+00:00").timestamp()) // unit * unit
    window = range(middle - around * unit, middle + around * unit, HALF)
    times = range(window.start - unit, window.stop + unit, HALF)
    influxd.write([f"m f=1 {time * SECOND}" for time in times], database)
    query = f"SELECT count(f) FROM m WHERE time >= $start AND time < $end GROUP BY time({step}, {offset}) fill(none)"
    query += f" tz('{zone}')"
    ran = run(
        query, run_ns=window.stop * SECOND + SECOND, every=every, lookback=f"{2 * around}{every[-1]}", horizon=every
    )
    assert ran.code == 0, ran.stderr
    expected = counted(times, window, ZoneInfo(zone), hours * 3600, int(offset[:-1]) * 3600)
    assert [int(value) for _, _, value in ran.rows] == expected


def test_steps_that_begin_in_an_hour_without_a_name_are_refused(run: Run) -> None:
    query = "SELECT mean(f) FROM m WHERE time >= $start AND time < $end GROUP BY time(1d, 150m) tz('Europe/Berlin')"
    for day, code in (("2025-03-30", 78), ("2025-06-01", 0)):
        end = int(datetime.fromisoformat(f"{day}T00:00:00+00:00").timestamp()) * SECOND + 24 * HOUR
        ran = run(query, run_ns=end + HOUR, every="1d", lookback="4d", horizon="1d")
        assert (ran.code, ran.token) == (code, "E_CONFIG_CROSS" if code else ""), ran.stderr
