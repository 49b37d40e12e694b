"""What is asked of the engine for the members of a series, and its answer for one of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from cronocast.document.entry import Entry
from cronocast.document.meaning import never_negative, silent_after
from cronocast.errors import CronocastError
from cronocast.handoff.evaluation import FULL

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cronocast.forecast.kept import Kept
    from cronocast.handoff.profile import Profile
    from cronocast.timeseries.grid import Floats

    Times = NDArray[np.int64]


@dataclass(frozen=True)
class Settings:
    """How members of one series are forecast."""

    horizon: int  # steps of the entry's grid, >= 1
    end_ns: int  # start of the first forecast step
    level: float = 0.95  # nominal coverage of the interval
    levels: tuple[float, ...] = ()  # of further intervals, ascending
    model: str = "auto"
    candidates: tuple[str, ...] = ()  # for auto; by class if empty
    options: Mapping[str, Any] = field(default_factory=dict)
    clip: tuple[float | None, float | None] = (None, None)
    transform: str = "none"  # none, log, sqrt or power
    fill_limit: int | None = None  # steps; longer gaps are not filled
    on_too_short: str = "forecast"  # forecast, skip or fail
    silent_after: int | None = None  # steps without a value until a member gets no forecast; None: however many
    budget: float = 10.0  # CPU seconds that auto may spend on backtests
    timezone: str = "UTC"  # whose clock daily patterns follow
    holidays: str | None = None  # country whose holidays are no ordinary days
    seed: int = 0
    trains: bool = True  # False where models that learn from all members are used as they are
    series: str = ""  # whose members these are: weights of another series are not used


@dataclass(frozen=True)
class MemberForecast:
    """The answer for one member. Arrays have shape (horizon,), or (0,) where status is skipped or failed."""

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
    further: "tuple[tuple[Floats, Floats], ...]" = ()  # lower and upper bound at each of the settings' levels
    prepared: dict[str, Any] = field(default_factory=dict)  # what was done with the values before a model saw them
    notes: tuple[str, ...] = ()  # on the calendar, and what a model says of its weights, such as `lstm: warm_start`
    error: type[CronocastError] | None = None  # what stopped it, where status is skipped or failed
    token: str = ""  # of that error
    cpu_s: float = 0.0
    done: str = FULL  # how much of it was made anew, of evaluation.VERDICTS
    kept: "Kept | None" = None  # for the next run

    def at(self, index: "NDArray[np.int64]", time_ns: "Times") -> "MemberForecast":
        """The same for other times: at `index` of its rows, shape (n,), dated `time_ns`."""
        further = tuple((lower[index], upper[index]) for lower, upper in self.further)
        return replace(
            self,
            time_ns=time_ns,
            yhat=self.yhat[index],
            lower=self.lower[index],
            upper=self.upper[index],
            further=further,
        )

    def nested(self, settings: Settings) -> "MemberForecast":
        """The same with yhat in every interval and narrower intervals in wider ones.

        Rounding may have put a bound inside by its last digit.
        """
        levels, bands = (settings.level, *settings.levels), ((self.lower, self.upper), *self.further)
        order = sorted(range(len(levels)), key=levels.__getitem__)
        lowers = np.minimum.accumulate([self.yhat, *(bands[i][0] for i in order)])[1:]
        uppers = np.maximum.accumulate([self.yhat, *(bands[i][1] for i in order)])[1:]
        first, *further = (
            band
            for _, band in sorted(zip(order, zip(lowers, uppers, strict=True), strict=True), key=lambda item: item[0])
        )
        return replace(self, lower=first[0], upper=first[1], further=tuple(further))


def without_forecast(
    profile: "Profile", status: str, reason: str, error: type[CronocastError] | None = None, token: str = ""
) -> MemberForecast:
    """The answer for a member that gets no forecast; the error and its token where one stands behind the reason."""
    empty = np.empty(0)
    return MemberForecast(
        name=profile.name,
        tags=profile.tags,
        time_ns=np.empty(0, dtype=np.int64),
        yhat=empty,
        lower=empty,
        upper=empty,
        model="",
        why=reason,
        status=status,
        reason=reason,
        error=error,
        token=token,
    )


def settings_of(entry: Entry, end_ns: int) -> Settings:
    """How the members of an entry are forecast from `end_ns` on."""
    silence = silent_after(entry)
    return Settings(
        horizon=entry.horizon // entry.every,
        end_ns=end_ns,
        level=entry.level,
        levels=tuple(sorted(entry.levels)),
        model=entry.model,
        candidates=entry.candidates,
        options=entry.options,
        clip=_clip_of(entry),
        transform=entry.prepare.transform,
        fill_limit=entry.prepare.fill_limit // entry.every if entry.prepare.fill_limit is not None else None,
        on_too_short=entry.on_too_short,
        silent_after=None if silence is None else -(-silence // entry.every),
        budget=entry.budget,
        timezone=entry.calendar.timezone,
        holidays=entry.calendar.holidays,
        series=entry.name,
    )


def _clip_of(entry: Entry) -> tuple[float | None, float | None]:
    """The range that values can have: as set, and not below zero where they count something."""
    low, high = entry.clip.min, entry.clip.max
    return (0.0 if low is None and never_negative(entry) and (high is None or high > 0) else low), high
