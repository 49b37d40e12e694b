"""How a run goes on from what the one before it kept: verdicts in, what the next run needs out."""

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from types import TracebackType
from typing import Self

import numpy as np

from cronocast.chain.evaluated import evaluation_of
from cronocast.chain.job import Job
from cronocast.errors import CronocastError, StorageError
from cronocast.forecast.answer import MemberForecast
from cronocast.forecast.digest import digest
from cronocast.forecast.kept import FOLDER, Head, Kept, Key, Made, Writer, load, read_heads, writer
from cronocast.forecast.members import MemberJob
from cronocast.handoff.evaluation import FULL, PREDICT, WARM, Verdict
from cronocast.handoff.profile import Gaps, Profile
from cronocast.handoff.results import Outcome
from cronocast.handoff.series import Member


def verdicts_of(job: Job) -> dict[Key, Verdict]:
    """How much each member needs anew; {} where evaluate did not run: all is made anew."""
    return {key: member.verdict for key, member in evaluation_of(job).items()}


def heads_of(job: Job, outcome: Outcome) -> dict[Key, Head]:
    """Where what an earlier run kept of each member lies; what can't be read is noted."""
    heads, notes = read_heads(job.state, job.run_ns, job.part.image if job.part else "")
    outcome.notes += notes
    return heads


def kept_profile(member: Member, head: Head | None, verdict: Verdict | None) -> Profile | None:
    """The class that a member had, with the bounds of its present history; None where it is to be classified."""
    if head is None or verdict is None or verdict.kind == FULL or not member.time_ns:
        return None
    with suppress(CronocastError, OSError):
        profile = load(head).profile
        first_ns, last_ns = int(member.time_ns[0]), int(member.time_ns[-1])
        points, steps = len(member.time_ns), (last_ns - first_ns) // profile.step_ns + 1
        apart = np.diff(np.frombuffer(member.time_ns, dtype=np.int64)) // profile.step_ns
        missing = max(0, steps - points)
        gaps = Gaps(missing, max(0, int(apart.max(initial=1)) - 1), missing / steps)
        return replace(profile, points=points, first_ns=first_ns, last_ns=last_ns, gaps=gaps)
    return None


def counting(member: Member, verdict: Verdict | None, head: Head | None) -> Member:
    """The history that still counts: after a change, what lies behind it, until all is made anew for another reason."""
    if verdict is None:
        return member
    start_ns = verdict.start_ns if verdict.kind == FULL else head.made.start_ns if head else None
    if start_ns is None:
        return member
    first = bisect_left(member.time_ns, start_ns)
    return replace(member, time_ns=member.time_ns[first:], columns=tuple(one[first:] for one in member.columns))


def learns(keys: Sequence[Key], verdicts: Mapping[Key, Verdict], heads: Mapping[Key, Head]) -> bool:
    """Tell whether models that learn from all of these members learn anything anew today."""
    return not all(key in heads and key in verdicts and verdicts[key].kind == PREDICT for key in keys)


class Keeping:
    """Writes what the next run goes on from; that it can't be written is a note, and never costs a forecast."""

    def __init__(self, job: Job, outcome: Outcome) -> None:
        self._run_ns, self._notes, self._open = job.run_ns, outcome.notes, ExitStack()
        self._to: Writer | None = None
        if job.state is not None:
            part = job.part.name if job.part else ""
            opened = writer(job.state, job.run_ns, part, digest(job.entry))
            self._try(lambda: setattr(self, "_to", self._open.enter_context(opened)))

    def __enter__(self) -> Self:
        """Nothing is left to open."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Publish what is kept, unless the step failed."""
        if error is None:
            self._try(self._open.close)
        else:
            self._open.__exit__(kind, error, trace)

    def _try(self, write: Callable[[], object]) -> None:
        try:
            write()
        except StorageError as error:
            self._to = None
            self._open.pop_all().__exit__(type(error), error, None)
            self._notes.append(f"{FOLDER}: {error}")

    def add(self, work: MemberJob, result: MemberForecast) -> None:
        """Keep one member; of one that has no forecast today what was kept of it before."""
        if self._to is None:
            return
        to = self._to
        kept = self._dated(result.kept, work, result.done) if result.kept is not None else _before(work)
        if kept is not None:
            self._try(lambda: to.add(kept))

    def _dated(self, kept: Kept, work: MemberJob, done: str) -> Kept:
        if done != FULL and work.head is not None:
            made = work.head.made
            made = made._replace(warmed_ns=self._run_ns) if done == WARM else made
        else:
            verdict, now = work.verdict or Verdict(), self._run_ns
            made = Made(now, now, verdict.reason or "first", work.profile.points, verdict.start_ns)
        return replace(kept, profile=work.profile, made=made)


def _before(work: MemberJob) -> Kept | None:
    if work.head is None:
        return None
    with suppress(CronocastError, OSError):
        return load(work.head)
    return None


def told(verdict: Verdict | None, done: str) -> Mapping[str, str]:
    """What the result file says of how much was made anew; nothing where nobody asked."""
    if verdict is None:
        return {}
    words = verdict.words if done == verdict.kind else f"{done}: what was kept can't be used ({verdict.words})"
    return {"verdict": done, "verdict_reason": verdict.reason, "verdict_words": words}
