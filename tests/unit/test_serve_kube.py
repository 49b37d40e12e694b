"""Entries on a cluster, against a server that answers as the API server does: what is made, kept and left alone."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from cronocast.errors import AccessError, ConfigError, CronocastError, RefusedError, TemporaryError
from cronocast.serve.cron_workflow import KEPT, MADE_BY, Skeleton
from cronocast.serve.kube import Kube, in_cluster
from cronocast.serve.on_cluster import CRONS, RUNS, Cluster, ClusterRunner
from cronocast.serve.policy import Policy
from cronocast.serve.shelf import Kept
from cronocast.serve.store import Store

CRON: dict[str, Any] = {
    "apiVersion": "argoproj.io/v1alpha1",
    "kind": "CronWorkflow",
    "metadata": {"name": "skeleton", "namespace": "space", "labels": {}, "annotations": {}},
    "spec": {
        "schedules": [],
        "workflowMetadata": {"labels": {}, "annotations": {}},
        "workflowSpec": {"arguments": {"parameters": [{"name": "series"}, {"name": "id"}, {"name": "retry-seconds"}]}},
    },
}
SKELETON = Skeleton(CRON, "rel", ("cpu",), 20)
NOON = 1_767_268_800 * 10**9


class Server:
    """Objects by kind and name, in pages of two, and statuses that it answers instead."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, dict[str, Any]]] = {CRONS: {}, RUNS: {}}
        self.faults: list[int] = []
        self.headers: list[dict[str, str]] = []
        self.asked: list[str] = []

    def answer(self, method: str, url: str, body: Any) -> tuple[int, Any]:
        path, query = urlsplit(url).path.split("/namespaces/space/")[1], parse_qs(urlsplit(url).query)
        kind, _, name = path.partition("/")
        self.asked.append(f"{method} {path}")
        if self.faults:
            return self.faults.pop(0), {"message": "as it was told"}
        known = self.objects[kind]
        if method == "GET" and not name:
            first = int(query.get("continue", ["0"])[0])
            found = [one for one in known.values() if fits(one, query["labelSelector"][0])]
            more = {"continue": str(first + 2)} if first + 2 < len(found) else {}
            return 200, {"items": found[first : first + 2], "metadata": more}
        if method == "POST":
            name = body["metadata"]["name"]
            if name in known:
                return 409, {}
        elif name not in known:
            return 404, {}
        if method == "PUT" and body["metadata"].get("resourceVersion") != known[name]["metadata"]["resourceVersion"]:
            return 409, {}
        if method in ("POST", "PUT"):
            known[name] = {**body, "metadata": {**body["metadata"], "resourceVersion": str(len(self.asked))}}
        return 200, known.pop(name) if method == "DELETE" else known[name]


def fits(one: dict[str, Any], selector: str) -> bool:
    labels = one["metadata"]["labels"]
    parts = [part.partition("=") for part in selector.split(",")]
    return all(
        labels.get(key.removesuffix("!")) == value if sign and "!" not in key else True for key, sign, value in parts
    )


@pytest.fixture
def server() -> Iterator[tuple[Server, Kube]]:
    made = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.headers.append(dict(self.headers))
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, document = made.answer(self.command, self.path, json.loads(body) if body else None)
            text = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 - names of the library

        def log_message(self, *_: object) -> None: ...

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=http.serve_forever, daemon=True).start()
    yield made, Kube(f"http://127.0.0.1:{http.server_port}", "space")
    http.shutdown()
    http.server_close()


def kept(name: str, **more: Any) -> Kept:
    source = {"url": "http://influxdb.example", "database": "d", "measurement": "m", "field": "f"}
    return Kept(name, {"name": name, "source": source, **more}, "ada", "2026-01-01T00:00:00Z")


def test_series_are_made_changed_listed_and_removed(server: tuple[Server, Kube]) -> None:
    made, kube = server
    cluster = Cluster(kube, SKELETON)
    for i in range(5):
        assert cluster.put(kept(f"s{i}"), kept(f"s{i}").document)
    changed = kept("s0", title="T")
    assert not cluster.put(changed, changed.document)
    assert [one.name for one in cluster.all([])] == ["s0", "s1", "s2", "s3", "s4"]
    assert cluster.get("s0") == changed
    assert cluster.remove("s0")
    assert not cluster.remove("s0")
    assert cluster.get("s0") is None
    assert len(made.objects[CRONS]) == 4


def test_what_was_not_put_here_is_never_touched(server: tuple[Server, Kube]) -> None:
    made, kube = server
    cluster = Cluster(kube, SKELETON)
    theirs = {**CRON, "metadata": {"name": "disk", "labels": {}, "resourceVersion": "1"}}
    made.objects[CRONS]["disk"] = theirs
    with pytest.raises(RefusedError, match="was not put here"):
        cluster.put(kept("disk"), kept("disk").document)
    assert cluster.get("disk") is None
    assert not cluster.remove("disk")
    assert cluster.all([]) == []
    assert made.objects[CRONS] == {"disk": theirs}


def test_an_entry_that_somebody_spoiled_is_told_and_hides_no_other(server: tuple[Server, Kube]) -> None:
    made, kube = server
    cluster = Cluster(kube, SKELETON)
    for name in ("a", "b"):
        cluster.put(kept(name), kept(name).document)
    made.objects[CRONS]["a"]["metadata"]["annotations"][KEPT] = "{"
    problems: list[str] = []
    assert [one.name for one in cluster.all(problems)] == ["b"]
    assert "cronworkflow" in problems[0]


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, AccessError), (403, AccessError), (409, TemporaryError), (500, TemporaryError), (422, RefusedError)],
)
def test_what_the_api_server_refuses_is_told_with_its_words(
    server: tuple[Server, Kube], status: int, kind: type[CronocastError]
) -> None:
    made, kube = server
    made.faults = [status]
    with pytest.raises(kind, match="as it was told"):
        kube.create(CRONS, kept("a").document)


def test_an_api_server_that_is_away_is_worth_another_try() -> None:
    with pytest.raises(TemporaryError, match="does not answer"):
        Kube("http://127.0.0.1:9", "space").get(CRONS, "a")


def test_the_token_is_read_anew_since_kubernetes_renews_it(server: tuple[Server, Kube], tmp_path: Path) -> None:
    made, kube = server
    token = tmp_path / "token"
    for text in ("one", "two\n"):
        token.write_text(text)
        Kube(kube.url, "space", token).get(CRONS, "a")
    assert [headers["Authorization"] for headers in made.headers] == ["Bearer one", "Bearer two"]


def test_outside_a_cluster_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(ConfigError, match="E_CLUSTER --cluster"):
        in_cluster("space")


def runner_of(kube: Kube, folder: Path, skeleton: Skeleton = SKELETON) -> tuple[Store, ClusterRunner]:
    cluster = Cluster(kube, skeleton)
    store = Store(folder, {}, Policy(), cluster)
    return store, ClusterRunner(store, cluster, kube, clock=lambda: NOON)


def test_a_run_is_started_unless_one_goes_on(server: tuple[Server, Kube], tmp_path: Path) -> None:
    made, kube = server
    store, runner = runner_of(kube, tmp_path)
    store.put(kept("disk"))
    assert runner.running() == {}
    assert runner.start(kept("disk"), NOON)
    assert not runner.start(kept("disk"), NOON + 60 * 10**9)
    assert runner.running() == {"disk": "2026-01-01T12:00:00Z"}
    assert not runner.start(kept("gone"), NOON)
    assert list(made.objects[RUNS]) == ["disk-1767268800"]
    runner.stop()


def test_an_upgrade_of_the_chart_reaches_what_was_put_before(server: tuple[Server, Kube], tmp_path: Path) -> None:
    made, kube = server
    store, _ = runner_of(kube, tmp_path)
    store.put(kept("disk"))
    newer = Skeleton({**CRON, "spec": {**CRON["spec"], "failedJobsHistoryLimit": 9}}, "rel", ("cpu",), 20)
    _, runner = runner_of(kube, tmp_path, newer)
    assert runner.renew() == ["disk"]
    assert made.objects[CRONS]["disk"]["spec"]["failedJobsHistoryLimit"] == 9
    assert MADE_BY.items() <= made.objects[CRONS]["disk"]["metadata"]["labels"].items()
    assert runner.renew() == []


def test_what_argo_has_suspended_stays_so_and_what_the_entry_had_does_not(
    server: tuple[Server, Kube], tmp_path: Path
) -> None:
    made, kube = server
    store, runner = runner_of(kube, tmp_path)
    store.put(kept("disk"))
    made.objects[CRONS]["disk"]["spec"]["suspend"] = True
    assert runner.renew() == []
    store.put(kept("disk", title="T"))
    assert made.objects[CRONS]["disk"]["spec"]["suspend"] is True
    store.put(kept("cpu", suspend=True))
    store.put(kept("cpu"))
    assert "suspend" not in made.objects[CRONS]["cpu"]["spec"]


@pytest.mark.parametrize(("more", "due"), [({}, True), ({"suspend": True}, False)])
def test_when_a_series_is_due(server: tuple[Server, Kube], tmp_path: Path, more: dict[str, Any], due: bool) -> None:
    _, runner = runner_of(server[1], tmp_path)
    found = runner.next_ns(kept("disk", **more))
    assert (found is not None and 0 < found - NOON <= 3600 * 10**9) is due
