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
from functools import partial

from cronocast.chain.job import Job
from cronocast.console import last_words, say
from cronocast.errors import BugError, CronocastError, StorageError, Terminated
from cronocast.handoff.files import series_lock
from cronocast.handoff.results import Outcome, write_result

AGAIN_S = 2.0  # from one SIGTERM to its repeat: longer than tidying up takes, and a few of them fit into ten seconds
KEEP_TEMPORARY_S = 3600  # a file under a temporary name that is older belongs to a step that was killed


def run_step(work: Callable[[Job, Outcome], None], job: Job, *, debug: bool = False) -> int:
    """Run one step and return its exit code; its result file is published last, also after an error.

    A step that got no lock replaces none.
    """
    begin = time.monotonic()
    outcome, error = Outcome(), None
    ended = threading.Event()
    previous = signal.signal(signal.SIGTERM, partial(_terminate, ended))
    try:
        with ExitStack() as stack:
            if job.lock_folder is not None:
                stack.enter_context(series_lock(job.lock_folder))
            _remove_leftovers(job)
            work(job, outcome)
    except CronocastError as caught:
        error = caught
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
        "E_BUG", type(error).__name__, f"{error or 'no message'}; this is a bug in cronocast, --debug shows where"
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
        return _failed(error, debug=debug)
    except KeyboardInterrupt:
        say("error: E_INTERRUPTED keyboard: stopped by Ctrl-C; run the same command again to continue")
        return 130
    except BrokenPipeError:  # whoever read the output has seen enough, as `| head` does
        return 0
    except OSError as error:
        last_words(_storage(error, "output"))
        return StorageError.exit_code
    except Exception as error:  # noqa: BLE001 - the last line of defence
        return _failed(_bug(error), debug=debug)


def _failed(error: CronocastError, *, debug: bool) -> int:
    """Say what ended an action, with `debug` after the traceback of the error at hand; returns the exit code."""
    if debug:
        traceback.print_exc()
    last_words(error)
    return error.exit_code


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
    raise Terminated("E_TERMINATED", "SIGTERM", "stopped before the step finished; it can be run again")


def stop_after(seconds: int) -> None:
    """Have SIGTERM sent to this process after some time: an engine bounds a pod, but no container of several in one."""

    def passed(signum: int, frame: object) -> None:  # noqa: ARG001 - the form of a signal handler
        say(f"the deadline of {seconds} s has passed")
        os.kill(os.getpid(), signal.SIGTERM)

    signal.signal(signal.SIGALRM, passed)
    signal.setitimer(signal.ITIMER_REAL, seconds)


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
