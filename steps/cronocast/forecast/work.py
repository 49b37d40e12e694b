"""One member under way: backtest, choose, forecast, interval, clip.

Any failure ends in a simpler forecast with its reason.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from cronocast.durations import Duration
from cronocast.errors import DataError
from cronocast.forecast import attempts, backtest, choose, intervals, summary
from cronocast.forecast.answer import MemberForecast, Settings
from cronocast.forecast.breaks import Break, straight
from cronocast.forecast.candidates import BY_CLASS, DAY_NS
from cronocast.forecast.days_off import DaysOff
from cronocast.forecast.limits import INNER, WIDE, Limits
from cronocast.forecast.model_input import ModelInput
from cronocast.forecast.observations import Observations
from cronocast.forecast.timeline import Timeline, on_every_step
from cronocast.handoff.profile import silent
from cronocast.models.model import Context
from cronocast.models.table import MODELS
from cronocast.registry import load

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cronocast.forecast.trained import Trained
    from cronocast.handoff.profile import Profile
    from cronocast.timeseries.grid import Floats

SEASONAL, TRENDING = ("seasonal", "trend_seasonal"), ("trend", "trend_seasonal")
JUMP = 2.0  # times the largest change over one step ever seen: a curve that jumps further contradicts it
ROUNDING = 1e-9  # of the largest value
LARGEST = float(np.finfo(float).max)


@dataclass
class Work:
    """One member under way; the numbers of its methods are what models work in, see Unit, unless they say otherwise."""

    settings: Settings
    observations: Observations  # by the wall clock of the calendar
    line: Timeline  # the steps of it that count
    input: ModelInput  # what models see on them
    context: Context  # what they may know besides
    days_off: DaysOff | None  # what holidays ahead do to the forecast
    failures: list[str] = field(default_factory=list)  # why models failed
    skipped_models: list[str] = field(default_factory=list)  # for which the budget left no time
    model_notes: list[str] = field(default_factory=list)  # what models say of their weights

    def result(self, trained: "Mapping[str, Trained]") -> MemberForecast:
        """Backtest, choose, forecast, measure widths."""
        self._backtest(trained)
        choice = self._choose()
        yhat, used = self._predict(choice, trained)
        found = self._finish(yhat, used, choice)
        horizon = self.observations.clock_horizon
        found = on_every_step(found, self.line, self.input.filled.tail, self.settings.end_ns, horizon)
        return self.observations.on_the_entry_grid(found).nested(self.settings)

    @property
    def profile(self) -> "Profile":
        """What classify found."""
        return self.observations.profile

    @cached_property
    def models(self) -> dict[str, Callable[[], Any]]:
        """Models to test by name, in order: the naive ones, then the simpler ones first."""
        by_class = self.settings.candidates or (
            ("linear",) if self._short_line else BY_CLASS[self.profile.series_class]
        )
        wanted = by_class if self.settings.model == "auto" else (self.settings.model,)
        names = ("naive", *(["seasonal_naive"] if self.context.periods else []), *wanted)
        return {name: load(MODELS, "model", name) for name in dict.fromkeys(names)}

    @cached_property
    def _short_line(self) -> bool:
        """Whether the few values of a member make one line."""
        return self.profile.series_class == "too_short" and straight(self.input.filled.y)

    @cached_property
    def limits(self) -> Limits:
        """What its past says of the values to come, in the unit of the member."""
        filled, step_ns = self.input.filled, self.profile.step_ns
        day = DAY_NS // step_ns if self.line.hours is None and DAY_NS % step_ns == 0 else 1
        moving = self.fresh is not None and self.fresh.slope != 0
        return Limits(
            history=self.line.values[filled.start :],
            trend=moving or self._short_line or self.profile.series_class in TRENDING,
            period=min(self.context.periods, default=day),
            since=max(0, self.context.last_change - filled.start),
        )

    @cached_property
    def test(self) -> backtest.Backtest:
        """Where past forecasts begin."""
        # Where the newest values are missing, the forecast begins that much further from what is known: so must its
        # test.
        n = self.input.values.size - self.input.filled.tail
        h = min(self.input.filled.tail + self.line.steps, max(1, n // 3))
        return backtest.begin(
            self.input.values[:n],
            replace(self.context, observed=None),
            h,
            fill_limit=self.settings.fill_limit,
            holidays=self.input.holidays[:n],
        )

    @cached_property
    def fresh(self) -> Break | None:
        """A change too new for models to know."""
        return backtest.fresh_changes([self.input.filled], self.context)[0]

    @property
    def _tested_periods(self) -> tuple[int, ...]:
        """Periods that the newest origin had two of: a model must forecast with what its backtest judged."""
        return self.test.origins[-1].context.periods if self.test.origins else self.context.periods

    @property
    def _recent(self) -> "Floats":
        """The history that counts, with NaN."""
        return self.input.values[self.input.filled.start :]

    def _backtest(self, trained: "Mapping[str, Trained]") -> None:
        limit = time.process_time() + self.settings.budget if self.settings.model == "auto" else math.inf
        for name, new_model in self.models.items():
            until = math.inf if name in choose.NAIVE else limit
            before = trained[name].before if name in trained else None
            if self.test.origins and not backtest.add(self.test, name, new_model, before, until):
                self.skipped_models.append(name)

    def _choose(self) -> choose.Choice:
        # curves of a trend differ in kind: the median of them is none of them
        combined = 1 if self.profile.series_class in TRENDING else choose.COMBINED
        choice = choose.choose(self.test, tuple(self.models), combined)
        if self.settings.model != "auto":
            return choose.as_set(self.test, self.settings.model, choice.scores)
        name = self._by_class()
        model = "linear" if name in choose.LINES else name
        return choose.Choice((model,), choose.BY_CLASS[name], choice.scores) if name else choice

    def _by_class(self) -> str:
        """What calls for one model, a key of `choose.BY_CLASS`; "" where backtests decide."""
        kind, test = self.profile.series_class, self.test
        if self.fresh is not None and self.fresh.slope and "linear" in self.models:
            return "new_line"
        if kind in SEASONAL and self.context.periods and not (test.origins and self._tested_periods):
            return "seasonal_naive"
        if kind == "constant" and "constant" in self.models and (not test.origins or "constant" in test.forecasts):
            return "constant"
        return "short_line" if self._short_line else ""

    def _predict(self, choice: choose.Choice, trained: "Mapping[str, Trained]") -> "tuple[Floats, tuple[str, ...]]":
        """Forecast with what was chosen.

        What fails is left out, and if all fails the better naive forecast stands in.
        """
        context = replace(backtest.context_of(self.input.filled, self.context), state=self.context.state)
        if self.settings.model == "auto" and choice.names != ("seasonal_naive",):
            context = replace(context, periods=self._tested_periods)
        good: dict[str, Floats] = {}
        better = choose.reference(self.test) or choose.NAIVE[0]
        names = [name for name in dict.fromkeys((*choice.names, better, *choose.NAIVE)) if name in self.models]
        for name in names:
            chosen = name in choice.names
            if good and not chosen:
                break
            forecast = self._attempt(name, context, trained)
            if forecast is not None:
                good[name] = forecast
        if not good:
            raise DataError("E_SHORT", self.profile.name, "not even the last value can be repeated")
        return choose.combine(list(good.values())), tuple(good)

    def _attempt(self, name: str, context: Context, trained: "Mapping[str, Trained]") -> "Floats | None":
        """The forecast of one model; None, and why among the failures, where there is none."""
        model = trained[name].whole if name in trained else None
        result = attempts.attempt(self.models[name], self.input.filled, context, self.line.steps, model, self.fresh)
        if isinstance(result, str):
            self.failures.append(f"{name} failed: {result}")
            return None
        if self.settings.model == "auto" and self._jumps(result):
            self.model_notes.append(f"{name}: left out, since its curve jumps further than the values ever did")
            return None
        if model is not None and not isinstance(model, str):
            self.model_notes += [f"{name}: {note}" for note in model.notes]
        return result

    def _jumps(self, yhat: "Floats") -> bool:
        """Tell whether a forecast starts far off the newest value, or jumps, as the history never did."""
        y = self.input.filled.y
        steps = np.diff(yhat if self.input.filled.tail else np.append(y[-1:], yhat))
        largest = float(np.abs(np.diff(y)).max(initial=0.0))
        return float(np.abs(steps).max(initial=0.0)) > JUMP * largest + ROUNDING * float(np.abs(y).max())

    def _errors(self, used: tuple[str, ...]) -> "Floats":
        rows = [self.test.forecasts[name] for name in used if name in self.test.forecasts]
        return self.test.actual - choose.combine(rows) if rows else np.full((0, 1), np.nan)

    def _finish(self, yhat: "Floats", used: tuple[str, ...], choice: choose.Choice) -> MemberForecast:
        """The answer on the steps of the timeline, in the unit of the member."""
        errors, levels = self._errors(used), (self.settings.level, *self.settings.levels)
        season = min(self.context.periods, default=1)
        report = summary.backtest_report(
            self.test, errors, self._recent, self.input.unit, levels, season, self.settings.clip
        )
        report["measured_steps"] = self._measured_steps(errors)
        report["not_tried"] = self.skipped_models
        centre = yhat + self.days_off.shift if self.days_off else yhat
        interval, *further = self._intervals(yhat, errors, levels, season)
        status, reason = self._status(used, choice)
        calendar = (self.observations.note, self.days_off.note if self.days_off else "")
        return MemberForecast(
            name=self.profile.name,
            tags=self.profile.tags,
            time_ns=self.settings.end_ns + self.profile.step_ns * np.arange(self.line.steps, dtype=np.int64),
            yhat=self._clipped((self.limits.centre(self._back(centre)),) * 2)[0],
            lower=interval[0],
            upper=interval[1],
            model=replace(choice, names=used).label,
            why=choice.why if used == choice.names else choose.why_left(self.test, choice, used),
            status=status,
            reason=reason,
            backtest=report,
            further=tuple(further),
            prepared=self.input.preparation,
            notes=(*filter(None, calendar), *self.model_notes),
        )

    def _measured_steps(self, errors: "Floats") -> int:
        """For how many of the steps to forecast past errors were measured; beyond them the interval is a guess."""
        enough = int(np.isfinite(errors).sum()) >= intervals.LEAST_ERRORS
        return min(self.line.steps, max(0, errors.shape[1] - self.input.filled.tail)) if enough else 0

    def _intervals(
        self, yhat: "Floats", errors: "Floats", levels: tuple[float, ...], season: int
    ) -> "list[tuple[Floats, Floats]]":
        """Lower and upper bounds at each level, in the unit of the member."""
        centre = self._back(yhat)
        measured = {level: self._measured(yhat, errors, level, season) for level in {*levels, INNER}}
        found = []
        for level in levels:
            bounds = measured[level]
            if level > INNER:
                bounds = self.limits.confined(centre, bounds, measured[INNER])
            bounds = self.limits.signed(centre, bounds)
            found.append(self._clipped(self.limits.at_least(bounds) if level >= WIDE else bounds))
        return found

    def _measured(self, yhat: "Floats", errors: "Floats", level: float, season: int) -> "tuple[Floats, Floats]":
        """Bounds as past errors call for, in the unit of the member."""
        tail, steps = self.input.filled.tail, self.line.steps
        independent = intervals.effective_origins(errors, self.test.ends)
        widths = intervals.offsets(errors, tail + steps, level, self._recent, season, independent)
        below, above = widths[0][tail:], widths[1][tail:]
        if self.fresh is not None and self.fresh.slope:
            share = intervals.normal(level) / intervals.normal(0.95)
            below, above = (
                w + share * more[tail:] for w, more in zip((below, above), self.fresh.doubt(tail + steps), strict=True)
            )
        edges = self.days_off.edges(yhat, below, above) if self.days_off else (yhat - below, yhat + above)
        return self._back(edges[0]), self._back(edges[1])

    def _back(self, z: "Floats") -> "Floats":
        """From what models work in to the unit of the member."""
        return np.clip(self.input.unit.back(z), -LARGEST, LARGEST)

    def _clipped(self, bounds: "tuple[Floats, Floats]") -> "tuple[Floats, Floats]":
        """Bounds inside the range that values can have."""
        low, high = self.settings.clip
        return (
            bounds if low is None and high is None else (np.clip(bounds[0], low, high), np.clip(bounds[1], low, high))
        )

    def _status(self, used: tuple[str, ...], choice: choose.Choice) -> tuple[str, str]:
        if not set(used) & set(choice.names):
            return "fallback", f"model_failed: {'; '.join(self.failures)}; {used[0]} stands in"
        if self.profile.series_class == "too_short" and self.settings.model == "auto":
            return "fallback", f"{self.input.filled.too_short()}; {used[0]} stands in"
        return "ok", "; ".join((*self.failures, *self._silence()))

    def _silence(self) -> list[str]:
        """What is said of a member that nothing was measured of for as long as is forecast."""
        steps = self.input.filled.unseen
        if not silent(steps, self.line.steps):
            return []
        return [f"silent: nothing was measured in the last {Duration.of(steps * self.profile.step_ns)}"]
