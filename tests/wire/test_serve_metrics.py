"""`cronocast serve` as a process: what it answers, how it ends, and a real Prometheus that scrapes it."""

import gzip
import json
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from demo.influxd import free_port
from tests.report_runs import HOUR, Sample
from tests.served import NO_PROMETHEUS, add_run, await_answer, prometheus, promtool, server, this_hour

pytestmark = pytest.mark.slow


def samples(text: str) -> dict[str, float]:
    """Values by name and labels."""
    return {
        f"{line.name}{dict(sorted(line.labels.items()))}": line.value
        for family in text_string_to_metric_families(text)
        for line in family.samples
    }


@pytest.fixture(scope="module")
def volume(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("volume")
    hosts = [Sample("host=a,instance=node-1", float), Sample("host=b,job=api", float)]
    add_run(root, "web", this_hour(), hosts, horizon=48)
    return root


@pytest.fixture(scope="module")
def served(volume: Path) -> Iterator[str]:
    with server("--root", str(volume), "--refresh", "1s", "--train-prometheus", "web") as url:
        yield url


@pytest.fixture(scope="module")
def scraped(served: str) -> str:
    requests.get(f"{served}/metrics", timeout=10)
    requests.get(f"{served}/nothing/here", timeout=10)
    return requests.get(f"{served}/metrics", timeout=10).text


def test_forecasts_and_the_server_itself_are_on_one_page(scraped: str) -> None:
    found = samples(scraped)
    assert len([name for name in found if name.startswith("cronocast_forecast{")]) == 2 * 3 * 3
    assert found["cronocast_serve_requests_total{'code': '200', 'method': 'GET', 'route': '/metrics'}"] >= 1
    assert found["cronocast_serve_requests_total{'code': '404', 'method': 'GET', 'route': 'other'}"] == 1
    assert found["cronocast_serve_series{}"] == 1
    assert found["cronocast_serve_unreadable_files{}"] == 0
    assert abs(found["cronocast_serve_refresh_timestamp_seconds{}"] - time.time()) < 60
    assert {"process_resident_memory_bytes{}", "process_start_time_seconds{}"} <= found.keys()


@pytest.mark.parametrize("accepted", ["identity", "gzip", "gzip, deflate, br"])
def test_the_page_is_packed_for_who_can_unpack_it(served: str, accepted: str) -> None:
    answer = requests.get(f"{served}/metrics", headers={"Accept-Encoding": accepted}, stream=True, timeout=10)
    body = answer.raw.read(decode_content=False)
    packed = "gzip" in accepted
    assert answer.headers.get("Content-Encoding") == ("gzip" if packed else None)
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "cronocast_forecast{" in (gzip.decompress(body) if packed else body).decode()


def test_promtool_finds_nothing_but_the_label_that_people_asked_for(scraped: str) -> None:
    program = promtool()
    if program is None:
        pytest.skip(NO_PROMETHEUS)
    done = subprocess.run([program, "check", "metrics"], input=scraped, capture_output=True, text=True, check=False)
    said = {line for line in (done.stdout + done.stderr).splitlines() if line.startswith(("cronocast", "predicted"))}
    # Forecasts are no summary, but what they are is quantiles.
    assert said == {'cronocast_forecast non-summary metrics should not have "quantile" label'}


def test_liveness_and_readiness(served: str) -> None:
    assert requests.get(f"{served}/healthz", timeout=10).json() == {"status": "ok"}
    ready = requests.get(f"{served}/readyz", timeout=10).json()
    assert (ready["status"], ready["series"]) == ("ok", 1)


@pytest.mark.parametrize(("method", "path", "code"), [("POST", "/metrics", 405), ("GET", "/docs", 404)])
def test_there_is_nothing_else(served: str, method: str, path: str, code: int) -> None:
    assert requests.request(method, f"{served}{path}", timeout=10).status_code == code


def test_without_a_volume_it_lives_and_is_not_ready_until_there_is_one(tmp_path: Path) -> None:
    root, port = tmp_path / "later", free_port()
    command = [sys.executable, "-m", "cronocast", "serve", "--root", str(root), "--refresh", "1s", "--listen"]
    with subprocess.Popen([*command, f"127.0.0.1:{port}"], stderr=subprocess.PIPE, text=True) as process:
        url = f"http://127.0.0.1:{port}"
        await_answer(f"{url}/healthz", process)
        answer = requests.get(f"{url}/readyz", timeout=10)
        assert (answer.status_code, "name the root of the volume" in answer.json()["reason"]) == (503, True)
        add_run(root, "web", this_hour(), [Sample("host=a", float)])
        await_answer(f"{url}/readyz", process)
        process.terminate()
        assert process.wait(10) == 143


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--leads", "1h,soon"], "E_CONFIG_DURATION --leads"),
        (["--refresh", "0s"], "E_CONFIG_DURATION --refresh"),
        (["--listen", "9108"], "E_LISTEN --listen"),
        (["--listen", "192.0.2.1:9108"], "E_LISTEN --listen"),
    ],
)
def test_wrong_settings_are_named(command: Callable[..., tuple[int, str, str]], words: list[str], said: str) -> None:
    code, _, err = command("serve", *words)
    assert (code, said in err) == (78, True), err


def test_a_port_that_is_taken_is_named(command: Callable[..., tuple[int, str, str]]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        code, _, err = command("serve", "--listen", f"127.0.0.1:{other.getsockname()[1]}")
    assert code == 78
    assert "Address already in use; name an address of this machine and a free port" in err


def test_a_hundred_thousand_samples_take_less_than_a_third_of_a_second_and_no_more_memory(tmp_path: Path) -> None:
    hosts = [Sample(f"host=node-{i:04d}", float) for i in range(1100)]
    for i in range(10):
        add_run(tmp_path, f"series-{i}", this_hour(), hosts, horizon=26)
    took, sizes = [], []
    with server("--root", str(tmp_path), "--refresh", "1s") as url:
        session = requests.Session()
        for _ in range(30):
            begin = time.perf_counter()
            body = session.get(f"{url}/metrics", headers={"Accept-Encoding": "gzip"}, stream=True, timeout=30)
            packed = body.raw.read(decode_content=False)
            took.append(time.perf_counter() - begin)
            sizes.append(float(gzip.decompress(packed).rpartition(b"\nprocess_resident_memory_bytes ")[2].split()[0]))
        count = gzip.decompress(packed).count(b"\ncronocast_forecast{")
    assert count >= 99_000
    assert statistics.median(took) < 0.3
    assert sizes[29] < 1.1 * sizes[9]


def asked(url: str, query: str) -> list[tuple[dict[str, str], float]]:
    answer = requests.get(f"{url}/api/v1/query", params={"query": query}, timeout=10).json()
    return [(row["metric"], float(row["value"][1])) for row in answer["data"]["result"]]


@pytest.mark.parametrize("honoured", [True, False])
def test_a_real_prometheus_scrapes_it(served: str, tmp_path: Path, honoured: bool) -> None:
    program = prometheus()
    if program is None:
        pytest.skip(NO_PROMETHEUS)
    job = {"job_name": "cronocast", "scrape_interval": "1s", "honor_labels": honoured}
    job |= {"static_configs": [{"targets": [served.removeprefix("http://")]}]}
    (tmp_path / "prometheus.yml").write_text(json.dumps({"scrape_configs": [job]}))
    url = f"http://127.0.0.1:{free_port()}"
    words = [f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/data"]
    words.append(f"--web.listen-address={url.removeprefix('http://')}")
    with subprocess.Popen([program, *words], stderr=subprocess.DEVNULL) as process:
        try:
            await_answer(f"{url}/-/ready")
            query = 'cronocast_forecast{horizon="now",quantile="0.5",host="a"}'
            until = time.monotonic() + 30
            while not (found := asked(url, query)) and time.monotonic() < until:
                time.sleep(0.3)
            ((labels, value),) = found
            hours = (time.time_ns() - this_hour()) // HOUR
            assert value == hours
            kept = "node-1" if honoured else served.removeprefix("http://")
            assert (labels["instance"], labels["measurement"], labels["series"]) == (kept, "requests", "web")
            assert labels.get("exported_instance", "node-1") == "node-1"
            assert asked(url, "up")[0][1] == 1
            ((_, past),) = asked(url, "time() - cronocast_run_timestamp_seconds")
            assert 0 <= past < 2 * 3600
        finally:
            process.terminate()
            process.wait(20)
