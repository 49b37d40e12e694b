"""Runs of kept entries by their schedules, each a process of `cronocast run`. Standard library only."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from cronocast.console import say
from cronocast.document.schedule import next_run_ns, occurrences
from cronocast.durations import stamp
from cronocast.errors import ConfigError, CronocastError
from cronocast.handoff.files import write_json
from cronocast.serve.shelf import Kept
from cronocast.serve.store import Store

STOP_S = 6.0  # that runs may take to end after SIGTERM, before they are killed
LOG_LINES = 20  # of a run that failed, kept for the log


class Runner:
    """Starts runs: when they are due, and when somebody asks; never two of one series at a time.

    Args:
        store: Where the entries are.
        root: Folder for the run folders.
        most: Runs at the same time.
        clock: Gives ns since 1970.
    """

    def __init__(self, store: Store, root: Path, most: int, clock: Callable[[], int] = time.time_ns) -> None:
        self._store, self._root, self._clock = store, root, clock
        self._free = threading.BoundedSemaphore(most)
        self._lock = threading.Lock()
        self._running: dict[str, str] = {}  # series -> its run
        self._children: set[subprocess.Popen[bytes]] = set()
        self._due: dict[str, tuple[Kept, int | None]] = {}  # series -> entry, and its next run
        self._ended = threading.Event()

    def running(self) -> dict[str, str]:
        """Runs that go on or wait for their turn, by series."""
        with self._lock:
            return dict(self._running)

    def next_ns(self, kept: Kept) -> int | None:
        """When a series is due next; None where it is suspended, or its entry is not sound any more."""
        try:
            entry = self._store.entry_of(kept)
        except CronocastError:
            return None
        return None if entry.suspend else next_run_ns(entry, self._clock())

    def start(self, kept: Kept, run_ns: int) -> bool:
        """Start a run of a series; False where one goes on."""
        with self._lock:
            if kept.name in self._running or self._ended.is_set():
                return False
            self._running[kept.name] = stamp(run_ns)
        threading.Thread(target=self._run, args=(kept, run_ns), daemon=True).start()
        return True

    def keep_time(self, tick_s: float = 1.0) -> None:
        """Start what is due, until `stop`."""
        while not self._ended.wait(tick_s):
            try:
                self.look()
            except CronocastError as error:
                say(f"serve: {error}")

    def look(self) -> None:
        """Start what is due now; an entry that is new or changed is due at its next time."""
        now_ns = self._clock()
        kept = {one.name: one for one in self._store.shelf.all([])}
        due = {}
        for name, one in kept.items():
            before, at_ns = self._due.get(name, (None, None))
            if before != one:
                at_ns = self.next_ns(one)
            if at_ns is not None and at_ns <= now_ns:
                latest_ns = self._latest_ns(one, at_ns, now_ns)
                if not self.start(one, latest_ns):
                    say(f"serve: run {stamp(latest_ns)} of {name} is left out: another one goes on")
                at_ns = self.next_ns(one)
            due[name] = (one, at_ns)
        self._due = due

    def _latest_ns(self, kept: Kept, due_ns: int, now_ns: int) -> int:
        """The latest time up to now at which a series was due: after an outage one run makes up for all, as on Argo."""
        return max(occurrences(self._store.entry_of(kept), due_ns, now_ns + 1), default=due_ns)

    def stop(self) -> None:
        """End every run tidily, and start no more."""
        self._ended.set()
        with self._lock:
            children = list(self._children)
        for child in children:
            child.terminate()
        end = time.monotonic() + STOP_S
        for child in children:
            try:
                child.wait(max(0.0, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()

    def _run(self, kept: Kept, run_ns: int) -> None:
        try:
            with self._free:
                if not self._ended.is_set():
                    self._chain(kept, run_ns)
        except (CronocastError, OSError) as error:
            say(f"serve: run {stamp(run_ns)} of {kept.name}: {error}")
        finally:
            with self._lock:
                self._running.pop(kept.name, None)

    def _chain(self, kept: Kept, run_ns: int) -> None:
        """Run the chain of a series, as `cronocast run` does for a person."""
        values = self._root / ".serve" / f"{os.getpid()}-{threading.get_ident()}.json"
        document = self._store.whole(kept.document)
        name = document.pop("name")
        write_json(values, {"series": {name: document}})
        command = [sys.executable, "-m", "cronocast", "run", "--values", str(values), "--root", str(self._root)]
        try:
            child = subprocess.Popen(  # noqa: S603
                [*command, "--run", stamp(run_ns), "--json"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env=_environment(secrets=self._store.borrows(kept.document)),
                start_new_session=True,  # Ctrl-C reaches this process alone, which then ends its runs tidily
            )
            with self._lock:
                self._children.add(child)
            said = child.communicate()[1].decode("utf-8", "replace").splitlines()
            with self._lock:
                self._children.discard(child)
            if child.returncode:
                say(f"serve: run {stamp(run_ns)} of {kept.name}: exit {child.returncode}")
                for line in said[-LOG_LINES:]:
                    say(f"serve: {kept.name}: {line}")
        finally:
            values.unlink(missing_ok=True)


def _environment(*, secrets: bool) -> dict[str, str]:
    """Variables of a run: those of this process less those of the server and of single entries.

    Args:
        secrets: Whether those with secrets go with it; they are for the servers of the defaults.
    """
    kept = ("CRONOCAST_SOURCE_PASSWORD", "CRONOCAST_SOURCE_TOKEN", "CRONOCAST_SINK_PASSWORD", "CRONOCAST_SINK_TOKEN")
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("CRONOCAST_") or (secrets and name in kept)
    }


def defaults_of(path: Path | None) -> dict[str, object]:
    """The `defaults` of a values file; {} where none is named.

    Raises:
        ConfigError: it can't be read, or is no such file.
    """
    if path is None:
        return {}
    from cronocast.document.yaml_file import load_yaml
    from cronocast.errors import Problem

    problems: list[Problem] = []
    data = load_yaml(path, problems)
    defaults = data.get("defaults", {}) if isinstance(data, dict) else None
    if not isinstance(defaults, dict):
        problems.append(Problem("E_CONFIG_TYPE", str(path), "is no values file; allowed: defaults: {settings}"))
    if problems:
        raise ConfigError(problems)
    return defaults  # type: ignore[return-value]
