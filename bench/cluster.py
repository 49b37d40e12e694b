"""What a run costs on the cluster that KUBECONFIG names, and how late schedules start.

Prints two tables for the chart's README.

cluster.py [--turns 3] [--requeue 2s] [--crons 100,1000] [--only runs|starts]

Runs: one hourly series of two weeks, model auto, as several pods, as one (the default), and by `cronocast run` on this
machine against the same database, one after the other on an otherwise idle cluster. Seconds are Argo's own times of the
workflow; work is the sum of its pods' lives. With --requeue the same again while Argo's controller looks at a workflow
that often at most (its own default is 10 s); this starts it anew.
Starts: real CronWorkflows from the chart, many of them, but their WorkflowTemplate is replaced by one that makes no pod
and ends at once (`suspend` for one second), so that the schedules are measured and not the nodes. Late means: creation
of the workflow after its scheduled time. All of a kind start at one minute, or as the chart spreads them with `H/5`,
over five minutes: a fifth of them a minute, so `H` over an hour is twelve times as thin.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.e2e.cluster import missing, run, seconds, told, until
from tests.e2e.entries import daily, hourly, values
from tests.e2e.space import CHART, Database, Space, space

MINUTE = 60


def local_chain(database: Database) -> float:
    """Seconds of the same chain without an engine."""
    source = {
        "url": database.url,
        "auth": "basic",
        "username": "admin",
        "database": "metrics",
        "measurement": "chain",
        "field": "value",
    }
    document = {"series": {"local": {"source": source, "sink": {"database": "forecasts"}, "lookback": "2w"}}}
    env = {**os.environ, "CRONOCAST_SOURCE_PASSWORD": database.password, "CRONOCAST_SINK_PASSWORD": database.password}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "values.json"
        path.write_text(json.dumps(document))
        begin = time.monotonic()
        subprocess.run(
            [sys.executable, "-m", "cronocast", "run", "-f", str(path), "--root", folder],
            env=env,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        return time.monotonic() - begin


def one_run(made: Space, series: str) -> tuple[float, float, int]:
    """Seconds of a run, seconds that its pods lived in all, and their number."""
    workflow = made.ended(made.submit(series))
    assert workflow["status"]["phase"] == "Succeeded", told(workflow)
    lives = [node for node in workflow["status"]["nodes"].values() if node["type"] == "Pod"]
    # The record of the run comes after it: the forecast is there when the DAG, or the one pod, has ended.
    chain = [node for node in lives if ".onExit" not in node["displayName"]]
    ended = max(seconds(node["finishedAt"]) for node in chain)
    work = sum(seconds(node["finishedAt"]) - seconds(node["startedAt"]) for node in lives)
    return ended - seconds(workflow["status"]["startedAt"]), work, len(lives)


def print_forms(made: Space, words: str, turns: int, local: float) -> None:
    """Print a row for each form, and how the times compare; turns of the forms alternate, so that both see the same."""
    forms = {"many": "`pods: many`", "auto": "`pods: auto`, one pod"}
    measured: dict[str, list[tuple[float, float, int]]] = {name: [] for name in forms}
    for _ in range(turns):
        for name, rows in measured.items():
            rows.append(one_run(made, name))
    took = {name: median(row[0] for row in rows) for name, rows in measured.items()}
    for name, form in forms.items():
        work = median(row[1] for row in measured[name])
        cells = f"{took[name]:.0f} | {took[name] - local:.0f} | {work:.0f}"
        print(f"| {form}{words} | {measured[name][0][2]} | {cells} |", flush=True)
    print(f"\none pod / many{words}: {took['auto'] / took['many']:.2f}\n", file=sys.stderr, flush=True)


@contextmanager
def controller(setting: str) -> Iterator[None]:
    """Argo's controller with another env variable, which is taken away again."""
    name = "deployment/workflow-controller"
    try:
        run("kubectl", "-n", "argo", "set", "env", name, setting)
        run("kubectl", "-n", "argo", "rollout", "status", name, "--timeout=180s")
        yield
    finally:
        run("kubectl", "-n", "argo", "set", "env", name, f"{setting.partition('=')[0]}-")
        run("kubectl", "-n", "argo", "rollout", "status", name, "--timeout=180s")


def runs(made: Space, turns: int, requeue: str) -> None:
    """Print what one run takes in each form."""
    series = {
        "many": {"source": {"measurement": "chain"}, "pods": "many"},
        "auto": {"source": {"measurement": "chain"}},
    }
    with made.database() as database:
        database.write(hourly("chain", "", daily(20)))
        made.helm("runs", values(series))
        local = median(local_chain(database) for _ in range(turns))
    print(
        "| form | pods | s until the points are there | s above the local chain | s of all pods' lives"
        " |\n|---|---|---|---|---|"
    )
    print(f"| `cronocast run` on this machine | - | {local:.0f} | - | - |", flush=True)
    print_forms(made, "", turns, local)
    if requeue:
        with controller(f"DEFAULT_REQUEUE_TIME={requeue}"):
            print_forms(made, f", controller with `DEFAULT_REQUEUE_TIME={requeue}`", turns, local)
    run("helm", "uninstall", "runs", "-n", made.name, "--wait")


def rendered(made: Space, names: list[str], schedule: str) -> list[dict[str, Any]]:
    """The chart's CronWorkflows of these series."""
    document = values({name: {"source": {"measurement": "chain"}, "schedules": [schedule]} for name in names})
    text = run(
        "helm",
        "template",
        "starts",
        str(CHART),
        "-n",
        made.name,
        "-f",
        "-",
        "-s",
        "templates/series.yaml",
        stdin=json.dumps(document),
    )
    return [found for found in yaml.safe_load(text)["items"] if found["kind"] == "CronWorkflow"]


def starts(made: Space, count: int, *, spread: bool) -> None:
    """Print how late the workflows of many schedules are made."""
    names = [f"s{i:04d}" for i in range(count)]
    # Far enough ahead that all are there, and the controller knows them, when the first is due.
    first = int(time.time() // MINUTE) + 3 + count // 250
    crons = rendered(made, names, "H/5 * * * *" if spread else f"{first % 60} * * * *")
    parameters = [{"name": name, "value": ""} for name in ("series", "id", "retry-seconds", "model", "horizon")]
    idle = {
        "entrypoint": "one",
        "arguments": {"parameters": parameters},
        "templates": [{"name": "one", "suspend": {"duration": "1"}}],
    }
    made.apply(apiVersion="argoproj.io/v1alpha1", kind="WorkflowTemplate", metadata={"name": "starts-cpu"}, spec=idle)
    begin = time.monotonic()
    made.kubectl("create", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": crons}))
    took = time.monotonic() - begin
    busiest = Counter(cron["spec"]["schedules"][0].split()[0] for cron in crons).most_common(1)[0][1]

    def made_now() -> dict[str, float]:
        """Lateness by series of its first workflow."""
        late: dict[str, float] = {}
        for workflow in made.objects("workflow", "-l", "workflows.argoproj.io/cron-workflow"):
            meta = workflow["metadata"]
            series = meta["labels"]["workflows.argoproj.io/cron-workflow"]
            due = seconds(meta["annotations"]["workflows.argoproj.io/scheduled-time"])
            late[series] = min(late.get(series, 1e9), seconds(meta["creationTimestamp"]) - due)
        return late

    found = until(
        f"a start of each of {count}", lambda: late if len(late := made_now()) == count else None, 1500, every=10
    )
    parts = quantiles(found.values(), n=100)
    how = "`H/5`, spread by the chart" if spread else "all at one minute"
    print(
        f"| {count} | {how} | {busiest} | {median(found.values()):.0f} | {parts[98]:.0f} | {max(found.values()):.0f} |"
        f" {took:.0f} |",
        flush=True,
    )
    made.kubectl("delete", "cronworkflow", "--all", "--wait=true")
    made.kubectl("delete", "workflow", "--all", "--wait=false")
    until("the workflows to go", lambda: not made.objects("workflow"), 600, every=5)


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--crons", default="100,1000")
    parser.add_argument("--requeue", default="", metavar="DURATION")
    parser.add_argument("--only", choices=("runs", "starts"))
    given = parser.parse_args()
    if reason := missing():
        raise SystemExit(f"error: E_NO_CLUSTER bench: {reason}")
    with space() as made:
        if given.only != "starts":
            runs(made, given.turns, given.requeue)
        if given.only != "runs":
            print(
                "\n| CronWorkflows | schedule | due in the busiest minute | s late, median | 99 % | most | s to create"
                " them |\n|---|---|---|---|---|---|---|",
                flush=True,
            )
            for count in (int(text) for text in given.crons.split(",")):
                for spread in (False, True):
                    starts(made, count, spread=spread)
    return 0


if __name__ == "__main__":
    sys.exit(main())
