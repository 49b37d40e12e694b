"""What a command takes: time, CPU, and memory of all its processes."""

import os
import subprocess
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

LOOK_EVERY_S = 0.05


@dataclass(frozen=True)
class Usage:
    """What a run took, its start and imports included."""

    wall_s: float
    cpu_s: float
    peak_mb: float  # of all processes at the same time; pages that they share count in each


def memory_mb(pid: int) -> float:
    """Resident memory of a process and all that it started, in MB (2**20 bytes)."""
    total, left = 0.0, [pid]
    while left:
        one = left.pop()
        try:
            total += int(Path(f"/proc/{one}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
            left += [
                int(child)
                for task in Path(f"/proc/{one}/task").iterdir()
                for child in (task / "children").read_text().split()
            ]
        except OSError:
            continue  # it ended in between
    return total


def used(command: list[str], env: Mapping[str, str] | None = None) -> Usage:
    """Run a command to its end.

    Raises:
        SystemExit: it failed.
    """
    began, peak, ended = time.perf_counter(), 0.0, threading.Event()
    child = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def watch() -> None:
        nonlocal peak
        while not ended.wait(LOOK_EVERY_S):
            peak = max(peak, memory_mb(child.pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    said = child.stderr.read() if child.stderr else ""
    _, status, usage = os.wait4(child.pid, 0)
    ended.set()
    watcher.join()
    if status:
        raise SystemExit(f"{' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}: {said[-500:]}")
    return Usage(time.perf_counter() - began, usage.ru_utime + usage.ru_stime, peak)
