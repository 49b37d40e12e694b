"""The shell around every step: lock, signals, timing, result file, error line, exit code."""

import _thread
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cronocast.durations import stamp
from cronocast.entry import Entry
from cronocast.errors import (
    MAX_PROBLEMS,
    BugError,
    ConfigError,
    CronocastError,
    Problem,
    StorageError,
    Terminated,
    seen,
)
from cronocast.files import run_name, series_id, series_lock
from cronocast.results import Outcome, result_path, write_result

if TYPE_CHECKING:
    from cronocast.plan import Part

TERMINATION_LOG = Path("/dev/termination-log")  # Kubernetes shows it as the container's last words
AGAIN_S = 2.0  # from one SIGTERM to its repeat: longer than tidying up takes, and a few of them fit into ten seconds
KEEP_TEMPORARY_S = 3600  # a file under a temporary name that is older belongs to a step that was killed


@dataclass(frozen=True)
class Job:
    """What one step is to do: a checked entry, the run, and where its files are."""

    step: str
    entry: Entry
    run_ns: int  # the run's scheduled time
    standalone: bool  # explicit files, no run folder: hand-offs are checked only where a result lies beside
    history: Path
    profile: Path | None  # None: forecast classifies by itself
    forecast: Path
    state: Path | None  # folder that outlives the run; None when standalone
    dry_run: Path | None = None  # load: write the lines here instead of sending them
    outputs: Path | None = None  # classify: folder for the small values that a workflow engine branches on
    told: dict[str, str] = field(default_factory=dict)  # record: what the engine says of the run
    part: "Part | None" = None  # forecast: this container's share; None: all members, straight into forecast.csv
    settings: dict[str, Any] = field(default_factory=dict)  # setting -> {"value", "from"}, for the result file

    @property
    def run(self) -> str:
        """Name of the run."""
        return stamp(self.run_ns)

    @property
    def output(self) -> Path:
        """The file this step publishes; its result lies beside it."""
        if self.part is not None:
            return self.forecast.parent / self.part.file
        return {"extract": self.history, "classify": self.profile}.get(self.step) or self.forecast

    @property
    def result(self) -> Path:
        """Where the result of this step lies: beside its output, named by the step or by the part."""
        return result_path(self.part.name if self.part else self.step, self.output)

    @property
    def lock_folder(self) -> Path | None:
        """What two processes may not work in at the same time: the series, or one part of it."""
        return self.state / "parts" / self.part.name if self.state and self.part else self.state

    def handoff_names(self) -> tuple[str | None, str | None]:
        """Series and run that a hand-off must carry; (None, None) for files that stand alone."""
        return (None, None) if self.standalone else (self.entry.name, self.run)


def run_folder(root: Path, series: str, run_ns: int) -> Path:
    """`<root>/<series id>/runs/<run>`."""
    return root / series_id(series) / "runs" / run_name(run_ns)


def say(text: str) -> None:
    """Write one plain line for people to stderr; a closed stderr is no error."""
    if sys.stderr is None:
        return
    try:
        print(text.encode("ascii", "backslashreplace").decode(), file=sys.stderr, flush=True)  # noqa: T201
    except (OSError, ValueError):
        # stays open for the rest of the process
        sys.stderr = open(os.devnull, "w", encoding="ascii")  # noqa: SIM115, PTH123


def last_words(error: CronocastError) -> None:
    """Print every problem, and the one `error:` line last; the same line goes where Kubernetes looks for it."""
    if isinstance(error, ConfigError) and len(error.problems) > 1:
        for problem in error.problems[:MAX_PROBLEMS]:
            say(f"problem: {problem}")
        if len(error.problems) > MAX_PROBLEMS:
            say(f"problem: and {len(error.problems) - MAX_PROBLEMS} more")
    line = f"error: {error}"
    say(line)
    with suppress(OSError):
        if TERMINATION_LOG.is_file():
            TERMINATION_LOG.write_text(line.encode("ascii", "backslashreplace").decode() + "\n", encoding="ascii")


def run_step(work: Callable[[Job], Outcome], job: Job, *, debug: bool = False) -> int:
    """Run one step and return its exit code; its result file is published last, also after an error.

    A step that got no lock replaces none.
    """
    begin = time.monotonic()
    outcome, error = Outcome(status="failed"), None
    ended = threading.Event()
    previous = signal.signal(signal.SIGTERM, partial(_terminate, ended))
    try:
        with ExitStack() as stack:
            if job.lock_folder is not None:
                stack.enter_context(series_lock(job.lock_folder))
            _remove_leftovers(job)
            outcome = work(job)
    except CronocastError as caught:
        error, outcome = caught, caught.outcome or outcome
    except OSError as caught:  # a call to the volume that nothing nearer has looked at
        error = _storage(caught, str(job.output))
        error.__cause__ = caught
    except Exception as caught:  # noqa: BLE001 - a bug also gets its result file and its one line
        error = _bug(caught)
        error.__cause__ = caught
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # from here on only the result is written
        ended.set()
    try:
        # A step that never began leaves what lies there: it may be the good result of whoever has the lock.
        if error is None or error.token != "E_LOCK" or not job.result.exists():
            write_result(
                job.result, job.step, job.entry.name, job.run, outcome, time.monotonic() - begin, error, job.settings
            )
    except CronocastError as caught:
        error = error or caught
    signal.signal(signal.SIGTERM, previous)
    if error is None:
        reason = f" ({outcome.reason})" if outcome.reason else ""
        say(
            f"{job.step}: {outcome.status}{reason}, {len(outcome.members)}"
            f" {'member' if len(outcome.members) == 1 else 'members'}, {time.monotonic() - begin:.1f} s"
        )
        return 0
    if debug:
        traceback.print_exception(error)
    last_words(error)
    return error.exit_code


def _bug(error: Exception) -> BugError:
    return BugError(
        "E_BUG", type(error).__name__, f"{error or 'no message'}; this is a defect of cronocast, --debug shows where"
    )


def _storage(error: OSError, where: str) -> StorageError:
    return StorageError(
        "E_STORAGE",
        str(error.filename or where),
        f"{error.strerror or error}; check that it is there, writable and not full",
    )


def guarded(action: Callable[[], int], *, debug: bool) -> int:
    """Run an action; turn an error of ours into its line and exit code, anything else into exit 1."""
    try:
        return action()
    except CronocastError as error:
        if debug:
            traceback.print_exc()
        last_words(error)
        return error.exit_code
    except KeyboardInterrupt:
        say("error: E_INTERRUPTED keyboard: stopped by Ctrl-C; run the same command again to go on")
        return 130
    except BrokenPipeError:  # whoever read the output has seen enough, as `| head` does
        return 0
    except OSError as error:
        last_words(_storage(error, "output"))
        return StorageError.exit_code
    except Exception as error:  # noqa: BLE001 - the last line of defence
        if debug:
            traceback.print_exc()
        last_words(_bug(error))
        return BugError.exit_code


# the form of a signal handler
def _terminate(ended: threading.Event, signum: int, frame: object) -> None:  # noqa: ARG001
    """Stop tidily: children first, then the exception unwinds through every temporary file.

    Python drops an exception that is raised inside a destructor or the callback of a weak reference, of which every
    import has one, and libraries drop it in their `except Exception`. So the signal comes again until the step has
    ended.
    """
    if "multiprocessing" in sys.modules:
        for child in sys.modules["multiprocessing"].active_children():
            child.terminate()
    # A bare thread: the locks of `threading` may be held by what was interrupted here.
    _thread.start_new_thread(_again, (ended,))
    raise Terminated("E_TERMINATED", "SIGTERM", "stopped before the step was done; it can be run again")


def _again(ended: threading.Event) -> None:
    if not ended.wait(AGAIN_S):
        os.kill(os.getpid(), signal.SIGTERM)


def _remove_leftovers(job: Job) -> None:
    """Remove temporary files that a killed step of this series left behind more than an hour ago."""
    if job.standalone:
        return  # somebody else's folder
    for path in job.output.parent.glob(".tmp.*"):
        with suppress(OSError):
            if time.time() - path.lstat().st_mtime > KEEP_TEMPORARY_S:
                path.unlink()


def check_paths(
    problems: list[Problem], inputs: dict[str, Path], outputs: dict[str, Path], root: Path | None = None
) -> None:
    """Refuse links, devices, pipes and folders, one file for two roles.

    And files outside the root where there is one (E_PATH).
    """
    known: dict[Path, str] = {}
    for flag, path in {**inputs, **outputs}.items():
        try:
            real = path.resolve()
            if path.is_symlink() or (path.exists() and not path.is_file()):
                problems.append(
                    Problem("E_PATH", flag, f"{seen(str(path))} is a link, folder, pipe or device; name a plain file")
                )
            elif real in known:
                problems.append(Problem("E_PATH", flag, f"{seen(str(path))} is also {known[real]}; name two files"))
            elif root is not None and not real.is_relative_to(root.resolve()):
                problems.append(
                    Problem(
                        "E_PATH",
                        flag,
                        f"{seen(str(path))} lies outside the root {seen(str(root))}; name a file below it, or leave"
                        " --root out",
                    )
                )
            known[real] = flag
        except (OSError, ValueError, RuntimeError) as error:  # no right to look, NUL, a loop of links
            problems.append(
                Problem("E_PATH", flag, f"{seen(str(path))} can't be looked at: {error}; name a plain file")
            )
