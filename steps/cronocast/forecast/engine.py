"""Forecasts one member: fill, backtest, choose, forecast, interval, clip; any failure ends in a simpler forecast with its reason."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from cronocast.clock import Clock, clock_of, offset_ns
from cronocast.errors import DataError
from cronocast.forecast import MODELS, Context, backtest, intervals, select, summary
from cronocast.forecast.answer import MemberForecast, Settings, without_forecast
from cronocast.forecast.candidates import BY_CLASS, DAY_NS, check_models
from cronocast.forecast.days_off import DaysOff, Learnt
from cronocast.forecast.prepare import Filled, fill
from cronocast.forecast.timeline import Timeline, on_every_step, timeline
from cronocast.forecast.transform import Unit, exponent_of, fitted
from cronocast.holidays import left_out
from cronocast.registry import load

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from cronocast.forecast import Floats
    from cronocast.forecast.together import Trained
    from cronocast.profile import Profile

    Times = NDArray[np.int64]

LEAST_POINTS = 3
SEASONAL = ("seasonal", "trend_seasonal")
LARGEST = float(np.finfo(float).max)
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
        ConfigError: a named model is unknown, does not take an option, or its library is missing. Nothing else: other failures come back as status and reason.
    """
    began = time.process_time()
    check_models(settings.model, settings.candidates, settings.options)
    with np.errstate(all="ignore"):
        work = begin(profile, time_ns, y, settings, state)
        result = work.result(trained or {}) if isinstance(work, Work) else work
    return replace(result, cpu_s=time.process_time() - began + sum(model.cpu_s for model in (trained or {}).values()))


def begin(profile: "Profile", time_ns: "Times", y: "Floats", settings: Settings, state: "Path | None" = None) -> "Work | MemberForecast":
    """Make a member ready for models; one that gets no forecast is answered at once. Arguments as of `forecast_member`.

    Raises:
        ConfigError: the calendar names no known place.
        MissingExtraError: the package `holidays`, which the calendar needs, is not installed.
    """
    time_ns, y, h = np.asarray(time_ns, dtype=np.int64), np.asarray(y, dtype=float), settings.h
    last_ns = settings.end_ns + (h - 1) * profile.step_ns
    clock, note = clock_of(settings.timezone, int(np.min(time_ns, initial=settings.end_ns)), last_ns, settings.end_ns, profile.step_ns)
    if clock is not None:
        (time_ns, y), changes = clock.history(time_ns, y), clock.local(np.array(profile.change_points_ns, dtype=np.int64))
        profile = replace(profile, change_points_ns=tuple(changes.tolist()))
        settings = replace(settings, h=max(h, 1 + int(clock.ahead(settings.end_ns, profile.step_ns, h).max())))
    zone_ns = offset_ns(settings.timezone, settings.end_ns)
    off = left_out(settings.holidays, time_ns, y, zone_ns, profile.step_ns)
    line = timeline(profile, time_ns, np.where(off, np.nan, y), settings.end_ns, settings.h)
    scale, refused = fitted(settings.transform, line.values)
    values = scale.forward(line.values)
    halved = int(exponent_of(values) > LARGEST_EXPONENT)  # the difference of two values at the edge of doubles overflows
    values = np.ldexp(values, -halved)
    filled = fill(values, line.periods, settings.fill_limit, line.holding(time_ns[off], profile.step_ns))
    if not filled.y.size:
        return without_forecast(profile, "skipped", "no_values: there is no finite value in the window")
    if (profile.series_class == "too_short" or int(filled.observed.sum()) < LEAST_POINTS) and settings.on_too_short != "forecast":
        status = "failed" if settings.on_too_short == "fail" else "skipped"
        return without_forecast(profile, status, f"too_short: {int(filled.observed.sum())} points; on_too_short is {settings.on_too_short}")
    exponent = exponent_of(filled.y)
    unit = Unit(scale, exponent + halved, exponent_of(line.values))
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
    )
    told = {**filled.counts(), **scale.told(), **line.told(), **({"note": refused} if refused else {})}
    told = {name: value for name, value in told.items() if value}
    days_off = None
    if settings.holidays is not None:
        values_off, weekly = np.ldexp(scale.forward(y[off]), -unit.exponent), 7 * DAY_NS // profile.step_ns in profile.periods
        times = line.times(profile.step_ns)[filled.start : filled.start + filled.y.size]
        learnt = Learnt(settings.holidays, zone_ns, profile.step_ns, times, filled.y, time_ns[off], values_off, weekly)
        days_off = learnt.ahead(line.ahead(settings.end_ns, profile.step_ns))
    said = [sentence for sentence in (note, days_off.said if days_off else "") if sentence]
    return Work(profile, values, filled, context, replace(settings, h=line.h), unit, line, clock, days_off, settings.h, h, told, said=said)


@dataclass
class Work:
    """One member under way; values are what models work in, see Unit."""

    profile: "Profile"
    values: "Floats"  # the whole grid with NaN
    filled: Filled
    context: Context
    settings: Settings
    unit: Unit
    line: Timeline
    clock: Clock | None  # which the timeline follows; None: UTC
    days_off: DaysOff | None  # what holidays ahead do to the forecast
    asked: int  # steps of its grid to forecast; settings.h are those of the timeline
    h: int  # steps in UTC to answer
    told: dict[str, Any]  # what was done with the values
    notes: list[str] = field(default_factory=list)  # why models failed
    not_tried: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)  # what models say of their weights

    def result(self, trained: "Mapping[str, Trained]") -> MemberForecast:
        """Backtest, choose, forecast, measure widths."""
        self._backtest(trained)
        choice = self._choose(self.test, tuple(self.models))
        yhat, used = self._predict(choice, self._tested_periods(self.test), trained)
        errors = self._errors(self.test, used)
        found = replace(self._finish(yhat, used, choice, self.test, errors), prepared=self.told, notes=tuple(self.said))
        if self.line.hours is not None:
            found = on_every_step(found, self.line, self.line.hours, self.filled.tail, self.settings.end_ns, self.asked)
        if self.clock is not None:
            end_ns, step_ns = self.settings.end_ns, self.profile.step_ns
            found = found.at(self.clock.ahead(end_ns, step_ns, self.h), end_ns + step_ns * np.arange(self.h, dtype=np.int64))
        return found.nested(self.settings)

    @cached_property
    def models(self) -> dict[str, Callable[[], Any]]:
        """Models to test by name, in order: the naive ones, then the simpler ones first."""
        wanted = (self.settings.candidates or BY_CLASS[self.profile.series_class]) if self.settings.model == "auto" else (self.settings.model,)
        names = ("naive", *(["seasonal_naive"] if self.context.periods else []), *wanted)
        return {name: load(MODELS, "model", name) for name in dict.fromkeys(names)}

    @cached_property
    def test(self) -> backtest.Backtest:
        """Where past forecasts begin."""
        # Where the newest values are missing, the forecast begins that much further from what is known: so must its test.
        n = self.values.size - self.filled.tail
        h = min(self.filled.tail + self.settings.h, max(1, n // 3))
        return backtest.begin(self.values[:n], replace(self.context, observed=None), h, fill_limit=self.settings.fill_limit)

    def _backtest(self, trained: "Mapping[str, Trained]") -> None:
        began = time.process_time()
        for name, new_model in self.models.items():
            if name not in select.NAIVE and time.process_time() - began > self.settings.budget and self.settings.model == "auto":
                self.not_tried.append(name)
            elif self.test.origins:
                backtest.add(self.test, name, new_model, trained[name].before if name in trained else None)

    def _choose(self, test: backtest.Backtest, names: tuple[str, ...]) -> select.Choice:
        choice = select.choose(test, names)
        name = self.settings.model
        if name == "auto" and self.profile.series_class in SEASONAL and self.context.periods and not (test.origins and self._tested_periods(test)):
            return select.Choice(("seasonal_naive",), "seasonal_naive: the season was seen too few times to test anything else on it", choice.scores)
        if name == "auto":
            return choice
        score = choice.scores.get(name)
        why = f"{name}: as set"
        if score is not None and name not in select.NAIVE:
            why += f"; its backtest error was {100 * score:.0f} % of {select.reference(test)}'s" + (", so repeating the past would have been better" if score > 1 else "")
        return select.Choice((name,), why, choice.scores)

    def _tested_periods(self, test: backtest.Backtest) -> tuple[int, ...]:
        """Periods that the newest origin had two of: a model must forecast with what its backtest judged."""
        return test.origins[-1].context.periods if test.origins else self.context.periods

    def _predict(self, choice: select.Choice, tested: tuple[int, ...], trained: "Mapping[str, Trained]") -> "tuple[Floats, tuple[str, ...]]":
        """Forecast with what was chosen; what fails is left out, and if all fails the naive forecasts stand in."""
        context = backtest.context_of(self.filled, self.context)
        context = replace(context, state=self.context.state)
        if self.settings.model == "auto" and choice.names != ("seasonal_naive",):
            context = replace(context, periods=tested)
        good: dict[str, Floats] = {}
        for name in (*choice.names, *select.NAIVE):
            if name in select.NAIVE and name not in choice.names and good:
                break
            if name not in self.models:
                continue
            model = trained[name].whole if name in trained else None
            result = backtest.attempt(self.models[name], self.filled, context, self.settings.h, model)
            if isinstance(result, str):
                self.notes.append(f"{name} failed: {result}")
            else:
                good[name] = result
                self.said += [f"{name}: {note}" for note in model.notes] if model and not isinstance(model, str) else []
                if name not in choice.names:
                    break
        if not good:
            raise DataError("E_SHORT", self.profile.name, "not even the last value can be repeated")
        return select.combine(list(good.values())), tuple(good)

    def _errors(self, test: backtest.Backtest, used: tuple[str, ...]) -> "Floats":
        rows = [test.forecasts[name] for name in used if name in test.forecasts]
        return test.actual - select.combine(rows) if rows else np.full((0, 1), np.nan)

    def _finish(self, yhat: "Floats", used: tuple[str, ...], choice: select.Choice, test: backtest.Backtest, errors: "Floats") -> MemberForecast:
        season, levels = min(self.context.periods, default=1), (self.settings.level, *self.settings.levels)
        tail = self.filled.tail
        bands = []
        for level in levels:
            below, above = (v[tail:] for v in intervals.offsets(errors, tail + self.settings.h, level, self.values, season, test.independent))
            edges = self.days_off.edges(yhat, below, above) if self.days_off else (yhat - below, yhat + above)
            bands.append((self._back(edges[0]), self._back(edges[1])))
        yhat = yhat + self.days_off.shift if self.days_off else yhat
        times = self.settings.end_ns + self.profile.step_ns * np.arange(self.settings.h, dtype=np.int64)
        status, reason = self._status(used, choice)
        label = replace(choice, names=used).label
        report = summary.backtest_report(test, errors, self.values, self.unit, levels, season)
        report["not_tried"] = self.not_tried
        return MemberForecast(self.profile.name, self.profile.tags, times, self._back(yhat), *bands[0], label, choice.why, status, reason, report, further=tuple(bands[1:]))

    def _back(self, z: "Floats") -> "Floats":
        """From what models work in to the unit of the member, inside the range that its values can have."""
        values = np.clip(self.unit.back(z), -LARGEST, LARGEST)
        low, high = self.settings.clip
        return np.clip(values, low, high) if (low, high) != (None, None) else values

    def _status(self, used: tuple[str, ...], choice: select.Choice) -> tuple[str, str]:
        if not set(used) & set(choice.names):
            return "fallback", f"model_failed: {'; '.join(self.notes)}; {used[0]} stands in"
        if self.profile.series_class == "too_short" and self.settings.model == "auto":
            return "fallback", f"too_short: {int(self.filled.observed.sum())} points; {used[0]} stands in"
        return "ok", "; ".join(self.notes)
