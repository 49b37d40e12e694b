"""Forecasts one member: makes its values ready for models, in order: clock, holidays, grid, transform, gaps.

The rest is its `Work`.
"""

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from cronocast.durations import Duration
from cronocast.errors import DataError
from cronocast.forecast.again import usable
from cronocast.forecast.answer import MemberForecast, Settings, without_forecast
from cronocast.forecast.candidates import DAY_NS, check_models
from cronocast.forecast.days_off import DaysOff, Learnt
from cronocast.forecast.finish import result
from cronocast.forecast.model_input import ModelInput, model_input
from cronocast.forecast.observations import Observations, observations
from cronocast.forecast.timeline import Timeline, timeline
from cronocast.forecast.work import Work
from cronocast.handoff.evaluation import FULL, Verdict
from cronocast.models.model import Context

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from cronocast.forecast.kept import Kept
    from cronocast.forecast.trained import Trained
    from cronocast.handoff.profile import Profile
    from cronocast.timeseries.fill import Filled
    from cronocast.timeseries.grid import Floats

    Times = NDArray[np.int64]

LEAST_POINTS = 3


def forecast_member(
    profile: "Profile",
    time_ns: "Times",
    y: "Floats",
    settings: Settings,
    state: "Path | None" = None,
    trained: "Mapping[str, Trained] | None" = None,
    verdict: Verdict | None = None,
    kept: "Kept | None" = None,
) -> MemberForecast:
    """Forecast one member.

    The same input gives the same numbers, unless the CPU budget cuts the backtest short.

    Args:
        profile: What classify found.
        time_ns: Times of the observations, ns UTC, shape (t,).
        y: Values, shape (t,); not finite counts as missing.
        settings: How to forecast.
        state: Folder for saved weights of this member.
        trained: Models that were trained for many members, by name.
        verdict: How much of the forecast is made anew; all of it where there is none, or nothing of use is kept.
        kept: What an earlier run kept of the member.

    Raises:
        ConfigError: a named model is unknown, does not take an option, or its library is missing. Nothing else: other
            failures come back as status and reason.
    """
    began = time.process_time()
    check_models(settings.model, settings.candidates, settings.options, trains=settings.trains)
    with np.errstate(all="ignore"):
        work = begin(profile, time_ns, y, settings, state, verdict, kept)
        found = result(work, trained or {}) if isinstance(work, Work) else work
    return replace(found, cpu_s=time.process_time() - began + sum(model.cpu_s for model in (trained or {}).values()))


def begin(
    profile: "Profile",
    time_ns: "Times",
    y: "Floats",
    settings: Settings,
    state: "Path | None" = None,
    verdict: Verdict | None = None,
    kept: "Kept | None" = None,
) -> "Work | MemberForecast":
    """Make a member ready for models; one that gets no forecast is answered at once. Arguments as of `forecast_member`.

    Raises:
        ConfigError: the calendar names no known place.
        MissingExtraError: the package `holidays`, which the calendar needs, is not installed.
    """
    observed = observations(profile, np.asarray(time_ns, dtype=np.int64), np.asarray(y, dtype=float), settings)
    profile_by_clock, horizon = observed.profile, observed.clock_horizon
    line = timeline(profile_by_clock, observed.time_ns, observed.ordinary, settings.end_ns, horizon=horizon)
    holidays = line.holding(observed.time_ns[observed.on_holidays], profile.step_ns)
    seen = model_input(line, holidays, settings)
    refused = _refused(profile, line, seen.filled, settings)
    if refused is not None:
        return refused
    work = Work(
        settings=settings,
        observations=observed,
        line=line,
        input=seen,
        context=_context(observed, line, settings, state),
        days_off=_days_off(observed, line, seen, settings),
    )
    if (
        verdict is not None
        and verdict.kind != FULL
        and kept is not None
        and usable(kept, tuple(work.models), profile.step_ns)
    ):
        work.verdict, work.kept = verdict, kept
    return work


def _refused(profile: "Profile", line: Timeline, filled: "Filled", settings: Settings) -> MemberForecast | None:
    """The answer for a member that gets no forecast; None for one that gets one."""
    if not filled.y.size:
        return without_forecast(profile, "skipped", "no_values: there is no finite value in the window")
    if settings.silent_after is not None and filled.silent_for(line.steps_in(settings.silent_after)):
        silence_ns = max(profile.step_ns, settings.end_ns - profile.last_ns - profile.step_ns)
        silence, limit = Duration.of(silence_ns), Duration.of(settings.silent_after * profile.step_ns)
        reason = f"silent: nothing was measured in the last {silence}; silent_after is {limit}"
        return without_forecast(profile, "skipped", reason)
    short = profile.series_class == "too_short" or int(filled.observed.sum()) < LEAST_POINTS
    if not short or settings.on_too_short == "forecast":
        return None
    status = "failed" if settings.on_too_short == "fail" else "skipped"
    reason = f"{filled.too_short()}; on_too_short is {settings.on_too_short}"
    return without_forecast(profile, status, reason, DataError, "E_TOO_SHORT")


def _context(observed: Observations, line: Timeline, settings: Settings, state: "Path | None") -> Context:
    """What a model may know of the member besides its values."""
    profile = observed.profile
    member = f"{profile.name}{{{profile.tags}}}"
    return Context(
        step_ns=profile.step_ns,
        start_ns=line.start_ns,
        hours=line.hours,
        series_class=profile.series_class,
        periods=line.periods,
        last_change=line.last_change,
        options=settings.options,
        horizon=line.steps,
        key=member,
        member=member,
        state=state,
        seed=settings.seed,
        offset_ns=observed.offset_ns,
        end_ns=settings.end_ns,
    )


def _days_off(observed: Observations, line: Timeline, seen: ModelInput, settings: Settings) -> DaysOff | None:
    """What holidays ahead do to the forecast; None where the calendar names no place, or there are none."""
    if settings.holidays is None:
        return None
    step_ns, filled, off = observed.profile.step_ns, seen.filled, observed.on_holidays
    learnt = Learnt(
        place=settings.holidays,
        offset_ns=observed.offset_ns,
        step_ns=step_ns,
        time_ns=line.times(step_ns)[filled.start : filled.start + filled.y.size],
        y=filled.y,
        off_ns=observed.time_ns[off],
        off=seen.unit.forward(observed.y[off]),
        weekly=7 * DAY_NS // step_ns in observed.profile.periods,
    )
    return learnt.ahead(line.ahead(settings.end_ns, step_ns))
