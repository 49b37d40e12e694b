"""The load step against a real InfluxDB: the same points whatever is killed, and whatever names and tags look like."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from cronocast.chain.job import Job
from cronocast.chain.load import DEAD_LETTERS, run
from cronocast.chain.shell import run_step
from cronocast.durations import stamp
from cronocast.errors import ContractError
from cronocast.formats import influx_names
from cronocast.formats.line_protocol import forecast_lines, record, series_key
from cronocast.handoff.series import FORECAST_COLUMNS
from cronocast.settings.declare import plain
from demo.influxd import Influxd
from tests import servers
from tests.load_run import HOSTS, RUN_NS, load, make_job, publish, rows_of, signed_in
from tests.lying_server import LyingServer, Seen, reset
from tests.waiting import wait_until

Rows = list[dict[str, Any]]


def points(server: Influxd, database: str, measurement: str = "cpu_forecast") -> Rows:
    """Every point with its tags and fields, sorted."""
    rows = server.query(f'SELECT * FROM "{measurement}"', database)
    return sorted(rows, key=lambda row: json.dumps(row, sort_keys=True))


def expected_points(rows: int, run_ns: int = RUN_NS) -> Rows:
    """What must be there, taken from the rows of the file."""
    made: Rows = []
    for tags in HOSTS:
        for line in rows_of(tags, rows).splitlines():
            time_ns, yhat, lower, upper = line.rsplit(",", 4)[1:]
            values = {
                "yhat": float(yhat),
                "yhat_lower": float(lower),
                "yhat_upper": float(upper),
                "run": run_ns // 10**9,
            }
            made.append({"time": int(time_ns), **tags, "series": "web load", **values})
    return sorted(made, key=lambda row: json.dumps(row, sort_keys=True))


@pytest.fixture
def job(influxd: Influxd, database: str, tmp_path: Path) -> Job:
    made = make_job(tmp_path, influxd.url, source=signed_in(influxd, tmp_path, database), batch=500)
    publish(made, HOSTS, 1000)
    return made


def test_the_same_run_twice_leaves_exactly_the_same_points(influxd: Influxd, database: str, job: Job) -> None:
    code, result = load(job)
    assert (code, result["expected"], result["acked"]) == (0, 3000, 3000)
    first, records = points(influxd, database), points(influxd, database, "cpu_forecast_runs")
    assert first == expected_points(1000)
    assert [(row["points"], row["model"], row["mase"], row["why"], row["time"]) for row in records] == [
        (1000, "naive", 1, 'the "best"', RUN_NS)
    ] * 3
    assert load(job)[0] == 0
    assert points(influxd, database) == first
    assert points(influxd, database, "cpu_forecast_runs") == records


def test_the_command_line_loads_and_reads_back(influxd: Influxd, database: str, tmp_path: Path) -> None:
    made = make_job(tmp_path, influxd.url, source=signed_in(influxd, tmp_path, database), read_back=True)
    publish(made, HOSTS, 50)
    command = [
        sys.executable,
        "-m",
        "cronocast",
        "load",
        "--entry",
        json.dumps(plain(made.entry)),
        "--root",
        str(tmp_path),
        "--run",
        stamp(RUN_NS),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert points(influxd, database) == expected_points(50)


def test_dry_run_lines_give_the_same_points(influxd: Influxd, database: str, tmp_path: Path) -> None:
    made = make_job(tmp_path, influxd.url, dry_run=tmp_path / "lines.lp")
    publish(made, HOSTS, 50)
    assert load(made)[0] == 0
    influxd.write((tmp_path / "lines.lp").read_text(), database)
    assert points(influxd, database) == expected_points(50)
    assert len(points(influxd, database, "cpu_forecast_runs")) == 3


def start_step(made: Job) -> int:
    """Run the step in a child process of its own; return its id."""
    child = os.fork()
    if child == 0:
        os._exit(run_step(run, made))
    return child


def ended(child: int) -> int:
    """Exit code of a child, negative for a signal."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_step_killed_at_any_moment_and_repeated_leaves_exactly_the_points(
    influxd: Influxd, database: str, tmp_path: Path
) -> None:
    rng = random.Random(15)
    right = expected_points(300)
    cut_short = 0
    for i in range(15):
        made = make_job(
            tmp_path / str(i), influxd.url, source=signed_in(influxd, tmp_path, database), batch=30, measurement=f"m{i}"
        )
        publish(made, HOSTS, 300)
        child = start_step(made)
        if i % 3:  # two of three kills hit a load that has begun to write
            wait_until(partial(influxd.query, f'SELECT count(yhat) FROM "m{i}"', database), "the first points")
        time.sleep(rng.uniform(0, 0.1))
        os.kill(child, signal.SIGKILL)
        cut_short += ended(child) == -signal.SIGKILL and len(points(influxd, database, f"m{i}")) < len(right)
        child = start_step(made)
        assert ended(child) == 0
        assert points(influxd, database, f"m{i}") == right
        assert len(points(influxd, database, f"m{i}_runs")) == 3
        assert {path.name for path in made.forecast.parent.iterdir() if not path.name.startswith(".tmp.")} >= {
            "load.result.json"
        }
        assert json.loads((made.forecast.parent / "load.result.json").read_text())["acked"] == 900
    assert cut_short >= 5, "the kills came too late to prove anything"


@pytest.mark.parametrize("how", ["killed", "restarted"])
def test_a_server_that_goes_away_in_the_middle(how: str, serve: Callable[..., Influxd], tmp_path: Path) -> None:
    with serve() as server:
        server.create_database("d")
        made = make_job(tmp_path, server.url, source=signed_in(server, tmp_path, "d"), batch=5, retry_for="40s")
        publish(made, HOSTS, 2000)
        child = start_step(made)
        wait_until(lambda: server.query("SELECT count(yhat) FROM cpu_forecast", "d"), "the first points")
        if how == "killed":
            server.kill()
        server.restart()
        assert ended(child) == 0
        result = json.loads((made.forecast.parent / "load.result.json").read_text())
        assert (result["expected"], result["acked"]) == (6000, 6000)
        assert result["attempts"] > 1, "not injected: no request failed"
        assert points(server, "d") == expected_points(2000)


def test_commit_then_reset_leaves_no_duplicate(influxd: Influxd, database: str, tmp_path: Path) -> None:
    def commit_then_reset(connection: Any, request: Seen) -> None:
        influxd.write(request.body.decode(), database)
        reset(connection, request)

    def commit(connection: Any, request: Seen) -> None:
        influxd.write(request.body.decode(), database)
        connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    with LyingServer(lambda _: commit_then_reset if len(server.seen) % 2 else commit) as server:
        made = make_job(tmp_path, server.url, batch=100, retry_for="2s")
        publish(made, HOSTS, 100)
        code, result = load(made)
        assert (code, result["acked"], len(server.seen)) == (0, 300, 10)
    assert points(influxd, database) == expected_points(100)


def test_an_older_run_does_not_overwrite_a_newer_one(influxd: Influxd, database: str, tmp_path: Path) -> None:
    source = signed_in(influxd, tmp_path, database)
    older, newer = (
        make_job(tmp_path, influxd.url, source=source, run_ns=RUN_NS + shift * 10**9) for shift in (0, 3600)
    )
    for made in (older, newer):
        publish(made, HOSTS, 10)
    assert load(newer)[0] == 0
    assert load(older)[1]["status"] == "superseded"
    assert points(influxd, database) == expected_points(10, RUN_NS + 3600 * 10**9)


def test_type_conflict_names_field_and_types(influxd: Influxd, database: str, job: Job) -> None:
    influxd.write(f"cpu_forecast,host=other yhat=1i {RUN_NS}", database)
    code, result = load(job)
    assert (code, result["token"], result["acked"], result["attempts"]) == (69, "E_TYPE_CONFLICT", 0, 1)
    assert all(word in result["message"] for word in ("yhat", "float", "integer"))


REFUSALS = {
    "no database": ({"database": "nowhere"}, "E_DB_NOT_FOUND"),
    "no policy": ({"retention_policy": "nowhere"}, "E_DB_NOT_FOUND"),
}


@pytest.mark.parametrize(("sink", "token"), REFUSALS.values(), ids=REFUSALS.keys())
def test_a_missing_place_is_refused_at_the_first_answer(
    sink: dict[str, Any], token: str, influxd: Influxd, database: str, tmp_path: Path
) -> None:
    made = make_job(tmp_path, influxd.url, source=signed_in(influxd, tmp_path, database), **sink)
    publish(made, HOSTS, 10)
    code, result = load(made)
    assert (code, result["token"], result["attempts"], result["acked"]) == (69, token, 1, 0)


def test_points_older_than_the_policy_keeps_are_refused(influxd: Influxd, database: str, tmp_path: Path) -> None:
    influxd.create_policy(database, "an hour", "1h")
    made = make_job(
        tmp_path, influxd.url, source=signed_in(influxd, tmp_path, database), retention_policy="an hour", run_ns=RUN_NS
    )
    publish(
        made,
        HOSTS,
        10,
        "name,tags,time,yhat,yhat_lower,yhat_upper\n"
        + "".join(rows_of(tags, 10).replace(",1767", ",1467") for tags in HOSTS),
    )
    code, result = load(made)
    assert (code, result["token"]) == (69, "E_RETENTION")


def test_no_right_to_write(influxd: Influxd, database: str, tmp_path: Path) -> None:
    source = signed_in(influxd, tmp_path, database)
    (tmp_path / "reader").write_text(influxd.reader.password)
    (tmp_path / "reader").chmod(0o600)
    made = make_job(
        tmp_path, influxd.url, source=source, auth="basic", username="reader", password_file=str(tmp_path / "reader")
    )
    publish(made, HOSTS, 10)
    code, result = load(made)
    assert (code, result["token"], result["attempts"]) == (77, "E_AUTH", 1)


@pytest.fixture(scope="module")
def narrow(serve: Callable[..., Influxd]) -> Iterator[Influxd]:
    if servers.IS_2:
        pytest.skip("2.x has no limit for the size of a body")
    with serve({"HTTP_MAX_BODY_SIZE": 3000}) as server:
        yield server


def test_a_server_with_a_small_limit_gets_every_point(narrow: Influxd, tmp_path: Path) -> None:
    narrow.create_database("d")
    made = make_job(tmp_path, narrow.url, source=signed_in(narrow, tmp_path, "d"))
    publish(made, HOSTS, 300)
    code, result = load(made)
    assert (code, result["acked"]) == (0, 900)
    assert points(narrow, "d") == expected_points(300)


def test_a_line_over_the_limit_is_a_dead_letter(narrow: Influxd, tmp_path: Path) -> None:
    narrow.create_database("e")
    long = {"host": "x" * 3000}
    made = make_job(tmp_path, narrow.url, source=signed_in(narrow, tmp_path, "e"), runs=False)
    publish(made, [*HOSTS, long], 2)
    code, result = load(made)
    assert (code, result["token"], result["expected"], result["acked"]) == (69, "E_PARTIAL", 8, 6)
    letters = (made.forecast.parent / f"{DEAD_LETTERS}.lp").read_text()
    assert len(re.findall(r"^# .*\b413\b", letters, re.MULTILINE)) == 2


ODD = st.text(st.sampled_from(list("\\\\\\,,==  \"'#/.$;%aZ0é漢😀\n\t\r\0\u2028\x7f\ud800")), max_size=12)
# Every example is a batch, since a fresh database takes long; shrinking would take minutes.
QUICK = settings(max_examples=5, suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate])
MEASUREMENTS = st.one_of(ODD, ODD.map(lambda text: f"m{text}"))
TAGS = st.dictionaries(ODD | st.sampled_from(["time", "_field", "host"]), ODD, max_size=3)


@QUICK
@given(
    cases=st.lists(
        st.tuples(MEASUREMENTS, TAGS),
        min_size=60,
        max_size=100,
        unique_by=lambda case: (case[0], json.dumps(case[1], sort_keys=True)),
    )
)
def test_what_is_read_is_what_was_written_or_it_was_refused(
    cases: list[tuple[str, dict[str, str]]], influxd: Influxd
) -> None:
    influxd.drop_database("odd")
    influxd.create_database("odd")
    written: dict[str, list[dict[str, str]]] = {}
    lines = []
    for measurement, tags in cases:
        try:
            if influx_names.measurement_fault(measurement):
                continue
            key = series_key(measurement, tags.items())
        except ContractError:
            continue
        lines.append(forecast_lines(key, 1, FORECAST_COLUMNS, [b"%d" % RUN_NS], [b"1.5"], [b"1"], [b"2"]))
        written.setdefault(measurement, []).append(tags)
    influxd.write(b"".join(lines).decode(), "odd")
    assert {row["name"] for row in influxd.query("SHOW MEASUREMENTS", "odd")} == set(written)
    for measurement, all_tags in written.items():
        quoted = measurement.replace("\\", "\\\\").replace('"', '\\"')
        rows = influxd.query(f'SELECT yhat FROM "{quoted}" GROUP BY *', "odd")
        names = {name for tags in all_tags for name in tags}
        found = [{name: row[name] for name in names if row.get(name)} for row in rows]
        assert sorted(map(sorted_items, found)) == sorted(map(sorted_items, all_tags)), measurement


def sorted_items(tags: dict[str, str]) -> list[tuple[str, str]]:
    return sorted(tags.items())


@QUICK
@given(texts=st.lists(ODD, min_size=40, max_size=80))
def test_a_string_field_comes_back(texts: list[str], influxd: Influxd) -> None:
    influxd.drop_database("odd")
    influxd.create_database("odd")
    influxd.write(
        b"".join(record(b"m", {"s": text, "n": i}, RUN_NS + i) for i, text in enumerate(texts)).decode(), "odd"
    )
    rows = influxd.query("SELECT * FROM m", "odd")
    assert [row["n"] for row in rows] == list(range(len(texts)))
    assert [row["s"] for row in rows] == [re.sub(r"[\n\t\r\0\u2028\x7f\ud800]+", " ", text) for text in texts]


def test_the_same_run_twice_at_once(influxd: Influxd, database: str, tmp_path: Path) -> None:
    made = make_job(tmp_path, influxd.url, source=signed_in(influxd, tmp_path, database), batch=50)
    publish(made, HOSTS, 300)
    children = [start_step(made), start_step(made)]
    assert [ended(child) for child in children] == [0, 0]
    assert points(influxd, database) == expected_points(300)
