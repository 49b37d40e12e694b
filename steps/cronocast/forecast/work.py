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

from cronocast.errors import DataError
from cronocast.forecast import again, attempts, backtest, choose
from cronocast.forecast.answer import Settings
from cronocast.forecast.breaks import Break, straight
from cronocast.forecast.candidates import BY_CLASS, DAY_NS
from cronocast.forecast.days_off import DaysOff
from cronocast.forecast.limits import Limits
from cronocast.forecast.model_input import ModelInput
from cronocast.forecast.observations import Observations
from cronocast.forecast.timeline import Timeline
from cronocast.handoff.evaluation import PREDICT, WARM, Verdict
from cronocast.models.model import Context
from cronocast.models.table import MODELS
from cronocast.models.tsb import lasting
from cronocast.registry import load

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cronocast.forecast.kept import Kept
    from cronocast.forecast.trained import Trained
    from cronocast.handoff.profile import Profile
    from cronocast.timeseries.grid import Floats

SEASONAL, TRENDING = ("seasonal", "trend_seasonal"), ("trend", "trend_seasonal")
UNTESTED = ("seasonal_median", "level")  # what stands back where a longer season could not be tested
JUMP = 2.0  # times the largest change over one step ever seen: a curve that jumps further contradicts it ...
START = 1.25  # ... and one that starts so far off the newest value
RARE = 0.72  # share of zeros above which most models say never
ROUNDING = 1e-9  # of the largest value


@dataclass
class Work:
    """One member under way; the numbers of its methods are what models work in, see Unit, unless they say otherwise."""

    settings: Settings
    observations: Observations  # by the wall clock of the calendar
    line: Timeline  # the steps of it that count
    input: ModelInput  # what models see on them
    context: Context  # what they may know besides
    days_off: DaysOff | None  # what holidays ahead do to the forecast
    verdict: Verdict = Verdict()  # how much of the forecast is made anew
    kept: "Kept | None" = None  # what an earlier run kept, where not all is
    failures: list[str] = field(default_factory=list)  # why models failed
    skipped_models: list[str] = field(default_factory=list)  # for which the budget left no time
    forecasts: "dict[tuple[str, tuple[int, ...]], Floats | None]" = field(default_factory=dict)  # by name and periods
    contradicting: list[str] = field(default_factory=list)  # models left out since their forecasts jump
    model_notes: list[str] = field(default_factory=list)  # what models say of their weights
    chosen: choose.Choice | None = None  # by backtest, before anything calls for another model

    @property
    def profile(self) -> "Profile":
        """What classify found."""
        return self.observations.profile

    @cached_property
    def models(self) -> dict[str, Callable[[], Any]]:
        """Models to test by name, in order: the naive ones, then the simpler ones first."""
        alone = choose.CALLED[self._alone][:1] if self._alone else ()
        by_class = self.settings.candidates or alone or BY_CLASS[self.profile.series_class]
        wanted = by_class if self.settings.model == "auto" else (self.settings.model,)
        names = ("naive", *(["seasonal_naive"] if self.context.periods else []), *wanted)
        return {name: load(MODELS, "model", name, later=self.settings.trains) for name in dict.fromkeys(names)}

    @cached_property
    def _short_line(self) -> bool:
        """Whether the few values of a member make one line."""
        return self.profile.series_class == "too_short" and straight(self.input.filled.y)

    @cached_property
    def _alone(self) -> str:
        """What of `choose.CALLED` leaves no other model to try; "" where several are tried."""
        evidence, kind = self.profile.evidence, self.profile.series_class
        # events that most steps have none of, at no time of day more than at others
        counts = evidence.get("integers") == 1 and evidence.get("zero_share", 0) > RARE
        rare = kind == "irregular" and counts and not lasting(self.input.filled.y)
        return "short_line" if self._short_line else "rare" if rare else ""

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
        if self.kept is not None:
            where = (self.kept, self.line, self.input, self.context)
            ends = again.new_ends(*where, suspect=self.verdict.suspect) if self.verdict.kind == WARM else []
            return again.kept_test(*where, ends, self.settings)
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
    def tested_periods(self) -> tuple[int, ...]:
        """Periods that the newest origin had two of: a model must forecast with what its backtest judged."""
        if self.kept is not None and not self.test.origins:
            return tuple(p for p in self.kept.periods if 2 * p <= self.input.filled.y.size)
        return self.test.origins[-1].context.periods if self.test.origins else self.context.periods

    @property
    def recent(self) -> "Floats":
        """The history that counts, with NaN."""
        return self.input.values[self.input.filled.start :]

    def test_models(self, trained: "Mapping[str, Trained]") -> None:
        """Forecast from every origin with every model, as far as the budget goes."""
        limit = time.process_time() + self.settings.budget if self.settings.model == "auto" else math.inf
        for name, new_model in self.models.items():
            until = math.inf if name in choose.NAIVE else limit
            before = trained[name].before if name in trained else None
            if self.kept is not None and name not in self.kept.forecasts:
                self.skipped_models += [name] * (name in self.kept.skipped)
            elif self.kept is not None and not self.test.origins:
                self.test.forecasts[name] = self.test.before(name)
            elif self.test.origins and not backtest.add(self.test, name, new_model, before, until):
                self.skipped_models.append(name)

    def settled(self, trained: "Mapping[str, Trained]") -> choose.Choice:
        """What is chosen among models whose forecasts do not contradict the newest values."""
        if self.settings.model != "auto":
            return self._choose()
        while True:
            choice = self._choose()
            jumping = [name for name in choice.names if self._jumps(name, choice, trained)]
            if not jumping:
                return choice
            self.contradicting += jumping
            self.model_notes += [f"{name}: left out, it jumps further than the values ever did" for name in jumping]

    def _choose(self) -> choose.Choice:
        """What is chosen among models that are left, by backtest or since something calls for it."""
        self.chosen = choice = self._by_backtest()
        if self.settings.model != "auto":
            return choice
        model, why = choose.CALLED.get(self._called(), ("", ""))
        asked = model in self.models and model not in self.contradicting
        return choose.Choice((model,), f"{model}: {why}", choice.scores) if asked else choice

    def _by_backtest(self) -> choose.Choice:
        kept = self.kept if self.kept and not set(self.kept.names) & set(self.contradicting) else None
        if kept and self.verdict.kind == PREDICT:
            return choose.Choice(kept.names, kept.why, {})
        # curves of a trend differ in kind: the median of them is none of them
        kind = self.profile.series_class
        combined = 1 if kind == "trend" else choose.COMBINED
        clear = choose.CLEAR_TREND if kind in TRENDING else choose.CLEAR
        # of a season that no origin has seen twice, the last one is all there is
        unseen = UNTESTED if self.tested_periods != self.context.periods else ()
        left = tuple(name for name in self.models if name not in (*self.contradicting, *unseen))
        choice = choose.choose(self.test, left, combined, clear)
        if self.settings.model != "auto":
            return choose.as_set(self.test, self.settings.model, choice.scores)
        return again.champion(self.test, kept.names, choice) if kept else choice

    def _called(self) -> str:
        """What calls for one model, a key of `choose.CALLED`; "" where backtests decide."""
        kind, test = self.profile.series_class, self.test
        if self.fresh is not None and self.fresh.slope and "linear" in self.models:
            return "new_line"
        if kind in SEASONAL and self.context.periods and not (test.ends and self.tested_periods):
            return "few_cycles"
        if kind == "constant" and (not test.ends or "constant" in test.forecasts):
            return "constant"
        return self._alone

    def predict(self, choice: choose.Choice, trained: "Mapping[str, Trained]") -> "tuple[Floats, tuple[str, ...]]":
        """Forecast with what was chosen.

        What fails is left out, and if all fails the better naive forecast stands in.
        """
        good: dict[str, Floats] = {}
        better = choose.reference(self.test) or choose.NAIVE[0]
        names = [name for name in dict.fromkeys((*choice.names, better, *choose.NAIVE)) if name in self.models]
        for name in names:
            chosen = name in choice.names
            if good and not chosen:
                break
            forecast = self._forecast(name, choice, trained)
            if forecast is not None:
                good[name] = forecast
        if not good:
            raise DataError("E_SHORT", self.profile.name, "not even the last value can be repeated")
        return choose.combine(list(good.values())), tuple(good)

    def _forecast(self, name: str, choice: choose.Choice, trained: "Mapping[str, Trained]") -> "Floats | None":
        """The forecast of one model, made once; None, and why among the failures, where there is none."""
        context = replace(backtest.context_of(self.input.filled, self.context), state=self.context.state)
        if self.settings.model == "auto" and choice.names != ("seasonal_naive",):
            context = replace(context, periods=self.tested_periods)
        key = (name, context.periods)
        if key not in self.forecasts:
            self.forecasts[key] = self._attempt(name, context, trained)
        return self.forecasts[key]

    def _attempt(self, name: str, context: Context, trained: "Mapping[str, Trained]") -> "Floats | None":
        model = trained[name].whole if name in trained else None
        result = attempts.attempt(self.models[name], self.input.filled, context, self.line.steps, model, self.fresh)
        if isinstance(result, str):
            self.failures.append(f"{name} failed: {result}")
            return None
        if model is not None and not isinstance(model, str):
            self.model_notes += [f"{name}: {note}" for note in model.notes]
        return result

    def _jumps(self, name: str, choice: choose.Choice, trained: "Mapping[str, Trained]") -> bool:
        """Tell whether a model's forecast starts far off the newest value, or jumps, as the history never did."""
        yhat, y = self._forecast(name, choice, trained), self.input.filled.y
        if yhat is None or name == "naive":
            return False
        largest, least = float(np.abs(np.diff(y)).max(initial=0.0)), ROUNDING * float(np.abs(y).max())
        start = 0.0 if self.input.filled.tail else abs(float(yhat[0] - y[-1]))
        return start > START * largest + least or float(np.abs(np.diff(yhat)).max(initial=0.0)) > JUMP * largest + least
