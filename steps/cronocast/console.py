"""What a step tells: lines to stderr, and the last words of one that failed."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path

from cronocast.errors import MAX_PROBLEMS, ConfigError, CronocastError

TERMINATION_LOG = Path("/dev/termination-log")  # Kubernetes shows it as the container's last words

_quiet: ContextVar[bool] = ContextVar("_quiet", default=False)


@contextmanager
def quiet() -> Iterator[None]:
    """Say nothing within: who calls from Python finds it in what is returned."""
    before = _quiet.set(True)
    try:
        yield
    finally:
        _quiet.reset(before)


def say(text: str) -> None:
    """Write one plain line for people to stderr; a closed stderr is no error."""
    if sys.stderr is None or _quiet.get():
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
