"""The command `cronocast backtest` from its checked order to its output. Heavy imports stand inside."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cronocast.backtest.request import Request
from cronocast.console import last_words
from cronocast.errors import MissingExtraError, Problem, Terminated, seen


def run_backtest(request: Request, out: Path | None, *, as_json: bool) -> int:
    """Forecast the past, print what came of it, and write the page if one is wanted; return 0.

    Raises:
        DataError, ContractError, StorageError: the history is too short, the page can't be written.
        MissingExtraError: the numerical libraries, or those of a model, are not installed.
    """
    try:
        return _run(request, out, as_json=as_json)
    except ModuleNotFoundError as error:
        sentence = (
            f"needs the module {seen(error.name)}, which is not installed here: pip install 'cronocast[linear]' or use"
            " the image that carries it"
        )
        raise MissingExtraError([Problem("E_MISSING_EXTRA", "backtest", sentence)]) from error


def _run(request: Request, out: Path | None, *, as_json: bool) -> int:
    from cronocast.backtest.page import write_page
    from cronocast.backtest.scores import document
    from cronocast.backtest.study import run_study
    from cronocast.backtest.table import print_json, print_tables, progress

    with progress() as show, _ends_at_once():
        study = run_study(request, request.table.members, show)
    found = document(study, request)
    if out is not None:
        write_page(study, found, out)
    (print_json if as_json else print_tables)(found)
    return 0


@contextmanager
def _ends_at_once() -> Iterator[None]:
    """Have SIGTERM and Ctrl-C end this process and its workers without further ado.

    Nothing has been written yet. An orderly end could wait for ever: a thread of the pool may be writing to a worker
    that is gone.
    """
    # What the pool had open is tidied by a process that Python starts for this; its report of that would stand below
    # our last line.
    os.environ.setdefault("PYTHONWARNINGS", "ignore::UserWarning:multiprocessing.resource_tracker")
    previous = {number: signal.signal(number, _stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _stop(number: int, frame: object) -> None:  # noqa: ARG001 - the form of a signal handler
    import multiprocessing

    for child in multiprocessing.active_children():
        child.kill()
    ended = Terminated(
        "E_TERMINATED", signal.Signals(number).name, "stopped before the backtest finished; run the same command again"
    )
    last_words(ended)
    os._exit(ended.exit_code if number == signal.SIGTERM else 130)
