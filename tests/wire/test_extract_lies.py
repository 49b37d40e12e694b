"""The extract step against a server that lies.

Every answer has its exit code and token (rows Q1-Q22, F1-F8, F42, F43).
"""

import json
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
from tests.wire.extract_run import END, HOUR, START, Ran, extract_run

ROWS = [[START + i * HOUR, i + 0.5] for i in range(24)]
Run = Callable[..., Ran]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def against(behaviour: Behaviour | list[Behaviour], source: dict[str, Any] | None = None, **entry: Any) -> Ran:
        with LyingServer(behaviour if isinstance(behaviour, list) else [behaviour]) as server:
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
    "Q1": (error("database not found: d"), 69, "E_DB_NOT_FOUND"),
    "Q1 policy": (error("retention policy not found: x"), 69, "E_DB_NOT_FOUND"),
    "Q1 mapping": (status(404, '{"code":"not found","message":"no dbrp mapping found"}'), 69, "E_DB_NOT_FOUND"),
    "Q2 syntax": (status(400, '{"error":"error parsing query: found SELEC"}'), 69, "E_QUERY"),
    "Q2 html": (status(400, "<h1>Bad Request</h1>"), 69, "E_QUERY"),
    "Q2 limit": (error("max-select-series limit exceeded: (100/10)"), 69, "E_QUERY"),
    "Q2 timeout": (error("timeout"), 75, "E_QUERY"),
    "Q2 killed": (error("query interrupted"), 75, "E_QUERY"),
    "Q2 cut by an error": (
        json_answer(
            result(series(ROWS[:9]), partial=True), {"results": [{"statement_id": 0, "error": "query killed"}]}
        ),
        75,
        "E_QUERY",
    ),
    "Q3 401": (status(401, '{"error":"unable to parse authentication credentials"}'), 77, "E_AUTH"),
    "Q3 403": (status(403, '{"error":"not authorized"}'), 77, "E_AUTH"),
    "Q3 in the answer": (error("error authorizing query: u not authorized to execute statement"), 77, "E_AUTH"),
    "Q5": (json_answer(result(series(), partial=True)), 76, "E_TRUNCATED"),
    "Q5 second message": (
        json_answer(result(series(ROWS[:9]), partial=True), result(series(ROWS[9:]), partial=True)),
        76,
        "E_TRUNCATED",
    ),
    "Q5 series": (
        json_answer(result(series(ROWS[:9]), partial=True), result(series(ROWS[9:], partial=True))),
        76,
        "E_TRUNCATED",
    ),
    "Q6 not JSON": (text("{]"), 76, "E_ANSWER"),
    "Q6 two documents": (text((json.dumps(result(series())) + "\n") * 2), 76, "E_ANSWER"),
    "Q6 two documents on a line": (text(json.dumps(result(series())) * 2), 76, "E_ANSWER"),
    "Q6 trailing garbage": (text(json.dumps(result(series())) + "\nxyz"), 76, "E_ANSWER"),
    "Q6 byte order mark": (text(b"\xef\xbb\xbf" + json.dumps(result(series())).encode()), 76, "E_ANSWER"),
    "Q6 UTF-16": (text(json.dumps(result(series())).encode("utf-16")), 76, "E_ANSWER"),
    "Q6 login page": (text("<!doctype html><title>Login</title>" + "<p>x" * 9999), 76, "E_ANSWER"),
    "Q6 nothing": (text(""), 76, "E_ANSWER"),
    "Q6 null": (text("null"), 76, "E_ANSWER"),
    "Q6 other document": (text('{"status":"success"}'), 76, "E_ANSWER"),
    "Q6 results no list": (text('{"results":{"a":1}}'), 76, "E_ANSWER"),
    "Q6 series no list": (text('{"results":[{"series":{"a":1}}]}'), 76, "E_ANSWER"),
    "Q6 values no list": (json_answer(result(series({"a": 1}))), 76, "E_ANSWER"),
    "Q6 name no text": (json_answer(result(series(name=7))), 76, "E_ANSWER"),
    "Q6 tags no texts": (json_answer(result(series(tags={"host": [1]}))), 76, "E_ANSWER"),
    "Q7 NaN": (with_value("NaN"), 76, "E_VALUE_TYPE"),
    "Q7 Infinity": (with_value("-Infinity"), 76, "E_VALUE_TYPE"),
    "Q7 1e999": (with_value("1e999"), 76, "E_VALUE_TYPE"),
    "Q7 400 digits": (with_value("1" * 400), 76, "E_VALUE_TYPE"),
    "Q7 5,000 digits": (with_value("1" * 5000), 76, "E_VALUE_TYPE"),
    "Q7 text": (with_value('"1.5"'), 76, "E_VALUE_TYPE"),
    "Q7 boolean": (with_value("true"), 76, "E_VALUE_TYPE"),
    "Q7 nested": (with_value("[1]"), 76, "E_VALUE_TYPE"),
    "Q7 object": (with_value('{"a":1}'), 76, "E_VALUE_TYPE"),
    "Q7 leading zero": (with_value("01"), 76, "E_ANSWER"),
    "Q8 missing": (json_answer(result(series(columns=["time"]))), 76, "E_COLUMNS"),
    "Q8 renamed": (json_answer(result(series(columns=["time", "max"]))), 76, "E_COLUMNS"),
    "Q8 no time": (json_answer(result(series(columns=["t", "mean"]))), 76, "E_COLUMNS"),
    "Q8 extra": (
        json_answer(result(series([[t, v, 1] for t, v in ROWS], columns=["time", "mean", "x"]))),
        76,
        "E_COLUMNS",
    ),
    "Q8 none": (json_answer(result({"name": "m", "values": ROWS})), 76, "E_COLUMNS"),
    "Q9 RFC 3339": (with_row(["2023-11-14T00:00:00Z", 1.5]), 76, "E_TIME"),
    "Q9 float": (with_row([START + 0.5, 1.5]), 76, "E_TIME"),
    "Q9 null": (with_row([None, 1.5]), 76, "E_TIME"),
    "Q9 text": (with_row([str(START), 1.5]), 76, "E_TIME"),
    "Q9 negative": (with_row([-5, 1.5]), 76, "E_TIME"),
    "Q9 over int64": (with_row([2**63, 1.5]), 76, "E_TIME"),
    "Q9 20 digits": (with_row([10**19, 1.5]), 76, "E_TIME"),
    "Q9 milliseconds": (json_answer(result(series([[t // 10**6, v] for t, v in ROWS]))), 76, "E_TIME"),
    "Q10": (json_answer(result(series(tags={"host": "a"}), series(tags={"host": "b"}))), 76, "E_AMBIGUOUS_SERIES"),
    "Q11 name": (json_answer(result(series(name="other"))), 76, "E_WRONG_SERIES"),
    "Q11 tags": (json_answer(result(series(tags={"host": "a"}))), 76, "E_WRONG_SERIES"),
    "Q11 line break": (json_answer(result(series(name="m\n"))), 76, "E_TAG"),
    "Q12 conflicts": (json_answer(result(series([*ROWS, [START, 99.0]]))), 76, "E_CONFLICT"),
    "Q13 short": (with_row([START + 4 * HOUR]), 76, "E_ROW"),
    "Q13 long": (with_row([START + 4 * HOUR, 1.5, 2]), 76, "E_ROW"),
    "Q13 no list": (with_row(7), 76, "E_ROW"),
    "Q14 two results": (json_answer({"results": [{"series": [series()]}, {"statement_id": 1}]}), 76, "E_ANSWER"),
    "Q14 statement 7": (json_answer({"results": [{"statement_id": 7, "series": [series()]}]}), 76, "E_ANSWER"),
    "Q15": (json_answer(result(series([*ROWS, *([END + i * HOUR, 1.0] for i in range(5))]))), 76, "E_WINDOW"),
    "Q17 deep": (text("[" * 100_000), 76, "E_ANSWER"),
    "Q17 deep value": (with_value("[" * 100_000 + "]" * 100_000), 76, "E_ANSWER"),
    "Q18": (raw(b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 10_000 + b"\r\n"), 76, "E_HEADERS"),
    "Q19 204": (status(204), 76, "E_HTTP_STATUS"),
    "Q19 600": (status(600), 76, "E_HTTP_STATUS"),
    "Q22 flagged": (Answer(body=b"{}", headers={"Content-Encoding": "gzip"}), 76, "E_ENCODING"),
    "F3 drip": (drip(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n" + b"{" * 999), 75, "E_TIMEOUT"),
    "F4 length": (Answer(body=json.dumps(result(series())).encode(), cut=300), 75, "E_CUT"),
    "F4 chunk": (json_answer(result(series()), cut=300), 75, "E_CUT"),
    "F4 at a message's end": (
        raw(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\n\r\n"
            % (len(json.dumps(result(series()))) + 1, json.dumps(result(series())).encode())
        ),
        75,
        "E_CUT",
    ),
    "F4 HTTP/1.0": (Answer(body=json.dumps(result(series())).encode(), cut=300, version="HTTP/1.0"), 76, "E_ANSWER"),
    "F4 HTTP/1.0 between messages": (
        Answer(body=json.dumps(result(series(), partial=True)).encode() + b"\n", version="HTTP/1.0"),
        76,
        "E_TRUNCATED",
    ),
    "F1 reset": (reset, 75, "E_UNREACHABLE"),
    "F1 hang up": (hang_up, 75, "E_UNREACHABLE"),
    "F7": (status(429, Retry_After="3600"), 75, "E_BUSY"),
    "F8": (status(503, "<html><body><h1>Down</h1>" + "<p>x" * 9999), 75, "E_SERVER"),
    "F42": (status(302, Location="http://127.0.0.1:1/"), 76, "E_HTTP_STATUS"),
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


def test_tag_sets_are_listed_Q10(run: Run) -> None:
    assert "'host=a' and 'host=b'" in run(REFUSED["Q10"][0]).error


GROUPED = {"group_by": ["host"], "tags": {"host": ["a", "b"]}}
WRONG_TAGS = {
    "missing": {},
    "other key": {"dc": "a"},
    "extra key": {"host": "a", "dc": "x"},
    "other value": {"host": "c"},
}


@pytest.mark.parametrize("tags", WRONG_TAGS.values(), ids=WRONG_TAGS)
def test_other_tags_than_asked_for_are_refused_Q11(tags: dict[str, str], run: Run) -> None:
    ran = run(json_answer(result(series(tags=tags))), GROUPED)
    assert (ran.code, ran.token) == (76, "E_WRONG_SERIES")


ACCEPTED: dict[str, tuple[Answer, dict[str, int]]] = {  # answer, dropped rows
    "plain": (GOOD, {}),
    "Q8 reordered": (json_answer(result(series([[v, t] for t, v in ROWS], columns=["mean", "time"]))), {}),
    "Q12 out of order": (json_answer(result(series(ROWS[::-1]))), {}),
    "Q12 duplicates": (json_answer(result(series([*ROWS, *ROWS[3:5]]))), {"duplicate": 2}),
    "Q12 repeated message": (
        json_answer(result(series(ROWS), partial=True), result(series(ROWS[20:]))),
        {"duplicate": 4},
    ),
    "Q15 few outside": (json_answer(result(series([[START - HOUR, 1.0], *ROWS, [END, 1.0]]))), {"outside_window": 2}),
    "Q18 no Content-Type": (Answer(body=json.dumps(result(series())).encode(), headers={"Content-Type": None}), {}),
    "no statement_id": (json_answer({"results": [{"series": [series()]}]}), {}),
    "nulls": (json_answer(result(series([*ROWS, [END - 1, None]]))), {"null": 1}),
    "messages": (json_answer(result(series(ROWS[:9], partial=True), partial=True), result(series(ROWS[9:]))), {}),
    "messages without marks": (json_answer(result(series(ROWS[:9])), result(series(ROWS[9:]))), {}),
    "small chunks": (
        Answer(body=tuple(json.dumps(result(series())).encode()[i : i + 7] for i in range(0, 900, 7)), pieces=11),
        {},
    ),
    "F6 marks in an answer of one message": (
        json_answer(result(series(ROWS[:9], partial=True), series(ROWS[9:], partial=True))),
        {},
    ),
    "F6 mark and a row outside": (
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
    assert ran.result["members"] == [{"name": "m", "tags": "", "rows": 24}]
    assert ran.result["window"] == {"start_ns": START, "end_ns": END, "every_ns": HOUR}


def test_conflict_within_one_percent_keeps_the_later_row_Q12(run: Run) -> None:
    minute = 60 * 10**9
    rows = [[START + i * minute, 1.0] for i in range(200)]
    ran = run(json_answer(result(series([*rows, [START, 2.0]]))), every="1m", lookback="1d", horizon="1m")
    assert ran.code == 0
    assert (ran.rows[0], len(ran.rows)) == (("", START, 2.0), 200)
    assert ran.result["rows_dropped"] == {"conflict": 1}
    assert "1 members came out of order" in ran.result["notes"][0]


def test_25000_rows_with_the_mark_of_a_series_are_complete_F6(run: Run) -> None:
    step = 10**9
    rows = [[END - (25_000 - i) * step, i] for i in range(25_000)]
    ran = run(
        json_answer(result(series(rows, partial=True))), {"timeout": "30s"}, every="1s", lookback="25000s", horizon="1s"
    )
    assert (ran.code, len(ran.rows)) == (0, 25_000)


EMPTY: dict[str, Any] = {
    "Q4": {"results": [{"statement_id": 0}]},
    "Q4 older server": {"results": [{}]},
    "Q4 no results": {"results": []},
    "Q4 no values": result(series([])),
    "Q21 all null": result(series([[t, None] for t, _ in ROWS])),
}


@pytest.mark.parametrize("answer", EMPTY.values(), ids=EMPTY)
def test_empty_answer_is_skipped_or_fails_as_the_entry_says(answer: Any, run: Run) -> None:
    ran = run(json_answer(answer))
    assert (ran.code, ran.result["status"], ran.history) == (0, "skipped", "name,tags,time,value\n")
    assert ran.result["reason"].startswith("no_data: ")
    assert "name,tags" not in ran.result["reason"]
    failed = run(json_answer(answer), on_no_data="fail")
    assert (failed.code, failed.token) == (66, "E_NO_DATA")


def test_null_rows_are_counted_Q21(run: Run) -> None:
    ran = run(json_answer(EMPTY["Q21 all null"]))
    assert ran.result["rows_dropped"] == {"null": 24}
    assert "24 rows in the window" in ran.result["reason"]


def test_warning_of_the_server_is_said_once_Q20(run: Run) -> None:
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


def test_endless_answer_stops_at_max_rows_Q16(run: Run) -> None:
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


def test_endless_answer_stops_at_max_bytes_F43(run: Run) -> None:
    ran = run(endless(b"\n" * 65536, b"HTTP/1.1 200 OK\r\n\r\n"), {"max_bytes": 10**6})
    assert (ran.code, ran.token) == (66, "E_TOO_LARGE")


@pytest.mark.parametrize("filling", [b" " * 65536, b"[" * 65536, b"1" * 65536], ids=["blanks", "brackets", "digits"])
def test_line_of_100_mb_is_refused_Q16(filling: bytes, run: Run) -> None:
    before = peak_mb()
    ran = run(endless(filling, b'HTTP/1.1 200 OK\r\n\r\n{"results":[{"series":[{"values":[['), {"timeout": "60s"})
    assert (ran.code, ran.token) == (66, "E_TOO_LARGE")
    assert peak_mb() - before < 4 * MAX_MESSAGE_BYTES / 2**20


def test_answer_that_breaks_is_asked_for_again_from_the_start_F4(run: Run) -> None:
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
    assert [json.loads(request.form["params"])["start"] for request in ran.result["seen"]] == [START, half, half]
    assert ran.rows == [(f"host={host}", t, v) for host in "ab" for t, v in ROWS]


def test_no_answer_leaves_the_file_of_an_earlier_run(run: Run, tmp_path: Path) -> None:
    (tmp_path / "history.csv").write_text("earlier")
    assert run(status(503)).history == "earlier"


def test_secret_shows_nowhere_X12(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
