"""Forecasts one member: fill, backtest, choose, forecast, interval, clip; any failure ends in a simpler forecast with its reason."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from cronocast.errors import DataError
from cronocast.forecast import MODELS, Context, backtest, intervals, select, summary
from cronocast.forecast.candidates import BY_CLASS, check_models
from cronocast.forecast.prepare import Filled, fill
from cronocast.forecast.timeline import Timeline, spread, steps_ahead, timeline
from cronocast.registry import load

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from cronocast.forecast import Floats
    from cronocast.hours import Hours
    from cronocast.profile import Profile

    Times = NDArray[np.int64]

LEAST_POINTS = 3
SEASONAL = ("seasonal", "trend_seasonal")
LARGEST = float(np.finfo(float).max)


@dataclass(frozen=True)
class Settings:
    """How members of one series are forecast."""

    h: int  # steps, >= 1
    end_ns: int  # start of the first forecast step
    level: float = 0.95  # nominal coverage of the interval
    model: str = "auto"
    candidates: tuple[str, ...] = ()  # for auto; by class if empty
    options: Mapping[str, Any] = field(default_factory=dict)
    clip: tuple[float | None, float | None] = (None, None)
    on_too_short: str = "forecast"  # forecast, skip or fail
    budget: float = 10.0  # CPU seconds that auto may spend on backtests
    seed: int = 0


@dataclass(frozen=True)
class MemberForecast:
    """The answer for one member. Arrays have shape (h,), or (0,) where status is skipped or failed."""

    name: str
    tags: str
    time_ns: "Times"
    yhat: "Floats"
    lower: "Floats"
    upper: "Floats"
    model: str  # what made it, such as theta or median(ar,theta,linear); empty if nothing did
    why: str  # one sentence for people
    status: str  # ok | fallback | skipped | failed
    reason: str = ""  # code and sentence where status is not ok
    backtest: dict[str, Any] = field(default_factory=dict)
    cpu_s: float = 0.0


def forecast_member(profile: "Profile", time_ns: "Times", y: "Floats", settings: Settings, state: "Path | None" = None) -> MemberForecast:
    """Forecast one member.

    The same input gives the same numbers, unless the CPU budget cuts the backtest short.

    Args:
        profile: What classify found.
        time_ns: Times of the observations, ns UTC, shape (t,).
        y: Values, shape (t,); not finite counts as missing.
        settings: How to forecast.
        state: Folder for saved weights of this member.

    Raises:
        ConfigError: a named model is unknown or its library missing. Nothing else: other failures come back as status and reason.
    """
    began = time.process_time()
    check_models(settings.model, settings.candidates)
    with np.errstate(all="ignore"):
        result = _forecast(profile, np.asarray(time_ns, dtype=np.int64), np.asarray(y, dtype=float), settings, state)
    return replace(result, cpu_s=time.process_time() - began)


def without_forecast(profile: "Profile", status: str, reason: str) -> MemberForecast:
    """The answer for a member that gets no forecast."""
    empty = np.empty(0)
    return MemberForecast(profile.name, profile.tags, np.empty(0, dtype=np.int64), empty, empty, empty, "", reason, status, reason)


def _forecast(profile: "Profile", time_ns: "Times", y: "Floats", settings: Settings, state: "Path | None") -> MemberForecast:
    line = timeline(profile, time_ns, y, settings.end_ns, settings.h)
    values, filled = line.values, fill(line.values, line.periods)
    if not filled.y.size:
        return without_forecast(profile, "skipped", "no_values: there is no finite value in the window")
    if (profile.series_class == "too_short" or int(filled.observed.sum()) < LEAST_POINTS) and settings.on_too_short != "forecast":
        status = "failed" if settings.on_too_short == "fail" else "skipped"
        return without_forecast(profile, status, f"too_short: {int(filled.observed.sum())} points; on_too_short is {settings.on_too_short}")
    # Work on values up to 1: squares of 1e300 overflow. A power of two loses no digit.
    exponent = int(np.frexp(np.max(np.abs(filled.y)))[1])
    values, filled = np.ldexp(values, -exponent), replace(filled, y=np.ldexp(filled.y, -exponent))
    context = Context(
        step_ns=profile.step_ns,
        start_ns=line.start_ns,
        hours=line.hours,
        series_class=profile.series_class,
        periods=line.periods,
        last_change=line.last_change,
        options=settings.options,
        state=state,
        seed=settings.seed,
    )
    found = _Work(profile, values, filled, context, replace(settings, h=line.h), exponent).result()
    return found if line.hours is None else _on_the_clock(found, line, line.hours, filled.tail, settings)


def _on_the_clock(found: MemberForecast, line: Timeline, hours: "Hours", tail: int, settings: Settings) -> MemberForecast:
    """The forecast of open hours on every step of the grid."""
    yhat, lower, upper = spread(line, settings.end_ns, settings.h, (found.yhat, found.lower, found.upper))
    times = settings.end_ns + hours.step_ns * np.arange(settings.h, dtype=np.int64)
    ahead = steps_ahead(line, tail, settings.end_ns, found.backtest["steps"])
    return replace(found, time_ns=times, yhat=yhat, lower=lower, upper=upper, backtest={**found.backtest, "by_step": {"steps": ahead}})


@dataclass
class _Work:
    """One member under way; values are scaled by 2**-exponent."""

    profile: "Profile"
    values: "Floats"  # the whole grid with NaN
    filled: Filled
    context: Context
    settings: Settings
    exponent: int
    notes: list[str] = field(default_factory=list)
    not_tried: list[str] = field(default_factory=list)

    def result(self) -> MemberForecast:
        """Backtest, choose, forecast, measure widths."""
        models = self._models()
        test = self._backtest(models)
        choice = self._choose(test, tuple(models))
        yhat, used = self._predict(models, choice, self._tested_periods(test))
        errors = self._errors(test, used)
        return self._finish(yhat, used, choice, test, errors)

    def _models(self) -> dict[str, Callable[[], Any]]:
        """Models to test by name, in order: the naive ones, then the simpler ones first."""
        wanted = (self.settings.candidates or BY_CLASS[self.profile.series_class]) if self.settings.model == "auto" else (self.settings.model,)
        names = ("naive", *(["seasonal_naive"] if self.context.periods else []), *wanted)
        return {name: load(MODELS, "model", name) for name in dict.fromkeys(names)}

    def _backtest(self, models: Mapping[str, Callable[[], Any]]) -> backtest.Backtest:
        began = time.process_time()
        # Where the newest values are missing, the forecast begins that much further from what is known: so must its test.
        n = self.values.size - self.filled.tail
        test = backtest.begin(self.values[:n], replace(self.context, observed=None), min(self.filled.tail + self.settings.h, max(1, n // 3)))
        for name, new_model in models.items():
            if name not in select.NAIVE and time.process_time() - began > self.settings.budget and self.settings.model == "auto":
                self.not_tried.append(name)
            elif test.origins:
                backtest.add(test, name, new_model)
        return test

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

    def _predict(self, models: Mapping[str, Callable[[], Any]], choice: select.Choice, tested: tuple[int, ...]) -> "tuple[Floats, tuple[str, ...]]":
        """Forecast with what was chosen; what fails is left out, and if all fails the naive forecasts stand in."""
        context = backtest.context_of(self.filled, self.context)
        context = replace(context, state=self.context.state)
        if self.settings.model == "auto" and choice.names != ("seasonal_naive",):
            context = replace(context, periods=tested)
        good: dict[str, Floats] = {}
        for name in (*choice.names, *select.NAIVE):
            if name in select.NAIVE and name not in choice.names and good:
                break
            if name not in models:
                continue
            result, _ = backtest.attempt(models[name], self.filled, context, self.settings.h)
            if isinstance(result, str):
                self.notes.append(f"{name} failed: {result}")
            else:
                good[name] = result
                if name not in choice.names:
                    break
        if not good:
            raise DataError("E_SHORT", self.profile.name, "not even the last value can be repeated")
        return select.combine(list(good.values())), tuple(good)

    def _errors(self, test: backtest.Backtest, used: tuple[str, ...]) -> "Floats":
        rows = [test.forecasts[name] for name in used if name in test.forecasts]
        return test.actual - select.combine(rows) if rows else np.full((0, 1), np.nan)

    def _finish(self, yhat: "Floats", used: tuple[str, ...], choice: select.Choice, test: backtest.Backtest, errors: "Floats") -> MemberForecast:
        season = min(self.context.periods, default=1)
        tail = self.filled.tail
        below, above = (v[tail:] for v in intervals.offsets(errors, tail + self.settings.h, self.settings.level, self.values, season, test.independent))
        bounds = [np.clip(np.ldexp(v, self.exponent), -LARGEST, LARGEST) for v in (yhat - below, yhat, yhat + above)]
        low, high = self.settings.clip
        lower, middle, upper = (np.clip(v, low, high) if (low, high) != (None, None) else v for v in bounds)
        times = self.settings.end_ns + self.profile.step_ns * np.arange(self.settings.h, dtype=np.int64)
        status, reason = self._status(used, choice)
        label = replace(choice, names=used).label
        report = summary.backtest_report(test, errors, self.values, self.exponent, self.settings.level, season)
        report |= {**self.filled.counts(), "not_tried": self.not_tried}
        return MemberForecast(self.profile.name, self.profile.tags, times, middle, lower, upper, label, choice.why, status, reason, report)

    def _status(self, used: tuple[str, ...], choice: select.Choice) -> tuple[str, str]:
        if not set(used) & set(choice.names):
            return "fallback", f"model_failed: {'; '.join(self.notes)}; {used[0]} stands in"
        if self.profile.series_class == "too_short" and self.settings.model == "auto":
            return "fallback", f"too_short: {int(self.filled.observed.sum())} points; {used[0]} stands in"
        return "ok", "; ".join(self.notes)
