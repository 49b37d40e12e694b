"""Chooses among models, or combines them, by their backtest; says why in plain words."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from cronocast.timeseries.robust import median

if TYPE_CHECKING:
    from cronocast.forecast.backtest import Backtest
    from cronocast.timeseries.grid import Floats

NAIVE = ("seasonal_naive", "naive")  # what every choice is compared with
USUAL = "seasonal_median"  # stands in for the seasonal naive forecast where it is no worse
COMBINED = 3  # a median of the best three is safer than the one winner and better than the median of all
# A winner whose error is under this share of the next one's stands alone; sooner where a trend makes curves part.
CLEAR, CLEAR_TREND = 0.75, 0.85
UNUSABLE = 1e9  # score of what can't be chosen; a number, since results are JSON
DOUBT = 2  # origins, besides those measured, at which a model that is not naive is taken to have been ...
DOUBTED = 1.1  # ... this much worse than naive: few origins must not crown a model by luck
SLACK = 1.1  # how far above the naive error a model may be and still join a median
# of the logarithm of a ratio, a factor of 20: after a single wild value one origin must not outweigh all others
MOST = 3.0
GATE = 1.0  # a choice must not be worse than the better naive forecast
ROUNDING = 1e-12  # of the values: what is lost by adding and taking away again
# What calls for one model without asking backtests: for which, and why.
CALLED = {
    "few_cycles": ("seasonal_naive", "too few cycles of the season for a backtest of other models"),
    "new_line": ("linear", "a new slope has begun, which other models do not know yet"),
    "short_line": ("linear", "too few values for a backtest, but they lie on one line"),
    "rare": ("tsb", "most steps have no event; their mean is forecast, so that sums over many steps are right"),
    "constant": (
        "constant",
        "nearly always one value, which is forecast unless the current deviation is the longest so far",
    ),
}


@dataclass(frozen=True)
class Choice:
    """What forecasts a member: one model, or the median of several."""

    names: tuple[str, ...]
    why: str
    scores: dict[str, float]  # error relative to the better naive forecast, see `relative_error`, by model

    @property
    def label(self) -> str:
        """The name in results: `theta`, or `median(ar,theta,seasonal_naive)`."""
        return self.names[0] if len(self.names) == 1 else f"median({','.join(self.names)})"


def combine(forecasts: "list[Floats]") -> "Floats":
    """Median of forecasts of equal shape; of two their mean; NaN only where all are."""
    ordered = np.sort(np.stack(forecasts), axis=0)  # NaN last
    known = np.isfinite(ordered).sum(axis=0)[None]
    low, high = (np.take_along_axis(ordered, at, axis=0)[0] for at in (np.maximum(known - 1, 0) // 2, known // 2))
    return np.asarray((low + high) / 2)


def choose(test: "Backtest", candidates: tuple[str, ...], combined: int = COMBINED, clear: float = CLEAR) -> Choice:
    """Pick among candidates by backtest error; the naive forecasts are always among them.

    Args:
        test: Backtest with a row per origin for every candidate that was tried.
        candidates: Names in order of preference: simpler first, which wins ties.
        combined: How many of the best may be combined.
        clear: A winner whose error is under this share of the next one's stands alone.
    """
    # also what all are compared with must be one that may be chosen
    test = replace(test, forecasts={name: rows for name, rows in test.forecasts.items() if name in candidates})
    tried = [name for name in candidates if name in test.forecasts and np.isfinite(test.forecasts[name]).any()]
    naive = reference(test)
    if naive is None or not tried:
        name = next((n for n in candidates if n in NAIVE and n not in test.failures), "naive")
        return Choice((name,), f"{name}: the history is too short for a backtest", {})
    doubted = {name: relative_error(test, test.forecasts[name], naive, 0 if name in NAIVE else DOUBT) for name in tried}
    ranked = sorted(tried, key=lambda name: (doubted[name], candidates.index(name)))
    names, why = _decide(test, ranked, doubted, naive, combined, clear)
    return Choice(names, why, {name: relative_error(test, test.forecasts[name], naive) for name in tried})


def as_set(test: "Backtest", name: str, scores: dict[str, float]) -> Choice:
    """The one model that is set, and how it did in the backtest; scores as of `Choice`."""
    score, naive = scores.get(name), reference(test)
    if score is None or naive is None or name in NAIVE:
        return Choice((name,), f"{name}: as configured", scores)
    if _exact(test, naive):
        worse, error = not _exact(test, name), f"{naive} made no error in the backtest"
    else:
        worse, error = score > 1, f"its backtest error was {_percent(score)} of {naive}'s"
    advice = ", so repeating the past would have been better" if worse else ""
    return Choice((name,), f"{name}: as configured; {error}{advice}", scores)


def _exact(test: "Backtest", name: str) -> bool:
    """Tell whether a model's errors are none but for rounding: nothing can be said as a share of them."""
    errors = np.abs(test.actual - test.forecasts[name])
    largest = float(np.nanmax(np.abs(test.actual), initial=0.0))
    return float(np.nanmax(errors, initial=0.0)) <= ROUNDING * largest


def why_left(test: "Backtest", choice: Choice, used: tuple[str, ...]) -> str:
    """Why these models forecast, where some of those chosen could not; none of them where another stands in."""
    failed = [name for name in choice.names if name not in used]
    said = f"{', '.join(failed)} {'was' if len(failed) == 1 else 'were'} chosen"
    cause = "could not forecast from the newest values"
    if len(failed) == len(choice.names):
        return f"{used[0]} stands in: {said}, but {cause}"
    naive, rows = reference(test), [test.forecasts[name] for name in used if name in test.forecasts]
    head, whose = (used[0], "its") if len(used) == 1 else (f"median of {', '.join(used)}", "their combined")
    error = (
        f"; {whose} error at {_starts(test)} was {_percent(relative_error(test, combine(rows), naive))} of {naive}'s"
        if naive and rows
        else ""
    )
    return f"{head}: {said} too, but {cause}{error}"


def reference(test: "Backtest") -> str | None:
    """The better of the naive forecasts; None if no backtest was possible."""
    usable = [
        name for name in NAIVE if name in test.forecasts and np.isfinite(test.actual - test.forecasts[name]).any()
    ]
    if len(usable) == len(NAIVE):
        return "seasonal_naive" if relative_error(test, test.forecasts["seasonal_naive"], "naive") < 1 else "naive"
    return usable[0] if usable else None


def relative_error(test: "Backtest", forecasts: "Floats", naive: str, doubt: int = 0) -> float:
    """Error of forecasts, shape (k, h), over that of the naive one.

    Geometric mean over origins, and `doubt` more of them, of the ratio.

    Without doubt it is the one figure that people are told. A mean of errors would be ruled by the few origins at which
    something happened that no model can know. Errors under a twentieth of the naive forecast's median count as much, so
    that origins which all models get right do not rule either.
    """
    mine, theirs = np.abs(test.actual - forecasts), np.abs(test.actual - test.forecasts[naive])
    both = np.isfinite(mine) & np.isfinite(theirs)
    rows = both.any(axis=1)
    if rows.sum() * 2 < np.isfinite(theirs).any(axis=1).sum() or not rows.any():
        return UNUSABLE  # it failed at most origins
    count = both[rows].sum(axis=1)
    mine, theirs = (np.where(both, e, 0)[rows].sum(axis=1) / count for e in (mine, theirs))
    least = median(theirs) / 20 or float(theirs.mean()) / 20
    if least == 0:
        return 1.0 if not mine.any() else UNUSABLE
    ratios = np.clip(np.log((mine + least) / (theirs + least)), -MOST, MOST)
    return float(np.exp((ratios.sum() + doubt * np.log(DOUBTED)) / (ratios.size + doubt)))


def _decide(
    test: "Backtest", ranked: list[str], doubted: dict[str, float], naive: str, combined: int, clear: float
) -> tuple[tuple[str, ...], str]:
    """Names and why, from models ranked by their doubted scores."""
    best = ranked[0]
    days = _starts(test)
    share = _percent(relative_error(test, test.forecasts[best], naive))
    error = f"{best}: its error at {days} was {share} of {naive}'s"
    if doubted[best] >= GATE:
        if naive == "seasonal_naive" and USUAL in ranked and relative_error(test, test.forecasts[USUAL], naive) <= GATE:
            return (USUAL,), f"{USUAL}: no worse than {naive} at {days}, and one odd season does not move it"
        hardly = any(relative_error(test, test.forecasts[name], naive) < GATE for name in ranked)
        return (naive,), f"{naive}: no other model was {'clearly ' if hardly else ''}better at {days}"
    usable = [name for name in ranked if doubted[name] < SLACK][:combined]
    if combined == 1 and len(ranked) > 1:
        return (best,), f"{error}, the smallest"
    if len(usable) == 1 or doubted[best] < clear * doubted[usable[1]]:
        return (best,), f"{error}, clearly the smallest"
    together = relative_error(test, combine([test.forecasts[name] for name in usable]), naive)
    if together >= GATE:
        return (best,), f"{error}; a combination with others was no better"
    said = f"their combined error at {days} was {_percent(together)} of {naive}'s"
    return tuple(usable), f"median of {', '.join(usable)}: none of them is clearly the best; {said}"


def _starts(test: "Backtest") -> str:
    return f"{len(test.ends)} forecast origins"


def _percent(ratio: float) -> str:
    return f"{100 * ratio:.0f} %"
