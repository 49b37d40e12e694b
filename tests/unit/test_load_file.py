"""forecast.csv is read strictly: the fast look at many rows at once agrees with the slow look at each."""

import random
import re
import tracemalloc
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from cronocast.durations import MAX_NS
from cronocast.errors import ContractError, CronocastError
from cronocast.handoff import even_times, series
from cronocast.handoff.even_times import EvenTimes
from cronocast.handoff.forecast_file import checked_rows
from cronocast.handoff.rows import Extent
from cronocast.handoff.strict import read_members
from tests.load_run import EVERY_NS, RUN_NS, rows_of

HEADER = "name,tags,time,yhat,yhat_lower,yhat_upper\n"
LAST_NS = MAX_NS // EVERY_NS * EVERY_NS  # on the grid; one step more does not fit
GOOD = HEADER + rows_of({"host": "a"}, 30) + rows_of({"host": "b", "dc": "x"}, 30) + rows_of({}, 30)


def read(path: Path, every_ns: int | None = EVERY_NS) -> tuple[Extent, list[bytes]]:
    """Everything that is read, as one list of cells."""
    extent = Extent()
    cells: list[bytes] = []
    with path.open("rb") as file:
        for rows in checked_rows(file, path, every_ns, None, extent):
            cells += [cell for row in zip(rows.times, *rows.values, strict=True) for cell in row]
    return extent, cells


def lines_changed(number: int, change: Callable[[str], str]) -> str:
    lines = GOOD.splitlines(keepends=True)
    lines[number - 1] = change(lines[number - 1])
    return "".join(lines)


def cell_changed(column: int, value: str, number: int = 5) -> str:
    def change(line: str) -> str:
        cells = line.rstrip("\n").split(",")
        cells[column] = value
        return ",".join(cells) + "\n"

    return lines_changed(number, change)


def spans(hosts: str, first: tuple[int, ...], end: tuple[int, ...]) -> list[str]:
    """Rows of members that span only some of the steps each."""
    return [
        "".join(rows_of({"host": host}, b).splitlines(keepends=True)[a:])
        for host, a, b in zip(hosts, first, end, strict=True)
    ]


FAULTS: dict[str, tuple[str, int, str, int]] = {  # text, exit code, token, line (0: none named)
    "an error text": ('error\n"database not found"\n', 76, "E_CSV_HEADER", 1),
    "history's header": (GOOD.replace(HEADER, "name,tags,time,value\n"), 76, "E_CSV_HEADER", 1),
    "header again": (lines_changed(7, lambda line: HEADER + line), 76, "E_CSV_ROW", 7),
    "blank line": (lines_changed(7, lambda line: "\n" + line), 76, "E_CSV_ROW", 7),
    "value: thousands": (cell_changed(3, "1,000"), 76, "E_CSV_VALUE", 5),
    "value: hex": (cell_changed(3, "0x10"), 76, "E_CSV_VALUE", 5),
    "value: underscore": (cell_changed(3, "1_000"), 76, "E_CSV_VALUE", 5),
    "value: too large": (cell_changed(5, "1e400"), 76, "E_CSV_VALUE", 5),
    "value: blank": (cell_changed(3, " 1"), 76, "E_CSV_VALUE", 5),
    "value: digits of another script": (cell_changed(3, "\u0661"), 76, "E_CSV_VALUE", 5),
    "value: plus": (cell_changed(3, "+50"), 76, "E_CSV_VALUE", 5),
    "value: two points": (cell_changed(3, "5.0.0"), 76, "E_CSV_VALUE", 5),
    "value: inf": (cell_changed(5, "inf"), 76, "E_CSV_VALUE", 5),
    "value: nan": (cell_changed(3, "nan"), 76, "E_CSV_VALUE", 5),
    "value: empty": (cell_changed(3, ""), 76, "E_CSV_VALUE", 5),
    "value: int suffix": (cell_changed(3, "50i"), 76, "E_CSV_VALUE", 5),
    "CRLF": (GOOD.replace("\n", "\r\n"), 76, "E_CSV_ENCODING", 1),
    "CRLF in one row": (lines_changed(5, lambda line: line.replace("\n", "\r\n")), 76, "E_CSV_ENCODING", 5),
    "no time": (cell_changed(2, ""), 76, "E_CSV_TIME", 5),
    "a member twice": (GOOD + rows_of({"host": "a"}, 3), 76, "E_CSV_ROW", 92),
    "a member twice, in the middle": (
        HEADER + "".join(rows_of({"host": host}, 3) for host in "abcdefgbhijk"),
        76,
        "E_CSV_ROW",
        23,
    ),
    "a row of another member": (
        lines_changed(5, lambda line: rows_of({"host": "c"}, 1) + line),
        76,
        "E_CSV_ROW",
        6,
    ),
    "NUL": (lines_changed(32, lambda line: line.replace("host", "ho\0st")), 76, "E_CSV_ENCODING", 32),
    "quotes left open": (lines_changed(32, lambda line: '"' + line), 76, "E_CSV_ENCODING", 32),
    "tags not sorted": (
        lines_changed(32, lambda line: line.replace("dc=x,host=b", "host=b,dc=x")),
        76,
        "E_CSV_ROW",
        32,
    ),
    "time: twice": (lines_changed(5, lambda line: line + line), 76, "E_CSV_TIME", 6),
    "time: float": (cell_changed(2, f"{RUN_NS + 3 * EVERY_NS}.0"), 76, "E_CSV_TIME", 5),
    "time: leading zero": (cell_changed(2, f"0{RUN_NS + 3 * EVERY_NS}"), 76, "E_CSV_TIME", 5),
    "time: over int64": (cell_changed(2, "9223372036854775808", 2), 76, "E_CSV_TIME", 2),
    "time: the second row over int64": (
        HEADER + f"cpu,,{LAST_NS},5,5,5\ncpu,,{LAST_NS + EVERY_NS},5,5,5\n",
        76,
        "E_CSV_TIME",
        3,
    ),
    "value: too small": (cell_changed(4, "-1e400"), 76, "E_CSV_VALUE", 5),
    "time: a step left out": (lines_changed(5, lambda _: ""), 76, "E_CSV_TIME", 5),
    "time: not on the grid": (
        HEADER + rows_of({"host": "a"}, 3).replace("00000000000,", "00000000001,"),
        76,
        "E_CSV_TIME",
        2,
    ),
    **{
        f"time in {unit}": (HEADER + f"cpu,,{RUN_NS // ns},5,5,5\n", 76, "E_CSV_TIME", 2)
        for unit, ns in (("seconds", 10**9), ("milliseconds", 10**6), ("microseconds", 10**3))
    },
    "cut": (GOOD[:-10], 76, "E_CSV_ROW", 91),
    "a line of 2 MiB": (HEADER + "x" * 2**21 + "\n", 66, "E_TOO_LARGE", 2),
    "no number behind the point": (HEADER + f"cpu,,{RUN_NS},12.5,11.5.5,13\n", 76, "E_CSV_VALUE", 2),
    "a semicolon in a number": (HEADER + f"cpu,,{RUN_NS},12.5;1,11.5,13.5\n", 76, "E_CSV_VALUE", 2),
    "more digits are more": (HEADER + f"cpu,,{RUN_NS},9.5,10.5,11.5\n", 76, "E_CSV_VALUE", 2),
    "more digits, the wrong way round": (HEADER + f"cpu,,{RUN_NS},100.5,9.5,99.5\n", 76, "E_CSV_VALUE", 2),
    "more digits in the row before": (
        HEADER + f"cpu,,{RUN_NS},100.5,9.5,101.5\ncpu,,{RUN_NS + EVERY_NS},9.5,10.5,11.5\n",
        76,
        "E_CSV_VALUE",
        3,
    ),
    "leading zeros are no digits": (HEADER + f"cpu,,{RUN_NS},05.5,9.5,100.5\n", 76, "E_CSV_VALUE", 2),
    "over all doubles": (HEADER + f"cpu,,{RUN_NS},1.5,1.5,{'9' * 309}.5\n", 76, "E_CSV_VALUE", 2),
    "all over all doubles": (HEADER + f"cpu,,{RUN_NS},{','.join(['9' * 309 + '.5'] * 3)}\n", 76, "E_CSV_VALUE", 2),
    "negative numbers the wrong way round": (HEADER + f"cpu,,{RUN_NS},-2.5,-1.5,-3.5\n", 76, "E_CSV_VALUE", 2),
    "above its interval": (cell_changed(3, "999.5"), 76, "E_CSV_VALUE", 5),
    "below its interval": (cell_changed(3, "-999.5"), 76, "E_CSV_VALUE", 5),
    "a line feed at the wrong cell": (
        lines_changed(5, lambda line: line.replace("\n", f",{RUN_NS}\n")),
        76,
        "E_CSV_VALUE",
        5,
    ),
    "a cell less": (lines_changed(5, lambda line: line[: line.rindex(",")] + "\n"), 76, "E_CSV_ROW", 5),
}


@pytest.mark.parametrize("every_ns", [None, 10**9])
@pytest.mark.parametrize("ns", [10**9, 10**6, 10**3])
def test_times_of_another_unit_are_refused_whatever_the_step(ns: int, every_ns: int | None, tmp_path: Path) -> None:
    path = tmp_path / "forecast.csv"
    path.write_text(HEADER + f"cpu,,{RUN_NS // ns},5,5,5\n")
    with pytest.raises(ContractError, match=rf"E_CSV_TIME .*forecast\.csv:2: .*{RUN_NS // ns}"):
        read(path, every_ns)


@pytest.mark.parametrize(("text", "code", "token", "line"), FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_is_refused_with_its_line(text: str, code: int, token: str, line: int, tmp_path: Path) -> None:
    path = tmp_path / "forecast.csv"
    path.write_bytes(text.encode())
    with pytest.raises(CronocastError) as caught:
        read(path)
    assert (caught.value.exit_code, caught.value.token) == (code, token)
    assert caught.value.where.endswith(f"forecast.csv:{line}")


FINE: dict[str, tuple[str, int]] = {
    "three members": (GOOD, 90),
    "header only": (HEADER, 0),
    "BOM": ("\ufeff" + GOOD, 90),
    "formula as a tag": (HEADER + rows_of({"host": "=cmd|'/c calc'!A1"}, 3) + rows_of({"host": "@x"}, 3), 6),
    "exponents": (HEADER + f"cpu,,{RUN_NS},1e-300,-1E+16,1.5e16\n", 1),
    "interval of no width": (HEADER + f"cpu,,{RUN_NS},5,5,5\n", 1),
    "other lengths": (HEADER + f"cpu,,{RUN_NS},10.5,9.5,100.25\ncpu,,{RUN_NS + EVERY_NS},12.50,12.5,12.500\n", 2),
    "zeros at the end": (HEADER + f"cpu,,{RUN_NS},12.5,12.50,12.5\n", 1),
    "negative": (HEADER + f"cpu,,{RUN_NS},-2.5,-3.5,-1.5\ncpu,,{RUN_NS + EVERY_NS},-2,-3,1.0\n", 2),
    "one row each": (HEADER + rows_of({"host": "a"}, 1) + rows_of({"host": "b"}, 1), 2),
    "members begin and end at times of their own": (
        HEADER + "".join(spans("abcd", (20, 10, 0, 25), (30, 60, 25, 40))),
        100,
    ),
    "name in quotes": (HEADER + rows_of({"host": "a"}, 3, name='c,p"u'), 3),
}


@pytest.mark.parametrize(("text", "rows"), FINE.values(), ids=FINE.keys())
@pytest.mark.parametrize("every_ns", [EVERY_NS, None], ids=["step known", "step from the rows"])
def test_what_is_right_passes(text: str, rows: int, every_ns: int | None, tmp_path: Path) -> None:
    path = tmp_path / "forecast.csv"
    path.write_bytes(text.encode())
    extent, cells = read(path, every_ns)
    assert sum(extent.members.values()) == rows == len(cells) // 4


def naive(path: Path) -> int | None:
    """Rows by `read_members` and a loop, None where something is wrong."""
    rows = 0
    try:
        for member in read_members(path, series.FORECAST_COLUMNS):
            yhat, lower, upper = member.columns
            if any(not low <= y <= high for y, low, high in zip(yhat, lower, upper, strict=True)) or any(
                t % EVERY_NS for t in member.time_ns
            ):
                return None
            if any(b - a != EVERY_NS for a, b in pairwise(member.time_ns)):
                return None
            rows += len(yhat)
    except CronocastError:
        return None
    return rows


def rows_read(path: Path) -> int | None:
    """Rows by the fast look, None where something is wrong."""
    try:
        return sum(read(path)[0].members.values())
    except ContractError:
        return None


def test_fast_and_slow_agree_on_mutated_files(tmp_path: Path) -> None:
    rng = random.Random(20260101)
    path = tmp_path / "forecast.csv"
    pieces = [
        b"\n",
        b",",
        b".",
        b";",
        b"-",
        b"0",
        b"1",
        b"e",
        b'"',
        b"\\",
        b"=",
        b" ",
        b"\r",
        b"cpu,host=a,",
        b"\xc3",
        b"nan",
        b"a",
    ]
    refused = 0
    for _ in range(800):
        data = bytearray(
            GOOD[: rng.randrange(len(HEADER) + 300, len(HEADER) + 1200)].rsplit("\n", 1)[0].encode() + b"\n"
        )
        for _ in range(rng.choice([0, 1, 1, 2])):
            at = rng.randrange(len(data))
            data[at : at + rng.choice([0, 1, 1, 5, 60])] = rng.choice([*pieces, b""])
        path.write_bytes(bytes(data))
        expected = naive(path)
        found = rows_read(path)
        refused += found is None
        # `.5`, `5.` and `05` are numbers to every reader; only the slow look refuses them.
        assert found == expected or (expected is None and odd_numbers(bytes(data))), bytes(data)
    assert 150 < refused < 750


def odd_numbers(data: bytes) -> bool:
    return re.search(rb",-?\.[0-9]|[0-9]\.[,\n]|,-?0[0-9]", data) is not None


@pytest.mark.parametrize("rows", [1, 7, 24, 20_000])
def test_members_are_found_whole_wherever_blocks_end(rows: int, tmp_path: Path) -> None:
    path = tmp_path / "forecast.csv"
    members = max(3, 60_000 // rows // 7)
    rows_text = [rows_of({"host": f"h{i}" + "x" * (i % 13)}, rows) for i in range(members)]
    path.write_text(HEADER + "".join(rows_text))
    extent, cells = read(path)
    assert list(extent.members.values()) == [rows] * members
    right = [cell for line in "".join(rows_text).splitlines() for cell in line.encode().rsplit(b",", 4)[1:]]
    assert cells == right
    assert (extent.first_ns, extent.last_ns) == (RUN_NS, RUN_NS + (rows - 1) * EVERY_NS)


def test_even_times_are_those_of_a_range_whatever_was_asked_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(even_times, "MAX_KEPT", 50)
    rng, times = random.Random(7), EvenTimes()
    for _ in range(500):
        first, count, step = rng.randrange(0, 200, 5), rng.randrange(1, 60), rng.choice([5, 5, 5, 10])
        assert times.texts(first, count, step) == [b"%d" % time for time in range(first, first + count * step, step)]


def test_no_row_is_handed_on_before_its_check(tmp_path: Path) -> None:
    path = tmp_path / "forecast.csv"
    good = rows_of({"host": "a"}, 40_000)
    path.write_text(HEADER + good + f"cpu,host=b,{RUN_NS},5,6,7\n")
    handed_on: list[str] = []
    with path.open("rb") as file:
        rows = checked_rows(file, path, EVERY_NS, None, Extent())
        with pytest.raises(CronocastError, match="E_CSV_VALUE"):
            handed_on.extend(part.tags for part in rows)
    assert set(handed_on) == {"host=a"}


def test_memory_stays_flat(tmp_path: Path) -> None:
    path = tmp_path / "forecast.csv"
    path.write_text(HEADER + rows_of({"host": "a"}, 50_000))
    tracemalloc.start()
    with path.open("rb") as file:
        total = sum(rows.count for rows in checked_rows(file, path, None, None, Extent()))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total == 50_000
    assert peak < 5 * 2**20  # 3 MB of it are the texts of times, which all members share
