"""Commands against the cluster that KUBECONFIG names, and a namespace with a real InfluxDB in it."""

import json
import math
import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import requests

HERE = Path(__file__).parent
CHART = HERE.parents[1] / "helm" / "cronocast"
TOOLS = ("kubectl", "helm", "argo")
HOUR_NS = 3600 * 10**9
T = TypeVar("T")


def missing() -> str:
    """What stands in the way of these tests, or ""."""
    absent = [tool for tool in TOOLS if not shutil.which(tool)]
    if absent:
        return f"not on PATH: {', '.join(absent)}"
    if "KUBECONFIG" not in os.environ:
        return "KUBECONFIG names no cluster"
    answer = subprocess.run(["kubectl", "get", "crd", "cronworkflows.argoproj.io"], capture_output=True, text=True, check=False)
    return "" if answer.returncode == 0 else f"no cluster with Argo Workflows answers: {answer.stderr.strip()[:300]}"


def run(*command: str, stdin: str | None = None, check: bool = True, env: dict[str, str] | None = None) -> str:
    """Run a command and return its output; a failure shows what it said."""
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, env={**os.environ, **(env or {})})
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return done.stdout


def until(what: str, look: Callable[[], T | None], seconds: float = 180, every: float = 1.0) -> T:
    """Wait until something is found; name it, and what was seen last, if it never comes."""
    end = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {seconds:g} s; last seen {found!r}")
        time.sleep(every)


@dataclass
class Space:
    """One namespace with the restricted profile, an InfluxDB with users, and their Secrets."""

    name: str
    admin: str
    passwords: dict[str, str] = field(default_factory=dict)
    url: str = ""

    def kubectl(self, *arguments: str, stdin: str | None = None, check: bool = True) -> str:
        """Run kubectl in this namespace."""
        return run("kubectl", "-n", self.name, *arguments, stdin=stdin, check=check)

    def objects(self, kind: str, *arguments: str) -> list[dict[str, Any]]:
        """List objects."""
        return json.loads(self.kubectl("get", kind, "-o", "json", *arguments))["items"]

    def secret(self, name: str, **values: str) -> None:
        """Make a Secret anew."""
        self.kubectl("delete", "secret", name, "--ignore-not-found")
        self.kubectl("apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": values}))

    def influx(self, query: str, db: str = "") -> list[dict[str, Any]]:
        """Ask the database as its admin; the first statement's series."""
        answer = requests.post(f"{self.url}/query", params={"db": db, "epoch": "ns"}, data={"q": query}, auth=("admin", self.admin), timeout=20)
        answer.raise_for_status()
        result = answer.json()["results"][0]
        assert "error" not in result, result
        return result.get("series", [])

    def write(self, lines: list[str], db: str = "metrics") -> None:
        """Write points as the admin."""
        answer = requests.post(f"{self.url}/write", params={"db": db}, data="\n".join(lines).encode(), auth=("admin", self.admin), timeout=60)
        assert answer.status_code == 204, answer.text

    def count(self, measurement: str, where: str = "") -> dict[str, int]:
        """Forecast points per field."""
        found = self.influx(f'SELECT count(*) FROM "{measurement}" {where}', "forecasts")
        return {name.removeprefix("count_"): value for name, value in zip(found[0]["columns"][1:], found[0]["values"][0][1:], strict=True)} if found else {}

    def helm(self, values: dict[str, Any], *arguments: str) -> None:
        """Install or upgrade the release `c`."""
        run("helm", "upgrade", "--install", "c", str(CHART), "-n", self.name, "-f", "-", *arguments, stdin=json.dumps(values))

    def workflows(self, series: str) -> list[dict[str, Any]]:
        """Runs of a series as the Argo server's API lists them, newest first, as the UI does."""
        selector = f"workflows.argoproj.io/cron-workflow={series}"
        listed = json.loads(argo_api(f"/api/v1/workflows/{self.name}?listOptions.labelSelector={selector}")).get("items") or []
        return sorted(listed, key=lambda w: w["metadata"]["creationTimestamp"], reverse=True)

    def finished(self, series: str, seconds: float = 240, newer_than: frozenset[str] = frozenset()) -> dict[str, Any]:
        """Wait for the end of a run of a series."""

        def look() -> dict[str, Any] | None:
            return next((w for w in self.workflows(series) if w["metadata"]["name"] not in newer_than and w["status"].get("phase") in ("Succeeded", "Failed", "Error")), None)

        return until(f"a finished run of {series}", look, seconds)

    def submit(self, series: str, *arguments: str) -> str:
        """`argo submit --from cronwf/NAME`; returns the workflow's name."""
        return run("argo", "submit", "-n", self.name, "--from", f"cronwf/{series}", "-o", "name", *arguments).strip()

    def ended(self, workflow: str, seconds: float = 240) -> dict[str, Any]:
        """Wait for the end of one workflow."""

        def look() -> dict[str, Any] | None:
            found = json.loads(self.kubectl("get", "workflow", workflow, "-o", "json"))
            return found if found.get("status", {}).get("phase") in ("Succeeded", "Failed", "Error") else None

        return until(f"the end of {workflow}", look, seconds)


def argo_api(path: str) -> str:
    """Ask the Argo server through the API server's proxy, which needs no port of its own."""
    service = os.environ.get("ARGO_SERVICE", "argo/services/argo-server:2746")
    namespace, _, rest = service.partition("/")
    return run("kubectl", "get", "--raw", f"/api/v1/namespaces/{namespace}/{rest}/proxy{path}")


def nodes(workflow: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """Nodes of a workflow by the name a person reads, such as extract or load(1)."""
    found = [n for n in workflow["status"].get("nodes", {}).values() if n["displayName"] == name or n["displayName"].startswith(f"{name}(")]
    return sorted(found, key=lambda n: n.get("startedAt") or "")


@contextmanager
def space(prefix: str) -> Iterator[Space]:
    """Make a namespace, start InfluxDB in it, and remove all of it afterwards."""
    made = Space(f"{prefix}-{secrets.token_hex(3)}", secrets.token_hex(12))
    run("kubectl", "create", "namespace", made.name)
    run("kubectl", "label", "namespace", made.name, "pod-security.kubernetes.io/enforce=restricted")
    forward = None
    try:
        made.kubectl("apply", "-f", str(HERE / "influxdb.yaml"))
        made.kubectl("rollout", "status", "deployment/influxdb", "--timeout=120s")
        forward = port_forward(made)
        set_up(made)
        yield made
    finally:
        if forward:
            forward.terminate()
            forward.wait()
        if os.environ.get("KEEP") != "1":
            run("kubectl", "delete", "namespace", made.name, "--wait=false")


def port_forward(made: Space) -> "subprocess.Popen[str]":
    """Reach the database from here; it ends with the pod, so call it again after a restart."""
    child = subprocess.Popen(["kubectl", "-n", made.name, "port-forward", "svc/influxdb", ":8086"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    line = child.stdout.readline() if child.stdout else ""
    made.url = f"http://127.0.0.1:{line.rsplit(' -> ')[0].rsplit(':', 1)[1]}"
    return child


def set_up(made: Space) -> None:
    """Users, databases, Secrets."""
    requests.post(f"{made.url}/query", data={"q": f"CREATE USER admin WITH PASSWORD '{made.admin}' WITH ALL PRIVILEGES"}, timeout=20).raise_for_status()
    for user, right, database in (("reader", "READ", "metrics"), ("writer", "WRITE", "forecasts")):
        made.passwords[user] = secrets.token_hex(12)
        for query in (f"CREATE DATABASE {database}", f"CREATE USER {user} WITH PASSWORD '{made.passwords[user]}'", f"GRANT {right} ON {database} TO {user}"):
            made.influx(query)
        made.secret(f"influxdb-{user}", password=made.passwords[user])


def hourly(measurement: str, tags: str, value: Callable[[int], float], weeks: float = 3) -> list[str]:
    """Lines of an hourly series that ends now; value(i) for the i-th hour."""
    count, end = int(weeks * 168), time.time_ns() // HOUR_NS
    return [f"{measurement}{tags} value={value(i)!r} {(end - count + i) * HOUR_NS}" for i in range(count)]


def daily(amplitude: float) -> Callable[[int], float]:
    """A day's wave on a level, with a little that is not regular."""
    return lambda i: 50 + amplitude * math.sin(2 * math.pi * i / 24) + ((i * 7919) % 13) / 10


def values(series: dict[str, Any], **chart: Any) -> dict[str, Any]:
    """Values as a user writes them: the images under test, the two Secrets, the database in the same namespace."""
    source = {"url": "http://influxdb:8086", "auth": "basic", "username": "reader", "password_file": "/secrets/source/password", "database": "metrics", "field": "value"}
    return {
        "image": {"registry": os.environ.get("REGISTRY", "localhost/cronocast"), "tag": os.environ.get("TAG", ""), "pullPolicy": "IfNotPresent"},
        "secrets": {"source": "influxdb-reader", "sink": "influxdb-writer"},
        "volume": {"size": "1Gi"},
        "defaults": {
            "source": source,
            "sink": {"username": "writer", "password_file": "/secrets/sink/password", "database": "forecasts"},
            "lookback": "2w",
            "horizon": "24h",
            "schedules": ["0 0 1 1 *"],  # not by itself, unless a test says otherwise
        },
        "series": series,
        **chart,
    }
