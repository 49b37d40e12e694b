"""Every row of SINKS behaves alike: each point acknowledged and there once, or an error with its exit code and counts.

A new kind needs a line in `sink_adapters.ADAPTERS`.
"""

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from cronocast.chain.load import DEAD_LETTERS
from cronocast.registry import settings_class
from cronocast.settings.declare import default_of
from cronocast.sinks.table import SINKS
from demo.influxd import Influxd
from tests.conformance.sink_adapters import ADAPTERS, Place
from tests.conformance.toy_sink import ROW
from tests.load_run import HOSTS, RUN_NS, Tags, load, make_job, publish, rows_of
from tests.lying_server import Behaviour, LyingServer, endless, hang_up, raw, reset, silent, status

pytestmark = pytest.mark.usefixtures("toy_sink")
ROWS = {**SINKS, "toy": ROW}
KINDS = sorted(ROWS)
HTTP_KINDS = [kind for kind in KINDS if ADAPTERS[kind].ok]
SOURCE_URL = "http://127.0.0.1:1"


@pytest.fixture
def place(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[[str], Place]:
    """A real and empty place of a kind; a server is only started for a kind that needs one."""

    def database() -> tuple[Influxd, str]:
        return request.getfixturevalue("influxd"), request.getfixturevalue("database")

    return lambda kind: ADAPTERS[kind].place(tmp_path, database)


def loaded(
    folder: Path, settings: dict[str, Any], members: list[Tags] = HOSTS, rows: int = 50, **job: Any
) -> tuple[int, dict[str, Any]]:
    made = make_job(folder, SOURCE_URL, **job, **settings)
    publish(made, members, rows)
    return load(made)


def expected(members: list[Tags], rows: int) -> list[dict[str, Any]]:
    """The points of a forecast, from the rows of its file."""
    made = []
    for tags in members:
        for line in rows_of(tags, rows).splitlines():
            time, yhat, lower, upper = line.rsplit(",", 4)[1:]
            values = {"yhat": float(yhat), "yhat_lower": float(lower), "yhat_upper": float(upper)}
            made.append({"time": int(time), **tags, "series": "web load", **values, "run": RUN_NS // 10**9})
    return made


def sorted_points(points: list[dict[str, Any]], digits: int = 17) -> list[list[tuple[str, Any]]]:
    """In one order, without the tags of other points, which some places show as empty."""

    def as_kept(value: Any) -> Any:
        return float(f"{value:.{digits}g}") if isinstance(value, float) else value

    return sorted(sorted((name, as_kept(value)) for name, value in p.items() if value is not None) for p in points)


def test_every_kind_has_an_adapter_and_the_settings_that_load_asks_for() -> None:
    assert set(ADAPTERS) == set(ROWS)
    for kind, row in ROWS.items():
        declared = {item.name: item for item in fields(settings_class(row))}
        assert default_of(declared["kind"]) == kind
        assert {"measurement", "runs", *(["read_back"] if row.can_count else [])} <= set(declared)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_run_twice_leaves_every_point_once(kind: str, place: Callable[[str], Place], tmp_path: Path) -> None:
    there, digits = place(kind), ADAPTERS[kind].digits
    for _ in range(2):
        code, result = loaded(tmp_path, there.settings, rows=50, measurement="m")
        assert (code, result["expected"], result["acked"]) == (0, 150, 150), result["message"]
        assert sorted_points(there.points("m"), digits) == sorted_points(expected(HOSTS, 50), digits)
        records = there.points("m_runs")
        assert [(r["time"], r["points"], r["mase"], r["why"], r["series"]) for r in records] == [
            (RUN_NS, 50, 1.0, 'the "best"', "web load")
        ] * 3
        assert sorted(r["host"] for r in records) == sorted(tags["host"] for tags in HOSTS)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if ROWS[kind].can_count])
def test_points_are_counted_again(kind: str, place: Callable[[str], Place], tmp_path: Path) -> None:
    there = place(kind)
    earlier = RUN_NS - 3600 * 10**9  # an older run has other points at the same times
    assert loaded(tmp_path, there.settings, HOSTS[:2], run_ns=earlier, read_back=True)[0] == 0
    assert loaded(tmp_path, there.settings, HOSTS[1:], read_back=True)[0] == 0


@pytest.mark.parametrize("kind", KINDS)
def test_records_can_be_left_out(kind: str, place: Callable[[str], Place], tmp_path: Path) -> None:
    there = place(kind)
    assert loaded(tmp_path, there.settings, measurement="m", runs=False)[0] == 0
    assert there.points("m_runs") == []


VALUES = ['we, = "ird"', "C:\\tmp", "a' OR 1=1 --", "%s", " x ", "#x", "漢😀", "$run", "x,y=z", "a\\,b"]
NAMES = ["k =", "é", "a,b", "50%", "'q'"]


@pytest.mark.parametrize("measurement", ["m", "a,b c=d", "50%d é", "x.y/z'q"])
@pytest.mark.parametrize("kind", KINDS)
def test_names_and_tags_come_back_unchanged(
    kind: str, measurement: str, place: Callable[[str], Place], tmp_path: Path
) -> None:
    members: list[Tags] = [*({"host": value} for value in VALUES), *({name: "x"} for name in NAMES)]
    there, digits = place(kind), ADAPTERS[kind].digits
    code, result = loaded(tmp_path, there.settings, members, 2, measurement=measurement)
    assert code == 0, result["message"]
    assert sorted_points(there.points(measurement), digits) == sorted_points(expected(members, 2), digits)


@pytest.mark.parametrize("kind", KINDS)
def test_a_dry_run_writes_it_down_and_stores_nothing(kind: str, place: Callable[[str], Place], tmp_path: Path) -> None:
    there, file = place(kind), tmp_path / "dry"
    assert loaded(tmp_path, {**there.settings, "measurement": "m"})[0] == 0
    stored = sorted_points(there.points("m"))
    lines = 150 + 3 * ADAPTERS[kind].record_lines
    code, result = loaded(tmp_path / "again", {**there.settings, "measurement": "n"}, dry_run=file)
    assert (code, result["acked"], result["outputs"]["dry"]["rows"]) == (0, 0, 153)
    assert file.read_bytes().count(b"\n") == lines
    assert sorted_points(there.points("m")) == stored


@pytest.mark.parametrize("kind", KINDS)
def test_refused_points_are_named_and_kept_and_all_others_acknowledged(kind: str, tmp_path: Path) -> None:
    yhats = sorted(point["yhat"] for point in expected(HOSTS, 50))
    with ADAPTERS[kind].refusing(tmp_path, yhats[-3]) as settings:
        code, result = loaded(tmp_path, settings)
    assert (code, result["token"], result["expected"], result["acked"]) == (69, "E_PARTIAL", 150, 148)
    [name] = [name for name in result["outputs"] if name.startswith(DEAD_LETTERS)]
    [letters] = tmp_path.rglob(name)
    assert result["outputs"][name]["rows"] == 2
    assert all(repr(yhat) in letters.read_text() for yhat in yhats[-2:])
    assert repr(yhats[-3]) not in letters.read_text()
    assert name in result["message"]


def head(code: int, *headers: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {code} Words", *headers, "", ""]).encode()


FAULTS: dict[str, tuple[Behaviour, int]] = {
    "200 with a page": (status(200, "<html>hello</html>"), 76),
    "202": (status(202), 76),
    "redirect": (status(307, Location="http://127.0.0.1:1/"), 76),
    "garbage": (raw(b"garbage\r\n\r\n"), 76),
    "401": (status(401), 77),
    "403": (status(403), 77),
    "404": (status(404, "not found"), 69),
    "405": (status(405), 69),
    "408": (status(408), 75),
    "413": (status(413), 69),
    "429": (status(429), 75),
    "500": (status(500, "panic"), 75),
    "503": (status(503), 75),
    "reset": (reset, 75),
    "closed": (hang_up, 75),
    "silent": (silent, 75),
    "headers that never end": (endless(b"X: y\r\n", b"HTTP/1.1 500 Words\r\n"), 76),
    "an error that is cut": (raw(head(500, "Content-Length: 100") + b"x"), 75),
    "an error without end": (endless(b"x" * 1000, head(500, "Content-Length: 100000000000")), 75),
}


@pytest.mark.parametrize(("behaviour", "code"), FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("kind", HTTP_KINDS)
def test_a_fault_of_the_server_has_its_exit_code(kind: str, behaviour: Behaviour, code: int, tmp_path: Path) -> None:
    with LyingServer([behaviour]) as server:
        found, result = loaded(tmp_path, ADAPTERS[kind].settings(server.url), HOSTS[:1], 2)
    assert (found, result["status"], result["expected"], result["acked"]) == (code, "failed", 2, 0), result["message"]
    assert not list(tmp_path.rglob("loaded.json"))


@pytest.mark.parametrize("kind", HTTP_KINDS)
@pytest.mark.parametrize("fault", [status(401), status(404), reset], ids=["401", "404", "reset"])
def test_counts_are_right_after_an_error_in_the_middle(kind: str, fault: Behaviour, tmp_path: Path) -> None:
    ok = ADAPTERS[kind].ok
    assert ok
    with LyingServer([ok, ok, fault]) as server:
        code, result = loaded(tmp_path, ADAPTERS[kind].settings(server.url), rows=400)
        acknowledged = sum(request.body.count(b"\n") for request in server.seen[:2])
    assert code
    assert (result["expected"], result["acked"]) == (1200, acknowledged)
    assert 0 < acknowledged < 1200
    assert not list(tmp_path.rglob("loaded.json"))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in HTTP_KINDS])
def test_a_place_that_fails_is_no_success(kind: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    code, result = loaded(tmp_path, ADAPTERS[kind].settings(str(tmp_path / "file" / "below")))
    assert (code, result["status"], result["acked"]) == (74, "failed", 0)
