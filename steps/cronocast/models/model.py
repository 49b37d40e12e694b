"""What a model is: what it may know, what it learns, what it answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, Self

if TYPE_CHECKING:
    from pathlib import Path

    from cronocast.errors import CronocastError
    from cronocast.timeseries.grid import Bools, Floats
    from cronocast.timeseries.hours import Hours


@dataclass(frozen=True)
class Context:
    """What a model may know about a member besides its values."""

    step_ns: int
    start_ns: int  # time of y[0]
    series_class: str = "irregular"
    periods: tuple[int, ...] = ()  # seasonal periods in steps, ascending
    last_change: int = 0  # index in y where what still holds began, 0 if it always did
    observed: "Bools | None" = None  # shape (t,): False where a gap was filled; None if nothing was
    hours: "Hours | None" = None  # y holds these steps of the clock alone; None: every step
    options: Mapping[str, Any] = field(default_factory=dict)  # of the entry, as they stand there
    horizon: int = 0  # steps that will be asked for; 0: not known
    key: str = ""  # whose weights these are: the name and tags of a member, or the series for all of its members
    state: "Path | None" = None  # folder for weights; None: keep nothing
    seed: int = 0
    member: str = ""  # name and tags: which of the members of an entry y belongs to
    offset_ns: int = 0  # what the wall clock of the entry's calendar shows beyond these times
    anew: str = ""  # of saved weights: predict takes them as they are, full none of them; else they are trained on
    end_ns: int = (
        0  # when the run's forecast begins: what this or a later run left in `state` must not change what it answers
    )

    def time_of(self, index: int) -> int:
        """Time in ns of y[index]; beyond the end of y that of a step to forecast."""
        return (
            self.start_ns + index * self.step_ns
            if self.hours is None
            else int(self.hours.times(self.start_ns, index + 1)[-1])
        )


class Shared(Protocol):
    """A model that was trained for many members. It can be pickled, for processes that forecast some of them each."""

    notes: list[str]  # what happened to its saved weights, such as `warm_start`

    def predict_after(self, y: "Floats", h: int, context: Context) -> "Floats":
        """Extend a member by h >= 1 steps: shape (h,); y and errors as for `Model.fit`."""
        ...


class FitMany(Protocol):
    """The attribute `fit_many` of a model's class whose row says `together`.

    Train once for all members instead of once for each.
    """

    def __call__(self, ys: "Sequence[Floats]", contexts: Sequence[Context]) -> Shared:
        """Learn from members of one step size; options and state of the first context stand for all.

        Raises:
            DataError: no member is long enough.
        """
        ...


class ForecastOrigins(Protocol):
    """The attribute `forecast_origins` of a model's class, which may be there: many origins of a backtest at once.

    For models that share work between origins: it answers what a new model, fitted at each of them, would.
    """

    def __call__(self, ys: "Sequence[Floats]", contexts: Sequence[Context], h: int) -> "list[Floats | CronocastError]":
        """Forecast h >= 1 steps from the end of each history: arrays of shape (h,), or why there is none, in order.

        Args:
            ys: Histories as of `Model.fit`; each of them begins with all values of the one before it.
            contexts: What is known of each.
            h: Steps.
        """
        ...


class CheckOptions(Protocol):
    """What a row names under `check`: it tells what is wrong with options before any work."""

    def __call__(self, name: str, options: Mapping[str, Any]) -> None:
        """Check the options of an entry that names a model.

        Raises:
            ConfigError: with every option that the model does not take.
            MissingExtraError: the library that could say so is not installed.
        """
        ...


class Model(Protocol):
    """A forecaster of one member."""

    def fit(self, y: "Floats", context: Context) -> Self:
        """Learn from y: shape (t,), oldest first, evenly spaced, finite (gaps already filled, see `context.observed`).

        Raises:
            DataError: y is too short for this model; the caller falls back to a simpler one and records the reason.
        """
        ...

    def predict(self, h: int) -> "Floats":
        """Extend y by h >= 1 steps: shape (h,), unit of y, element 0 is one step after the last of y."""
        ...
