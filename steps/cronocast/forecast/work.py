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
from cronocast.forecast import backtest, choose, intervals, summary
from cronocast.forecast.answer import MemberForecast, Settings
from cronocast.forecast.candidates import BY_CLASS
from cronocast.forecast.days_off import DaysOff
from cronocast.forecast.timeline import Timeline, on_every_step
from cronocast.forecast.transform import Unit
from cronocast.handoff.profile import silent
from cronocast.models.model import Context
from cronocast.models.table import MODELS
from cronocast.registry import load
from cronocast.timeseries.clock import Clock
from cronocast.timeseries.fill import Filled

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cronocast.forecast.trained import Trained
    from cronocast.handoff.profile import Profile
    from cronocast.timeseries.grid import Bools, Floats

SEASONAL = ("seasonal", "trend_seasonal")
ROUNDING = 1e-12  # of the values: what is lost by adding and taking away again
LARGEST = float(np.finfo(float).max)


@dataclass
class Work:
    """One member under way; values are what models work in, see Unit."""

    profile: "Profile"
    values: "Floats"  # the whole grid with NaN
    holidays: "Bools"  # which of them were left out since they lie on holidays
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
            found = found.at(
                self.clock.ahead(end_ns, step_ns, self.h), end_ns + step_ns * np.arange(self.h, dtype=np.int64)
            )
        return found.nested(self.settings)

    @cached_property
    def models(self) -> dict[str, Callable[[], Any]]:
        """Models to test by name, in order: the naive ones, then the simpler ones first."""
        wanted = (
            (self.settings.candidates or BY_CLASS[self.profile.series_class])
            if self.settings.model == "auto"
            else (self.settings.model,)
        )
        names = ("naive", *(["seasonal_naive"] if self.context.periods else []), *wanted)
        return {name: load(MODELS, "model", name) for name in dict.fromkeys(names)}

    @cached_property
    def test(self) -> backtest.Backtest:
        """Where past forecasts begin."""
        # Where the newest values are missing, the forecast begins that much further from what is known: so must its
        # test.
        n = self.values.size - self.filled.tail
        h = min(self.filled.tail + self.settings.h, max(1, n // 3))
        return backtest.begin(
            self.values[:n],
            replace(self.context, observed=None),
            h,
            fill_limit=self.settings.fill_limit,
            holidays=self.holidays[:n],
        )

    def _backtest(self, trained: "Mapping[str, Trained]") -> None:
        limit = time.process_time() + self.settings.budget if self.settings.model == "auto" else math.inf
        for name, new_model in self.models.items():
            until = math.inf if name in choose.NAIVE else limit
            if self.test.origins and not backtest.add(
                self.test, name, new_model, trained[name].before if name in trained else None, until
            ):
                self.not_tried.append(name)

    def _choose(self, test: backtest.Backtest, names: tuple[str, ...]) -> choose.Choice:
        choice = choose.choose(test, names)
        name = self.settings.model
        if (
            name == "auto"
            and self.profile.series_class in SEASONAL
            and self.context.periods
            and not (test.origins and self._tested_periods(test))
        ):
            return choose.Choice(
                ("seasonal_naive",),
                "seasonal_naive: the season was seen too few times to test anything else on it",
                choice.scores,
            )
        if (
            name == "auto"
            and self.profile.series_class == "constant"
            and "constant" in names
            and (not test.origins or "constant" in test.forecasts)
        ):
            return choose.Choice(
                ("constant",),
                "constant: nearly always one value, which is repeated unless it was left for longer than ever",
                choice.scores,
            )
        if name == "auto":
            return choice
        score, naive = choice.scores.get(name), choose.reference(test)
        why = f"{name}: as set"
        if score is not None and naive is not None and name not in choose.NAIVE:
            exact = _exact(test, naive)
            worse = not _exact(test, name) if exact else score > 1
            why += (
                f"; {naive} made no error in the backtest"
                if exact
                else f"; its backtest error was {100 * score:.0f} % of {naive}'s"
            )
            why += ", so repeating the past would have been better" if worse else ""
        return choose.Choice((name,), why, choice.scores)

    def _tested_periods(self, test: backtest.Backtest) -> tuple[int, ...]:
        """Periods that the newest origin had two of: a model must forecast with what its backtest judged."""
        return test.origins[-1].context.periods if test.origins else self.context.periods

    def _predict(
        self, choice: choose.Choice, tested: tuple[int, ...], trained: "Mapping[str, Trained]"
    ) -> "tuple[Floats, tuple[str, ...]]":
        """Forecast with what was chosen.

        What fails is left out, and if all fails the better naive forecast stands in.
        """
        context = backtest.context_of(self.filled, self.context)
        context = replace(context, state=self.context.state)
        if self.settings.model == "auto" and choice.names != ("seasonal_naive",):
            context = replace(context, periods=tested)
        good: dict[str, Floats] = {}
        better = choose.reference(self.test) or choose.NAIVE[0]
        for name in dict.fromkeys((*choice.names, better, *choose.NAIVE)):
            if name in choose.NAIVE and name not in choice.names and good:
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
        return choose.combine(list(good.values())), tuple(good)

    def _errors(self, test: backtest.Backtest, used: tuple[str, ...]) -> "Floats":
        rows = [test.forecasts[name] for name in used if name in test.forecasts]
        return test.actual - choose.combine(rows) if rows else np.full((0, 1), np.nan)

    def _finish(
        self, yhat: "Floats", used: tuple[str, ...], choice: choose.Choice, test: backtest.Backtest, errors: "Floats"
    ) -> MemberForecast:
        season, levels = min(self.context.periods, default=1), (self.settings.level, *self.settings.levels)
        tail, worth = self.filled.tail, intervals.effective_origins(errors, test.ends)
        bands = []
        for level in levels:
            below, above = (
                v[tail:]
                for v in intervals.offsets(
                    errors, tail + self.settings.h, level, self.values[self.filled.start :], season, worth
                )
            )
            edges = self.days_off.edges(yhat, below, above) if self.days_off else (yhat - below, yhat + above)
            bands.append((self._back(edges[0]), self._back(edges[1])))
        yhat = yhat + self.days_off.shift if self.days_off else yhat
        times = self.settings.end_ns + self.profile.step_ns * np.arange(self.settings.h, dtype=np.int64)
        status, reason = self._status(used, choice)
        label, why = (
            replace(choice, names=used).label,
            choice.why if used == choice.names else choose.why_left(test, choice, used),
        )
        report = summary.backtest_report(test, errors, self.values[self.filled.start :], self.unit, levels, season)
        report["not_tried"] = self.not_tried
        return MemberForecast(
            self.profile.name,
            self.profile.tags,
            times,
            self._back(yhat),
            *bands[0],
            label,
            why,
            status,
            reason,
            report,
            further=tuple(bands[1:]),
        )

    def _back(self, z: "Floats") -> "Floats":
        """From what models work in to the unit of the member, inside the range that its values can have."""
        values = np.clip(self.unit.back(z), -LARGEST, LARGEST)
        low, high = self.settings.clip
        return np.clip(values, low, high) if (low, high) != (None, None) else values

    def _status(self, used: tuple[str, ...], choice: choose.Choice) -> tuple[str, str]:
        if not set(used) & set(choice.names):
            return "fallback", f"model_failed: {'; '.join(self.notes)}; {used[0]} stands in"
        if self.profile.series_class == "too_short" and self.settings.model == "auto":
            return "fallback", f"{self.filled.too_short()}; {used[0]} stands in"
        return "ok", "; ".join((*self.notes, *self._silence()))

    def _silence(self) -> list[str]:
        """What is said of a member that nothing was measured of for as long as is forecast."""
        steps = self.filled.unseen
        return (
            [f"silent: nothing was measured in the newest {Duration.of(steps * self.profile.step_ns)}"]
            if silent(steps, self.settings.h)
            else []
        )


def _exact(test: backtest.Backtest, name: str) -> bool:
    """Tell whether a model's errors are none but for rounding: nothing can be said as a share of them."""
    errors = test.actual - test.forecasts[name]
    return float(np.nanmax(np.abs(errors), initial=0.0)) <= ROUNDING * float(
        np.nanmax(np.abs(test.actual), initial=0.0)
    )
