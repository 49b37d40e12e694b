"""Series over HTTP with the real server: what each may do, and a request that becomes a forecast in a real InfluxDB."""

import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import requests

from cronocast.document.entry import MAX_ENTRY_BYTES
from cronocast.serve.api_schema import ENTRY_EXAMPLE, QUEUE_EXAMPLE
from demo.influxd import Influxd
from tests.report_runs import HOUR
from tests.served import server

pytestmark = pytest.mark.slow

TOKENS = {"ada": ("read,write", "of-ada"), "bob": ("read", "of-bob"), "eve": ("write", "of-eve")}
PROBLEM = "application/problem+json"


class Client:
    """Asks one server with one token."""

    def __init__(self, url: str, token: str = "of-ada") -> None:
        self._url, self._headers = url, {"Authorization": f"Bearer {token}"} if token else {}

    def __call__(self, method: str, path: str, document: Any = None, **more: Any) -> requests.Response:
        headers = {**self._headers, **more.pop("headers", {})}
        return requests.request(method, f"{self._url}{path}", json=document, headers=headers, timeout=30, **more)


def words(folder: Path, **more: str) -> list[str]:
    """Options of a server with tokens of everybody."""
    lines = [f"{n} {s} sha256:{hashlib.sha256(t.encode()).hexdigest()}\n" for n, (s, t) in TOKENS.items()]
    (folder / "tokens").write_text("".join(lines))
    own = {"root": str(folder / "data"), "entries": str(folder / "entries"), "tokens-file": str(folder / "tokens")}
    (folder / "data").mkdir(exist_ok=True)
    return [word for name, value in {**own, **more}.items() for word in (f"--{name}", value)]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with server(*words(tmp_path_factory.mktemp("api"), **{"requests-per-minute": "100000"})) as address:
        yield address


@pytest.fixture
def ask(url: str) -> Iterator[Client]:
    client = Client(url)
    yield client
    for one in client("GET", "/series").json()["series"]:
        client("DELETE", f"/series/{one['name']}")


def test_a_series_is_put_read_replaced_and_removed(ask: Client) -> None:
    made = ask("POST", "/series", ENTRY_EXAMPLE)
    assert (made.status_code, made.headers["Location"]) == (201, "/series/disk")
    assert made.json()["document"] == ENTRY_EXAMPLE
    assert made.json()["by"] == "ada"
    assert made.json()["next_run"] > made.json()["at"][:16]
    assert ask("GET", "/series/disk").json() == made.json()
    again = ask("POST", "/series", ENTRY_EXAMPLE)
    assert (again.status_code, again.headers["Content-Type"]) == (409, PROBLEM)
    changed = ask("PUT", "/series/disk", {**ENTRY_EXAMPLE, "suspend": True})
    assert (changed.status_code, changed.json()["next_run"]) == (200, None)
    assert ask("PUT", "/series/cpu", {**ENTRY_EXAMPLE, "name": "cpu"}).status_code == 201
    assert [one["name"] for one in ask("GET", "/series").json()["series"]] == ["cpu", "disk"]
    assert ask("DELETE", "/series/cpu").status_code == 204
    assert ask("DELETE", "/series/cpu").status_code == ask("GET", "/series/cpu").status_code == 404


@pytest.mark.parametrize(
    ("token", "method", "path", "code"),
    [
        ("", "GET", "/series", 401),
        ("wrong", "GET", "/series", 401),
        ("", "POST", "/series", 401),
        ("of-bob", "GET", "/series", 200),
        ("of-bob", "GET", "/runs", 200),
        ("of-bob", "POST", "/series", 403),
        ("of-bob", "DELETE", "/series/disk", 403),
        ("of-bob", "POST", "/series/disk/runs", 403),
        ("of-eve", "GET", "/series", 403),
        ("of-eve", "DELETE", "/series/none", 404),
        ("", "GET", "/metrics", 200),
        ("", "GET", "/openapi.json", 200),
        ("", "GET", "/nothing", 404),
        ("of-ada", "PATCH", "/series", 405),
    ],
)
def test_each_token_may_do_what_its_scopes_say(url: str, token: str, method: str, path: str, code: int) -> None:
    answer = Client(url, token)(method, path, {} if method == "POST" else None)
    assert answer.status_code == code
    if code >= 400:
        assert answer.headers["Content-Type"] == PROBLEM
        assert answer.json()["status"] == code
    if code == 401:
        assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("body", "headers", "code", "tokens"),
    [
        (b"{", {}, 422, ["E_CONFIG_JSON"]),
        (b"[]", {}, 422, ["E_CONFIG_TYPE"]),
        (b'{"name": "a", "name": "b"}', {}, 422, ["E_CONFIG_JSON"]),
        (b"\xff\xfe", {}, 422, ["E_CONFIG_JSON"]),
        (b"{}", {"Content-Type": "text/plain"}, 415, []),
        (b" " * (MAX_ENTRY_BYTES + 1), {}, 413, []),
        (b'{"name": "a", "source": {"url": "http://h"}}', {}, 422, ["E_CONFIG_MISSING"] * 3),
    ],
)
def test_bodies_that_are_no_documents(
    url: str, body: bytes, headers: Mapping[str, str], code: int, tokens: list[str]
) -> None:
    answer = Client(url)("POST", "/series", data=body, headers={"Content-Type": "application/json", **headers})
    assert answer.status_code == code
    assert [one["token"] for one in answer.json()["errors"]] == tokens


def test_every_problem_comes_at_once_with_its_pointer(ask: Client) -> None:
    wrong = {"name": "disk", "source": {"url": "http://169.254.169.254", "database": "d"}, "every": 5, "horizn": "1h"}
    answer = ask("POST", "/series", wrong).json()
    assert {one["pointer"] for one in answer["errors"]} >= {"#/source/url", "#/every", "#/horizn"}
    assert all(one["detail"] for one in answer["errors"])


def test_every_request_is_kept_with_its_outcome(ask: Client, url: str) -> None:
    ask("POST", "/series", {"name": "disk", "source": {"password": "hunter2"}})
    ask("POST", "/series", ENTRY_EXAMPLE)
    Client(url, "of-eve")("DELETE", "/series/disk")
    kept = ask("GET", "/requests?limit=3").json()["requests"]
    assert [(one["by"], one["method"], one["path"], one["status"]) for one in kept] == [
        ("eve", "DELETE", "/series/disk", 204),
        ("ada", "POST", "/series", 201),
        ("ada", "POST", "/series", 422),
    ]
    assert "E_SECRET_INLINE" in kept[2]["tokens"]
    assert "hunter2" not in ask("GET", "/requests?limit=500").text


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "limit=501"])
def test_wrong_parameters_are_named(ask: Client, query: str) -> None:
    answer = ask("GET", f"/runs?{query}")
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "#/limit")


def test_who_asks_too_often_is_told_when_to_come_again(tmp_path: Path) -> None:
    with server(*words(tmp_path, **{"requests-per-minute": "5"})) as url:
        codes = [Client(url)("GET", "/series").status_code for _ in range(7)]
        assert codes == [200] * 5 + [429] * 2
        assert Client(url, "of-bob")("GET", "/series").status_code == 200
        late = Client(url)("GET", "/series")
        assert 1 <= int(late.headers["Retry-After"]) <= 12
        assert {Client(url, "guess")("GET", "/series").status_code for _ in range(40)} == {401, 429}
        assert Client(url, "")("GET", "/metrics").status_code == 200


def test_the_api_is_not_there_unless_it_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with server("--root", str(tmp_path / "data")) as url:
        assert Client(url)("GET", "/series").status_code == Client(url)("GET", "/openapi.json").status_code == 404


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--entries", "e"], "E_CONFIG_MISSING --tokens-file"),
        (["--entries", "e", "--tokens-file", "none"], "E_TOKENS none"),
        (["--secrets", "/secrets"], "E_CONFIG_MISSING --allowed-hosts"),
    ],
)
def test_it_does_not_start_half_guarded(command: Any, options: list[str], said: str) -> None:
    code, _, err = command("serve", *options)
    assert (code, said in err) == (78, True), err


@pytest.mark.parametrize(
    ("module", "options"),
    [("fastapi", []), ("prometheus_client", []), ("yaml", ["--entries", "e", "--tokens-file", "t"])],
)
def test_what_is_not_installed_is_named_with_its_extra(module: str, options: list[str]) -> None:
    code = f"import sys; sys.modules[{module!r}] = None; sys.argv[1:] = ['serve', *{options!r}]\n"
    code += "from cronocast.commands.application import main; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, "E_MISSING_EXTRA serve" in done.stderr) == (78, True), done.stderr
    assert f"'{module}' is not installed; pip install 'cronocast[run,serve]'" in done.stderr


def test_openapi_describes_every_route_and_what_it_answers(url: str) -> None:
    document = requests.get(f"{url}/openapi.json", timeout=10).json()
    routes = {(method, path) for path, item in document["paths"].items() for method in item}
    assert routes == {
        ("get", "/metrics"), ("get", "/healthz"), ("get", "/readyz"), ("get", "/series"), ("post", "/series"),
        ("get", "/series/{name}"), ("put", "/series/{name}"), ("delete", "/series/{name}"),
        ("post", "/series/{name}/runs"), ("get", "/runs"), ("get", "/requests"),
    }  # fmt: skip
    for path, item in document["paths"].items():
        for operation in item.values():
            assert operation["summary"]
            guarded = path not in ("/metrics", "/healthz", "/readyz")
            assert ("security" in operation) == ({"401", "403", "429"} <= operation["responses"].keys()) == guarded
    examples = document["paths"]["/series"]["post"]["requestBody"]["content"]["application/json"]["examples"]
    assert [example["value"] for example in examples.values()] == [ENTRY_EXAMPLE, QUEUE_EXAMPLE]


HOURS = 24 * 14


def test_the_request_of_a_queue_forecast_becomes_a_forecast(influxd: Influxd, database: str, tmp_path: Path) -> None:
    hour = time.time_ns() // HOUR
    lines = (f"queue_usage,queue=root memory_mb={100 + (hour - i) % 24} {(hour - i) * HOUR}" for i in range(1, HOURS))
    influxd.write(lines, database)
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    for user in (influxd.reader, influxd.writer):
        (secrets / user.name).write_text(user.password)
        (secrets / user.name).chmod(0o400)
    defaults = {
        part: {"url": influxd.url, "auth": "basic", "username": user.name, "password_file": str(secrets / user.name)}
        for part, user in (("source", influxd.reader), ("sink", influxd.writer))
    }
    (tmp_path / "defaults.yaml").write_text(json.dumps({"defaults": defaults}))
    asked = json.loads(json.dumps(QUEUE_EXAMPLE))
    asked["data"]["source"]["document"] = asked["data"]["destination"]["database"] = database
    asked["model"] = "seasonal_naive"
    more = {"defaults": str(tmp_path / "defaults.yaml"), "allowed-hosts": "127.0.0.1", "refresh": "1s"}
    with server(*words(tmp_path, **more)) as url:
        ask = Client(url)
        made = ask("POST", "/series", asked)
        assert made.status_code == 201, made.text
        assert made.json()["asked_by"]["user_name"] == "ada"
        started = ask("POST", "/series/yarn-root-queue/runs")
        assert started.status_code == 202
        until = time.monotonic() + 90
        run: dict[str, Any] = {}
        while time.monotonic() < until and run.get("status") in (None, "running", "unfinished"):
            found = ask("GET", "/runs?series=yarn-root-queue").json()["runs"]
            run = found[0] if found else {}
            time.sleep(0.3)
        assert (run["status"], run["members"], run["run"]) == ("ok", 1, started.json()["run"]), run
        assert ask("POST", "/series/yarn-root-queue/runs", {"run": "2999-01-01T00:00:00Z"}).status_code == 422
        assert ask("POST", "/series/none/runs").status_code == 404
        while 'series="yarn-root-queue"' not in (page := requests.get(f"{url}/metrics", timeout=10).text):
            time.sleep(0.3)
            assert time.monotonic() < until
        assert 'cronocast_forecast{series="yarn-root-queue",measurement="queue_usage",horizon="now"' in page
        kept = ask("GET", "/requests").json()["requests"]
        assert kept[-1]["asked_by"] == {"user_name": "ada", "project": "capacity", "owner": "platform"}
    (found,) = influxd.query('SELECT count("yhat") FROM "queue_usage_forecast"', database)
    assert found["count"] == 72


# A document that is too large is refused before anybody looks at what it says.
SCHEMATHESIS = """
[checks.negative_data_rejection]
expected-statuses = [400, 401, 403, 404, 405, 409, 413, 415, 422, 429]
"""
# What a schema allows may still contradict itself, such as a horizon that is no multiple of the step.
BEYOND_A_SCHEMA = ["--exclude-checks", "positive_data_acceptance"]


def test_schemathesis_finds_no_answer_that_the_document_does_not_describe(url: str, tmp_path: Path) -> None:
    (tmp_path / "schemathesis.toml").write_text(SCHEMATHESIS)
    program, token = str(Path(sys.executable).parent / "st"), "Authorization: Bearer of-ada"
    command = [program, "run", f"{url}/openapi.json", "-H", token, "--generation-deterministic", "--no-color"]
    # The phase called coverage tries every bound of every setting of an entry: 3,000 requests, three minutes.
    phases = ["--phases", "examples,fuzzing,stateful", "--max-examples", "20"]
    more = ["--checks", "all", *BEYOND_A_SCHEMA, *phases]
    done = subprocess.run([*command, *more], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert "Tested: 11" in done.stdout
