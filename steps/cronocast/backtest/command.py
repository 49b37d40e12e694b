"""The command `cronocast backtest` from its checked order to its output. Heavy imports stand inside."""

import signal
from pathlib import Path

from cronocast.backtest.request import Request
from cronocast.errors import MissingExtraError, Problem, Terminated, seen


def run_backtest(request: Request, out: Path | None, *, as_json: bool) -> int:
    """Forecast the past, print what came of it, and write the page if one is wanted; return 0.

    Raises:
        DataError, ContractError, StorageError: the history is too short, is no such file, or the page can't be written.
        MissingExtraError: the numerical libraries, or those of a model, are not installed.
    """
    previous = signal.signal(signal.SIGTERM, _stop)
    try:
        return _run(request, out, as_json=as_json)
    except ModuleNotFoundError as error:
        sentence = f"needs the module {seen(error.name)}, which is not installed here: pip install 'cronocast[linear]' or use the image that carries it"
        raise MissingExtraError([Problem("E_MISSING_EXTRA", "backtest", sentence)]) from error
    finally:
        signal.signal(signal.SIGTERM, previous)


def _run(request: Request, out: Path | None, *, as_json: bool) -> int:
    from cronocast.backtest.page import write_page
    from cronocast.backtest.scores import document
    from cronocast.backtest.study import run_study
    from cronocast.backtest.table import print_json, print_tables, progress
    from cronocast.prepare import prepare_member
    from cronocast.series import HISTORY_COLUMNS, read_members

    members = [prepare_member(member, request.entry)[0] for member in read_members(request.history, HISTORY_COLUMNS)]
    with progress() as show:
        study = run_study(request, members, show)
    found = document(study, request)
    if out is not None:
        write_page(study, found, out)
    if as_json:
        print_json(found)
    else:
        print_tables(found)
    return 0


def _stop(number: int, frame: object) -> None:  # noqa: ARG001 - the form of a signal handler
    import multiprocessing

    for child in multiprocessing.active_children():
        child.terminate()
    raise Terminated("E_TERMINATED", signal.Signals(number).name, "stopped before the backtest was done; run the same command again")
