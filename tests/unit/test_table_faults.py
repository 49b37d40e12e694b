"""What is wrong in a table is named with line, column and the text seen."""

from pathlib import Path
from typing import Any

import pytest

from cronocast.errors import ConfigError, ContractError, CronocastError, DataError
from cronocast.tables.layout import Named
from cronocast.tables.read import read_table

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
    "a time of day beside its date": (
        "d,o,v\n2026-01-01,09:00,1\n2026-01-01,10:00,2\n2026-01-02,09:00,3\n2026-01-02,10:00,4\n",
        {},
        ConfigError,
        "E_CSV_MEMBERS",
        "--by",
        ("--time d,o",),
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
    named: dict[str, Any],
    kind: type[CronocastError],
    token: str,
    where: str,
    words: Any,
    tmp_path: Path,
) -> None:
    path = tmp_path / "data.csv"
    path.write_text(data)
    with pytest.raises(kind) as caught:
        read_table(path, Named(**named))
    assert caught.value.token == token
    assert caught.value.where.endswith(where)
    assert all(word in caught.value.problem for word in words), caught.value
    assert "right: " in caught.value.problem or "columns: " in caught.value.problem
