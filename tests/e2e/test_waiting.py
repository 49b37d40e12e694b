"""What keeps a pod from starting ends the run in good time, with a record: no Secret, no claim, no node."""

from contextlib import suppress
from typing import Any

import pytest

from tests.e2e.cluster import Workflow, pods, run, scheduled, seconds, told, until
from tests.e2e.entries import daily, hourly, values
from tests.e2e.space import Database, Space

PENDING_S = 20
TEND = {"enabled": True, "schedule": "* * * * *", "pendingSeconds": PENDING_S}
NOWHERE = "nowhere"
RELEASES: dict[str, dict[str, Any]] = {
    "secretless": {"secrets": {"source": "not-there", "sink": "influxdb-writer"}},
    "claimless": {"volume": {"existingClaim": NOWHERE}, "tend": TEND},
    "nodeless": {
        "profiles": {"cpu": {"light": {"nodeSelector": {"example.org/node": NOWHERE}}}},
        "tend": TEND,
    },
}


@pytest.fixture(scope="module")
def runs(space: Space, database: Database) -> dict[str, Workflow]:
    """One run of each release, each with one series of the same name, all at its end."""
    # No class of that name makes volumes: the claim stays unbound.
    claim = {
        "storageClassName": NOWHERE,
        "accessModes": ["ReadWriteMany"],
        "resources": {"requests": {"storage": "1Gi"}},
    }
    space.apply(apiVersion="v1", kind="PersistentVolumeClaim", metadata={"name": NOWHERE}, spec=claim)
    for release, chart in RELEASES.items():
        database.write(hourly(release, "", daily(20)))
        space.helm(release, values({release: {}}, **chart))
    started = {release: space.submit(release) for release in RELEASES}
    ended = {release: space.ended(name) for release, name in started.items()}
    # Argo may call a stopped run ended while the pod that records it still waits to start.
    with suppress(AssertionError):
        until("a record of each run", lambda: all(database.records(release) for release in RELEASES), 300)
    for release in RELEASES:
        run("helm", "uninstall", release, "-n", space.name)
    return ended


def lasted(workflow: Workflow) -> float:
    return seconds(workflow["status"]["finishedAt"]) - seconds(workflow["status"]["startedAt"])


def test_a_secret_that_is_not_there_is_78_in_seconds_in_words_of_the_step(runs: dict[str, Workflow]) -> None:
    workflow = runs["secretless"]
    [attempt] = pods(workflow, "chain")
    assert "exit code 78" in attempt["message"], told(workflow)
    assert "E_SECRET source.password_file" in attempt["message"]
    assert lasted(workflow) < 300, told(workflow)  # mounted by force it takes 12 minutes; the machine may be busy


@pytest.mark.parametrize("release", ["claimless", "nodeless"])
def test_a_run_whose_pod_never_starts_is_stopped(runs: dict[str, Workflow], release: str) -> None:
    workflow = runs[release]
    assert workflow["status"]["phase"] == "Failed", told(workflow)
    assert "shutdown with strategy" in pods(workflow, "chain")[0]["message"], told(workflow)
    assert "Unschedulable" in workflow["metadata"]["annotations"]["cronocast.io/waited"]
    assert PENDING_S <= lasted(workflow) < PENDING_S + 180, told(workflow)


@pytest.mark.parametrize("release", RELEASES)
def test_there_is_a_record_all_the_same(runs: dict[str, Workflow], database: Database, release: str) -> None:
    found = [row for row in database.records(release) if row["time"] == int(seconds(scheduled(runs[release])))]
    assert len(found) == 1, told(runs[release])
    [row] = found
    assert row["status"] == "failed"
    assert row["message"]


def test_every_schedule_is_touched_once_after_a_revision(space: Space, runs: dict[str, Workflow]) -> None:
    space.helm("touched", values({"touched": {}}, tend=TEND))
    try:

        def marks() -> dict[str, str] | None:
            [cron] = space.objects("cronworkflow", "-l", "app.kubernetes.io/instance=touched")
            found: dict[str, str] = cron["metadata"]["annotations"]
            return found if "cronocast.io/touched" in found else None

        found = until("the schedule to be touched", marks, 180)
        assert found["cronocast.io/touched"] == found["cronocast.io/revision"] == "1"
    finally:
        run("helm", "uninstall", "touched", "-n", space.name)
