"""The chart's server: it shows what runs forecast, and makes of a series over HTTP what Argo runs."""

import hashlib
import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import requests

from tests.e2e.cluster import told, until
from tests.e2e.entries import daily, hourly, values
from tests.e2e.space import Database, Space


@contextmanager
def reached(space: Space, service: str) -> Iterator[str]:
    """Its address from here, as long as its pod runs."""
    command = ["kubectl", "-n", space.name, "port-forward", f"svc/{service}", ":9108"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        try:
            line = child.stdout.readline() if child.stdout else ""  # Forwarding from 127.0.0.1:40123 -> 9108
            yield f"http://127.0.0.1:{line.split(' -> ')[0].rsplit(':', 1)[1]}"
        finally:
            child.terminate()


def test_forecasts_of_a_run_are_on_the_page_of_the_chart_s_server(space: Space, database: Database) -> None:
    database.write(hourly("shown", ",host=a", daily(20)) + hourly("shown", ",host=b", daily(5)))
    series = {"shown": {"source": {"group_by": ["host"]}, "horizon": "48h"}}
    space.helm("served", values(series, serve={"enabled": True, "refresh": "2s"}))
    space.kubectl("rollout", "status", "deployment/served-serve", "--timeout=300s")
    workflow = space.ended(space.submit("shown"))
    assert workflow["status"]["phase"] == "Succeeded", told(workflow)
    with reached(space, "served-serve") as url:

        def forecasts() -> set[str]:
            page = requests.get(f"{url}/metrics", timeout=10).text
            found = [line for line in page.splitlines() if line.startswith('cronocast_forecast{series="shown"')]
            return {line.partition("host=")[2][1] for line in found if 'horizon="24h",quantile="0.5"' in line}

        assert until("forecasts of both hosts", lambda: forecasts() or None) == {"a", "b"}
        assert requests.get(f"{url}/readyz", timeout=10).json()["status"] == "ok"
    (pod,) = space.objects("pod", "-l", "app.kubernetes.io/component=serve,app.kubernetes.io/instance=served")
    (container,) = pod["status"]["containerStatuses"]
    assert (container["ready"], container["restartCount"]) == (True, 0)
    assert {mount["mountPath"] for mount in pod["spec"]["containers"][0]["volumeMounts"]} == {"/data"}
    assert (
        json.loads(space.kubectl("get", "poddisruptionbudget", "served-serve", "-o", "json"))["status"][
            "currentHealthy"
        ]
        == 1
    )


def test_a_series_put_over_http_is_run_by_argo_and_marked(space: Space, database: Database) -> None:
    database.write(hourly("queue", ",host=a", daily(20)))
    line = f"ada read,write sha256:{hashlib.sha256(b'of-ada').hexdigest()}\n"
    space.apply(apiVersion="v1", kind="Secret", metadata={"name": "asking"}, stringData={"tokens": line})
    api = {"enabled": True, "tokensSecret": "asking", "allowedHosts": ["influxdb"]}
    own = {"chart-own": {"source": {"measurement": "queue"}}}
    space.helm("asked", values(own, serve={"enabled": True, "refresh": "2s", "api": api}))
    space.kubectl("rollout", "status", "deployment/asked-serve", "--timeout=300s")
    with reached(space, "asked-serve") as url:

        def ask(method: str, path: str, document: object = None) -> requests.Response:
            headers = {"Authorization": "Bearer of-ada"}
            return requests.request(method, f"{url}{path}", json=document, headers=headers, timeout=30)

        entry = {"source": {"measurement": "queue", "group_by": ["host"]}, "horizon": "12h"}
        made = ask("PUT", "/series/queue", entry)
        assert made.status_code == 201, made.text
        assert ask("PUT", "/series/queue", {**entry, "title": "Queues"}).status_code == 200
        (cron,) = space.objects("cronworkflow", "-l", "cronocast.io/made-by=serve")
        assert (cron["metadata"]["name"], cron["spec"]["schedules"]) == ("queue", ["0 0 1 1 *"])
        assert [one["name"] for one in ask("GET", "/series").json()["series"]] == ["queue"]
        refused = ask("PUT", "/series/chart-own", entry)
        assert (refused.status_code, refused.json()["errors"][0]["token"]) == (409, "E_NAME")
        started = ask("POST", "/series/queue/runs")
        assert started.status_code == 202, started.text
        assert ask("POST", "/series/queue/runs").status_code == 409
        workflow = space.finished("queue")
        assert workflow["status"]["phase"] == "Succeeded", told(workflow)
        (run,) = ask("GET", "/runs?series=queue").json()["runs"]
        assert (run["status"], run["run"], run["members"]) == ("ok", started.json()["run"], 1)
        kept = ask("GET", "/requests").json()["requests"]
        assert [one["status"] for one in kept] == [409, 202, 409, 200, 201]
        assert ask("DELETE", "/series/queue").status_code == 204
        assert ask("DELETE", "/series/chart-own").status_code == 404
    assert space.names("cronworkflow", "-l", "app.kubernetes.io/instance=asked") == {"chart-own"}
    assert len(database.points("queue")) == 12
