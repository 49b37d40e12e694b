"""The chart's server of metrics: it becomes ready on the volume of the runs, and shows what they forecast."""

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
