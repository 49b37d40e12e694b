"""Members of one entry forecast together.

A vector autoregression of each with the few others whose past says most about it.
"""

from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np

from cronocast.errors import DataError
from cronocast.models.theta import has_season, season_of
from cronocast.timeseries.fill import fill

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from cronocast.models.model import Context
    from cronocast.timeseries.grid import Floats

    Ints = NDArray[np.int64]

LEAST_POINTS = 24  # equations for one lag of two members, and as many to hold out
MOST_OTHERS = 4  # members beside the one that is forecast; each adds as many coefficients as lags
ROWS_PER_COEFFICIENT = 10  # equations per coefficient of an equation: fewer members where the history is short
ORDERS = (1, 2, 3, 6)  # lags that are tried
RIDGES = (1.0, 10.0, 100.0, 1000.0)  # penalties that are tried, in equations that say "as the last value"
HELD_OUT = 0.2  # newest share of the equations, on which order and penalty are chosen
LEADS = 3  # steps by which another member may be ahead to be found
COMPARED = 1000  # newest steps in which others are compared
OVERLAP = 0.5  # share of the steps compared in which another member must have been observed
LARGEST_ROOT = 1.01  # of the system; larger ones explode within a horizon


class VarMany:
    """The members of an entry by time.

    Each forecast looks only at what lies before the end of the history that it extends.

    Source:
        Lütkepohl, New Introduction to Multiple Time Series Analysis, 2005, 2.1 and 3.5; shrunk towards the last value
        as by Litterman, Forecasting with Bayesian vector autoregressions, 1986.
    """

    notes: ClassVar[list[str]] = []

    def __init__(self, ys: "Sequence[Floats]", contexts: "Sequence[Context]") -> None:
        """Keep what was observed of each, on the steps that any of them has."""
        times = [times_of(context, y.size) for y, context in zip(ys, contexts, strict=True)]
        self._names = [context.member for context in contexts]
        self._times = np.unique(np.concatenate(times))
        self._values = np.full((len(ys), self._times.size), np.nan)
        for row, y, at, context in zip(self._values, ys, times, contexts, strict=True):
            row[np.searchsorted(self._times, at)] = (
                y if context.observed is None else np.where(context.observed, y, np.nan)
            )

    def predict_after(self, y: "Floats", h: int, context: "Context") -> "Floats":
        """Extend a member by h steps: shape (h,), unit of y.

        Raises:
            DataError: y is too short, no other member was observed at its times, or the system found is unstable.
        """
        if y.size < LEAST_POINTS:
            raise DataError("E_SHORT", "var", f"{y.size} points, need {LEAST_POINTS}: extract more")
        others = self._others(y, context)
        parts = [_adjusted(values, context.periods) for values in (y, *others)]
        system = np.stack([level for level, _ in parts], axis=1)
        middle = system.mean(axis=0)
        unit = system.std(axis=0)
        unit[unit == 0] = 1.0
        ahead = _extend((system - middle) / unit, h)
        return np.asarray(
            middle[0] + unit[0] * ahead + sum(np.resize(np.roll(season, -y.size), h) for season in parts[0][1])
        )

    def _others(self, y: "Floats", context: "Context") -> "list[Floats]":
        """Values of the members that tell most about y, at its times, the best first; NaN where not observed."""
        times = times_of(context, y.size)
        at = np.searchsorted(self._times, times).clip(max=self._times.size - 1)
        known = self._times[at] == times
        rows = [i for i, name in enumerate(self._names) if name != context.member]
        if not rows:
            raise DataError(
                "E_ALONE", "var", "there is no other member; choose another model, or several members with group_by"
            )
        seen = np.where(known, self._values[rows][:, at], np.nan)
        recent = np.isfinite(seen[:, -COMPARED:])
        seen = seen[(recent.mean(axis=1) >= OVERLAP) & recent[:, -LEADS:].any(axis=1)]
        if not len(seen):
            raise DataError("E_NO_OVERLAP", "var", "no other member was observed at its times; choose another model")
        lag = min((p for p in context.periods if 2 * p <= y.size), default=1)
        most = min(MOST_OTHERS, y.size // ROWS_PER_COEFFICIENT - 1)
        order = np.argsort(-_likeness(y[-COMPARED:], seen[:, -COMPARED:], min(lag, COMPARED // 2)), kind="stable")
        return list(seen[order[:most]])


def times_of(context: "Context", n: int) -> "Ints":
    """Times in ns of n values from the start of a context on."""
    return (
        context.start_ns + np.arange(n) * context.step_ns
        if context.hours is None
        else np.asarray(context.hours.times(context.start_ns, n))
    )


def _likeness(y: "Floats", others: "Floats", lag: int) -> "Floats":
    """Largest correlation of what y's own past leaves unexplained with each other member up to LEADS steps before.

    Shape (others,), 0..1.

    All of them are differences over `lag` steps, so that a common season is no likeness.
    """
    mine = _normal(y[lag:] - y[:-lag])
    theirs = _normal(np.nan_to_num(others[:, lag:] - others[:, :-lag]))
    n = mine.size - LEADS
    own = np.stack([mine[LEADS - k : LEADS - k + n] for k in range(1, LEADS + 1)], axis=1)
    left = _normal(mine[LEADS:] - own @ _solve(own, mine[LEADS:], RIDGES[0]))
    products = [np.abs(theirs[:, LEADS - k : LEADS - k + n] @ left) for k in range(1, LEADS + 1)]
    return np.asarray(np.max(products, axis=0) / n)


def _normal(z: "Floats") -> "Floats":
    """Mean 0 and spread 1 along the last axis; what does not vary becomes 0."""
    around = z - z.mean(axis=-1, keepdims=True)
    spread = around.std(axis=-1, keepdims=True)
    return np.asarray(around / np.where(spread > 0, spread, 1.0))


def _adjusted(values: "Floats", periods: tuple[int, ...]) -> "tuple[Floats, list[Floats]]":
    """Values without gaps and without their seasons, shape (t,), and the seasons, element 0 the phase of values[0]."""
    filled = fill(values, periods)
    level, seasons = filled.y, []
    for period in (p for p in periods if 2 * p <= level.size and has_season(level, p)):
        seasons.append(season_of(level, period))
        level = level - np.resize(seasons[-1], level.size)
    return np.pad(level, (filled.start, filled.tail), mode="edge"), seasons


def _extend(x: "Floats", h: int) -> "Floats":
    """Forecast the first column of a system, shape (t, members), by h steps.

    Each step stays within the values seen and half their range beyond.

    Raises:
        DataError: every system that fits is unstable.
    """
    order, ridge = _chosen(x)
    past, change = _equations(x, order)
    for penalty in (ridge, *(r for r in RIDGES if r > ridge)):
        weights = _solve(past, change, penalty)
        if _largest_root(weights, order) <= LARGEST_ROOT:
            break
    else:
        raise DataError("E_UNSTABLE", "var", "its members drive each other up without limit; choose another model")
    slack = np.ptp(x, axis=0) / 2
    low, high = x.min(axis=0) - slack, x.max(axis=0) + slack
    newest, out = x[: -order - 1 : -1].copy(), np.empty(h)
    for i in range(h):
        step = np.clip(newest[0] + newest.ravel() @ weights, low, high)
        newest = np.concatenate((step[None], newest[:-1]))
        out[i] = step[0]
    return out


def _chosen(x: "Floats") -> tuple[int, float]:
    """Order and penalty whose changes of the first column were nearest on the newest equations."""
    held_out = max(1, int(HELD_OUT * x.shape[0]))
    errors = {}
    for order in (k for k in ORDERS if k == 1 or x.shape[0] - held_out - k >= ROWS_PER_COEFFICIENT * k * x.shape[1]):
        past, change = _equations(x, order)
        for ridge in RIDGES:
            weights = _solve(past[:-held_out], change[:-held_out, 0], ridge)
            errors[order, ridge] = float(np.mean(np.abs(change[-held_out:, 0] - past[-held_out:] @ weights)))
    return min(errors, key=lambda tried: errors[tried])


def _equations(x: "Floats", order: int) -> "tuple[Floats, Floats]":
    """The values before each step and the change in it.

    Returns:
        The values, the newest first, shape (t - order, order * members); the change, shape (t - order, members).
    """
    n = x.shape[0] - order
    past = np.concatenate([x[order - k : order - k + n] for k in range(1, order + 1)], axis=1)
    return past, x[order:] - x[order - 1 : -1]


def _solve(past: "Floats", change: "Floats", ridge: float) -> "Floats":
    """Least squares with a penalty on coefficients, which draws changes to zero: the last value goes on."""
    return np.asarray(np.linalg.solve(past.T @ past + ridge * np.eye(past.shape[1]), past.T @ change))


def _largest_root(weights: "Floats", order: int) -> float:
    """Largest absolute eigenvalue of the companion matrix: above 1 forecasts grow without end."""
    members = weights.shape[1]
    companion = np.eye(order * members, k=-members)
    companion[:members] = weights.T
    companion[:members, :members] += np.eye(members)
    return float(np.abs(np.linalg.eigvals(companion)).max())


class Var:
    """Vector autoregression of the members of an entry; it needs at least two of them."""

    @staticmethod
    def fit_many(ys: "Sequence[Floats]", contexts: "Sequence[Context]") -> VarMany:
        """Keep all members: each is fitted, in closed form, when it is forecast."""
        return VarMany(ys, contexts)

    def fit(self, y: "Floats", context: "Context") -> Self:
        """Take the place of `fit_many` for one member.

        Raises:
            DataError: at once; there is no other member.
        """
        VarMany([y], [context]).predict_after(y, 1, context)
        return self

    def predict(self, h: int) -> "Floats":
        """Never reached: `fit` refuses."""
        raise NotImplementedError(h)
