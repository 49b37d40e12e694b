"""Ordinary tables are read at first try, each value at its time; what can't be read is named with its line."""

import csv
import io
import json
import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cronocast.commands import application as cli
from cronocast.errors import ConfigError, ContractError, CronocastError, DataError
from cronocast.tables.layout import Named
from cronocast.tables.read import read_table
from cronocast.tables.step import phase_of, step_of
from cronocast.tables.table import Table
from tests.table_files import KINDS

SECOND, HOUR, DAY = 10**9, 3600 * 10**9, 86_400 * 10**9


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., Table]:
    def of(data: str | bytes, zone: str | None = None, every_ns: int | None = None, **named: Any) -> Table:
        path = tmp_path / "data.csv"
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return read_table(path, Named(**named), ZoneInfo(zone) if zone else None, every_ns)

    return of


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run a command in this process: exit code, stdout, stderr."""

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["cronocast", *words])
        with pytest.raises(SystemExit) as caught:
            cli.main()
        return int(caught.value.code or 0), *capsys.readouterr()

    return run


def held(table: Table) -> dict[tuple[str, ...], dict[int, float]]:
    """All values of a table by member and time."""
    return {
        table.labels[m.key]: {table.time_ns(t): v for t, v in zip(m.time_ns, m.columns[0], strict=True)}
        for m in table.members
    }


def named_by(flags: list[str]) -> dict[str, str]:
    return {flag.removeprefix("--"): value for flag, value in zip(flags[::2], flags[1::2], strict=True)}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", KINDS)
def test_every_value_stands_at_its_time(kind: str, seed: int, read: Callable[..., Table]) -> None:
    made = KINDS[kind](seed)
    table = read(made.data, **named_by(made.flags))
    assert held(table) == made.truth
    assert table.every_ns == made.step_s * SECOND


@pytest.mark.parametrize("kind", KINDS)
def test_the_forecast_goes_on_in_the_form_of_the_file(kind: str, command: Any, tmp_path: Path) -> None:
    made = KINDS[kind](7)
    path = tmp_path / "data.csv"
    path.write_bytes(made.data)
    code, out, err = command("forecast", str(path), *made.flags, "--horizon", f"{3 * made.step_s}s", "--model", "naive")
    assert code == 0, err
    rows = list(csv.DictReader(io.StringIO(out)))
    assert all(word in err for word in made.notes)
    again = tmp_path / "again.csv"
    again.write_text(out)
    by = list(rows[0])[: list(rows[0]).index(time_name(rows))]
    table = read_table(again, Named(time_name(rows), "yhat", by))
    newest = {label: max(times) for label, times in made.truth.items()}
    begin = max(newest.values())
    for label, times in held(table).items():
        assert list(times) == [begin + i * made.step_s * SECOND for i in (1, 2, 3)]
        assert all(value == pytest.approx(made.truth[label][newest[label]]) for value in times.values())
    assert all(re.fullmatch(made.form, row[time_name(rows)]) for row in rows)


def time_name(rows: list[dict[str, str]]) -> str:
    """The column before the forecast."""
    return list(rows[0])[list(rows[0]).index("yhat") - 1]


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
    "no header": ("2026-01-31,1\n2026-02-01,2\n", datetime(2026, 1, 31, tzinfo=UTC)),
    "a comment before": ("# made by hand\nt,v\n2026-01-31,1\n2026-02-01,2\n", datetime(2026, 1, 31, tzinfo=UTC)),
    "sep=": ("sep=;\nt;v\n2026-01-31;1\n2026-02-01;2\n", datetime(2026, 1, 31, tzinfo=UTC)),
    "an empty last column": ("t;v;\n2026-01-31;1;\n2026-02-01;2;\n", datetime(2026, 1, 31, tzinfo=UTC)),
    "UTF-16": ("t\tv\r\n2026-01-31\t1\r\n2026-02-01\t2\r\n".encode("utf-16"), datetime(2026, 1, 31, tzinfo=UTC)),
    "Windows-1252": ("t;°C\r\n2026-01-31;1\r\n2026-02-01;2\r\n".encode("cp1252"), datetime(2026, 1, 31, tzinfo=UTC)),
}


@pytest.mark.parametrize(("data", "first"), STARTS.values(), ids=STARTS)
def test_other_forms(data: str | bytes, first: datetime | int, read: Callable[..., Table]) -> None:
    table = read(data)
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


WRONG = {
    "a word among numbers": (
        "t,v\n2026-01-01,1\n2026-01-02,oops\n",
        {},
        ContractError,
        "E_CSV_VALUE",
        ":3",
        ("column v", "'oops'"),
    ),
    "infinite": ("t,v\n2026-01-01,1\n2026-01-02,inf\n", {}, ContractError, "E_CSV_VALUE", ":3", ("column v", "'inf'")),
    "no such day": (
        "t,v\n2026-01-01,1\n2026-02-30,2\n",
        {},
        ContractError,
        "E_CSV_TIME",
        ":3",
        ("column t", "'2026-02-30'"),
    ),
    "another form of time": (
        "t,v\n2026-01-01,1\n02.01.2026,2\n",
        {},
        ContractError,
        "E_CSV_TIME",
        ":3",
        ("column t", "'02.01.2026'"),
    ),
    "a zone in some": (
        "t,v\n2026-01-01T00:00,1\n2026-01-01T01:00Z,2\n",
        {},
        ContractError,
        "E_CSV_TIME",
        ":3",
        ("column t", "zone"),
    ),
    "day or month": (
        "t,v\n1/2/2026,1\n1/3/2026,2\n",
        {},
        ContractError,
        "E_CSV_TIME",
        ":2",
        ("column t", "'1/2/2026'"),
    ),
    "an epoch of another unit": (
        "t,v\n1700000000,1\n1700000060,2\n1700000120000,3\n",
        {},
        ContractError,
        "E_CSV_TIME",
        ":4",
        ("column t", "1700000120000"),
    ),
    "a decimal comma among commas": (
        "t,v\n2026-01-01,1\n2026-01-02,1,5\n",
        {},
        ContractError,
        "E_CSV_ROW",
        ":3",
        ("3 cells", "2"),
    ),
    "an open quote": ('t,v\n2026-01-01,"1\n', {}, ContractError, "E_CSV_ENCODING", ":2", ()),
    "no rows": ("t,v\n", {}, DataError, "E_INPUT_MISSING", "", ()),
    "nothing": ("", {}, DataError, "E_INPUT_MISSING", "", ()),
    "no value at all": ("t,v\n2026-01-01,\n2026-01-02,\n", {"value": "v"}, DataError, "E_INPUT_MISSING", "", ("v",)),
    "no column of that name": (
        "time,value\n2026-01-01,1\n",
        {"value": "vlaue"},
        ConfigError,
        "E_CSV_COLUMN",
        "--value",
        ("vlaue", "'value'", "time (time)"),
    ),
    "several numbers beside text": (
        "t,a,b,note\n2026-01-01,1,2,x\n",
        {},
        ConfigError,
        "E_CSV_COLUMN",
        "--value",
        ("a (number)", "note (text)", "--value a,b"),
    ),
    "several times": (
        "t,u,v\n2026-01-01,2026-01-02,1\n",
        {},
        ConfigError,
        "E_CSV_COLUMN",
        "--time",
        ("t (time)", "--time t"),
    ),
    "no times": ("a,b\n1,2\n3,4\n", {}, ConfigError, "E_CSV_COLUMN", "--time", ("a (number)",)),
    "no numbers": ("t,b\n2026-01-01,x\n", {}, ConfigError, "E_CSV_COLUMN", "--value", ("b (text)",)),
    "members not told apart": (
        "t,host,v\n2026-01-01,a,1\n2026-01-01,b,2\n2026-01-02,a,3\n2026-01-02,b,4\n",
        {},
        ConfigError,
        "E_CSV_MEMBERS",
        "--by",
        (":2", ":3", "--by host"),
    ),
    "members by number not told apart": (
        "t,host,v\n2026-01-01,1,7\n2026-01-01,2,2\n2026-01-02,1,3\n2026-01-02,2,4\n",
        {},
        ConfigError,
        "E_CSV_MEMBERS",
        "--by",
        ("--by host",),
    ),
}


@pytest.mark.parametrize(("data", "named", "kind", "token", "where", "words"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_named_with_line_column_and_value(
    data: str,
    named: dict[str, str],
    kind: type[CronocastError],
    token: str,
    where: str,
    words: Any,
    read: Callable[..., Table],
) -> None:
    with pytest.raises(kind) as caught:
        read(data, **named)
    assert caught.value.token == token
    assert caught.value.where.endswith(where)
    assert all(word in caught.value.problem for word in words), caught.value
    assert "right: " in caught.value.problem or "columns: " in caught.value.problem


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


def test_another_step_is_taken_where_it_is_named(command: Any, tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("t,v\n" + "".join(f"2026-01-01T{h:02d}:{m:02d}:00Z,{h}\n" for h in range(24) for m in (0, 20, 40)))
    code, out, err = command("forecast", str(path), "--every", "1h", "--horizon", "2h", "--model", "naive", "--json")
    assert code == 0, err
    found = json.loads(out)
    assert (found["every"], found["members"][0]["t"], found["members"][0]["yhat"]) == (
        "1h",
        ["2026-01-02T00:00:00Z", "2026-01-02T01:00:00Z"],
        [23, 23],
    )


def test_classify_and_backtest_take_the_same_files(command: Any, tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    lines = [f"2026-01-{1 + i // 24:02d} {i % 24:02d}:30;{10 + i % 24},5\n" for i in range(24 * 20)]
    path.write_text("when;load\n" + "".join(lines))
    code, out, err = command("classify", str(path), "--json")
    assert code == 0, err
    member = json.loads(out)["members"][0]
    assert (member["class"], member["periods"], member["points"]) == ("seasonal", ["1d"], 480)
    assert (member["first"], member["last"]) == ("2026-01-01T00:30:00", "2026-01-20T23:30:00")
    assert "seasonal" in command("classify", str(path))[1]
    code, out, err = command(
        "backtest", str(path), "--horizon", "12h", "--models", "naive", "--origins", "2", "--jobs", "1", "--json"
    )
    assert code == 0, err
    assert json.loads(out)["origins"][-1] == "2026-01-20T12:30:00Z"


REFUSED = {
    "files between steps": (["data.csv", "--history", "h.csv"], "--history"),
    "a run folder": (["data.csv", "--root", "."], "--root"),
    "columns of no table": (["--value", "v"], "--value"),
}


@pytest.mark.parametrize(("words", "flag"), REFUSED.values(), ids=REFUSED)
def test_a_table_and_files_between_steps_do_not_mix(words: list[str], flag: str, command: Any) -> None:
    code, out, err = command("forecast", *words)
    assert (code, out) == (78, "")
    assert f"E_CONFIG_CROSS {flag}: " in err


def test_a_wrong_setting_is_said_of_its_flag(command: Any, tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes(KINDS["ISO in UTC"](1).data)
    code, _, err = command("forecast", str(path), "--horizon", "90m", "--level", "95")
    assert code == 78
    assert "--horizon: " in err
    assert "--level: " in err


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
