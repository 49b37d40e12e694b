"""Answers become rows in two ways, by pattern and by JSON parser; both give the same."""

import json
import random
import re
import struct
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cronocast.errors import ContractError, CronocastError
from cronocast.sources.influxql import answer as influxql_answer
from cronocast.sources.influxql.answer import ROWS, Answer
from cronocast.sources.influxql.expected import Expected
from cronocast.sources.influxql.messages import fault_of, messages
from cronocast.sources.spool import Spool

T0 = 1_700_000_000 * 10**9
NEVER = re.compile(b"(?!)")


def go_text(value: float) -> str:
    """A double as InfluxDB writes it: shortest digits, an exponent only below 1e-6 and from 1e21."""
    text = repr(value)
    if "e" in text or value == 0:
        return text
    return text.removesuffix(".0")


def message(rows: list[tuple[str, str]], **more: Any) -> bytes:
    body = ",".join(f"[{time},{value}]" for time, value in rows)
    head = json.dumps({"name": "m", "columns": ["time", "v"], **more})[:-1]
    return f'{{"results":[{{"statement_id":0,"series":[{head},"values":[{body}]}}]}}]}}'.encode()


def outcome(taken: list[bytes], expected: Expected, *, by_pattern: bool, patch: pytest.MonkeyPatch) -> Any:
    with patch.context() as only:
        if not by_pattern:
            only.setattr(influxql_answer, "ROWS", NEVER)
        file = BytesIO()
        spool = Spool(file, Path(), b"head\n")
        answer = Answer(expected, spool, "server")
        try:
            for one in taken:
                answer.take(one)
            answer.finish()
        except CronocastError as error:
            return str(error)
        return (
            file.getvalue(),
            answer.rows,
            answer.dropped,
            [(s.rows, s.first_ns, s.last_ns, s.ascending) for s in spool._segments],
        )


numbers = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(go_text),
    st.integers(-(2**63), 2**63 - 1).map(str),
    st.sampled_from(
        [
            "0",
            "-0",
            "1e+21",
            "1e-07",
            "5e-324",
            "1.7976931348623157e+308",
            "1e400",
            "null",
            "true",
            '"1"',
            "01",
            "1.",
            "NaN",
            "+1",
            "1e5",
            "1E5",
            "[1]",
            "",
        ]
    ),
)
times = st.one_of(
    st.integers(T0, T0 + 50 * 10**9).map(str),
    st.sampled_from(["0", "-1", str(2**63), "1.5e18", "null", '"x"', str(T0 // 10**6), str(10**18), "9" * 18]),
)


@settings(max_examples=400)
@given(st.lists(st.lists(st.tuples(times, numbers), max_size=6), max_size=3), st.booleans())
def test_both_ways_give_the_same(parts: list[list[tuple[str, str]]], narrow: bool) -> None:
    expected = Expected(start_ns=T0 + 10**9, end_ns=T0 + 40 * 10**9) if narrow else Expected()
    taken = [message(rows) for rows in parts]
    with pytest.MonkeyPatch.context() as patch:
        assert outcome(taken, expected, by_pattern=True, patch=patch) == outcome(
            taken, expected, by_pattern=False, patch=patch
        )


@settings(max_examples=300)
@given(st.data())
def test_spoilt_message_is_an_error_or_the_same_both_ways(data: st.DataObject) -> None:
    whole = bytearray(message([(str(T0 + i), go_text(i / 7)) for i in range(4)], tags={"h": 'x"values":[[1,2]]'}))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(whole) - 1))
        whole[place : place + data.draw(st.integers(0, 2))] = data.draw(
            st.sampled_from([b"", b"[", b"]", b"{", b'"', b",", b"0", b"e", b"-", b"\\", b"\xff", b"\n", b"]]", b"],["])
        )
    taken = bytes(whole).split(b"\n")
    with pytest.MonkeyPatch.context() as patch:
        assert outcome(taken, Expected(), by_pattern=True, patch=patch) == outcome(
            taken, Expected(), by_pattern=False, patch=patch
        )


def test_of_two_faults_both_ways_name_the_same() -> None:
    taken = [message([(str(T0), "1.5")]).replace(b'"name"', b'"nam"').replace(b'"columns"', b'"column"')]
    with pytest.MonkeyPatch.context() as patch:
        told = outcome(taken, Expected(), by_pattern=True, patch=patch)
        assert told == outcome(taken, Expected(), by_pattern=False, patch=patch)
    assert told.startswith("E_ANSWER ")


def test_pattern_takes_what_servers_write() -> None:
    rnd = random.Random(5)
    doubles = [struct.unpack("d", rnd.randbytes(8))[0] for _ in range(20_000)]
    usual = [v for v in doubles if 1e-99 < abs(v) < 1e99]
    block = "],[".join(f"{T0 + i},{go_text(v)}" for i, v in enumerate(usual)).encode()
    assert len(usual) > 5000
    assert ROWS.fullmatch(block)


NOT_ROWS = [
    b"",
    b"1,2",
    b"1700000000000000000,1],[",
    b"1700000000000000000,1],[x",
    b"1700000000000000000,1e999",
    b"1700000000000000000,1,2",
    b"01700000000000000000,1",
    b"1700000000000000000, 1",
    *(
        b"1700000000000000000,%b],[1700000000000000001,1" % value
        for value in (b"00.5", b"01.5", b"-01.5", b"1.", b".5", b"1.5.5", b"-", b"--1.5", b"1.5e", b"1" * 40 + b".5")
    ),
]


@pytest.mark.parametrize("block", NOT_ROWS)
def test_pattern_takes_nothing_else(block: bytes) -> None:
    assert not ROWS.fullmatch(block)


def test_values_inside_a_text_are_no_rows() -> None:
    nasty = message([(str(T0), "1.5")], tags={"h": '"values":[[1,2]]', "values": "[["})
    with pytest.MonkeyPatch.context() as patch:
        file, rows, _, _ = outcome([nasty], Expected(), by_pattern=True, patch=patch)
    assert rows == 1
    assert file.endswith(b",%d,1.5\n" % T0)


@given(st.lists(st.binary(max_size=9), max_size=9))
def test_messages_are_the_lines_however_they_are_cut(blocks: list[bytes]) -> None:
    assert list(messages(blocks, "server")) == b"".join(blocks).split(b"\n")


def test_second_document_of_the_same_member_is_refused() -> None:
    one = message([(str(T0), "1")])
    answer = Answer(Expected(), Spool(BytesIO(), Path(), b""), "server")
    answer.take(one)
    with pytest.raises(ContractError, match=r"^E_ANSWER server: "):
        answer.take(one)


WORDS = {
    "engine is closed": 75,
    "max-concurrent-queries limit exceeded(1, 1)": 75,
    "max-select-point limit exceeed: (100/10)": 69,
    "undefined function foo()": 69,
    "database not found: x": 69,
    "user not authorized": 77,
}


@pytest.mark.parametrize(("words", "code"), WORDS.items(), ids=WORDS)
def test_words_of_the_server_have_their_class(words: str, code: int) -> None:
    assert fault_of(words, "server").exit_code == code
