"""Rows on their way to history.csv.

They come in any order of members and slices, and leave grouped and ascending, in flat memory.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import IO, Protocol

from cronocast.errors import ContractError, seen
from cronocast.handoff.series import Member, prefix

MAX_SORTED_ROWS = 500_000  # of one member, sorted in memory at 200 bytes a row; servers send them sorted
MAX_CONFLICTS = 0.01  # share of rows that contradict another row of the same time
COPY_BYTES = 2**20


@dataclass(slots=True)
class RowBlock:
    """Rows of one member that lie together in the file."""

    member: int
    offset: int
    length: int
    rows: int
    first_ns: int
    last_ns: int
    ascending: bool


@dataclass
class Arranged:
    """What lies in the file now: members in their order of appearance, rows that were dropped by reason."""

    members: list[tuple[str, str, int]] = field(default_factory=list)  # name, tags, rows
    dropped: dict[str, int] = field(default_factory=lambda: {"duplicate": 0, "conflict": 0})
    sorted_members: int = 0
    sha256: str | None = None  # of the file, where its rows came in order


class Rows(Protocol):
    """What rows of one member are given to: a `Spool`, or what passes them on to one."""

    def add(self, name: str, tags: str, lines: list[bytes], first_ns: int, last_ns: int, *, ascending: bool) -> None:
        """Take rows, see `Spool.add`."""
        ...


class Spool:
    """Collects rows in the file that is to be published; if they come in order, that is all the work there is.

    Args:
        file: Opened for writing, its descriptor also for reading (as of `files.atomic`).
        folder: Room for a second copy, needed only where members must be regrouped.
        head: First line of the file.
        leave_out: Says of a member's name and tags whether its rows are only counted.
    """

    def __init__(
        self,
        file: IO[bytes],
        folder: Path,
        head: bytes,
        leave_out: Callable[[tuple[str, str]], bool] = lambda _: False,
    ) -> None:
        self._file, self._folder, self._head = file, folder, head
        self._leave_out = leave_out
        self._left: list[int] = []  # rows that were left out, by call
        self._members: dict[tuple[str, str], int] = {}
        self._segments: list[RowBlock] = []
        self._end = len(head)
        self._kept = self._kept_left = 0  # segments of slices that are complete, and calls that left rows out
        # Made while the server works on what comes next, instead of by reading the file again.
        self._sum = hashlib.sha256(head)
        self._kept_sum = self._sum.copy()
        file.write(head)

    def commit(self) -> None:
        """Call what came so far complete: `rewind` goes back to here."""
        self._kept, self._kept_left, self._kept_sum = len(self._segments), len(self._left), self._sum.copy()

    def rewind(self) -> None:
        """Forget what came since `keep`: its request failed and is sent again."""
        del self._segments[self._kept :], self._left[self._kept_left :]
        self._sum = self._kept_sum.copy()
        self._end = self._segments[-1].offset + self._segments[-1].length if self._segments else len(self._head)
        self._file.seek(self._end)
        self._file.truncate()

    def add(self, name: str, tags: str, lines: list[bytes], first_ns: int, last_ns: int, *, ascending: bool) -> None:
        """Append rows of one member.

        Args:
            name: Its name.
            tags: As of `series.tags_text`.
            lines: `time,value` each, without a newline; at least one.
            first_ns: Smallest time.
            last_ns: Largest time.
            ascending: Whether each time is larger than the one before.
        """
        if self._leave_out((name, tags)):
            self._left.append(len(lines))
            return
        start = prefix(name, tags)
        length = len(lines) * (len(start) + 1) + sum(map(len, lines))
        member = self._members.setdefault((name, tags), len(self._members))
        last = self._segments[-1] if len(self._segments) > self._kept else None
        if last and last.member == member and last.ascending and ascending and last.last_ns < first_ns:
            last.length, last.rows, last.last_ns = last.length + length, last.rows + len(lines), last_ns
        else:
            self._segments.append(RowBlock(member, self._end, length, len(lines), first_ns, last_ns, ascending))
        self._end += length
        at_once = COPY_BYTES // len(start) + 1  # tags of 60 kB on 10,000 rows would fill the memory of a pod
        for at in range(0, len(lines), at_once):
            data = start + (b"\n" + start).join(lines[at : at + at_once]) + b"\n"
            self._sum.update(data)
            self._file.write(data)

    def arrange(self) -> Arranged:
        """Group the rows by member, ascending, each time once.

        Raises:
            ContractError: too many rows contradict each other, or too many to sort.
        """
        by_member: dict[int, list[RowBlock]] = {}
        for segment in self._segments:
            by_member.setdefault(segment.member, []).append(segment)
        names = list(self._members)
        arranged = Arranged()
        arranged.dropped["unwritable"] = sum(self._left)
        if self._in_order(by_member):
            arranged.members = [
                (*names[member], sum(s.rows for s in segments)) for member, segments in by_member.items()
            ]
            arranged.sha256 = self._sum.hexdigest()
            return arranged
        self._file.flush()
        with tempfile.TemporaryFile(dir=self._folder) as grouped:
            for member, segments in by_member.items():
                arranged.members.append((*names[member], self._regroup(names[member], segments, grouped, arranged)))
            grouped.seek(0)
            self._file.seek(len(self._head))
            self._file.truncate()
            shutil.copyfileobj(grouped, self._file, COPY_BYTES)
        rows = sum(segment.rows for segment in self._segments)
        if arranged.dropped["conflict"] > MAX_CONFLICTS * rows:
            sentence = (
                f"{arranged.dropped['conflict']} of {rows} rows contradict another row of the same time and"
                " member; name the tags that distinguish them in group_by"
            )
            raise ContractError("E_CONFLICT", "answer", sentence)
        return arranged

    def _in_order(self, by_member: dict[int, list[RowBlock]]) -> bool:
        changes = sum(a.member != b.member for a, b in pairwise(self._segments))
        return changes == max(0, len(by_member) - 1) and all(_follow(segments) for segments in by_member.values())

    def _regroup(self, key: tuple[str, str], segments: list[RowBlock], to: IO[bytes], arranged: Arranged) -> int:
        """Write one member; returns its rows."""
        segments.sort(key=lambda s: s.first_ns)
        rows = sum(s.rows for s in segments)
        if _follow(segments):
            for segment in segments:
                to.writelines(self._blocks(segment))
            return rows
        if rows > MAX_SORTED_ROWS:
            raise _too_many(rows, Member(*key).label)
        start = prefix(*key)
        segments.sort(key=lambda s: s.offset)  # of two rows with one time the one that came later stands
        lines = [line[len(start) :] for s in segments for line in b"".join(self._blocks(s)).splitlines()]
        kept, again, conflicts = one_per_time(lines)
        to.write(start + (b"\n" + start).join(kept) + b"\n")
        arranged.sorted_members += 1
        arranged.dropped["duplicate"] += again
        arranged.dropped["conflict"] += conflicts
        return len(kept)

    def _blocks(self, segment: RowBlock) -> Iterable[bytes]:
        end = segment.offset + segment.length
        for offset in range(segment.offset, end, COPY_BYTES):
            yield os.pread(self._file.fileno(), min(COPY_BYTES, end - offset), offset)


def _too_many(rows: int, label: str) -> ContractError:
    """The error for a member with too many rows to sort."""
    limit = f"at most {MAX_SORTED_ROWS} are sorted, so name the tags that distinguish them in group_by"
    return ContractError("E_ORDER", "answer", f"{rows} rows of {seen(label)} are out of order; {limit}")


def _follow(segments: list[RowBlock]) -> bool:
    """Whether each segment is ascending and begins after the one before."""
    return all(s.ascending for s in segments) and all(a.last_ns < b.first_ns for a, b in pairwise(segments))


def one_per_time(lines: Iterable[bytes]) -> tuple[list[bytes], int, int]:
    """Sort rows `time,value`; of several with one time the last stands.

    Returns:
        The rows; how many were dropped with an equal value; how many with another value.
    """
    latest: dict[int, bytes] = {}
    again = conflicts = 0
    for line in lines:
        time = int(line[: line.index(b",")])
        if (other := latest.get(time)) is not None:
            same = float(other[other.index(b",") + 1 :]) == float(line[line.index(b",") + 1 :])
            again, conflicts = again + same, conflicts + (not same)
        latest[time] = line
    return [latest[time] for time in sorted(latest)], again, conflicts
