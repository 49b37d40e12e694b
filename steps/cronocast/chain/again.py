"""Members of which an earlier run has kept what it found: what still holds of it, and what the next run gets."""

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace

from cronocast.chain.job import Job
from cronocast.errors import StorageError
from cronocast.forecast.answer import MemberForecast
from cronocast.forecast.kept import Keeper, Kept, digest, forget_older, path_of, version
from cronocast.forecast.members import MemberJob
from cronocast.handoff.evaluation import FULL
from cronocast.handoff.files import atomic
from cronocast.handoff.profile import Gaps, Profile
from cronocast.handoff.series import Member


def since(member: Member, start_ns: int | None) -> Member:
    """The rows of a member from a time on: what was before a change is no history of what is now."""
    if start_ns is None or not member.time_ns or member.time_ns[0] >= start_ns:
        return member
    first = bisect_left(member.time_ns, start_ns)
    columns = tuple(array("d", column[first:]) for column in member.columns)
    return replace(member, time_ns=array("q", member.time_ns[first:]), columns=columns)


def still(profile: Profile, member: Member) -> Profile:
    """The profile of an earlier run with what the rows of this one say of their number and ends."""
    points = len(member.time_ns)
    if not points:
        return profile
    first_ns, last_ns = member.time_ns[0], member.time_ns[-1]
    steps = max(points, (last_ns - first_ns) // profile.step_ns + 1)
    gaps = Gaps(steps - points, profile.gaps.longest, (steps - points) / steps)
    return replace(profile, points=points, first_ns=first_ns, last_ns=last_ns, gaps=gaps)


def keep(job: Job, works: Sequence[MemberJob], results: Sequence[MemberForecast]) -> str:
    """Keep what was found for the next run; why it could not be kept, "" where it was, or where nothing is new.

    Where nothing at all was tested anew, what the run before has kept still stands.
    """
    if job.state is None or not any(result.anew and result.tested for result in results):
        return ""
    part = job.part.name if job.part else ""
    try:
        path = path_of(job.state, job.run_ns, part)
        with atomic(path) as file:
            keeper = Keeper(file)
            for work, result in zip(works, results, strict=True):
                if kept := _kept(job, work, result):
                    keeper.add(kept)
            keeper.close()
    except StorageError as error:
        return f"kept: {error}"
    forget_older(job.state, job.run_ns)
    return ""


def _kept(job: Job, work: MemberJob, result: MemberForecast) -> Kept | None:
    """What is kept of one member: what was found now, or what was kept before where that still stands."""
    before, found = work.before, result.tested
    if not result.anew:
        return before
    if found is None:
        return None
    full = before is None or work.verdict.kind == FULL
    return Kept(
        profile=work.profile,
        names=found.names,
        why=found.why,
        periods=found.periods,
        made_ns=job.run_ns if full or before is None else before.made_ns,
        warmed_ns=job.run_ns,
        reason=work.verdict.reason if full or before is None else before.reason,
        start_ns=work.verdict.start_ns if full or before is None else before.start_ns,
        points=int(work.y.size) if full or before is None else before.points,
        step_ns=work.profile.step_ns,
        settings=digest(job.entry),
        version=version(),
        report=found.report,
        origins_ns=found.origins_ns,
        forecasts=found.forecasts,
    )
