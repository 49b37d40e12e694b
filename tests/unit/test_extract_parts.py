"""What is asked of a server in parts, and offsets that it keeps to; without a server."""

import math
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cronocast.errors import ContractError
from cronocast.sources.influxql.extremes import Extremes, chosen
from cronocast.sources.influxql.own import simple
from cronocast.sources.influxql.percentiles import MOST, Percentiles, least_points, parts_of
from cronocast.sources.influxql.zones import settled
from cronocast.sources.reading import Window
from cronocast.sources.spool import Spool

HOUR = 3600 * 10**9
T0 = 1_700_006_400 * 10**9


@given(st.sets(st.integers(0, 499), max_size=300))
def test_parts_cover_the_window_once_and_thin_steps_by_points(thin: set[int]) -> None:
    window = Window(T0, T0 + 500 * HOUR, HOUR)
    parts = parts_of(window, [T0 + step * HOUR for step in thin])
    assert [part.window.start_ns for part in parts] == [T0, *(part.window.end_ns for part in parts[:-1])]
    assert parts[-1].window.end_ns == window.end_ns
    by_points = {
        step
        for part in parts
        if part.points
        for step in range((part.window.start_ns - T0) // HOUR, (part.window.end_ns - T0) // HOUR)
    }
    assert thin <= by_points
    assert sum(part.points for part in parts) <= MOST
    alone = sum(step - 1 not in thin for step in thin)
    assert by_points == thin or alone > MOST


@given(st.floats(0.01, 100))
def test_the_fewest_points_that_a_percentile_needs(percentile: float) -> None:
    needed = least_points(percentile)
    assert math.floor(needed * percentile / 100 + 0.5) >= 1
    assert needed == 1 or math.floor((needed - 1) * percentile / 100 + 0.5) < 1


def test_points_that_go_back_in_time_are_refused() -> None:
    taken = Percentiles(Spool(BytesIO(), Path(), b""), HOUR, 10, "server")
    taken.add("m", "", [b"%d,1" % (T0 + HOUR)], T0 + HOUR, T0 + HOUR, ascending=True)
    taken.add("m", "h=a", [b"%d,1" % T0], T0, T0, ascending=True)
    taken.add("m", "h=a", [b"%d,1" % T0], T0, T0, ascending=True)
    with pytest.raises(ContractError, match="E_ORDER"):
        taken.add("m", "h=a", [b"%d,1" % (T0 - 1)], T0, T0, ascending=True)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.lists(st.floats(-1e9, 1e9), min_size=1)), min_size=1))
def test_extremes_are_those_of_all_rows(blocks: list[tuple[str, list[float]]]) -> None:
    extremes = Extremes(Spool(BytesIO(), Path(), b""))
    values: dict[str, dict[int, float]] = {}
    first = 10**18 - 5  # the number of digits of a time changes
    for tags, some in blocks:
        times = range(first, first + len(some))
        extremes.add(
            "m", tags, [b"%d,%r" % pair for pair in zip(times, some, strict=True)], first, times[-1], ascending=True
        )
        values.setdefault(tags, {}).update(zip(times, some, strict=True))
        first += len(some)
    for key, found in extremes.found.items():
        own = values[key[1]]
        assert (found.low, found.high, found.rows) == (min(own.values()), max(own.values()), len(own))
        assert (own[found.low_ns], own[found.high_ns]) == (found.low, found.high)
    assert {tags for tags, _, _ in chosen(extremes.found)} == set(values)


BERLIN = " FROM m WHERE time >= $start AND time < $end GROUP BY {} tz('Europe/Berlin')"
OFFSETS = {  # in March, of the beginning of each step; None: as it is
    "gas day": ("time(1d, 6h)", "time(1d, -18h)"),
    "before the change": ("time(1d, 1h)", None),
    "before the change, from the day after": ("time(1d,-23h)", "time(1d,1h)"),
    "right already": ("time(1d, -18h)", None),
    "none": ("time(1d)", None),
    "more than a step": ("time(1d, 30h)", "time(1d, -18h)"),
    "half a day": ("time(12h,5h), host", "time(12h,-7h), host"),
    "a week": ("time(1w, 4d)", "time(1w, -3d)"),
    "in two units": ("time(1d, 6h30m)", "time(1d, -1050m)"),
    "a name that looks so": ('time(1d), "time(1d, 6h)"', None),
}


@pytest.mark.parametrize(("groups", "right"), OFFSETS.values(), ids=OFFSETS)
def test_an_offset_is_asked_for_as_servers_keep_to_it(groups: str, right: str | None) -> None:
    march, june = (int(datetime(2025, month, 20, tzinfo=UTC).timestamp()) * 10**9 for month in (3, 6))
    query = f"SELECT mean(f){BERLIN.format(groups)}"
    assert settled(query, Window(march, march + 480 * HOUR, HOUR)) == query.replace(groups, right or groups)
    assert settled(query, Window(june, june + 480 * HOUR, HOUR)) == query
    assert settled(query.replace("Berlin", "Nowhere"), Window(march, march + 480 * HOUR, HOUR)).count("Nowhere") == 1


WHERE = "FROM m WHERE time >= $start AND time < $end"
ODD = f"select  percentile( \"a b\" , 10 ) as x {WHERE} AND h = 'group by' group by time(1d, 6h), h"
FORMS = {
    f"SELECT mean(f) {WHERE} GROUP BY time(1h)": True,
    f"{ODD} fill(none) tz('UTC')": True,
    f"SELECT mean(f) {WHERE} GROUP BY h": False,
    f"SELECT mean(f) {WHERE} GROUP BY time(1h) LIMIT 9": False,
    f"SELECT mean(f), max(f) {WHERE} GROUP BY time(1h)": False,
    f"SELECT 2 * mean(f) {WHERE} GROUP BY time(1h)": False,
    f"SELECT max(n) FROM (SELECT mean(f) AS n {WHERE} GROUP BY time(1m)) {WHERE[7:]} GROUP BY time(1h)": False,
}


@pytest.mark.parametrize(("query", "known"), FORMS.items())
def test_a_query_that_can_be_counted(query: str, known: bool) -> None:
    parts = simple(query)
    assert (parts is not None) == known
    if parts:
        assert "'group by'" in parts.per_step or "group by' " not in query
        assert parts.per_step.startswith(f"SELECT count({parts.argument}) AS n FROM m WHERE time >= $start")
