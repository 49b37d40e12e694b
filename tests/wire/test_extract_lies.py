"""The extract step against a server that lies.

Every answer has its exit code and token.
"""

import json
import re
import resource
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cronocast.sources.influxql.messages import MAX_MESSAGE_BYTES
from tests.lying_server import (
    Answer,
    Behaviour,
    LyingServer,
    Seen,
    drip,
    endless,
    hang_up,
    json_answer,
    raw,
    reset,
    status,
)
from tests.messages import numbers
from tests.wire.extract_run import END, HOUR, START, Ran, extract_run

ROWS = [[START + i * HOUR, i + 0.5] for i in range(24)]
Run = Callable[..., Ran]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def against(behaviour: Behaviour | list[Behaviour], source: dict[str, Any] | None = None, **entry: Any) -> Ran:
        left = behaviour if isinstance(behaviour, list) else [behaviour]

        def behave(request: Seen) -> Behaviour:
            """What is asked beside the history finds nothing; the tests below lie about that."""
            if re.match(r"SHOW|SELECT (lo|last|count|min)\b", request.form.get("q", "")):
                return json_answer({"results": [{"statement_id": 0}]})
            return left.pop(0) if len(left) > 1 else left[0]

        with LyingServer(behave) as server:
            ran = extract_run(capsys, tmp_path, server.url, source, **entry)
            ran.result["seen"] = server.seen
            return ran

    return against


def series(rows: Any = ROWS, **more: Any) -> dict[str, Any]:
    return {"name": "m", "columns": ["time", "mean"], "values": rows, **more}


def result(*lists: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"results": [{"statement_id": 0, "series": list(lists), **more}]}


def text(body: str | bytes) -> Answer:
    return Answer(body=body if isinstance(body, bytes) else body.encode())


def with_value(value: str, rows: int = 24) -> Answer:
    """The value, as JSON text, stands in row 5."""
    whole = [f"[{START + i * HOUR},{value if i == 4 else 1.5}]" for i in range(rows)]
    return text(
        '{"results":[{"statement_id":0,"series":[{"name":"m","columns":["time","mean"],"values":['
        + ",".join(whole)
        + "]}]}]}\n"
    )


def with_row(row: Any) -> Answer:
    return json_answer(result(series([*ROWS[:4], row, *ROWS[5:]])))


GOOD = json_answer(result(series()))
ERROR = {"results": [{"statement_id": 0, "error": "?"}]}


def error(words: str) -> Answer:
    return json_answer({"results": [{"statement_id": 0, "error": words}]})


REFUSED: dict[str, tuple[Behaviour, int, str]] = {
    "no database": (error("database not found: d"), 69, "E_DB_NOT_FOUND"),
    "no policy": (error("retention policy not found: x"), 69, "E_DB_NOT_FOUND"),
    "no mapping": (status(404, '{"code":"not found","message":"no dbrp mapping found"}'), 69, "E_DB_NOT_FOUND"),
    "syntax of the query": (status(400, '{"error":"error parsing query: found SELEC"}'), 69, "E_QUERY"),
    "400 with a page": (status(400, "<h1>Bad Request</h1>"), 69, "E_QUERY"),
    "limit of series": (error("max-select-series limit exceeded: (100/10)"), 69, "E_QUERY"),
    "timeout of the query": (error("timeout"), 75, "E_QUERY"),
    "query killed": (error("query interrupted"), 75, "E_QUERY"),
    "cut by an error": (
        json_answer(
            result(series(ROWS[:9]), partial=True), {"results": [{"statement_id": 0, "error": "query killed"}]}
        ),
        75,
        "E_QUERY",
    ),
    "401": (status(401, '{"error":"unable to parse authentication credentials"}'), 77, "E_AUTH"),
    "403": (status(403, '{"error":"not authorized"}'), 77, "E_AUTH"),
    "no right, said in the answer": (
        error("error authorizing query: u not authorized to execute statement"),
        77,
        "E_AUTH",
    ),
    "partial": (json_answer(result(series(), partial=True)), 76, "E_TRUNCATED"),
    "partial second message": (
        json_answer(result(series(ROWS[:9]), partial=True), result(series(ROWS[9:]), partial=True)),
        76,
        "E_TRUNCATED",
    ),
    "partial series": (
        json_answer(result(series(ROWS[:9]), partial=True), result(series(ROWS[9:], partial=True))),
        76,
        "E_TRUNCATED",
    ),
    "not JSON": (text("{]"), 76, "E_ANSWER"),
    "two documents": (text((json.dumps(result(series())) + "\n") * 2), 76, "E_ANSWER"),
    "two documents on a line": (text(json.dumps(result(series())) * 2), 76, "E_ANSWER"),
    "trailing garbage": (text(json.dumps(result(series())) + "\nxyz"), 76, "E_ANSWER"),
    "byte order mark": (text(b"\xef\xbb\xbf" + json.dumps(result(series())).encode()), 76, "E_ANSWER"),
    "UTF-16": (text(json.dumps(result(series())).encode("utf-16")), 76, "E_ANSWER"),
    "login page": (text("<!doctype html><title>Login</title>" + "<p>x" * 9999), 76, "E_ANSWER"),
    "empty body": (text(""), 76, "E_ANSWER"),
    "null": (text("null"), 76, "E_ANSWER"),
    "other document": (text('{"status":"success"}'), 76, "E_ANSWER"),
    "results no list": (text('{"results":{"a":1}}'), 76, "E_ANSWER"),
    "series no list": (text('{"results":[{"series":{"a":1}}]}'), 76, "E_ANSWER"),
    "values no list": (json_answer(result(series({"a": 1}))), 76, "E_ANSWER"),
    "name no text": (json_answer(result(series(name=7))), 76, "E_ANSWER"),
    "tags no texts": (json_answer(result(series(tags={"host": [1]}))), 76, "E_ANSWER"),
    "value: NaN": (with_value("NaN"), 76, "E_VALUE_TYPE"),
    "value: Infinity": (with_value("-Infinity"), 76, "E_VALUE_TYPE"),
    "value: 1e999": (with_value("1e999"), 76, "E_VALUE_TYPE"),
    "value: 400 digits": (with_value("1" * 400), 76, "E_VALUE_TYPE"),
    "value: 5,000 digits": (with_value("1" * 5000), 76, "E_VALUE_TYPE"),
    "value: text": (with_value('"1.5"'), 76, "E_VALUE_TYPE"),
    "value: boolean": (with_value("true"), 76, "E_VALUE_TYPE"),
    "value: nested": (with_value("[1]"), 76, "E_VALUE_TYPE"),
    "value: object": (with_value('{"a":1}'), 76, "E_VALUE_TYPE"),
    "value: leading zero": (with_value("01"), 76, "E_ANSWER"),
    "column missing": (json_answer(result(series(columns=["time"]))), 76, "E_COLUMNS"),
    "column renamed": (json_answer(result(series(columns=["time", "max"]))), 76, "E_COLUMNS"),
    "columns without time": (json_answer(result(series(columns=["t", "mean"]))), 76, "E_COLUMNS"),
    "column too many": (
        json_answer(result(series([[t, v, 1] for t, v in ROWS], columns=["time", "mean", "x"]))),
        76,
        "E_COLUMNS",
    ),
    "no columns": (json_answer(result({"name": "m", "values": ROWS})), 76, "E_COLUMNS"),
    "time: RFC 3339": (with_row(["2023-11-14T00:00:00Z", 1.5]), 76, "E_TIME"),
    "time: float": (with_row([START + 0.5, 1.5]), 76, "E_TIME"),
    "time: null": (with_row([None, 1.5]), 76, "E_TIME"),
    "time: text": (with_row([str(START), 1.5]), 76, "E_TIME"),
    "time: negative": (with_row([-5, 1.5]), 76, "E_TIME"),
    "time: over int64": (with_row([2**63, 1.5]), 76, "E_TIME"),
    "time: 20 digits": (with_row([10**19, 1.5]), 76, "E_TIME"),
    "time: milliseconds": (json_answer(result(series([[t // 10**6, v] for t, v in ROWS]))), 76, "E_TIME"),
    "two tag sets": (
        json_answer(result(series(tags={"host": "a"}), series(tags={"host": "b"}))),
        76,
        "E_AMBIGUOUS_SERIES",
    ),
    "other name": (json_answer(result(series(name="other"))), 76, "E_WRONG_SERIES"),
    "other tags": (json_answer(result(series(tags={"host": "a"}))), 76, "E_WRONG_SERIES"),
    "name with a line break": (json_answer(result(series(name="m\n"))), 76, "E_WRONG_SERIES"),
    "conflicts": (json_answer(result(series([*ROWS, [START, 99.0]]))), 76, "E_CONFLICT"),
    "row: short": (with_row([START + 4 * HOUR]), 76, "E_ROW"),
    "row: long": (with_row([START + 4 * HOUR, 1.5, 2]), 76, "E_ROW"),
    "row: no list": (with_row(7), 76, "E_ROW"),
    "two results": (json_answer({"results": [{"series": [series()]}, {"statement_id": 1}]}), 76, "E_ANSWER"),
    "statement 7": (json_answer({"results": [{"statement_id": 7, "series": [series()]}]}), 76, "E_ANSWER"),
    "rows outside the window": (
        json_answer(result(series([*ROWS, *([END + i * HOUR, 1.0] for i in range(5))]))),
        76,
        "E_WINDOW",
    ),
    "nested deeply": (text("[" * 100_000), 76, "E_ANSWER"),
    "value nested deeply": (with_value("[" * 100_000 + "]" * 100_000), 76, "E_ANSWER"),
    "10,000 headers": (raw(b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 10_000 + b"\r\n"), 76, "E_HEADERS"),
    "204": (status(204), 76, "E_HTTP_STATUS"),
    "600": (status(600), 76, "E_HTTP_STATUS"),
    "flagged as compressed": (Answer(body=b"{}", headers={"Content-Encoding": "gzip"}), 76, "E_ENCODING"),
    "drip": (drip(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n" + b"{" * 999), 75, "E_TIMEOUT"),
    "cut before its length": (Answer(body=json.dumps(result(series())).encode(), cut=300), 75, "E_CUT"),
    "cut in a chunk": (json_answer(result(series()), cut=300), 75, "E_CUT"),
    "cut at a message's end": (
        raw(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\n\r\n"
            % (len(json.dumps(result(series()))) + 1, json.dumps(result(series())).encode())
        ),
        75,
        "E_CUT",
    ),
    "cut under HTTP/1.0": (
        Answer(body=json.dumps(result(series())).encode(), cut=300, version="HTTP/1.0"),
        76,
        "E_ANSWER",
    ),
    "cut under HTTP/1.0 between messages": (
        Answer(body=json.dumps(result(series(), partial=True)).encode() + b"\n", version="HTTP/1.0"),
        76,
        "E_TRUNCATED",
    ),
    "reset": (reset, 75, "E_UNREACHABLE"),
    "hang up": (hang_up, 75, "E_UNREACHABLE"),
    "429": (status(429, Retry_After="3600"), 75, "E_BUSY"),
    "503": (status(503, "<html><body><h1>Down</h1>" + "<p>x" * 9999), 75, "E_SERVER"),
    "redirect": (status(302, Location="http://127.0.0.1:1/"), 76, "E_HTTP_STATUS"),
    "boolean field": (error("unsupported mean iterator type: *query.booleanInterruptIterator"), 69, "E_FIELD_TYPE"),
    "string field": (error("unsupported mean iterator type: *query.stringInterruptIterator"), 69, "E_FIELD_TYPE"),
}


CURES: dict[str, tuple[str, str, str]] = {  # words of 2.x, token, what the message names
    "no right to read": ("database not found: metrics", "E_DB_NOT_FOUND", "the token may not read"),
    "bucket x/p": ("default retention policy not set for: x", "E_DB_NOT_FOUND", "source.retention_policy"),
    "too long": ("max-time-range limit exceeded: (24h0m0s/6h0m0s)", "E_QUERY", "source.slice"),
}


@pytest.mark.parametrize(("words", "token", "cure"), CURES.values(), ids=CURES)
def test_what_2x_says_comes_with_its_cure(words: str, token: str, cure: str, run: Run) -> None:
    ran = run(error(words))
    assert (ran.code, ran.token) == (69, token)
    assert words in ran.error
    assert cure in ran.error


@pytest.mark.parametrize(("behaviour", "code", "token"), REFUSED.values(), ids=REFUSED)
def test_lie_is_refused(behaviour: Behaviour, code: int, token: str, run: Run) -> None:
    ran = run(behaviour)
    assert (ran.code, ran.token) == (code, token), ran.stderr
    assert ran.history is None
    if token in ("E_VALUE_TYPE", "E_TIME", "E_ROW") and "milliseconds" not in ran.error:
        assert ":row5:" in ran.error or ":row1:" in ran.error


def test_tag_sets_are_listed(run: Run) -> None:
    assert "'host=a' and 'host=b'" in run(REFUSED["two tag sets"][0]).error


GROUPED = {"group_by": ["host"], "tags": {"host": ["a", "b"]}}
WRONG_TAGS = {
    "missing": {},
    "other key": {"dc": "a"},
    "extra key": {"host": "a", "dc": "x"},
    "other value": {"host": "c"},
}


@pytest.mark.parametrize("tags", WRONG_TAGS.values(), ids=WRONG_TAGS)
def test_other_tags_than_asked_for_are_refused(tags: dict[str, str], run: Run) -> None:
    ran = run(json_answer(result(series(tags=tags))), GROUPED)
    assert (ran.code, ran.token) == (76, "E_WRONG_SERIES")


OWN_QUERY = {
    "query": "SELECT mean(f) FROM /m/ WHERE time >= $start AND time < $end GROUP BY time(1h), *",
    "measurement": None,
    "field": None,
}
# What load would refuse after all the work: (answer, sink, code, token, what is named)
REFUSED_BY_LOAD: dict[str, tuple[list[dict[str, Any]], dict[str, Any], int, str, str]] = {
    "its own forecast": ([series(), series(name="s_forecast")], {}, 78, "E_FEEDBACK_LOOP", "s_forecast"),
    "its own records": ([series(), series(name="x_runs")], {"measurement": "x"}, 78, "E_FEEDBACK_LOOP", "x_runs"),
    "two of the same tags": (
        [series(tags={"host": "a"}), series(name="m2", tags={"host": "a"})],
        {},
        76,
        "E_TAG",
        "'m' and 'm2'",
    ),
    **{
        f"a tag {key}": ([series(tags={"host": "a", key: "b"})], {}, 78, "E_TAG", f"'{key}'")
        for key in ("series", "run", "yhat", "yhat_upper_50")
    },
    "a key that the server reserves": ([series(tags={"_field": "a"})], {}, 76, "E_TAG", "_field"),
}


@pytest.mark.parametrize(
    ("found", "sink", "code", "token", "named"), REFUSED_BY_LOAD.values(), ids=REFUSED_BY_LOAD.keys()
)
def test_what_load_would_refuse_is_refused(
    found: list[dict[str, Any]], sink: dict[str, Any], code: int, token: str, named: str, run: Run
) -> None:
    ran = run(json_answer(result(*found)), OWN_QUERY, sink=sink)
    assert (ran.code, ran.token) == (code, token), ran.stderr
    assert named in ran.error
    assert ran.history is None


def test_what_is_written_elsewhere_may_be_read(run: Run) -> None:
    ran = run(json_answer(result(series(name="s_forecast"))), OWN_QUERY, sink={"database": "elsewhere"})
    assert ran.code == 0, ran.stderr


def test_a_key_that_the_server_reserves_costs_its_member_alone(run: Run) -> None:
    ran = run(json_answer(result(series(tags={"host": "a"}), series(tags={"_field": "a"}))), OWN_QUERY)
    assert (ran.code, [member["tags"] for member in ran.result["members"]]) == (0, ["host=a"])
    assert ran.result["rows_dropped"] == {"unwritable": len(ROWS)}


def test_a_retry_counts_rows_that_are_left_out_once(run: Run) -> None:
    messages = [result(series(tags={"host": host}), partial=host == "a\r") for host in ("a\r", "b")]
    whole = json_answer(*messages)
    ran = run([json_answer(*messages, cut=len(json.dumps(messages[0])) + 300), whole], {**OWN_QUERY, "retry_for": "5s"})
    assert ran.result["attempts"] == 2
    assert (ran.code, ran.result["rows_dropped"]) == (0, {"unwritable": len(ROWS)}), ran.stderr
    assert ran.result["rows_in"] == 2 * len(ROWS)


ACCEPTED: dict[str, tuple[Answer, dict[str, int]]] = {  # answer, dropped rows
    "plain": (GOOD, {}),
    "columns reordered": (json_answer(result(series([[v, t] for t, v in ROWS], columns=["mean", "time"]))), {}),
    "out of order": (json_answer(result(series(ROWS[::-1]))), {}),
    "duplicates": (json_answer(result(series([*ROWS, *ROWS[3:5]]))), {"duplicate": 2}),
    "repeated message": (
        json_answer(result(series(ROWS), partial=True), result(series(ROWS[20:]))),
        {"duplicate": 4},
    ),
    "few outside": (json_answer(result(series([[START - HOUR, 1.0], *ROWS, [END, 1.0]]))), {"outside_window": 2}),
    "no Content-Type": (Answer(body=json.dumps(result(series())).encode(), headers={"Content-Type": None}), {}),
    "no statement_id": (json_answer({"results": [{"series": [series()]}]}), {}),
    "nulls": (json_answer(result(series([*ROWS, [END - 1, None]]))), {"null": 1}),
    "messages": (json_answer(result(series(ROWS[:9], partial=True), partial=True), result(series(ROWS[9:]))), {}),
    "messages without marks": (json_answer(result(series(ROWS[:9])), result(series(ROWS[9:]))), {}),
    "small chunks": (
        Answer(body=tuple(json.dumps(result(series())).encode()[i : i + 7] for i in range(0, 900, 7)), pieces=11),
        {},
    ),
    "marks in an answer of one message": (
        json_answer(result(series(ROWS[:9], partial=True), series(ROWS[9:], partial=True))),
        {},
    ),
    "mark and a row outside": (
        json_answer(result(series([[START - HOUR, 1.0], *ROWS], partial=True))),
        {"outside_window": 1},
    ),
    "HTTP/1.0": (Answer(body=json.dumps(result(series())).encode(), version="HTTP/1.0"), {}),
    "blank lines": (text("\n" + json.dumps(result(series())) + "\n\n"), {}),
}


@pytest.mark.parametrize(("answer", "dropped"), ACCEPTED.values(), ids=ACCEPTED)
def test_odd_but_right_answer_is_accepted(answer: Answer, dropped: dict[str, int], run: Run) -> None:
    ran = run(answer)
    assert ran.code == 0, ran.stderr
    assert ran.rows == [("", t, v) for t, v in ROWS]
    assert ran.result["rows_dropped"] == dropped
    assert ran.result["rows_in"] == ran.result["rows_kept"] + sum(dropped.values())
    assert ran.result["members"] == [{"name": "m", "tags": "", "rows": 24, "rows_asked": 24, "rows_found": 24}]
    assert ran.result["window"] == {"start_ns": START, "end_ns": END, "every_ns": HOUR}


def test_conflict_within_one_percent_keeps_the_later_row(run: Run) -> None:
    minute = 60 * 10**9
    rows = [[START + i * minute, 1.0] for i in range(200)]
    ran = run(json_answer(result(series([*rows, [START, 2.0]]))), every="1m", lookback="1d", horizon="1m")
    assert ran.code == 0
    assert (ran.rows[0], len(ran.rows)) == (("", START, 2.0), 200)
    assert ran.result["rows_dropped"] == {"conflict": 1}
    assert numbers(ran.result["notes"][0]) == ["1"]  # member whose rows were out of order


def test_25000_rows_with_the_mark_of_a_series_are_complete(run: Run) -> None:
    step = 10**9
    rows = [[END - (25_000 - i) * step, i] for i in range(25_000)]
    ran = run(
        json_answer(result(series(rows, partial=True))), {"timeout": "30s"}, every="1s", lookback="25000s", horizon="1s"
    )
    assert (ran.code, len(ran.rows)) == (0, 25_000)


EMPTY: dict[str, Any] = {
    "no series": {"results": [{"statement_id": 0}]},
    "no series of an older server": {"results": [{}]},
    "no results": {"results": []},
    "no values": result(series([])),
    "all null": result(series([[t, None] for t, _ in ROWS])),
}


@pytest.mark.parametrize("answer", EMPTY.values(), ids=EMPTY)
def test_empty_answer_is_skipped_or_fails_as_the_entry_says(answer: Any, run: Run) -> None:
    ran = run(json_answer(answer), on_missing="skip")  # the server gives this answer also when asked for fields
    assert (ran.code, ran.result["status"], ran.history) == (0, "skipped", "name,tags,time,value\n")
    assert ran.result["reason"].startswith("no_data: ")
    assert "name,tags" not in ran.result["reason"]
    failed = run(json_answer(answer), on_no_data="fail")
    assert failed.code == 66
    assert failed.token in ("E_NO_DATA", "E_NO_FIELD")


def test_null_rows_are_counted(run: Run) -> None:
    ran = run(json_answer(EMPTY["all null"]))
    assert ran.result["rows_dropped"] == {"null": 24}
    assert numbers(ran.result["reason"])[0] == "24"  # rows


def test_warning_of_the_server_is_said_once(run: Run) -> None:
    warning = {"level": "warning", "text": "deprecated use of SELECT"}
    ran = run(
        json_answer(
            result(series(ROWS[:9]), partial=True, messages=[warning]), result(series(ROWS[9:]), messages=[warning])
        )
    )
    assert ran.code == 0
    assert ran.stderr.count("deprecated use of SELECT") == 1
    assert ran.result["notes"] == ["'deprecated use of SELECT'"]


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def test_endless_answer_stops_at_max_rows(run: Run) -> None:
    rows = ",".join(f"[{START + i},1.5]" for i in range(10_000))
    line = (
        '{"results":[{"statement_id":0,"series":[{"name":"m","columns":["time","mean"],"values":['
        + rows
        + '],"partial":true}],"partial":true}]}\n'
    )
    before = peak_mb()
    ran = run(
        endless(b"%x\r\n%s\r\n" % (len(line), line.encode()), b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
        {"max_rows": 500_000, "timeout": "60s"},
    )
    assert (ran.code, ran.token) == (66, "E_TOO_MANY_ROWS")
    assert peak_mb() - before < 60


def test_endless_answer_stops_at_max_bytes(run: Run) -> None:
    ran = run(endless(b"\n" * 65536, b"HTTP/1.1 200 OK\r\n\r\n"), {"max_bytes": 10**6})
    assert (ran.code, ran.token) == (66, "E_TOO_LARGE")


@pytest.mark.parametrize("filling", [b" " * 65536, b"[" * 65536, b"1" * 65536], ids=["blanks", "brackets", "digits"])
def test_line_of_100_mb_is_refused(filling: bytes, run: Run) -> None:
    before = peak_mb()
    ran = run(endless(filling, b'HTTP/1.1 200 OK\r\n\r\n{"results":[{"series":[{"values":[['), {"timeout": "60s"})
    assert (ran.code, ran.token) == (66, "E_TOO_LARGE")
    assert peak_mb() - before < 4 * MAX_MESSAGE_BYTES / 2**20


def test_answer_that_breaks_is_asked_for_again_from_the_start(run: Run) -> None:
    first, rest = result(series(ROWS[:9]), partial=True), result(series(ROWS[9:]))
    ran = run(
        [json_answer(first, rest, cut=len(json.dumps(first)) + 40), json_answer(first, rest)], {"retry_for": "2s"}
    )
    assert (ran.code, ran.result["attempts"]) == (0, 2)
    assert ran.rows == [("", t, v) for t, v in ROWS]
    assert "E_CUT" in ran.stderr


def test_slice_that_breaks_is_asked_for_again_alone(run: Run) -> None:
    half = START + 12 * HOUR

    broken = [True, False]

    def answer(connection: socket.socket, request: Seen) -> None:
        values = json.loads(request.form["params"])
        rows = [row for row in ROWS if values["start"] <= row[0] < values["end"]]
        both = [result(series(rows, tags={"host": host}), partial=host == "a") for host in "ab"]
        json_answer(*both, cut=800 if values["start"] == half and broken.pop(0) else None)(connection, request)

    ran = run(answer, {"slice": "12h", "group_by": ["host"], "retry_for": "2s"})
    assert ran.code == 0, ran.stderr
    asked = [json.loads(request.form["params"]) for request in ran.result["seen"] if "mean(" in request.form["q"]]
    assert [values["start"] for values in asked] == [START, half, half]
    assert ran.rows == [(f"host={host}", t, v) for host in "ab" for t, v in ROWS]


def test_no_answer_leaves_the_file_of_an_earlier_run(run: Run, tmp_path: Path) -> None:
    (tmp_path / "history.csv").write_text("earlier")
    assert run(status(503)).history == "earlier"


def test_secret_shows_nowhere(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRONOCAST_SOURCE_TOKEN", "CANARY-7")
    for behaviour in (
        GOOD,
        status(500, "what CANARY-7 is"),
        text("CANARY-7"),
        error("CANARY-7 may not"),
        status(302, Location="http://x/CANARY-7"),
    ):
        ran = run(behaviour, {"auth": "token"})
        assert "CANARY" not in ran.stderr
        for path in tmp_path.iterdir():
            assert "CANARY" not in path.read_text()
    assert ran.result["seen"][0].headers["authorization"] == "Token CANARY-7"
