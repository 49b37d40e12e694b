"""load into a real VictoriaMetrics: what a range query returns is the newest run, whatever was written before."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cronocast.chain.run_records import recorded_runs
from tests.load_run import EVERY_NS, RUN_NS, Tags, load, make_job, publish
from tests.victoriametrics import VictoriaMetrics, victoriametrics

HOUR_NS = 3600 * 10**9
ONE: list[Tags] = [{"host": "a", "region": "eu"}]


@pytest.fixture
def server() -> VictoriaMetrics:
    found = victoriametrics()
    found.clear()
    return found


def curve(first_ns: int, rows: int, value: float) -> str:
    lines = [f"cpu,host=a\\,region=eu,{first_ns + i * EVERY_NS},{value},{value - 1},{value + 1}" for i in range(rows)]
    return "\n".join(lines).replace("host=a\\,region=eu", '"host=a,region=eu"')


def returned(server: VictoriaMetrics, metric: str, first_ns: int, last_ns: int) -> list[float]:
    """What a plain range query gives for each step."""
    server.get("/internal/force_flush")
    start, end = (str(time // 10**9) for time in (first_ns, last_ns))
    answer = server.get("/api/v1/query_range", query=metric, start=start, end=end, step="300s", nocache="1")
    [one] = json.loads(answer)["data"]["result"]
    return [float(value) for _, value in one["values"]]


def written(folder: Path, url: str, run_ns: int, value: float, rows: int = 48, **sink: Any) -> tuple[int, Any]:
    job = make_job(folder, url, run_ns=run_ns, kind="victoriametrics", measurement="m", **{"url": url, **sink})
    header = "name,tags,time,yhat,yhat_lower,yhat_upper\n"
    publish(job, ONE, rows, header + curve(run_ns, rows, value) + "\n")
    return load(job)


@pytest.mark.parametrize("values", [(100.0, 7.0, 50.0), (7.0, 50.0, 100.0), (100.0, 50.0, -7.0)], ids=str)
@pytest.mark.parametrize("apart_ns", [HOUR_NS, EVERY_NS, 60 * 10**9], ids=["1h", "5m", "1m"])
def test_the_newest_of_three_runs_is_what_a_range_query_returns(
    server: VictoriaMetrics, tmp_path: Path, values: tuple[float, ...], apart_ns: int
) -> None:
    first = RUN_NS // EVERY_NS * EVERY_NS
    grid = [first + apart_ns * i // EVERY_NS * EVERY_NS for i in range(3)]
    for i, value in enumerate(values):
        run_ns = first + apart_ns * i
        job = make_job(tmp_path, server.url, run_ns=run_ns, kind="victoriametrics", measurement="m", url=server.url)
        header = "name,tags,time,yhat,yhat_lower,yhat_upper\n"
        publish(job, ONE, 48, header + curve(grid[i], 48, value) + "\n")
        code, result = load(job)
        assert (code, result["acked"]) == (0, 48), result["message"]
    assert returned(server, "m_yhat", grid[2], grid[2] + 47 * EVERY_NS) == [values[2]] * 48


@pytest.fixture
def short() -> Iterator[VictoriaMetrics]:
    made = VictoriaMetrics()
    yield made
    made.close()


def test_a_server_that_drops_the_future_is_no_success(
    short: VictoriaMetrics, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cronocast.sinks.victoriametrics.sink.VISIBLE_S", 6.0)
    run_ns = time.time_ns() // EVERY_NS * EVERY_NS
    code, result = written(tmp_path, short.url, run_ns, 5.0, rows=3 * 288)
    assert (code, result["token"], result["acked"]) == (75, "E_READ_BACK", 864)


def test_the_times_of_recorded_runs_are_told(server: VictoriaMetrics, tmp_path: Path) -> None:
    for i in range(3):
        assert written(tmp_path, server.url, RUN_NS + i * HOUR_NS, 5.0)[0] == 0
    server.get("/internal/force_flush")
    entry = make_job(tmp_path, server.url, kind="victoriametrics", measurement="m", url=server.url).entry
    assert recorded_runs(entry, RUN_NS, RUN_NS + HOUR_NS) == [RUN_NS, RUN_NS + HOUR_NS]
