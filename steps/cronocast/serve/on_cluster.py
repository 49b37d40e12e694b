"""Entries as CronWorkflows of a cluster, which Argo runs; marked, so that nothing else is touched."""

import json
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cronocast.console import say
from cronocast.document.schedule import next_run_ns
from cronocast.errors import CronocastError, Problem, RefusedError
from cronocast.handoff.files import read_json
from cronocast.serve.cron_workflow import KEPT, MADE_BY, SCHEDULED, SERIES, Skeleton, cron_name, run_of
from cronocast.serve.kube import Kube
from cronocast.serve.shelf import MOST_SERIES, SCHEMA, Kept, kept_of
from cronocast.serve.store import Store

CRONS, RUNS = "cronworkflows", "workflows"
OURS = ",".join(f"{key}={value}" for key, value in MADE_BY.items())
GOES_ON = f"{SERIES},workflows.argoproj.io/completed!=true"
KNOWN_S = 3.0  # for which what goes on is not asked for again


def skeleton_of(path: Path) -> tuple[Skeleton, dict[str, Any], str]:
    """What the chart hands over: the skeleton, `defaults` of the values, and the namespace.

    Raises:
        CronocastError: the file can't be read.
    """
    found = read_json(path.resolve())  # Kubernetes mounts files of ConfigMaps as links
    cron = found["cron"]
    skeleton = Skeleton(cron, found["name"], tuple(found["profiles"]), int(found["retrySeconds"]))
    return skeleton, dict(found.get("defaults") or {}), str(cron["metadata"]["namespace"])


class Cluster:
    """A shelf of CronWorkflows.

    Args:
        kube: The API server.
        skeleton: What the chart says of each.
    """

    def __init__(self, kube: Kube, skeleton: Skeleton) -> None:
        self._kube, self._skeleton = kube, skeleton
        self._lock = threading.Lock()

    def problems(self, whole: Mapping[str, Any]) -> list[Problem]:
        """What keeps a sound document from running here."""
        return self._skeleton.problems(whole)

    def put(self, kept: Kept, whole: Mapping[str, Any]) -> bool:
        """Make a CronWorkflow or change it; returns whether it is new.

        Raises:
            RefusedError: there is one of that name which nobody put here.
            CronocastError: the API server does not take it.
        """
        with self._lock:
            made = self.made(kept, whole)
            name = made["metadata"]["name"]
            before = self._kube.get(CRONS, name)
            if before is None:
                if sum(1 for _ in self._kube.list(CRONS, OURS)) >= MOST_SERIES:
                    raise RefusedError("E_FULL", name, f"{MOST_SERIES} series; remove one first")
                self._kube.create(CRONS, made)
                return True
            _check_ours(before)
            _stay_suspended(before, made)
            made["metadata"]["resourceVersion"] = before["metadata"]["resourceVersion"]
            self._kube.replace(CRONS, name, made)
            return False

    def made(self, kept: Kept, whole: Mapping[str, Any]) -> dict[str, Any]:
        """The CronWorkflow of an entry: that of the chart, marked, with what was put."""
        made = self._skeleton.cron_workflow(whole)
        made["metadata"]["labels"] |= MADE_BY
        made["metadata"]["annotations"][KEPT] = json.dumps({"schema": SCHEMA, **vars(kept)}, ensure_ascii=True)
        return made

    def get(self, name: str) -> Kept | None:
        """The entry of a name; None where there is none that was put here."""
        found = self._kube.get(CRONS, cron_name(name))
        kept = _kept(found) if found is not None and _is_ours(found) else None
        return kept if kept is not None and kept.name == name else None

    def cron(self, name: str) -> dict[str, Any] | None:
        """Its CronWorkflow."""
        return self._kube.get(CRONS, cron_name(name))

    def remove(self, name: str) -> bool:
        """Remove a CronWorkflow; returns whether there was one that was put here."""
        if self.get(name) is None:
            return False
        self._kube.delete(CRONS, cron_name(name))
        return True

    def all(self, problems: list[str]) -> list[Kept]:
        """All entries that were put here, by name."""
        found = []
        for cron in self._kube.list(CRONS, OURS):
            try:
                found.append(_kept(cron))
            except CronocastError as error:
                problems.append(str(error))
        return sorted(found, key=lambda kept: kept.name)


def _is_ours(cron: Mapping[str, Any]) -> bool:
    return bool(MADE_BY.items() <= (cron["metadata"].get("labels") or {}).items())


def _check_ours(cron: Mapping[str, Any]) -> None:
    if not _is_ours(cron):
        said = "is there already and was not put here, such as a series of the chart; give this one another name"
        raise RefusedError("E_NAME", str(cron["metadata"]["name"]), said)


def _stay_suspended(before: Mapping[str, Any], made: dict[str, Any]) -> None:
    """What `argo cron suspend` has stopped stays stopped: the field is its own unless the entry said so."""
    if before["spec"].get("suspend") and not _kept(before).document.get("suspend"):
        made["spec"]["suspend"] = True


def _kept(cron: Mapping[str, Any]) -> Kept:
    text = (cron["metadata"].get("annotations") or {}).get(KEPT, "")
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    return kept_of(document, f"cronworkflow {cron['metadata']['name']}")


class ClusterRunner:
    """Starts runs that somebody asks for; those that are due are Argo's.

    Args:
        store: Where the entries are.
        cluster: Its shelf.
        kube: The API server.
        clock: Gives ns since 1970.
    """

    def __init__(self, store: Store, cluster: Cluster, kube: Kube, clock: Callable[[], int] = time.time_ns) -> None:
        self._store, self._cluster, self._kube, self._clock = store, cluster, kube, clock
        self._lock = threading.Lock()
        self._known: tuple[float, dict[str, str]] = (-KNOWN_S, {})

    def running(self) -> dict[str, str]:
        """Runs that go on, by series."""
        with self._lock:
            if time.monotonic() - self._known[0] > KNOWN_S:
                self._known = time.monotonic(), self._running()
            return dict(self._known[1])

    def _running(self) -> dict[str, str]:
        found = {}
        for run in self._kube.list(RUNS, GOES_ON):
            annotations = run["metadata"].get("annotations") or {}
            parameters = (run["spec"].get("arguments") or {}).get("parameters") or ()
            series = next((item.get("value") for item in parameters if item.get("name") == "series"), None)
            if series:
                found[str(json.loads(series)["name"])] = str(annotations.get(SCHEDULED, ""))
        return found

    def next_ns(self, kept: Kept) -> int | None:
        """When a series is due next; None where it is suspended, or its entry is not sound any more."""
        try:
            entry = self._store.entry_of(kept)
        except CronocastError:
            return None
        return None if entry.suspend else next_run_ns(entry, self._clock())

    def start(self, kept: Kept, run_ns: int) -> bool:
        """Start a run of a series; False where one goes on, or the series is gone."""
        with self._lock:
            cron = self._cluster.cron(kept.name)
            if cron is None or kept.name in self._running():
                return False
            self._kube.create(RUNS, run_of(cron, run_ns))
            self._known = -KNOWN_S, {}
            return True

    def keep_time(self) -> None:
        """Bring what was put before up to what the chart says now: an upgrade changes its own CronWorkflows alone."""
        try:
            changed = self.renew()
        except CronocastError as error:
            say(f"serve: {error}")
        else:
            if changed:
                say(f"serve: {len(changed)} CronWorkflows renewed: {', '.join(changed[:10])}")

    def renew(self) -> list[str]:
        """Put again what the chart would now render otherwise; returns the series."""
        changed = []
        for kept in self._store.shelf.all([]):
            whole = self._store.whole(kept.document)
            there, made = self._cluster.cron(kept.name), self._cluster.made(kept, whole)
            if there is None:
                continue
            _stay_suspended(there, made)
            if there["spec"] != made["spec"]:
                self._store.put(kept)
                changed.append(kept.name)
        return changed

    def stop(self) -> None:
        """Nothing ends here: runs are Argo's."""
