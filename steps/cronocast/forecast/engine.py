"""Forecasts one member: makes its values ready for models, in order: clock, holidays, grid, transform, gaps.

The rest is its `Work`.
"""

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from cronocast.forecast.answer import MemberForecast, Settings, without_forecast
from cronocast.forecast.candidates import DAY_NS, check_models
from cronocast.forecast.days_off import Learnt
from cronocast.forecast.timeline import timeline
from cronocast.forecast.transform import Unit, exponent_of, fitted
from cronocast.forecast.work import Work
from cronocast.models.model import Context
from cronocast.timeseries.clock import clock_of, offset_ns
from cronocast.timeseries.fill import fill
from cronocast.timeseries.grid import steps_of
from cronocast.timeseries.holidays import left_out

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from cronocast.forecast.trained import Trained
    from cronocast.handoff.profile import Profile
    from cronocast.timeseries.grid import Floats

    Times = NDArray[np.int64]

LEAST_POINTS = 3
LARGEST_EXPONENT = 1023  # values below 2**1023


def forecast_member(
    profile: "Profile",
    time_ns: "Times",
    y: "Floats",
    settings: Settings,
    state: "Path | None" = None,
    trained: "Mapping[str, Trained] | None" = None,
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

    Raises:
        ConfigError: a named model is unknown, does not take an option, or its library is missing. Nothing else: other
            failures come back as status and reason.
    """
    began = time.process_time()
    check_models(settings.model, settings.candidates, settings.options)
    with np.errstate(all="ignore"):
        work = begin(profile, time_ns, y, settings, state)
        result = work.result(trained or {}) if isinstance(work, Work) else work
    return replace(result, cpu_s=time.process_time() - began + sum(model.cpu_s for model in (trained or {}).values()))


def begin(
    profile: "Profile", time_ns: "Times", y: "Floats", settings: Settings, state: "Path | None" = None
) -> "Work | MemberForecast":
    """Make a member ready for models; one that gets no forecast is answered at once. Arguments as of `forecast_member`.

    Raises:
        ConfigError: the calendar names no known place.
        MissingExtraError: the package `holidays`, which the calendar needs, is not installed.
    """
    time_ns, y, h = np.asarray(time_ns, dtype=np.int64), np.asarray(y, dtype=float), settings.h
    last_ns = settings.end_ns + (h - 1) * profile.step_ns
    clock, note = clock_of(
        settings.timezone, int(np.min(time_ns, initial=settings.end_ns)), last_ns, settings.end_ns, profile.step_ns
    )
    if clock is not None:
        (time_ns, y), changes = (
            clock.history(time_ns, y),
            clock.local(np.array(profile.change_points_ns, dtype=np.int64)),
        )
        profile = replace(profile, change_points_ns=tuple(changes.tolist()))
        settings = replace(settings, h=max(h, 1 + int(clock.ahead(settings.end_ns, profile.step_ns, h).max())))
    time_ns = steps_of(time_ns, profile.step_ns)
    zone_ns = offset_ns(settings.timezone, settings.end_ns)
    off = left_out(settings.holidays, time_ns, y, zone_ns, profile.step_ns)
    line = timeline(profile, time_ns, np.where(off, np.nan, y), settings.end_ns, settings.h)
    scale, refused = fitted(settings.transform, line.values)
    values = scale.forward(line.values)
    # the difference of two values at the edge of doubles overflows
    halved = int(exponent_of(values) > LARGEST_EXPONENT)
    values = np.ldexp(values, -halved)
    holidays = line.holding(time_ns[off], profile.step_ns)
    filled = fill(values, line.periods, settings.fill_limit, holidays)
    if not filled.y.size:
        return without_forecast(profile, "skipped", "no_values: there is no finite value in the window")
    if (
        profile.series_class == "too_short" or int(filled.observed.sum()) < LEAST_POINTS
    ) and settings.on_too_short != "forecast":
        status = "failed" if settings.on_too_short == "fail" else "skipped"
        return without_forecast(profile, status, f"{filled.too_short()}; on_too_short is {settings.on_too_short}")
    exponent = exponent_of(filled.y)
    unit = Unit(scale, exponent + halved, exponent_of(line.values[filled.start :]) if scale.name else exponent + halved)
    values, filled = np.ldexp(values, -exponent), replace(filled, y=np.ldexp(filled.y, -exponent))
    member = f"{profile.name}{{{profile.tags}}}"
    context = Context(
        step_ns=profile.step_ns,
        start_ns=line.start_ns,
        hours=line.hours,
        series_class=profile.series_class,
        periods=line.periods,
        last_change=line.last_change,
        options={**settings.options, "horizon": line.h, "key": member},
        member=member,
        state=state,
        seed=settings.seed,
        offset_ns=zone_ns,
        end_ns=settings.end_ns,
    )
    told = {**filled.counts(), **scale.told(), **line.told(), **({"note": refused} if refused else {})}
    told = {name: value for name, value in told.items() if value}
    days_off = None
    if settings.holidays is not None:
        values_off, weekly = (
            np.ldexp(scale.forward(y[off]), -unit.exponent),
            7 * DAY_NS // profile.step_ns in profile.periods,
        )
        times = line.times(profile.step_ns)[filled.start : filled.start + filled.y.size]
        learnt = Learnt(settings.holidays, zone_ns, profile.step_ns, times, filled.y, time_ns[off], values_off, weekly)
        days_off = learnt.ahead(line.ahead(settings.end_ns, profile.step_ns))
    said = [sentence for sentence in (note, days_off.said if days_off else "") if sentence]
    return Work(
        profile,
        values,
        holidays,
        filled,
        context,
        replace(settings, h=line.h),
        unit,
        line,
        clock,
        days_off,
        settings.h,
        h,
        told,
        said=said,
    )
