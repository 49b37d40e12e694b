"""What is known of holidays ahead: from those in the history, and from Sundays."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cronocast.forecast.timeline import places
from cronocast.timeseries.holidays import DAY, day_numbers, on_holiday

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cronocast.timeseries.grid import Floats

    Times = NDArray[np.int64]

SUNDAY = 6
WEEKS = 4  # newest weeks that say how Sundays differ
UNKNOWN = 2.0  # times as wide is the interval of a holiday of which nothing is known


@dataclass(frozen=True)
class DaysOff:
    """How the forecast of each step is changed, in the unit of the models. Shapes (h,)."""

    shift: "Floats"  # added to the forecast
    doubt: "Floats"  # share of the shift that is not trusted: the interval reaches as far back, 0..1
    wider: "Floats"  # factor for the interval, 1 where something is known
    note: str  # one sentence, "" where no step lies on a holiday

    def edges(self, yhat: "Floats", below: "Floats", above: "Floats") -> "tuple[Floats, Floats]":
        """Bounds of the interval around the shifted forecast, from distances to the bounds of the ordinary one."""
        low, high = yhat + self.shift - self.wider * below, yhat + self.shift + self.wider * above
        back = self.doubt * self.shift
        return np.minimum(low, low - back), np.maximum(high, high - back)


@dataclass(frozen=True)
class Learnt:
    """A filled history of a member, holidays left out and filled as ordinary days, beside what they were.

    Times are those of the wall clock, less `offset_ns`.
    """

    place: str
    offset_ns: int
    step_ns: int
    time_ns: "Times"  # shape (t,)
    y: "Floats"  # shape (t,)
    off_ns: "Times"  # times of values on holidays, shape (k,)
    off: "Floats"  # those values, shape (k,)
    weekly: bool  # the week is a season of the member

    def ahead(self, time_ns: "Times") -> DaysOff | None:
        """What holidays among the steps of a forecast, shape (h,), do to it; None where there is none at all.

        Each step of a day off is shifted by the median difference that past holidays made at its time of day. That of
        Sundays to the same weekday counts as one further holiday where the week is a season, and no difference where it
        is not.
        """
        at = np.flatnonzero(on_holiday(self.place, time_ns, self.offset_ns, self.step_ns))
        past = np.unique(day_numbers(self.off_ns, self.offset_ns, self.step_ns))
        if not at.size and not past.size:
            return None
        shift, doubt, wider = np.zeros(time_ns.size), np.zeros(time_ns.size), np.ones(time_ns.size)
        clocks, differences = self._differences()
        days, seen = self._day(time_ns), 0
        for i in at:
            known = differences[clocks == self._clock(time_ns[i])]
            if self.weekly and days[i] % 7 == SUNDAY:
                continue  # it is a Sunday anyway
            seen = max(seen, known.size)
            middle = float(np.median(known)) if known.size else 0.0
            shift[i] = (known.size * middle + (self._sunday(time_ns[i]) if self.weekly else 0.0)) / (known.size + 1)
            doubt[i] = 1 / (known.size + 1)
            wider[i] = 1.0 if known.size or self.weekly else UNKNOWN
        return DaysOff(shift, doubt, wider, self._note(past.size, int(np.unique(days[at]).size), seen))

    def _note(self, past: int, ahead: int, seen: int) -> str:
        like = ["past holidays"] if seen else []
        like += ["Sundays"] if self.weekly else []
        follows = f"like {' and '.join(like)}" if like else "like ordinary days, with an interval twice as wide"
        parts = [f"{past} holiday{'s' if past != 1 else ''} excluded from the history"] if past else []
        parts += [f"{ahead} holiday{'s' if ahead != 1 else ''} ahead forecast {follows}"] if ahead else []
        return f"calendar: {'; '.join(parts)}"

    def _day(self, time_ns: "Times") -> "Times":
        """Days, numbered so that the remainder by 7 is 0 on Mondays."""
        return day_numbers(time_ns, self.offset_ns, self.step_ns) + 3

    def _clock(self, time_ns: "Times") -> "Times":
        """Times of day in steps."""
        return (time_ns + self.offset_ns) % DAY // self.step_ns

    def _differences(self) -> "tuple[Times, Floats]":
        """Times of day of values on holidays, and what they were beyond an ordinary day.

        Sundays tell nothing where the week is a season.
        """
        at, inside = places(self.time_ns, self.off_ns, self.step_ns)
        if self.weekly:
            inside &= self._day(self.off_ns) % 7 != SUNDAY
        return self._clock(self.time_ns[at[inside]]), self.off[inside] - self.y[at[inside]]

    def _sunday(self, time_ns: int) -> float:
        """How a Sunday differs from the same time of this weekday, over the newest weeks."""
        time = np.asarray(time_ns)
        recent = self.time_ns >= self.time_ns[-1] - WEEKS * 7 * DAY
        same = recent & (self._clock(self.time_ns) == self._clock(time))
        weekdays = self._day(self.time_ns) % 7
        sundays, others = self.y[same & (weekdays == SUNDAY)], self.y[same & (weekdays == self._day(time) % 7)]
        return float(sundays.mean() - others.mean()) if sundays.size and others.size else 0.0
