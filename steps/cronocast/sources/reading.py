"""What is read, and what a source reports of it."""

from dataclasses import dataclass, field
from typing import Any

from cronocast.durations import stamp


@dataclass(frozen=True)
class Window:
    """What is read: start_ns <= time < end_ns, UTC; for finished steps both are multiples of every_ns since 1970."""

    start_ns: int
    end_ns: int
    every_ns: int

    def __str__(self) -> str:
        """The window as people read it."""
        return f"{stamp(self.start_ns)} to {stamp(self.end_ns)}"


@dataclass
class Reading:
    """What a source reports about one reading."""

    rows: int = 0  # as the server sent them
    dropped: dict[str, int] = field(default_factory=dict)  # reason -> rows that did not reach the spool
    bytes: int = 0
    attempts: int = 1  # tries of the slowest request
    notes: list[str] = field(default_factory=list)  # in words: warnings of the server, what is odd about the data
    facts: dict[str, Any] = field(default_factory=dict)  # the same as data, see the kind of source
    single: bool = False  # at most one row for each step of a member
    why_empty: str = ""  # what an answer without rows means, in words
    absent: bool = False  # there are no rows because what was asked for does not exist
