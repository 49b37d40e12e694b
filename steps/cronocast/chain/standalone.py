"""What stands for a series document where a step is given files alone: the history says step size and span."""

from pathlib import Path
from typing import Any

from cronocast.chain.table import STEPS
from cronocast.durations import Duration
from cronocast.handoff.series import HISTORY_COLUMNS
from cronocast.handoff.strict import read_members
from cronocast.sources.table import NO_DATABASE
from cronocast.tables.step import step_of


def stand_in(step: str, history: Path | None, name: str | None, every: str | None) -> dict[str, Any]:
    """The settings of a step without a series document, before its flags are laid over them.

    Args:
        step: Name of the step.
        history: The file with the history, if it takes one.
        name: What the series is called by, if anything says so.
        every: Step size as text, where a flag gives it.

    Raises:
        ContractError: the history is no such file.
    """
    writes_history = STEPS[step].writes == "history"  # then a database is read
    data: dict[str, Any] = {"name": name or "series", "source": {} if writes_history else NO_DATABASE}
    if "history" not in STEPS[step].reads or history is None or not history.exists():
        return data
    every_ns, span_ns = infer_grid(history)
    lookback = whole_steps(span_ns, Duration.read(every) or every_ns)
    return {**data, "lookback": lookback, **({} if every else {"every": str(Duration.of(every_ns))})}


def whole_steps(span_ns: int, every_ns: int) -> str:
    """The lookback of a history that is a file.

    The file is the window, and settings that must fit into the window are held against it.
    """
    return str(Duration.of(max(span_ns // every_ns, 1) * every_ns))


def infer_grid(history: Path) -> tuple[int, int]:
    """Step size and span in ns of the first member of a history file."""
    member = next(iter(read_members(history, HISTORY_COLUMNS)), None)
    times = member.time_ns if member else ()
    step = step_of([times])
    return step, (times[-1] - times[0] + step if times else step)
