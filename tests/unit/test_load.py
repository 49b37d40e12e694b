"""The load step against a server that lies: exit 0 only where every expected point was acknowledged."""

import json
import os
import re
import signal
import threading
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cronocast.chain.job import Job
from cronocast.chain.load import DEAD_LETTERS as LETTERS
from cronocast.chain.record import record_fields
from cronocast.chain.run_records import RECORD_FIELD, run_fields
from cronocast.chain.table import chain_steps
from cronocast.handoff.files import write_json
from cronocast.handoff.rows import Key, Rows
from cronocast.handoff.series import forecast_columns, header
from cronocast.registry import KindRow
from cronocast.sinks.influx.batches import Body, ahead, forecast_bodies, joined
from cronocast.sinks.points import Point, Writing, Written
from tests.load_run import EVERY_NS, HOSTS, RUN_NS, load, make_job, publish, rows_of
from tests.lying_server import Answer, Behaviour, LyingServer, Seen, json_answer, reset, silent, status

OK = status(204)
DEAD_LETTERS = f"{LETTERS}.lp"
HEADER = "name,tags,time,yhat,yhat_lower,yhat_upper\n"


def refused(code: int, text: str) -> Answer:
    return status(code, json.dumps({"error": text}))


def loaded(
    tmp_path: Path, choose: Any, rows: int = 100, **settings: Any
) -> tuple[int, dict[str, Any], list[Seen], Job]:
    """Load three members from a server with these behaviours; requests that the server saw come along."""
    with LyingServer(choose) as server:
        job = make_job(tmp_path, server.url, **settings)
        publish(job, HOSTS, rows)
        code, result = load(job)
        return code, result, server.seen, job


def test_every_point_goes_out_once(tmp_path: Path) -> None:
    code, result, seen, job = loaded(tmp_path, [OK], batch=70)
    assert (code, result["status"], result["expected"], result["acked"], result["rows_in"]) == (0, "ok", 300, 300, 300)
    bodies = [request.body.decode() for request in seen]
    assert [body.count("\n") for body in bodies] == [1, 70, 70, 70, 70, 19, 3]  # the point furthest ahead goes first
    assert bodies[0].endswith(f" {RUN_NS + 99 * EVERY_NS}\n")
    assert {(request.method, request.path, tuple(sorted(request.params.items()))) for request in seen} == {
        ("POST", "/write", (("db", "d"), ("precision", "ns")))
    }
    lines = "".join(bodies[:-1]).splitlines()
    assert len(set(lines)) == 300
    assert all(
        re.fullmatch(
            r"cpu_forecast,host=\S.*,region=eu,series=web\\ load"
            rf" yhat=[0-9.-]+,yhat_lower=[0-9.-]+,yhat_upper=[0-9.-]+,run={RUN_NS // 10**9}i \d{{19}}",
            x,
        )
        for x in lines
    )
    fields = (
        'class="seasonal",model="naive",why="the'
        ' \\"best\\"",notes="",mase=1.0,coverage=0.94,points=100i,extract_s=0.5,forecast_s=1.5'
    )
    record = f"cpu_forecast_runs,host=a,region=eu,series=web\\ load {fields} {RUN_NS}"
    assert bodies[-1].splitlines()[0] == record
    state = json.loads((job.state / "loaded.json").read_text())  # type: ignore[operator]
    assert state == {"run": "2026-01-01T00:00:00Z", "run_ns": RUN_NS, "points": 300}
    assert result["inputs"].keys() == {"forecast.csv"}


def test_policy_and_measurement_are_used_and_records_can_be_left_out(tmp_path: Path) -> None:
    _, _, seen, _ = loaded(tmp_path, [OK], retention_policy="one week", measurement="a b", database="other", runs=False)
    assert [request.params for request in seen] == [{"db": "other", "rp": "one week", "precision": "ns"}] * 2
    assert seen[0].body.startswith(b"a\\ b,host=a")


@pytest.mark.parametrize("reason", ["", "E_MODEL lstm did not converge"])
def test_words_of_a_member_that_are_empty_are_written_too(reason: str) -> None:
    """The database keeps a field of a point until it is written again.

    An attempt that went well must clear the reason of the one before.
    """
    words = {"class": "trend", "model": "linear", "why": "best", "status": "ok", "reason": reason}
    [(_, fields)] = run_fields({"forecast": {"members": [{"name": "cpu", "tags": "", **words}]}}, {("cpu", ""): 3})
    assert {name: fields[name] for name in words} == words


@pytest.mark.parametrize(
    ("read", "notes"),
    [({}, None), ({"extract": {"notes": []}}, ""), ({"extract": {"notes": ["a", "b"]}}, "a; b"), ({"extract": {}}, "")],
)
def test_notes_on_the_history_are_in_the_record_of_each_member(read: dict[str, Any], notes: str | None) -> None:
    [(_, fields)] = run_fields({**read, "forecast": {"members": [{"name": "cpu", "tags": ""}]}}, {})
    assert fields["notes"] == notes


def test_tags_that_are_named_like_fields_of_the_record_are_renamed_there(tmp_path: Path) -> None:
    """A tag and a field of one name can't be told apart by a query, and 3.x refuses the second of them."""
    tags = {"class": "gold", "coverage_50": "x", "host": "a", "load_s": "1", "model": "T4", "points": "7"}
    with LyingServer([OK]) as server:
        job = make_job(tmp_path, server.url)
        publish(job, [tags], 2)
        assert load(job)[0] == 0
        point, record = server.seen[0].body.decode().splitlines()[0], server.seen[-1].body.decode()
    assert point.startswith(
        "cpu_forecast,class=gold,coverage_50=x,host=a,load_s=1,model=T4,points=7,series=web\\ load yhat="
    )
    assert record.startswith(
        "cpu_forecast_runs,host=a,series=web\\"
        " load,tag_class=gold,tag_coverage_50=x,tag_load_s=1,tag_model=T4,tag_points=7 class="
    )


def test_every_field_of_a_record_is_known_to_be_one() -> None:
    """Of what load writes per member, and record per run."""
    member = {
        "name": "cpu",
        "tags": "",
        "backtest": {"mase": 1, "coverage": 0.9, "coverage_50": 0.5, "measured_steps": 8},
    }
    [(_, fields)] = run_fields({"forecast": {"members": [member]}}, {})
    assert fields["measured_steps"] == 8
    names = {*fields, *record_fields(Path("none"), "s", "r", "", ""), *[f"{step}_s" for step in chain_steps()]}
    assert [name for name in names if not RECORD_FIELD.fullmatch(name)] == []


CONFLICT = (
    'partial write: field type conflict: input field "yhat" on measurement "cpu_forecast" is type float, already exists'
    " as type integer dropped=10"
)
OUTSIDE = (
    "partial write: dropped 100 points outside retention policy of duration 24h0m0s - oldest point"
    " disk_types_forecast,series=web\\ load at 2026-01-01T00:00:00Z dropped because it violates a Retention Policy"
    " Lower Bound at 2026-11-29T22:48:23.081021115Z, newest point disk_types_forecast,series=web\\ load at"
    " 2026-01-01T08:15:00Z dropped because it violates a Retention Policy Lower Bound at 2026-11-29T22:48:23.081021115Z"
    " dropped=100 for database: d for retention policy: short"
)
NO_MAPPING = '{"code":"not found","message":"no dbrp mapping found"}'
ANSWERS: dict[str, tuple[Behaviour, int, str, int]] = {  # behaviour, exit code, token, most requests
    "200": (status(200), 76, "E_HTTP_STATUS", 1),
    "404": (refused(404, 'database not found: "d"'), 69, "E_DB_NOT_FOUND", 1),
    "404 of 2.x": (status(404, NO_MAPPING), 69, "E_DB_NOT_FOUND", 1),
    "unknown policy": (refused(500, "retention policy not found: x"), 69, "E_DB_NOT_FOUND", 1),
    "type conflict": (refused(400, CONFLICT), 69, "E_TYPE_CONFLICT", 1),
    "type conflict of 2.x": (
        refused(422, f"failure writing points to database: {CONFLICT}"),
        69,
        "E_TYPE_CONFLICT",
        1,
    ),
    "type conflict of 3.x": (
        refused(400, "invalid column type for column 'yhat', expected i64, got f64"),
        69,
        "E_TYPE_CONFLICT",
        1,
    ),
    "beyond retention": (refused(400, "partial write: points beyond retention policy dropped=1"), 69, "E_RETENTION", 1),
    "beyond retention of 1.13": (refused(400, OUTSIDE), 69, "E_RETENTION", 1),
    "beyond retention of 2.x": (
        status(
            422,
            json.dumps({"code": "unprocessable entity", "message": f"failure writing points to database: {OUTSIDE}"}),
        ),
        69,
        "E_RETENTION",
        1,
    ),
    "too many series": (
        refused(400, "partial write: max-series-per-database limit exceeded: (10) dropped=20"),
        69,
        "E_REFUSED",
        1,
    ),
    "400 without JSON to everything": (status(400, "no idea"), 69, "E_PARTIAL", 60),
    "413 to everything": (status(413, "too large"), 69, "E_PARTIAL", 60),
    "401": (refused(401, "authorization failed"), 77, "E_AUTH", 1),
    "403": (refused(403, "not authorized"), 77, "E_AUTH", 1),
    "throttled": (status(503, "request throttled, queue full"), 75, "E_SERVER", 5),
    "server's disk full": (refused(500, "write /data: no space left on device"), 75, "E_SERVER", 5),
    "redirect": (status(307, Location="http://127.0.0.1:1/"), 76, "E_HTTP_STATUS", 1),
    "always reset": (reset, 75, "E_UNREACHABLE", 5),
}


@pytest.mark.parametrize(("behaviour", "code", "token", "requests"), ANSWERS.values(), ids=ANSWERS.keys())
def test_a_refusal_has_its_exit_code_and_few_requests(
    behaviour: Behaviour, code: int, token: str, requests: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "cronocast.sinks.influx.sink.MAX_REFUSED", 20
    )  # the bound itself is what counts, and 100 take time
    found, result, seen, job = loaded(tmp_path, [behaviour], rows=100, retry_for="0s" if code == 75 else "1s")
    assert (found, result["token"], result["status"], result["expected"], result["acked"]) == (
        code,
        token,
        "failed",
        300,
        0,
    )
    assert 1 <= len(seen) <= requests
    assert re.fullmatch(r"E_[A-Z_]+ \S+: .{5,400}", result["message"])
    assert not (job.state / "loaded.json").exists()  # type: ignore[operator]


def test_a_failure_leaves_no_thread_behind(tmp_path: Path) -> None:
    """What keeps the error and its traceback keeps the bodies that were never sent.

    The thread that made them must not wait for them to go.
    """
    errors = []

    def fail(sink: Any, body: Body) -> None:
        errors.append(OSError("the server is gone"))
        raise errors[0]

    before = set(threading.enumerate())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cronocast.sinks.influx.sink.Influx._send", fail)
        code, _, _, _ = loaded(tmp_path, [OK], batch=70)
    assert code
    assert errors
    assert set(threading.enumerate()) <= before


def test_type_conflict_names_the_field_and_both_types(tmp_path: Path) -> None:
    _, result, _, _ = loaded(tmp_path, [refused(400, CONFLICT)])
    assert all(word in result["message"] for word in ("yhat", "cpu_forecast", "float", "integer"))


LIMITED = (  # 1.13.2 blames a lower bound, and counts no points outside the window
    "partial write: dropped 1 points outside retention policy of duration 0s and 0 points outside write window ({})"
    " - oldest point cpu_forecast,host=a,region=eu,series=web\\ load at 2026-01-01T08:15:00Z dropped because it"
    " violates a Retention Policy Lower Bound at 1677-09-21T00:12:43.145224194Z, newest point cpu_forecast,host=a,"
    "region=eu,series=web\\ load at 2026-01-01T08:15:00Z dropped because it violates a Retention Policy Lower Bound at"
    " 1677-09-21T00:12:43.145224194Z dropped=1 for database: d for retention policy: six hours"
)
LIFTED = 'ALTER RETENTION POLICY "{}" ON "d" FUTURE LIMIT INF'
OLDER = (  # 1.12.2, by its source
    "partial write: points beyond retention policy or outside permissible write window dropped=1 for database: d for"
    " retention policy: six hours"
)
WINDOWS: dict[str, tuple[str, int, str | None, str]] = {  # words, hours of the run ago, sink.retention_policy, cure
    "ahead": (LIMITED.format("6h0m0s"), 0, None, LIFTED.format("six hours")),
    "both": (LIMITED.format("-12h0m0s to 7h59m59.5s"), 0, "mine", LIFTED.format("mine")),
    "1.12": (OLDER, 0, None, LIFTED.format("six hours")),
    "too old for another limit": (LIMITED.format("-12h0m0s to 9h0m0s"), 24, None, ""),
}


@pytest.mark.parametrize(("words", "ago", "policy", "cure"), WINDOWS.values(), ids=WINDOWS)
def test_a_limit_shorter_than_the_horizon_is_named_with_the_way_to_lift_it(
    words: str, ago: int, policy: str | None, cure: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """100 steps of 5 minutes reach 8.25 hours ahead."""
    monkeypatch.setattr(
        "cronocast.sinks.influx.answers.time", SimpleNamespace(time=lambda: RUN_NS / 10**9 + 3600 * ago)
    )
    code, result, seen, _ = loaded(tmp_path, [refused(400, words)], retention_policy=policy)
    assert (code, result["token"], result["acked"], len(seen)) == (69, "E_RETENTION", 0, 1)
    assert cure in result["message"]
    assert ("FUTURE LIMIT" in result["message"]) == bool(cure)


def test_a_refused_curve_leaves_nothing_that_could_pass_for_a_whole_one(tmp_path: Path) -> None:
    """The server keeps what lies within six hours, of every body."""
    kept = []

    def limited(request: Seen) -> Behaviour:
        lines = request.body.splitlines()
        near = [line for line in lines if int(line.rsplit(b" ", 1)[1]) < RUN_NS + 6 * 3600 * 10**9]
        kept.extend(near)
        return OK if near == lines else refused(400, LIMITED.format("6h0m0s"))

    code, result, seen, _ = loaded(tmp_path, limited, batch=70)
    assert (code, result["token"], len(seen), kept) == (69, "E_RETENTION", 1, [])


def test_a_missing_mapping_of_2x_may_be_a_missing_right_or_policy(tmp_path: Path) -> None:
    _, result, _, _ = loaded(tmp_path, [status(404, NO_MAPPING)])
    assert all(
        words in result["message"] for words in ("no dbrp mapping", "the token may not", "sink.retention_policy")
    )


def partial(bad: Callable[[bytes], bool], code: int = 400) -> Callable[[Seen], Behaviour]:
    """A server that refuses some lines and keeps the rest, as 1.x does."""

    def choose(request: Seen) -> Behaviour:
        wrong = [line for line in request.body.splitlines() if bad(line)]
        return (
            refused(code, f"partial write: unable to parse '{wrong[0][:40].decode()}': bad timestamp dropped=0")
            if wrong
            else OK
        )

    return choose


def test_refused_lines_go_to_the_dead_letter_file_and_all_others_are_acknowledged(tmp_path: Path) -> None:
    marks = [f" {RUN_NS + i * EVERY_NS}".encode() for i in (7, 499)]
    code, result, seen, job = loaded(
        tmp_path, partial(lambda line: line.endswith(tuple(marks)) and b"host=a," in line), rows=500
    )
    assert (code, result["token"], result["expected"], result["acked"]) == (69, "E_PARTIAL", 1500, 1498)
    letters = (job.forecast.parent / DEAD_LETTERS).read_text().splitlines()
    assert [line.split(" ")[0] for line in letters] == [
        "#",
        r"cpu_forecast,host=a,region=eu,series=web\ ",
        "#",
        r"cpu_forecast,host=a,region=eu,series=web\ ",
    ] or len(letters) == 4
    assert all("bad timestamp" in line for line in letters[0::2])
    assert {line.rsplit(" ", 1)[1] for line in letters[1::2]} == {mark.decode().strip() for mark in marks}
    assert result["outputs"][DEAD_LETTERS]["rows"] == 2
    assert len(seen) < 60


def test_a_later_good_load_removes_the_dead_letters(tmp_path: Path) -> None:
    _, _, _, job = loaded(tmp_path, partial(lambda line: b"host=b" in line), rows=2)
    assert (job.forecast.parent / DEAD_LETTERS).exists()
    code, result, _, job = loaded(tmp_path, [OK], rows=2)
    assert (code, result["acked"]) == (0, 6)
    assert not (job.forecast.parent / DEAD_LETTERS).exists()


def test_a_refused_record_is_an_error_although_all_points_are_there(tmp_path: Path) -> None:
    code, result, _, _ = loaded(tmp_path, partial(lambda line: line.startswith(b"cpu_forecast_runs,host=b")))
    assert (code, result["token"], result["acked"]) == (69, "E_PARTIAL", 300)


def test_a_body_over_the_limit_is_split_and_the_size_is_remembered(tmp_path: Path) -> None:
    limit = 4000
    code, result, seen, _ = loaded(tmp_path, lambda request: status(413) if len(request.body) > limit else OK, rows=500)
    assert (code, result["acked"]) == (0, 1500)
    too_large = [request for request in seen if len(request.body) > limit]
    assert len(too_large) < 10
    lines = [line for request in seen if len(request.body) <= limit for line in request.body.splitlines()]
    assert len(lines) == len(set(lines)) == 1503


def test_a_single_line_over_the_limit(tmp_path: Path) -> None:
    code, result, _, job = loaded(
        tmp_path,
        lambda request: (
            status(413)
            if b"host=b" in request.body and request.body.count(b"\n") == 1
            else OK
            if b"host=b" not in request.body
            else status(413)
        ),
        rows=5,
    )
    assert (code, result["token"], result["acked"]) == (69, "E_PARTIAL", 10)
    assert (job.forecast.parent / DEAD_LETTERS).read_text().count("\n") == 2 * 6


def test_a_retry_is_byte_identical(tmp_path: Path) -> None:
    code, result, seen, _ = loaded(tmp_path, [reset, status(503), OK], retry_for="5s")
    assert (code, result["acked"], result["attempts"]) == (0, 300, 3)
    assert seen[0].body == seen[1].body == seen[2].body


def test_no_file_of_a_failed_run_counts_as_loaded(tmp_path: Path) -> None:
    answers: list[Behaviour] = [OK, OK, OK, refused(404, "database not found")]
    code, result, _, job = loaded(tmp_path, answers, batch=100)
    assert (code, result["expected"], result["acked"]) == (69, 300, 201)
    assert not (job.state / "loaded.json").exists()  # type: ignore[operator]


READ_BACK = {
    "the same": (300, 0, ""),
    "fewer": (299, 75, "E_READ_BACK"),
    "more": (301, 75, "E_READ_BACK"),
    "none": (None, 75, "E_READ_BACK"),
}


@pytest.mark.parametrize(("count", "code", "token"), READ_BACK.values(), ids=READ_BACK.keys())
def test_read_back(count: int | None, code: int, token: str, tmp_path: Path) -> None:
    rows = (
        {"series": [{"name": "m", "columns": ["time", "count"], "values": [[0, count]]}]} if count is not None else {}
    )
    answer = json_answer({"results": [{"statement_id": 0, **rows}]})
    found, result, seen, _ = loaded(
        tmp_path, lambda request: answer if request.path == "/query" else OK, read_back=True
    )
    assert (found, result["token"], result["acked"]) == (code, token, 300)
    assert json.loads(seen[-1].params["params"]) == {"series": "web load"}
    assert (
        f'FROM "cpu_forecast" WHERE "series" = $series AND "run" = {RUN_NS // 10**9} AND time >= {RUN_NS} AND time <= '
        in seen[-1].params["q"]
    )


def test_a_read_back_never_makes_a_failure_good(tmp_path: Path) -> None:
    answer = json_answer({"results": [{"series": [{"values": [[0, 300]]}]}]})
    code, _, seen, _ = loaded(
        tmp_path,
        lambda request: answer if request.path == "/query" else status(500, "disk full"),
        read_back=True,
        retry_for="0s",
    )
    assert code == 75
    assert all(request.path == "/write" for request in seen)


def nothing_sent(tmp_path: Path, change: Callable[[Job], Job | None], **settings: Any) -> tuple[int, dict[str, Any]]:
    with LyingServer([OK]) as server:
        job = make_job(tmp_path, server.url, **settings)
        publish(job, HOSTS, 100)
        code, result = load(change(job) or job)
        assert server.seen == []
        return code, result


def standalone(job: Job) -> Job:
    for name in ("extract", "forecast"):
        (job.forecast.parent / f"{name}.result.json").unlink()
    return Job("load", job.entry, job.run_ns, True, job.history, job.profile, job.forecast, None)


def append(job: Job, text: str) -> None:
    with job.forecast.open("a") as file:
        file.write(text)


def alone_with(text: str) -> Callable[[Job], Job]:
    """Add rows to the file and take the results beside it away."""

    def change(job: Job) -> Job:
        append(job, text)
        return standalone(job)

    return change


BAD_FILES: dict[str, tuple[Callable[[Job], Any], int, str]] = {
    "edited after forecast": (lambda job: append(job, rows_of({"host": "z"}, 1)), 76, "E_HANDOFF"),
    "missing": (lambda job: job.forecast.unlink(), 66, "E_INPUT_MISSING"),
    "empty": (lambda job: job.forecast.write_text(""), 66, "E_INPUT_MISSING"),
    "result missing": (lambda job: (job.forecast.parent / "forecast.result.json").unlink(), 76, "E_HANDOFF"),
    "empty, the result says 300 rows": (lambda job: publish(job, HOSTS, 100, HEADER), 76, "E_HANDOFF"),
    "a member less": (
        lambda job: publish(job, HOSTS, 100, HEADER + "".join(rows_of(tags, 100) for tags in HOSTS[:2])),
        76,
        "E_HANDOFF",
    ),
    "a member more": (
        lambda job: publish(job, HOSTS, 100, HEADER + "".join(rows_of(tags, 100) for tags in [*HOSTS, {"host": "z"}])),
        76,
        "E_HANDOFF",
    ),
    "a row less": (
        lambda job: publish(job, HOSTS, 100, HEADER + "".join(rows_of(tags, 99) for tags in HOSTS)),
        76,
        "E_HANDOFF",
    ),
    "nan in a published file": (
        lambda job: publish(
            job, HOSTS, 100, HEADER + re.sub(r",[0-9.]+\n$", ",nan\n", "".join(rows_of(tags, 100) for tags in HOSTS))
        ),
        76,
        "E_CSV_VALUE",
    ),
    "bad last line of a file that stands alone": (alone_with(f"cpu,host=z,{RUN_NS},5,6,7\n"), 76, "E_CSV_VALUE"),
    "two members share their points": (alone_with(rows_of(HOSTS[0], 3, name="mem")), 76, "E_CSV_ROW"),
    **{
        f"a tag of the name {name}": (alone_with(rows_of({name: "x"}, 3)), 78, "E_TAG")
        for name in ("series", "run", "yhat", "yhat_lower")
    },
}


@pytest.mark.parametrize(("change", "code", "token"), BAD_FILES.values(), ids=BAD_FILES.keys())
def test_nothing_is_sent_from_a_bad_file(
    change: Callable[[Job], Job | None], code: int, token: str, tmp_path: Path
) -> None:
    found, result = nothing_sent(tmp_path, change, batch=10_000)
    assert (found, result["token"]) == (code, token)


UNWRITABLE = {
    "trailing backslash": {"host": "x\\"},
    "reserved key": {"time": "x"},
    "key that begins a comment": {"#k": "x"},
    "over the server's limit": {"host": "x" * 65_000},
    "over it with the tag that names the series": {"host": "x" * 64_966},
    "over it in the measurement of the runs": {"host": "x" * (65_000 - len("cpu_forecast,host=,series=web\\ load"))},
}


@pytest.mark.parametrize("alone", [False, True], ids=["as published", "a file that stands alone"])
@pytest.mark.parametrize("tags", UNWRITABLE.values(), ids=UNWRITABLE)
def test_a_member_that_lines_can_not_carry_costs_itself_alone(
    tags: dict[str, str], alone: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with LyingServer([OK]) as server:
        job = make_job(tmp_path, server.url)
        publish(job, [HOSTS[0], tags, *HOSTS[1:]], 100)
        code, result = load(standalone(job) if alone else job)
        sent = b"".join(request.body for request in server.seen).decode().splitlines()
    key = next(iter(tags))
    assert (code, result["status"], result["token"]) == (0, "ok", "")
    assert (result["rows_in"], result["rows_kept"], result["expected"], result["acked"]) == (400, 300, 300, 300)
    assert (result["rows_dropped"], len(result["members"])) == ({"unwritable": 100}, 3)
    assert len(sent) == 300 + 3
    assert all(line.startswith(("cpu_forecast,host=", "cpu_forecast_runs,host=")) for line in sent)
    [note] = [note for note in result["notes"] if note.startswith("left out ")]
    assert f"cpu{{{key}=" in note
    assert len(note) < 300
    assert capsys.readouterr().err.count("load: left out ") == 1


def test_a_member_without_rows_whose_record_can_not_be_written_costs_itself_alone(tmp_path: Path) -> None:
    with LyingServer([OK]) as server:
        job = make_job(tmp_path, server.url)
        publish(job, HOSTS, 2)
        path = job.forecast.parent / "forecast.result.json"
        result = json.loads(path.read_text())
        skipped = {"name": "cpu", "tags": "host=x\\\\", "rows": 0, "status": "skipped", "class": "too_short"}
        path.write_text(json.dumps({**result, "members": [skipped, *result["members"]]}))
        code, result = load(job)
    assert (code, result["acked"], result["rows_dropped"]) == (0, 6, {})
    assert "3 records written" in " ".join(result["notes"])
    assert sum(note.startswith("left out ") for note in result["notes"]) == 1


def test_many_members_that_can_not_be_written_are_counted_and_some_named(tmp_path: Path) -> None:
    with LyingServer([OK]) as server:
        job = make_job(tmp_path, server.url)
        publish(job, [{"host": f"{i}\\"} for i in range(30)] + HOSTS, 2)
        _, result = load(job)
        publish(job, [{"host": f"{i}\\"} for i in range(30)], 2)
        code, none = load(job)
    notes = [note for note in result["notes"] if note.startswith("left out ")]
    assert (len(notes), result["rows_dropped"]) == (6, {"unwritable": 60})
    assert " 25 more " in notes[-1]
    assert (code, none["token"], none["acked"]) == (76, "E_TAG", 0)
    assert "none of 30 members" in none["message"]


OTHER_LEVELS: dict[str, tuple[tuple[float, ...], list[float], str]] = {  # of the file, of the entry, what is told
    "none asked for": ((0.5, 0.8), [], "--levels 0.5,0.8"),
    "one with a point": ((0.975,), [], "--levels 0.975"),
    "others": ((0.5,), [0.5, 0.8], "--levels 0.5"),
    "none there": ((), [0.5], "--levels"),
}


@pytest.mark.parametrize("alone", [True, False], ids=["alone", "in a run folder"])
@pytest.mark.parametrize(("there", "asked", "told"), OTHER_LEVELS.values(), ids=OTHER_LEVELS)
def test_a_file_with_other_levels_than_asked_for_says_which(
    there: tuple[float, ...], asked: list[float], told: str, alone: bool, tmp_path: Path
) -> None:
    with LyingServer([OK]) as server:
        made = make_job(tmp_path, server.url)
        job = replace(made, entry=replace(made.entry, levels=tuple(asked)))
        publish(
            job, [{}], 1, header(forecast_columns(there)).decode() + f"cpu,,{RUN_NS},5,4,6{',4.5,5.5' * len(there)}\n"
        )
        code, result = load(standalone(job) if alone else job)
        assert server.seen == []
    assert (code, result["token"]) == (76, "E_CSV_HEADER")
    assert re.search(rf"{told}\b(?![,.])", result["message"])


def test_nothing_is_sent_from_a_file_alone_whose_last_of_many_batches_is_bad(tmp_path: Path) -> None:
    code, result = nothing_sent(tmp_path, alone_with(f"cpu,host=z,{RUN_NS},5,6,7\n"), batch=10)
    assert (code, result["token"]) == (76, "E_CSV_VALUE")


def test_a_file_that_stands_alone_is_loaded(tmp_path: Path) -> None:
    with LyingServer([OK]) as server:
        job = make_job(tmp_path, server.url)
        publish(job, HOSTS, 100)
        code, result = load(standalone(job))
        assert (code, result["acked"]) == (0, 300)
        assert server.seen[-1].body.count(b"points=100i") == 3


def skip(job: Job) -> None:
    path = job.forecast.parent / "forecast.result.json"
    path.write_text(
        path.read_text()
        .replace('"status": "ok"', '"status": "skipped"')
        .replace('"reason": ""', '"reason": "no_data: 0 rows"')
    )


def newer(job: Job) -> None:
    newer = {"run": "2026-01-01T01:00:00Z", "run_ns": RUN_NS + 3600 * 10**9}
    write_json(job.state / "loaded.json", newer)  # type: ignore[operator]


QUIET: dict[str, tuple[Callable[[Job], Any], str, str]] = {
    "forecast skipped": (skip, "skipped", "no_data: 0 rows"),
    "header only": (lambda job: publish(job, [], 0), "skipped", "no_data"),
    "a newer run is loaded": (newer, "superseded", "newer_run: 2026-01-01T01:00:00Z"),
}


@pytest.mark.parametrize(("change", "word", "reason"), QUIET.values(), ids=QUIET.keys())
def test_nothing_to_send_is_exit_0_with_a_reason(
    change: Callable[[Job], Job | None], word: str, reason: str, tmp_path: Path
) -> None:
    code, result = nothing_sent(tmp_path, change)
    assert (code, result["status"], result["expected"]) == (0, word, 0)
    assert result["reason"].startswith(reason)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"run_ns": "x"}', '{"run_ns": 0, "run": 0}'])
def test_an_unreadable_note_of_the_last_load_does_not_stop_loading(text: str, tmp_path: Path) -> None:
    with LyingServer([OK]) as server:
        job = make_job(tmp_path, server.url)
        publish(job, HOSTS, 2)
        job.state.mkdir(parents=True)  # type: ignore[union-attr]
        (job.state / "loaded.json").write_text(text)  # type: ignore[operator]
        assert load(job)[0] == 0


def test_dry_run_writes_what_would_be_sent(tmp_path: Path) -> None:
    code, _, seen, _ = loaded(tmp_path, [OK], batch=70)
    sent = b"".join(request.body for request in seen)
    found, dry = nothing_sent(
        tmp_path / "dry",
        lambda _: None,
        dry_run=tmp_path / "lines.lp",
        auth="basic",
        username="u",
        password_file="/none",
    )
    assert (code, found, dry["status"], dry["acked"], dry["expected"]) == (0, 0, "ok", 0, 300)
    assert dry["reason"].startswith("dry_run")
    assert (tmp_path / "lines.lp").read_bytes() == sent
    assert dry["outputs"]["lines.lp"]["rows"] == 303


WRONG_NAMES = {
    "comment": ("#x", "E_IDENT"),
    "quote": ('a"b', "E_IDENT"),
    "trailing backslash": ("a\\", "E_TAG"),
}


@pytest.mark.parametrize(("name", "token"), WRONG_NAMES.values(), ids=WRONG_NAMES.keys())
def test_a_name_that_lines_can_not_carry_is_refused(name: str, token: str, tmp_path: Path) -> None:
    """Also where nobody looked at the entry before."""
    query = {
        "query": "SELECT mean(v) FROM cpu WHERE time >= $start AND time < $end",
        "measurement": None,
        "field": None,
    }
    with LyingServer([OK]) as server:
        job = make_job(tmp_path, server.url, source=query)
        job = replace(job, entry=replace(job.entry, name=name))
        publish(job, HOSTS, 2)
        code, result = load(job)
        assert (code, result["token"], server.seen) == (78, token, [])


def test_sigterm_ends_a_load_tidily(tmp_path: Path) -> None:
    answers: list[Behaviour] = [OK, OK, silent]
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGTERM)).start()
    code, result, _, job = loaded(tmp_path, answers, batch=100)
    assert (code, result["status"], result["expected"], result["acked"]) == (143, "failed", 300, 101)
    assert list(job.forecast.parent.glob(".tmp.*")) == []


def test_secrets_in_the_servers_words_are_masked(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("CANARY-tok3n")
    (tmp_path / "token").chmod(0o600)
    words = refused(400, "unable to parse: CANARY-tok3n")
    _, result, _, job = loaded(tmp_path, [words], rows=1, auth="token", token_file=str(tmp_path / "token"))
    texts = [path.read_text() for path in job.forecast.parent.iterdir()]
    assert result["token"] == "E_PARTIAL"
    assert not any("CANARY" in text for text in texts)
    assert any("unable to parse: ***" in text for text in texts)


def some_rows(tags: str, count: int) -> Rows:
    return Rows("m", tags, [b"%d" % i for i in range(count)], ([b"5"] * count, [b"4"] * count, [b"6"] * count))


@pytest.mark.parametrize("batch", [1, 2, 3, 7, 10, 1000])
def test_bodies_hold_batch_lines_whatever_the_members_are(batch: int) -> None:
    parts = [some_rows(f"k={i}", n) for i, n in enumerate([1, 9, 4, 25, 1])]
    bodies = list(forecast_bodies(parts, lambda tags: b"m," + tags.encode(), 1, batch))
    assert [body.lines for body in bodies] == [1] + [batch] * (39 // batch) + [39 % batch] * (39 % batch > 0)
    alone = [
        line
        for part in parts
        for body in forecast_bodies([part], lambda tags: b"m," + tags.encode(), 1, 1)
        for line in body.text.splitlines()
    ]
    assert sorted(b"".join(body.text for body in bodies).splitlines()) == sorted(alone)


def test_the_first_line_is_the_one_furthest_ahead_however_rows_are_cut() -> None:
    whole = some_rows("", 5000)
    parts = [whole.part(i, i + 600) for i in range(0, 5000, 600)]
    first, second = islice(forecast_bodies(parts, lambda _: b"m", 1, 10_000), 2)
    assert (first.text.rpartition(b" ")[2], second.lines) == (b"4999\n", 4999)


def test_long_keys_make_smaller_bodies() -> None:
    bodies = list(forecast_bodies([some_rows("", 5000)], lambda _: b"m" * 4000, 1, 100_000))
    assert max(len(body.text) for body in bodies) < 5 * 2**20
    assert sum(body.text.count(b"\n") for body in bodies) == sum(body.lines for body in bodies) == 5000
    assert [len(body.text) for body in joined([b"x\n" * 2**20] * 3, 1000)] == [2**22, 2**21]


def test_an_error_while_making_bodies_reaches_the_sender() -> None:
    def bodies() -> Any:
        yield Body(b"a\n", 1)
        raise ValueError("broken")

    made = ahead(bodies())
    assert next(made).text == b"a\n"
    with pytest.raises(ValueError, match="broken"):
        next(made)


class ForgetfulSink:
    """Takes everything, acknowledges all but one line, and raises nothing."""

    extension = "lp"

    def write(self, members: Collection[Key], rows: Iterable[Rows]) -> Writing:
        yield Written(acked=sum(part.count for part in rows) - 1)

    def record(self, points: Iterable[Point]) -> Writing:
        yield Written(acked=len(list(points)))

    def count(self, first_ns: int, last_ns: int) -> int:
        return 300


def forgetful_sink(*_: object) -> ForgetfulSink:
    return ForgetfulSink()


def test_a_sink_that_loses_a_line_without_a_word_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "cronocast.chain.run_records.SINKS", {"influx": KindRow("tests.unit.test_load:forgetful_sink", can_count=True)}
    )
    code, result = nothing_sent(tmp_path, lambda _: None, read_back=True)
    assert (code, result["token"], result["expected"], result["acked"]) == (69, "E_PARTIAL", 300, 299)


def test_the_same_run_is_loaded_again(tmp_path: Path) -> None:
    first = loaded(tmp_path, [OK])
    again = loaded(tmp_path, [OK])
    assert (again[0], again[1]["status"], again[1]["acked"]) == (0, "ok", 300)
    assert [request.body for request in again[2]] == [request.body for request in first[2]]


def test_records_leave_out_what_is_unknown_or_of_another_run(tmp_path: Path) -> None:
    with LyingServer([OK]) as server:
        job = make_job(tmp_path, server.url)
        publish(job, HOSTS[:1], 2)
        for step, old, new in (
            ("forecast", '"mase": 1', '"mase": 1e999'),
            ("forecast", '"coverage": 0.94', '"coverage": true'),
            ("extract", "2026-01-01", "2025-12-31"),
        ):
            path = job.forecast.parent / f"{step}.result.json"
            assert old in path.read_text()
            path.write_text(path.read_text().replace(old, new))
        assert load(job)[0] == 0
        assert (
            server.seen[-1]
            .body.decode()
            .split(" ", 2)[2]
            .endswith(f'why="the \\"best\\"",points=2i,forecast_s=1.5 {RUN_NS}\n')
        )
