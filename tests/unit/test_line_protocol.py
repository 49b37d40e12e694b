"""Lines are escaped by table, carry every digit, and refuse what they can't carry."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cronocast.errors import ContractError
from cronocast.formats import influx_names
from cronocast.formats.line_protocol import MAX_STRING, forecast_lines, record, series_key
from cronocast.handoff.series import FORECAST_COLUMNS
from cronocast.sinks.points import Value

KEYS = [
    ("plain", "cpu", {"host": "a"}, "cpu,host=a"),
    ("no tags", "cpu", {}, "cpu"),
    ("sorted by key", "cpu", {"z": "1", "a": "2"}, "cpu,a=2,z=1"),
    ("measurement: comma and space, not equals", "a,b c=d", {}, r"a\,b\ c=d"),
    ("tag: comma, space, equals", "m", {"k =": "v,="}, r"m,k\ \==v\,\="),
    ("quotes and injection stay data", "m", {"k": "a' OR 1=1 --"}, r"m,k=a'\ OR\ 1\=1\ --"),
    ("backslash inside is plain text", "m", {"k": r"C:\tmp"}, r"m,k=C:\tmp"),
    ("unicode", "größe", {"k": "漢😀"}, "größe,k=漢😀"),
    ("percent is no format", "50%d", {"k": "%s"}, "50%d,k=%s"),
]


@pytest.mark.parametrize(("measurement", "tags", "expected"), [row[1:] for row in KEYS], ids=[row[0] for row in KEYS])
def test_key_is_escaped_by_table(measurement: str, tags: dict[str, str], expected: str) -> None:
    assert series_key(measurement, tags.items()).decode() == expected


REFUSED = [
    ("time", [("time", "a")]),
    ("_field", [("_field", "a")]),
    ("empty value", [("k", "")]),
    ("trailing backslash", [("k", "a\\")]),
    ("line feed", [("k", "a\nx v=1")]),
    ("NUL", [("k", "a\0")]),
    ("carriage return", [("k", "a\r")]),
    ("over the server's limit", [("k", "a" * 65_000)]),
    ("lone surrogate", [("k", "\ud800")]),
    ("key with trailing backslash", [("k\\", "a")]),
    ("one key twice", [("k", "a"), ("k", "b")]),
    ("together over the server's limit", [(f"k{i}", "a" * 4000) for i in range(20)]),
]


@pytest.mark.parametrize("tags", [row[1] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_what_can_not_be_carried_is_refused(tags: list[tuple[str, str]]) -> None:
    with pytest.raises(ContractError, match="E_TAG"):
        series_key("m", tags)


@given(
    st.lists(
        st.tuples(st.integers(0, 2**63 - 2), *[st.floats(allow_nan=False, allow_infinity=False)] * 3), max_size=20
    ),
    st.sampled_from([b"m", b"m,k=50%d%%", b"m,a=\xc3\xa9"]),
)
def test_lines_equal_a_loop_over_rows(rows: list[tuple[int, float, float, float]], key: bytes) -> None:
    cells = [[str(t).encode(), *(repr(v).encode() for v in values)] for t, *values in rows]
    columns = list(zip(*cells, strict=True)) or [()] * 4
    naive = "".join(
        f"{key.decode()} yhat={y!r},yhat_lower={low!r},yhat_upper={high!r},run=7i {t}\n" for t, y, low, high in rows
    )
    assert forecast_lines(key, 7, FORECAST_COLUMNS, *columns).decode() == naive


FIELDS: list[tuple[str, dict[str, Value], str]] = [
    ("types", {"f": 1.0, "i": 3, "s": "x"}, 'm f=1.0,i=3i,s="x" 5\n'),
    ("unknown is left out", {"f": None, "i": 3}, "m i=3i 5\n"),
    ("nothing known", {"f": None}, ""),
    ("quotes and backslashes", {"s": 'a"b\\'}, 'm s="a\\"b\\\\" 5\n'),
    ("line feeds become blanks", {"s": "a\nm v=1 6\r\0b"}, 'm s="a m v=1 6 b" 5\n'),
    ("long texts are cut", {"s": "x" * 2000}, f'm s="{"x" * MAX_STRING}" 5\n'),
    ("small and large", {"a": 1e-300, "b": 1e300}, "m a=1e-300,b=1e+300 5\n"),
]


@pytest.mark.parametrize(("fields", "expected"), [row[1:] for row in FIELDS], ids=[row[0] for row in FIELDS])
def test_record(fields: dict[str, Value], expected: str) -> None:
    assert record(b"m", fields, 5).decode() == expected


@given(st.text())
def test_a_string_field_never_ends_its_line_or_its_quotes(text: str) -> None:
    line = record(b"m", {"s": text}, 5).decode()
    assert re.fullmatch(r'm s="(?:[^"\\]|\\.)*" 5\n', line)
    assert line.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "fine"),
    [("a,b c=d\\e", True), ("a\\,b", False), ("a\\ b", False), ("\\=", False), ("#a", False), ("a\\", False)],
)
def test_measurements_that_the_server_would_change_are_refused(name: str, fine: bool) -> None:
    assert (influx_names.measurement_fault(name) == "") == fine
