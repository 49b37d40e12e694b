"""Forecasts many members in parallel processes; order and numbers do not depend on how many there are."""

import multiprocessing
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from threadpoolctl import threadpool_limits

from cronocast.errors import CronocastError, Terminated, seen
from cronocast.forecast.answer import MemberForecast, Settings, without_forecast
from cronocast.forecast.candidates import check_models, named
from cronocast.forecast.engine import begin, forecast_member
from cronocast.forecast.kept import Head, Kept, load
from cronocast.forecast.together import train
from cronocast.forecast.trained import Trained
from cronocast.forecast.work import Work
from cronocast.handoff.evaluation import FULL, PREDICT, WARM, Verdict
from cronocast.handoff.profile import Profile
from cronocast.models.table import abilities

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class MemberJob:
    """One member to forecast."""

    profile: Profile
    time_ns: "NDArray[np.int64]"
    y: "NDArray[np.float64]"
    settings: Settings
    state: Path | None = None
    trained: Mapping[str, Trained] = field(default_factory=dict)  # models trained for many members, by name
    verdict: Verdict | None = None  # how much is made anew; None: all
    head: Head | None = None  # where what an earlier run kept of it lies

    def kept(self) -> Kept | None:
        """What an earlier run kept, where the verdict calls for it; None where it can't be read: all is made anew."""
        if self.head is None or self.verdict is None or self.verdict.kind == FULL:
            return None
        with suppress(CronocastError, OSError):
            return load(self.head)
        return None


def forecast_members(
    jobs: Sequence[MemberJob],
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
    weights: Path | None = None,
) -> Iterator[MemberForecast]:
    """Forecast each job, in order; a member that fails, or whose process dies, is answered with status failed.

    Args:
        jobs: The members.
        workers: Processes at the same time, >= 1; 1 works in this process.
        progress: Called with (done, all) after each member.
        weights: Folder for the weights of models that are trained for all members at once.

    Raises:
        ConfigError: a model that a job names is unknown, its library missing, or an option wrong that can be checked so
            early; before any forecast.
        StorageError: weights can't be read or written.
    """
    for settings in {(job.settings.model, job.settings.candidates): job.settings for job in jobs}.values():
        check_models(settings.model, settings.candidates, settings.options, trains=settings.trains)
    jobs = _trained(jobs, weights)
    results = _alone(jobs) if workers == 1 or len(jobs) < 2 else _together(jobs, min(workers, len(jobs)))
    for done, result in enumerate(results, 1):
        yield result
        if progress:
            progress(done, len(jobs))


def _trained(jobs: Sequence[MemberJob], weights: Path | None) -> Sequence[MemberJob]:
    """The jobs, with the models that are trained once for many of them."""
    places = [i for i, job in enumerate(jobs) if _learns_together(job)]
    if not places:
        return jobs
    found = list(jobs)
    with threadpool_limits(limits=1), np.errstate(all="ignore"):
        works = {i: work for i in places if (work := _begun(jobs[i])) is not None}
        for i, trained in zip(
            works,
            train(list(works.values()), weights, _due([jobs[i] for i in works], list(works.values()))),
            strict=True,
        ):
            found[i] = replace(jobs[i], trained=trained)
    return found


def _due(jobs: Sequence[MemberJob], works: Sequence[Work]) -> str:
    """What models that learn from all members are to learn anew, of evaluation.VERDICTS; "" where nobody says."""
    if any(job.verdict is None for job in jobs):
        return ""
    kinds = [work.verdict.kind for work in works]
    if all(kind == PREDICT for kind in kinds):
        return PREDICT
    return FULL if 2 * kinds.count(FULL) >= len(kinds) else WARM


def _learns_together(job: MemberJob) -> bool:
    return any(abilities(name).together for name in named(job.settings.model, job.settings.candidates))


def _begun(job: MemberJob) -> Work | None:
    """The member under way; None where it fails, which its own job will say."""
    try:
        work = begin(job.profile, job.time_ns, job.y, job.settings, None, job.verdict, job.kept())
    except Terminated:
        raise
    except Exception:  # noqa: BLE001 - other members must still get theirs
        return None
    return work if isinstance(work, Work) else None


def _alone(jobs: Sequence[MemberJob]) -> Iterator[MemberForecast]:
    # One BLAS thread, as in the workers: sums in another order would end in other last digits.
    with threadpool_limits(limits=1):
        yield from map(run_job, jobs)


def _together(jobs: Sequence[MemberJob], workers: int) -> Iterator[MemberForecast]:
    left = list(jobs)
    while left:
        done = 0
        try:
            with _pool(workers) as pool:
                # Some dozens of members per hand-over: small enough to spread evenly, large enough not to count.
                for result in pool.map(run_job, left, chunksize=max(1, min(32, len(left) // (4 * workers)))):
                    done += 1
                    yield result
        except BrokenProcessPool:
            # Which member killed its process is not known: try the next one by itself, then go on with the others.
            yield _by_itself(left[done])
            done += 1
        left = left[done:]


def _by_itself(job: MemberJob) -> MemberForecast:
    try:
        with _pool(1) as pool:
            return pool.submit(run_job, job).result()
    except BrokenProcessPool:
        return without_forecast(
            job.profile,
            "failed",
            "process_died: the process that forecast this member was killed, perhaps for lack of memory; choose a"
            " lighter model or fewer jobs",
        )


def _pool(workers: int) -> ProcessPoolExecutor:
    # Spawned, not forked: a fork copies the locks of other threads (logging, deep-learning libraries) in whatever state
    # they are.
    return ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"), initializer=_one_thread)


_limits: list[Any] = []  # keeps the limit of a worker alive


def _one_thread() -> None:
    _limits.append(threadpool_limits(limits=1))


def run_job(job: MemberJob) -> MemberForecast:
    """Forecast one member; its failure is its own."""
    try:
        return forecast_member(
            job.profile, job.time_ns, job.y, job.settings, job.state, job.trained, job.verdict, job.kept()
        )
    except Terminated:
        raise
    except CronocastError as error:
        return without_forecast(job.profile, "failed", str(error), type(error), error.token)
    except Exception as error:  # noqa: BLE001 - other members must still get theirs
        return without_forecast(job.profile, "failed", f"bug: {type(error).__name__}: {seen(str(error))}")
