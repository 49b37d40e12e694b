"""`cronocast run`: the chain on this machine.

Each step is a process of its own, with the files and exit codes of the containers.
"""

import json
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from cronocast.chain.job import run_folder, run_time
from cronocast.chain.table import FILES, STEPS, chain_steps
from cronocast.commands.display import closing_table
from cronocast.commands.own_settings import own_settings
from cronocast.commands.progress import Display
from cronocast.commands.series_run import Chain
from cronocast.console import say
from cronocast.document.entry import Entry
from cronocast.document.values import load_values
from cronocast.durations import stamp
from cronocast.errors import ConfigError, CronocastError, Problem, Terminated, seen
from cronocast.handoff.results import read_result
from cronocast.settings.declare import given

# Variables of a step that would lead the steps of a chain astray: the values file names the series, and files lie in
# its run folder.
OF_ONE_STEP = (
    "CRONOCAST_NAME",
    *(f"CRONOCAST_{name.upper()}" for name in FILES),
    *(option.env for step in STEPS.values() for option in step.flags if option.alone),
)
STOP_S = 8.0  # for all steps together to end after SIGTERM; then they are killed, so that the whole stop keeps to 10 s
MOST_FOLDERS = 12  # named at the end of a run
LAST_LINES = 20  # kept of a failed step for the person who looks


T = TypeVar("T")


class Children:
    """The step processes that run now; stopping ends them all and starts no more."""

    def __init__(self) -> None:
        self.lock, self.running, self.stopped = threading.Lock(), set[subprocess.Popen[str]](), False

    def start(self, command: list[str], env: Mapping[str, str]) -> "subprocess.Popen[str] | None":
        """Start a step, or nothing once stopping has begun."""
        with self.lock:
            if self.stopped:
                return None
            # A group of its own: Ctrl-C reaches this process alone, which then ends the steps tidily.
            child = subprocess.Popen(  # noqa: S603
                command,
                env=env,
                stderr=subprocess.PIPE,
                stdin=subprocess.DEVNULL,
                text=True,
                errors="replace",
                start_new_session=True,
            )
            self.running.add(child)
            return child

    def stop(self) -> None:
        """End every running step by SIGTERM, which they obey within seconds, and wait for them."""
        with self.lock:
            self.stopped = True
            for child in self.running:
                child.terminate()
        end = time.monotonic() + STOP_S
        for child in list(self.running):
            try:
                child.wait(timeout=max(0.0, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()


def run_chain(values: Path, names: list[str], only: str | None, root: Path, run: str | None, *, as_json: bool) -> int:
    """Run the chosen steps for the chosen series; return 0, or the exit code of the first series that failed.

    Raises:
        ConfigError: the values file, a name, a step or the time is wrong; nothing was started.
    """
    entries = load_values(values)
    problems: list[Problem] = []
    steps = chosen_of("--only", only.split(",") if only else [], chain_steps(), problems)
    chosen = chosen_of("--series", names, tuple(entries), problems)
    run_ns = run_time(run, problems)
    if problems:
        raise ConfigError(problems)
    root = root.absolute()
    _say_unused()
    chains = [Chain(entries[name], run_folder(root, name, run_ns)) for name in chosen]
    own = own_settings(values)
    with Display([c.entry.name for c in chains], steps, quiet=as_json) as display:
        for chain in chains:
            display.settings(chain.entry.name, own[chain.entry.name])
        together(chains, lambda chain, children: run_series(chain, steps, root, run_ns, children, display))
    if as_json:
        print(json.dumps([_as_json(chain) for chain in chains], indent=1))  # noqa: T201
    else:
        closing_table(chains)
        _print_places(chains)
    return next((chain.exit_code for chain in chains if chain.exit_code), 0)


def _print_places(chains: list[Chain]) -> None:
    """The last lines: where the files of each series lie, and what makes a report of the first forecast, and where."""
    folders = [chain.folder for chain in chains if chain.folder.is_dir()]
    for folder in folders[:MOST_FOLDERS]:
        print(f"files: {_shown(folder)}")  # noqa: T201
    if len(folders) > MOST_FOLDERS:
        print(f"files of {len(folders) - MOST_FOLDERS} more series lie beside these")  # noqa: T201
    forecast = next((_shown(chain.folder) for chain in chains if "forecast" in chain.results), None)
    if forecast:
        print(f"report: cronocast report {forecast}\n  writes {forecast}/report.html")  # noqa: T201


def _shown(folder: Path) -> str:
    """A folder as it may be typed: from here where it lies below."""
    here = Path.cwd()
    return shlex.quote(str(folder.relative_to(here) if folder.is_relative_to(here) else folder))


def _say_unused() -> None:
    """Say which variables of single steps are set and change nothing."""
    if unused := [name for name in OF_ONE_STEP if os.environ.get(name)]:
        say(f"{', '.join(unused)}: ignored by run, for single steps only")


def together(items: Sequence[T], work: Callable[[T, Children], None]) -> None:
    """Work at several series at once, as many as there are cores; a signal ends every step before it ends the whole."""
    children = Children()
    pool = ThreadPoolExecutor(max_workers=min(len(items), os.cpu_count() or 1))
    previous = {number: signal.signal(number, _stop) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        list(pool.map(lambda item: work(item, children), items))
    except BaseException:
        children.stop()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
        for number, handler in previous.items():
            signal.signal(number, handler)


def _stop(number: int, frame: object) -> None:  # noqa: ARG001 - the form of a signal handler
    raise Terminated(
        "E_TERMINATED",
        signal.Signals(number).name,
        "stopped, and every step with it; run the same command again to continue",
    )


def chosen_of(flag: str, names: list[str], known: tuple[str, ...], problems: list[Problem]) -> list[str]:
    """The known names that were asked for, in their own order; all if none was."""
    problems += [
        Problem("E_CONFIG_CHOICE", flag, f"{seen(name)} is not known; known: {', '.join(known)}")
        for name in names
        if name not in known
    ]
    return [name for name in known if name in names or not names]


def run_series(chain: Chain, steps: list[str], root: Path, run_ns: int, children: Children, display: Display) -> None:
    """Run the steps of one series until one fails or has nothing to hand on; who is to be told of that is told."""
    _run_steps(chain, steps, root, run_ns, children, display)
    if chain.entry.notify and chain.status in ("failed", "skipped") and len(steps) == len(chain_steps()):
        # As on a cluster, where the record of a run tells what no step could; there are records only of clusters.
        env = {**_environment(chain.entry), "CRONOCAST_SINK_RUNS": "false"}
        command = [sys.executable, "-m", "cronocast", "record", "--root", str(root), "--run", stamp(run_ns)]
        if child := children.start(command, env):
            _follow(child, partial(display.line, chain.entry.name, "record"), Chain(chain.entry, chain.folder))
            with children.lock:
                children.running.discard(child)


def _run_steps(chain: Chain, steps: list[str], root: Path, run_ns: int, children: Children, display: Display) -> None:
    env = _environment(chain.entry)
    for step in steps:
        command = [sys.executable, "-m", "cronocast", step, "--root", str(root), "--run", stamp(run_ns)]
        child = children.start(command, env)
        if child is None:
            return
        code = _follow(child, partial(display.line, chain.entry.name, step), chain)
        with children.lock:
            children.running.discard(child)
        code = _take_result(chain, step, code)
        if code:
            chain.exit_code, chain.failed_step = code, step
            display.state(chain.entry.name, step, f"failed {code}", chain.error)
            return
        result = chain.results[step]
        display.state(chain.entry.name, step, result["status"], result["reason"])
        if result["status"] in ("skipped", "superseded"):
            return


def _environment(entry: Entry) -> dict[str, str]:
    """Variables of a step: the entry reaches it as on a cluster, the whole document in one variable."""
    kept = {name: value for name, value in os.environ.items() if name not in OF_ONE_STEP}
    return {**kept, "CRONOCAST_ENTRY": json.dumps(given(entry))}


def _take_result(chain: Chain, step: str, code: int) -> int:
    """Keep the result of a step that ended with this code; return the code, or another where there is no result."""
    try:
        result = read_result(chain.folder / f"{step}.result.json", step)
    except CronocastError as error:
        chain.error = chain.error or str(error)
        return code or error.exit_code
    if code in (0, result.get("exit")):  # a step that was killed leaves that of an earlier try
        chain.results[step] = result
    return code


def _follow(child: "subprocess.Popen[str]", show: Callable[[str], None], chain: Chain) -> int:
    """Pass the step's lines on as they come; keep its last one, which names the error if there is one."""
    lines: list[str] = []
    for line in child.stderr or ():
        lines = [*lines, line.rstrip()][-LAST_LINES:]
        show(line.rstrip())
    code = child.wait()
    if code:
        chain.error = next(
            (line.removeprefix("error: ") for line in reversed(lines) if line.startswith("error: ")),
            f"ended by signal {-code}" if code < 0 else "no message",
        )
    return 128 - code if code < 0 else code


def _as_json(chain: Chain) -> dict[str, Any]:
    ended = {
        "series": chain.entry.name,
        "status": chain.status,
        "exit": chain.exit_code,
        "failed_step": chain.failed_step,
        "error": chain.error,
    }
    return {**ended, "folder": str(chain.folder), "steps": chain.results}
