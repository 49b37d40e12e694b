"""The extract step against a real InfluxDB 1.x."""

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cronocast.handoff.series import HISTORY_COLUMNS, parse_tags
from cronocast.handoff.strict import read_members
from cronocast.sources.spool import Spool
from demo.influxd import Influxd
from tests import servers
from tests.wire.extract_run import END, HOUR, START, Ran

Run = Callable[..., Ran]
HOSTS = [
    "plain",
    "sp ace",
    "com,ma",
    "eq=ual",
    'quo"te',
    "apo'strophe",
    "back\\slash",
    "Z\u00fcrich \u4e2d\u6587",
    "a' OR 1=1 --",
    "-1",
    "=cmd|'/c calc'!A1",
    "{{x}}",
]


def escaped(text: str) -> str:
    return "".join("\\" + c if c in " ,=" else c for c in text)


@pytest.fixture
def hours(influxd: Influxd, database: str) -> list[int]:
    """Two points per hour and host: host a has 0, 1, 2, ... and the same plus 2; host b ten times that.

    Before, in and after the window.
    """
    times = [START + i * HOUR for i in range(-30, 30)]
    lines = []
    for host, factor in (("a", 1), ("b", 10)):
        for i, t in enumerate(times):
            lines += [
                f'm,host={host},dc=x f={factor * i},n={i}i,b=true,s="x" {t}',
                f"m,host={host},dc=x f={factor * (i + 2)},n={i}i {t + HOUR // 2}",
            ]
    influxd.write(lines, database)
    return times


def values(first: int = 30, factor: int = 1) -> list[tuple[int, float]]:
    """Mean of host a (or b) in each of the 24 hours."""
    return [(START + i * HOUR, factor * (first + i + 1.0)) for i in range(24)]


@pytest.mark.usefixtures("hours")
def test_mean_per_member_in_the_window_of_finished_steps(run: Run, tmp_path: Path) -> None:
    ran = run({"group_by": ["host"]})
    assert ran.code == 0, ran.stderr
    assert ran.rows == [("host=a", t, v) for t, v in values()] + [("host=b", t, v) for t, v in values(factor=10)]
    assert ran.result["members"] == [
        {"name": "m", "tags": f"host={host}", "rows": 24, "rows_asked": 24, "rows_found": 24} for host in "ab"
    ]
    assert [member.tags for member in read_members(tmp_path / "history.csv", HISTORY_COLUMNS)] == ["host=a", "host=b"]


AGGREGATES: dict[str, tuple[dict[str, Any], float]] = {  # of the first hour: host a has 30 and 32
    "mean": ({}, 31.0),
    "median": ({}, 31.0),
    "sum": ({}, 62.0),
    "min": ({}, 30.0),
    "max": ({}, 32.0),
    "last": ({}, 32.0),
    "count": ({}, 2.0),
    "percentile": ({"percentile": 50}, 30.0),
}


@pytest.mark.parametrize(
    ("aggregate", "more", "first"), [(name, *row) for name, row in AGGREGATES.items()], ids=AGGREGATES
)
@pytest.mark.usefixtures("hours")
def test_aggregates(aggregate: str, more: dict[str, Any], first: float, run: Run) -> None:
    ran = run({"aggregate": aggregate, "tags": {"host": "a"}, **more})
    assert (ran.code, len(ran.rows)) == (0, 24), ran.stderr
    assert ran.rows[0] == ("", START, first)


@pytest.mark.usefixtures("hours")
def test_integer_field_stays_whole(run: Run) -> None:
    ran = run({"field": "n", "aggregate": "max", "tags": {"host": "a"}})
    assert (ran.history or "").splitlines()[1] == f"m,,{START},30"


@pytest.mark.parametrize(
    ("field", "aggregate", "code", "token"),
    [("b", "mean", 69, "E_FIELD_TYPE"), ("s", "mean", 69, "E_FIELD_TYPE"), ("b", "last", 76, "E_VALUE_TYPE")],
)
@pytest.mark.usefixtures("hours")
def test_fields_that_are_no_numbers(field: str, aggregate: str, code: int, token: str, run: Run) -> None:
    ran = run({"field": field, "aggregate": aggregate})
    assert (ran.code, ran.token) == (code, token), ran.stderr


@pytest.mark.usefixtures("hours")
def test_unfinished_step_waits_for_its_delay(run: Run) -> None:
    late = run({"tags": {"host": "a"}, "delay": "10m"}, run_ns=END + 9 * 60 * 10**9)
    assert late.rows[-1][1] == END - 2 * HOUR
    assert run({"tags": {"host": "a"}, "delay": "10m"}, run_ns=END + 10 * 60 * 10**9).rows[-1][1] == END - HOUR


@pytest.mark.parametrize("every", ["1d", "1w", "2w", "5d"])
def test_days_and_weeks_are_aligned_as_the_server_aligns_them(
    every: str, run: Run, influxd: Influxd, database: str
) -> None:
    day = 24 * HOUR
    influxd.write([f"m f={i} {END - (i + 1) * day // 2}" for i in range(300)], database)
    ran = run(
        {"aggregate": "count"},
        every=every,
        lookback={"1d": "10d", "1w": "10w", "2w": "10w", "5d": "50d"}[every],
        horizon=every,
    )
    step = ran.result["window"]["every_ns"]
    assert ran.code == 0, ran.stderr
    assert ran.result["rows_dropped"] == {}
    assert {(time % step, value) for _, time, value in ran.rows} == {(0, 2 * step / day)}


def test_several_values_of_a_tag_and_every_odd_character(
    run: Run, influxd: Influxd, database: str, tmp_path: Path
) -> None:
    influxd.write([f"m,host={escaped(host)} f={i} {START}" for i, host in enumerate(HOSTS)], database)
    ran = run({"group_by": ["host", "missing"]})
    assert ran.code == 0, ran.stderr
    [note] = ran.result["notes"]  # nor was a question refused
    assert "'missing'" in note
    got = {
        parse_tags(member.tags): member.columns[0][0]
        for member in read_members(tmp_path / "history.csv", HISTORY_COLUMNS)
    }
    assert got == {(("host", host),): i for i, host in enumerate(HOSTS)}
    for i, host in enumerate(HOSTS):
        one = run({"tags": {"host": host}})
        assert [value for _, _, value in one.rows] == [i]
    assert len(run({"tags": {"host": HOSTS[:3]}, "group_by": ["host"]}).result["members"]) == 3


INJECTIONS = [
    "a' OR 1=1 --",
    "a\\' OR 1=1 --",
    'a" OR 1=1 --',
    "a'; DROP MEASUREMENT m; --",
    "\u2019 OR \u2018a\u2019=\u2018a",
    "$start",
    "a') OR ('1'='1",
]


@pytest.mark.parametrize("value", INJECTIONS)
@pytest.mark.usefixtures("hours")
def test_tag_value_is_data(
    value: str, run: Run, influxd: Influxd, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRONOCAST_SOURCE_PASSWORD", influxd.admin.password)
    ran = run({"tags": {"host": value}, "username": "admin"})
    assert (ran.code, ran.result["status"]) == (0, "skipped"), ran.stderr
    assert influxd.query("SELECT count(f) FROM m", database)[0]["count"] == 240


@pytest.mark.parametrize("name", ["we ird", "a\\b", "x,y=z", "it's", "\u00fcber", "select", "a/b", "$x"[1:] + "$"])
def test_names_are_quoted(name: str, run: Run, influxd: Influxd, database: str) -> None:
    measurement = escaped(name).replace("\\=", "=")
    influxd.write(f"{measurement},{escaped(name)}t=v {escaped(name)}=7 {START}", database)
    ran = run({"measurement": name, "field": name, "group_by": [f"{name}t"]})
    assert ran.code == 0, ran.stderr
    assert ran.result["rows_kept"] == 1


@pytest.mark.usefixtures("hours")
def test_slices_give_the_same_file_as_one_request(run: Run) -> None:
    whole = run({"group_by": ["host"]})
    for length in ("1h", "5h", "24h", "36h"):
        sliced = run({"group_by": ["host"], "slice": length})
        assert sliced.history == whole.history
        assert sliced.result["rows_kept"] == 48


@pytest.mark.usefixtures("hours")
def test_own_query_with_stamps_off_the_grid(run: Run) -> None:
    own = {
        "measurement": None,
        "field": None,
        "query": "SELECT f FROM m WHERE time >= $start AND time < $end AND host = 'a'",
    }
    ran = run(own)
    assert ran.code == 0, ran.stderr
    assert len(ran.rows) == 48
    assert ran.rows[1] == ("", START + HOUR // 2, 32.0)
    merged = run({**own, "query": "SELECT f FROM m WHERE time >= $start AND time < $end"})
    assert (merged.code, merged.token) == (76, "E_CONFLICT")
    assert "group_by" in merged.error
    two = run({**own, "query": "SELECT f, n FROM m WHERE time >= $start AND time < $end"})
    assert (two.code, two.token) == (76, "E_COLUMNS")
    wrong = run({**own, "query": "SELECT foo(f) FROM m WHERE time >= $start AND time < $end"})
    assert (wrong.code, wrong.token) == (69, "E_QUERY")
    grouped = run({**own, "query": "SELECT f FROM m WHERE time >= $start AND time < $end GROUP BY *"})
    assert [member["tags"] for member in grouped.result["members"]] == ["dc=x,host=a", "dc=x,host=b"]


GROUPED = {
    "time(1h)": (24, 23 * HOUR, 0),
    "time(1h, 15m)": (23, 22 * HOUR, 2),
    "time(1h, 45m)": (23, 23 * HOUR, 1),  # the last one has no value
    "time(10m)": (48, 23 * HOUR + HOUR // 2, 0),
}


@pytest.mark.parametrize(
    ("grouped", "count", "last", "unfinished"), [(name, *row) for name, row in GROUPED.items()], ids=GROUPED
)
@pytest.mark.usefixtures("hours")
def test_a_step_of_an_own_query_goes_to_the_grid_and_one_that_reaches_beyond_the_window_is_left_out(
    run: Run, grouped: str, count: int, last: int, unfinished: int
) -> None:
    bounds = "WHERE time >= $start AND time < $end"
    query = (
        f"SELECT sum(f) FROM (SELECT mean(f) AS f FROM m {bounds} AND host = 'a' GROUP BY time(1m)) {bounds} GROUP BY"
        f" {grouped}"
    )
    ran = run({"measurement": None, "field": None, "query": query})
    assert ran.code == 0, ran.stderr
    assert (len(ran.rows), ran.rows[-1][1]) == (count, START + last)
    assert ran.result["rows_dropped"].get("unfinished", 0) == unfinished


ZONES = {  # hours ahead of UTC in June and in January
    "Europe/Berlin": (2, 1),
    "America/New_York": (-4, -5),
    "Asia/Kolkata": (5.5, 5.5),
    "Pacific/Auckland": (12, 13),
    "Pacific/Chatham": (12.75, 13.75),
    "Pacific/Fiji": (12, 12),
    "Pacific/Tongatapu": (13, 13),
    "Pacific/Kiritimati": (14, 14),
    "Pacific/Pago_Pago": (-11, -11),
    "Etc/GMT+12": (-12, -12),
}


@pytest.mark.parametrize("first", ["2025-06-02", "2025-01-06"])
@pytest.mark.parametrize("zone", ZONES)
def test_days_of_a_time_zone_keep_their_dates(influxd: Influxd, database: str, run: Run, zone: str, first: str) -> None:
    day = 24 * HOUR
    monday = int(np.datetime64(first, "ns").astype(np.int64))
    shift = -int(ZONES[zone][first == "2025-01-06"] * HOUR)  # where the local day begins, in UTC
    influxd.write(
        [f"d f={i} {monday + i * day + shift + HOUR * hour}" for i in range(-3, 6) for hour in (1, 12, 22)], database
    )
    query = f"SELECT mean(f) FROM d WHERE time >= $start AND time < $end GROUP BY time(1d) tz('{zone}')"
    ran = run(
        {"measurement": None, "field": None, "query": query},
        run_ns=monday + 5 * day + HOUR,
        every="1d",
        lookback="4d",
        horizon="1d",
    )
    assert ran.code == 0, ran.stderr
    assert {(time, value) for _, time, value in ran.rows} <= {(monday + i * day, float(i)) for i in range(-3, 6)}
    assert len(ran.rows) >= 3


@pytest.mark.usefixtures("hours")
def test_missing_things_are_told_apart(run: Run) -> None:
    assert run({"database": "nowhere"}).code in (
        69,
        77,
    )  # a user without rights there is not told that it does not exist
    policy = run({"retention_policy": "nothing"})
    assert (policy.code, policy.token) == (69, "E_DB_NOT_FOUND")
    for source, words in (
        ({"measurement": "nothing"}, "measurement 'nothing'"),
        ({"field": "nothing"}, "field 'nothing'"),
    ):
        missing = run(source)
        assert (missing.code, missing.token) == (66, "E_NO_FIELD")
        assert words in missing.result["message"]
        later = run(source, on_missing="skip", on_no_data="fail")  # on_no_data is about windows
        assert (later.code, later.result["status"]) == (0, "skipped")
        assert words in later.result["reason"]
    assert re.match("no_data: 0 .*'m'", run(run_ns=END - 9000 * HOUR).result["reason"])


def test_unknown_database(run: Run, influxd: Influxd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRONOCAST_SOURCE_PASSWORD", influxd.admin.password)
    ran = run({"database": "nowhere", "username": "admin"})
    assert (ran.code, ran.token) == (69, "E_DB_NOT_FOUND")


def test_retention_policy(run: Run, influxd: Influxd, database: str) -> None:
    influxd.create_policy(database, "long one")
    influxd.post(f"/write?db={database}&rp=long%20one", f"m f=7 {START}".encode())
    assert run({"retention_policy": "long one"}).rows == [("", START, 7.0)]
    assert run(on_missing="skip").result["status"] == "skipped"


@pytest.mark.usefixtures("hours")
def test_signing_in(run: Run, influxd: Influxd, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run({"auth": "none", "username": None}).token == "E_AUTH"
    monkeypatch.setenv("CRONOCAST_SOURCE_PASSWORD", influxd.writer.password)
    no_right = 69 if servers.IS_2 else 77  # see test_versions.py
    assert (run({"username": "writer"}).code, run({"username": "reader"}).code) == (no_right, 77)
    if not servers.IS_2:  # which takes no JSON web token
        monkeypatch.setenv("CRONOCAST_SOURCE_TOKEN", influxd.bearer(influxd.reader))
        assert run({"auth": "bearer", "username": None}).code == 0


@pytest.fixture(scope="module")
def limited(serve: Callable[..., Influxd]) -> Iterator[Influxd]:
    with serve({} if servers.IS_2 else {"HTTP_MAX_ROW_LIMIT": 1000}) as server:
        server.create_database("d")
        server.write([f"m f={i} {END - (30_000 - i) * 10**9}" for i in range(30_000)], "d")
        yield server


@pytest.mark.skipif(servers.IS_2, reason="2.x has no max-row-limit")
def test_row_limit_does_not_cut_the_answer(run: Run, limited: Influxd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRONOCAST_SOURCE_PASSWORD", limited.reader.password)
    ran = run({"database": "d"}, url=limited.url, every="1s", lookback="30000s", horizon="1s")
    assert (ran.code, len(ran.rows)) == (0, 30_000), ran.stderr


@pytest.mark.usefixtures("hours")
def test_caps(run: Run) -> None:
    for caps, token in (
        ({"max_rows": 23}, "E_TOO_MANY_ROWS"),
        ({"max_bytes": 500}, "E_TOO_LARGE"),
        ({"max_rows": 20, "slice": "12h"}, "E_TOO_MANY_ROWS"),
    ):
        ran = run({"tags": {"host": "a"}, **caps})
        assert (ran.code, ran.token) == (66, token)
    assert run({"tags": {"host": "a"}, "max_rows": 24}).code == 0


def test_server_killed_in_the_middle(run: Run, limited: Influxd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRONOCAST_SOURCE_PASSWORD", limited.reader.password)
    add = Spool.add
    taken: list[int] = []

    def kill_then_add(self: Spool, *rows: Any, **more: Any) -> None:
        if not taken:
            limited.kill()
        taken.append(len(rows[2]))
        add(self, *rows, **more)

    # Empty steps filled by the server: more rows than any buffer holds.
    query = {
        "database": "d",
        "measurement": None,
        "field": None,
        "query": "SELECT count(f) FROM m WHERE time >= $start AND time < $end GROUP BY time(1s) fill(0)",
    }
    window = {"every": "1s", "lookback": "900000s", "horizon": "1s"}
    with monkeypatch.context() as patch:
        patch.setattr(Spool, "add", kill_then_add)
        dead = run(query, url=limited.url, **window)
    assert 0 < sum(taken) < 900_000
    assert (dead.code, dead.history) == (75, None)

    sleep, starts = time.sleep, [limited.start]

    def heal(seconds: float) -> None:
        if starts:
            starts.pop()()
        else:
            sleep(seconds)

    monkeypatch.setattr(time, "sleep", heal)
    healed = run({"database": "d", "retry_for": "20s"}, url=limited.url, every="1s", lookback="30000s", horizon="1s")
    assert (healed.code, len(healed.rows), healed.result["attempts"]) == (0, 30_000, 2), healed.stderr
