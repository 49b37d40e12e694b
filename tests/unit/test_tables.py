"""Ordinary tables are read at first try, each value at its time; what can't be read is named with its line."""

import csv
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cronocast.errors import ContractError
from cronocast.tables.layout import Named
from cronocast.tables.read import read_table
from cronocast.tables.step import phase_of, step_of
from cronocast.tables.table import Table
from tests.table_files import KINDS, held

SECOND, HOUR, DAY = 10**9, 3600 * 10**9, 86_400 * 10**9


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., Table]:
    def of(data: str | bytes, zone: str | None = None, every_ns: int | None = None, **named: Any) -> Table:
        path = tmp_path / "data.csv"
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return read_table(path, Named(**named), ZoneInfo(zone) if zone else None, every_ns)

    return of


def named_by(flags: list[str]) -> dict[str, str]:
    return {flag.removeprefix("--"): value for flag, value in zip(flags[::2], flags[1::2], strict=True)}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", KINDS)
def test_every_value_stands_at_its_time(kind: str, seed: int, read: Callable[..., Table]) -> None:
    made = KINDS[kind](seed)
    table = read(made.data, **named_by(made.flags))
    assert held(table) == made.truth
    assert table.every_ns == made.step_s * SECOND


STARTS = {
    "seconds with fractions": ("t,v\n1700000000.25,1\n1700000001.25,2\n", 1_700_000_000_250_000_000),
    "pandas' exponents": ("t,v\n1.7e+09,1\n1.7000000600e+09,2\n", 1_700_000_000 * SECOND),
    "day first, by a day above 12": ("t,v\n3/2/2026,1\n13/2/2026,2\n", datetime(2026, 2, 3, tzinfo=UTC)),
    "month first, with AM and PM": (
        "t,v\n1/31/2026 1:05:00 PM,1\n2/1/2026 12:05 AM,2\n",
        datetime(2026, 1, 31, 13, 5, tzinfo=UTC),
    ),
    "slashes, year first": ("t,v\n2026/01/31 00:00,1\n2026/02/01 00:00,2\n", datetime(2026, 1, 31, tzinfo=UTC)),
    "eight digits": ("t,v\n20260131,1\n20260201,2\n", datetime(2026, 1, 31, tzinfo=UTC)),
    "months": ("t,v\n1949-01,112\n1949-02,118\n", datetime(1949, 1, 1, tzinfo=UTC)),
    "before 1970": ("t,v\n1700-01-01,5\n1701-01-01,11\n", datetime(1700, 1, 1, tzinfo=UTC)),
    "words for UTC": (
        "t,v\n2026-01-31 12:00:00 UTC,1\n2026-01-31 13:00:00 UTC,2\n",
        datetime(2026, 1, 31, 12, tzinfo=UTC),
    ),
    "nanoseconds": ("t,v\n2026-01-31T12:00:00.000000001Z,1\n2026-01-31T13:00:00Z,2\n", 1_769_860_800_000_000_001),
    "a date and the time of day": (
        "d,o,v\n31.01.2026,9:00,1\n31.01.2026,10:30,2\n",
        datetime(2026, 1, 31, 9, tzinfo=UTC),
        {"time": "d,o"},
    ),
    "no header": ("2026-01-31,1\n2026-02-01,2\n", datetime(2026, 1, 31, tzinfo=UTC)),
    "a comment before": ("# made by hand\nt,v\n2026-01-31,1\n2026-02-01,2\n", datetime(2026, 1, 31, tzinfo=UTC)),
    "sep=": ("sep=;\nt;v\n2026-01-31;1\n2026-02-01;2\n", datetime(2026, 1, 31, tzinfo=UTC)),
    "an empty last column": ("t;v;\n2026-01-31;1;\n2026-02-01;2;\n", datetime(2026, 1, 31, tzinfo=UTC)),
    "UTF-16": ("t\tv\r\n2026-01-31\t1\r\n2026-02-01\t2\r\n".encode("utf-16"), datetime(2026, 1, 31, tzinfo=UTC)),
    "Windows-1252": ("t;°C\r\n2026-01-31;1\r\n2026-02-01;2\r\n".encode("cp1252"), datetime(2026, 1, 31, tzinfo=UTC)),
}


@pytest.mark.parametrize("given", STARTS.values(), ids=STARTS)
def test_other_forms(given: Any, read: Callable[..., Table]) -> None:
    data, first, *named = given
    table = read(data, **(named[0] if named else {}))
    expected = first if isinstance(first, int) else round(first.timestamp()) * SECOND
    assert min(held(table)[()]) == expected
    assert len(held(table)[()]) == 2


NUMBERS = {
    "decimal comma where semicolons part cells": ("t;v\n2026-01-01;1,234\n2026-01-02;2,5\n", [1.234, 2.5]),
    "thousands where commas part cells": ('t,v\n2026-01-01,"1,234"\n2026-01-02,"2,500"\n', [1234, 2500]),
    "decimal comma in quotes": ('t,v\n2026-01-01,"1,5"\n2026-01-02,"2,25"\n', [1.5, 2.25]),
    "points between thousands": ("t;v\n2026-01-01;1.234,5\n2026-01-02;2.000\n", [1234.5, 2000]),
    "spaces between thousands": ("t;v\n2026-01-01;1 234,5\n2026-01-02;2\u00a0000,5\n", [1234.5, 2000.5]),
    "apostrophes between thousands": ("t;v\n2026-01-01;1'234.5\n2026-01-02;2'000.5\n", [1234.5, 2000.5]),
    "percent": ("t,v\n2026-01-01,12.5%\n2026-01-02,13 %\n", [12.5, 13]),
    "exponents, signs, bare points": ("t,v\n2026-01-01,-1.5E3\n2026-01-02,+.5\n2026-01-03,3.\n", [-1500, 0.5, 3]),
}


@pytest.mark.parametrize(("data", "expected"), NUMBERS.values(), ids=NUMBERS)
def test_numbers(data: str, expected: list[float], read: Callable[..., Table]) -> None:
    assert list(held(read(data))[()].values()) == expected


def test_a_clock_that_names_no_zone_is_that_of_the_calendar(read: Callable[..., Table]) -> None:
    table = read("t,v\n2026-06-01 12:00,1\n2026-06-01 13:00,2\n", "Europe/Berlin")
    assert min(held(table)[()]) == round(datetime(2026, 6, 1, 10, tzinfo=UTC).timestamp()) * SECOND
    assert table.written(table.members[0].time_ns[0]) == "2026-06-01T12:00:00"


def test_days_begin_at_the_midnight_of_the_wall_also_across_a_change_of_clocks(read: Callable[..., Table]) -> None:
    offsets = {"03-28": "+01:00", "03-29": "+01:00", "03-30": "+02:00", "03-31": "+02:00"}
    days = "".join(f"2026-{day} 00:00:00{offset},1\n" for day, offset in offsets.items())
    table = read("t,v\n" + days)
    times = table.members[0].time_ns
    assert {b - a for a, b in pairwise(times)} == {DAY}
    assert table.written(times[-1] + DAY) == "2026-04-01T00:00:00+02:00"


COLUMNS = {
    "one number": ("t,v\n", {}, ("t", ("v",))),
    "text beside": ("t,note,v\n", {}, ("t", ("v",))),
    "named": ("t,v,w,note\n", {"value": "w"}, ("t", ("w",))),
    "several named": ("t,v,w,note\n", {"value": "v, w"}, ("t", ("v", "w"))),
    "all of a wide one": ("t,v,w\n", {}, ("t", ("v", "w"))),
    "a name with a comma": ('t,"v, w",note\n', {"value": "v, w"}, ("t", ("v, w",))),
}
CELL = {"t": "2026-01-0{}", "note": "x", "v": "{}", "w": "{}5", "v, w": "{}"}


@pytest.mark.parametrize(("head", "named", "expected"), COLUMNS.values(), ids=COLUMNS)
def test_columns_are_found(head: str, named: dict[str, str], expected: Any, read: Callable[..., Table]) -> None:
    names = next(csv.reader([head]))
    lines = [",".join(CELL[name].format(day) for name in names) for day in (1, 2, 3)]
    table = read(head + "\n".join(lines) + "\n", **named)
    assert (table.time, table.values) == expected


def test_a_straight_line_of_ones_is_a_value_and_no_index(read: Callable[..., Table]) -> None:
    assert read("t,v\n2026-01-01,0\n2026-01-02,1\n2026-01-03,2\n").values == ("v",)


STEPS = {
    "even": ([0, 61, 122, 183], 61),
    "near a minute": ([0, 59, 120, 181, 240], 60),
    "with gaps": ([0, 300, 600, 3000, 3300], 300),
    "under a second": ([0.0, 0.25, 0.5], 1),
    "one row": ([5], 3600),
}


@pytest.mark.parametrize(("times_s", "step_s"), STEPS.values(), ids=STEPS)
def test_the_step_is_the_median_distance(times_s: list[float], step_s: int) -> None:
    assert step_of([[round(time * SECOND) for time in times_s]]) == step_s * SECOND


def test_the_place_in_a_step_is_where_most_rows_stand() -> None:
    assert phase_of([[HOUR + 600, 2 * HOUR + 600, 3 * HOUR + 7]], HOUR) == 600
    assert phase_of([[HOUR + 1, 2 * HOUR + 2, 3 * HOUR + 3]], HOUR) == 0


def test_a_history_of_a_run_folder_is_a_table_too(read: Callable[..., Table]) -> None:
    table = read("name,tags,time,value\ncpu,host=a,1700000000000000000,1\ncpu,host=b,1700000000000000000,2\n")
    assert [m.key for m in table.members] == [("cpu", "host=a"), ("cpu", "host=b")]
    with pytest.raises(ContractError, match=r"E_CSV_ROW .*:2: tags 'host'"):
        read("name,tags,time,value\ncpu,host,1700000000000000000,1\n")


@pytest.mark.slow
def test_parquet_is_read_as_csv_is(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    index = pandas.date_range("2026-01-01", periods=30, freq="h", tz="Europe/Berlin", name="when")
    frame = pandas.DataFrame({"cpu": range(30), "mem": [None, *range(1, 30)]}, index=index)
    frame.to_parquet(tmp_path / "data.parquet")
    table = read_table(tmp_path / "data.parquet", Named())
    expected = {moment.value: float(i) for i, moment in enumerate(index)}
    assert held(table) == {("cpu",): expected, ("mem",): {t: v for t, v in expected.items() if v}}
    assert table.written(table.members[0].time_ns[0]) == "2026-01-01T00:00:00+01:00"
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(ContractError, match="E_PARQUET"):
        read_table(tmp_path / "broken.parquet", Named())
