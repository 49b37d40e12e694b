"""The namespace that all tests share.

The restricted profile enforced, two real InfluxDBs with users, their Secrets, one claim for data.
"""

import json
import os
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import requests

from tests.e2e.cluster import ENDED, Workflow, argo_api, run, until

HERE = Path(__file__).parent
CHART = HERE.parents[1] / "helm" / "cronocast"
IMAGE = os.environ.get("INFLUXDB_IMAGE", "localhost/influxdb:1.6")
# One database for most tests, and one that a test may stop.
DATABASES = ("influxdb", "influxdb-away")


@dataclass
class Database:
    """One InfluxDB as its admin sees it."""

    url: str
    password: str

    def query(self, text: str, db: str = "") -> list[dict[str, Any]]:
        """Ask; the first statement's series."""
        answer = requests.post(
            f"{self.url}/query",
            params={"db": db, "epoch": "s"},
            data={"q": text},
            auth=("admin", self.password),
            timeout=60,
        )
        answer.raise_for_status()
        result = answer.json()["results"][0]
        assert "error" not in result, result
        found: list[dict[str, Any]] = result.get("series", [])
        return found

    def rows(self, text: str) -> list[dict[str, Any]]:
        """Answer of a query of the forecasts as one mapping per row, tags among the columns."""
        return [
            {**part.get("tags", {}), **dict(zip(part["columns"], row, strict=True))}
            for part in self.query(text, "forecasts")
            for row in part["values"]
        ]

    def points(self, series: str) -> dict[tuple[str, int], dict[str, Any]]:
        """(host, seconds) -> the forecast there; host is "" for a series without members."""
        rows = self.rows(f'SELECT yhat, yhat_lower, yhat_upper, run FROM "{series}_forecast" GROUP BY host')
        return {(row.pop("host", ""), row.pop("time")): row for row in rows}

    def records(self, series: str, where: str = "") -> list[dict[str, Any]]:
        """Records of the runs of a series, of members and of whole runs."""
        return self.rows(f'SELECT * FROM "{series}_forecast_runs" {where}')

    def write(self, lines: list[str]) -> None:
        """Write points to be forecast."""
        answer = requests.post(
            f"{self.url}/write",
            params={"db": "metrics"},
            data="\n".join(lines).encode(),
            auth=("admin", self.password),
            timeout=60,
        )
        assert answer.status_code == 204, answer.text

    def set_up(self, passwords: dict[str, str]) -> None:
        """Make the admin, the databases, and one user with one right for each."""
        text = f"CREATE USER admin WITH PASSWORD '{self.password}' WITH ALL PRIVILEGES"
        requests.post(f"{self.url}/query", data={"q": text}, timeout=60).raise_for_status()
        for user, right, database in (("reader", "READ", "metrics"), ("writer", "WRITE", "forecasts")):
            for query in (
                f"CREATE DATABASE {database}",
                f"CREATE USER {user} WITH PASSWORD '{passwords[user]}'",
                f"GRANT {right} ON {database} TO {user}",
            ):
                self.query(query)


@dataclass
class Space:
    """The namespace, and the admin's password of the databases in it."""

    name: str
    password: str

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """Run kubectl in this namespace."""
        return run("kubectl", "-n", self.name, *arguments, stdin=stdin)

    def apply(self, **document: Any) -> None:
        """Make an object or change it."""
        self.kubectl("apply", "-f", "-", stdin=json.dumps(document))

    def objects(self, kind: str, *arguments: str) -> list[dict[str, Any]]:
        """List objects."""
        listed: list[dict[str, Any]] = json.loads(self.kubectl("get", kind, "-o", "json", *arguments))["items"]
        return listed

    def names(self, kind: str, *arguments: str) -> set[str]:
        """Names of objects."""
        return {found["metadata"]["name"] for found in self.objects(kind, *arguments)}

    @contextmanager
    def database(self, service: str = DATABASES[0]) -> Iterator[Database]:
        """Reach a database from here, as long as its pod runs."""
        child = subprocess.Popen(
            ["kubectl", "-n", self.name, "port-forward", f"svc/{service}", ":8086"], stdout=subprocess.PIPE, text=True
        )
        try:
            line = child.stdout.readline() if child.stdout else ""  # Forwarding from 127.0.0.1:40123 -> 8086
            assert line, f"kubectl port-forward to {service} ended with {child.wait()}"
            yield Database(f"http://127.0.0.1:{line.split(' -> ')[0].rsplit(':', 1)[1]}", self.password)
        finally:
            child.terminate()
            child.wait()

    def scale(self, service: str, replicas: int) -> None:
        """Stop or start a database."""
        self.kubectl("scale", f"deployment/{service}", f"--replicas={replicas}")
        if replicas:
            self.kubectl("rollout", "status", f"deployment/{service}", "--timeout=600s")
        else:
            self.kubectl("wait", "pod", "-l", f"app={service}", "--for=delete", "--timeout=300s")

    def helm(self, release: str, values: dict[str, Any]) -> None:
        """Install or upgrade a release of the chart."""
        text = json.dumps(values, ensure_ascii=False)  # helm reads it as YAML, which knows no surrogates
        run("helm", "upgrade", "--install", release, str(CHART), "-n", self.name, "-f", "-", stdin=text)

    def workflows(self, series: str) -> list[Workflow]:
        """Runs of a series as the UI lists them: those that its schedule started, or somebody submitted from it.

        The newest stands first.
        """
        listed = (
            argo_api(f"/api/v1/workflows/{self.name}?listOptions.labelSelector=cronocast.io/series={series}").get(
                "items"
            )
            or []
        )
        return sorted(listed, key=lambda w: str(w["metadata"]["creationTimestamp"]), reverse=True)

    def finished(self, series: str) -> Workflow:
        """Wait for the end of a run of a series."""

        def look() -> Workflow | None:
            return next((w for w in self.workflows(series) if w["status"].get("phase") in ENDED), None)

        return self.workflow(until(f"a finished run of {series}", look)["metadata"]["name"])

    def submit(self, series: str, *arguments: str) -> str:
        """`argo submit --from cronwf/NAME`; the workflow's name."""
        return (
            run("argo", "submit", "-n", self.name, "--from", f"cronwf/{series}", "-o", "name", *arguments)
            .strip()
            .splitlines()[-1]
        )

    def workflow(self, name: str) -> Workflow:
        """One workflow as the API has it now."""
        found: Workflow = argo_api(f"/api/v1/workflows/{self.name}/{name}")
        return found

    def ended(self, name: str) -> Workflow:
        """Wait for the end of one workflow."""

        def look() -> Workflow | None:
            found = self.workflow(name)
            return found if found.get("status", {}).get("phase") in ENDED else None

        return until(f"the end of {name}", look)


@contextmanager
def space() -> Iterator[Space]:
    """Make the namespace with all that is in it, and remove it afterwards; KEEP=1 leaves it for a look."""
    made = Space(f"cronocast-e2e-{secrets.token_hex(3)}", secrets.token_hex(12))
    run("kubectl", "create", "namespace", made.name)
    try:
        run("kubectl", "label", "namespace", made.name, "pod-security.kubernetes.io/enforce=restricted")
        passwords = {user: secrets.token_hex(12) for user in ("reader", "writer")}
        for user, password in passwords.items():
            made.apply(
                apiVersion="v1",
                kind="Secret",
                metadata={"name": f"influxdb-{user}"},
                stringData={"password": password, "wrong": "wrong"},
            )
        address = f"http://influxdb:8086/write?db=forecasts&u=writer&p={passwords['writer']}"
        made.apply(apiVersion="v1", kind="Secret", metadata={"name": "notifiers"}, stringData={"lines": address})
        text = (HERE / "influxdb.yaml").read_text().replace("localhost/influxdb:1.6", IMAGE)
        for name in DATABASES:
            made.kubectl("apply", "-f", "-", stdin=text.replace("influxdb-name", name))
        # What the releases of the tests share; one test has a claim of its own.
        claim = {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "1Gi"}}}
        made.apply(apiVersion="v1", kind="PersistentVolumeClaim", metadata={"name": "data"}, spec=claim)
        for name in DATABASES:
            made.kubectl("rollout", "status", f"deployment/{name}", "--timeout=600s")
            with made.database(name) as database:
                database.set_up(passwords)
        yield made
    finally:
        if os.environ.get("KEEP") != "1":
            run("kubectl", "delete", "namespace", made.name, "--wait=false")


def as_text(made: Space) -> str:
    """For the workers of pytest-xdist, which share the namespace."""
    return json.dumps(asdict(made))


def from_text(text: str) -> Space:
    """What `as_text` wrote."""
    return Space(**json.loads(text))
