"""Trains models that learn from many members at once.

One for the forecasts, and one for the backtests, from what came before them alone.
"""

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from cronocast.errors import ConfigError, CronocastError, DataError, StorageError, Terminated, seen
from cronocast.forecast import backtest
from cronocast.forecast.trained import Trained
from cronocast.handoff.evaluation import PREDICT, WARM
from cronocast.models.table import abilities
from cronocast.timeseries.fill import fill

if TYPE_CHECKING:
    from pathlib import Path

    from cronocast.forecast.timeline import Times
    from cronocast.forecast.work import Work
    from cronocast.models.model import Context, FitMany, Shared
    from cronocast.timeseries.grid import Floats


SLACK = 2  # steps: a run begins after the last finished step, and data may come late


def train(works: "Sequence[Work]", folder: "Path | None", anew: str = "") -> list[dict[str, Trained]]:
    """Train each model that learns together once for all members that ask for it.

    The answer has one mapping by model for each of them.

    Together go members of one step size, horizon and end: what ends later must not be learnt from for what ends
    earlier.

    Args:
        works: Members under way.
        folder: Where such models keep their weights, each in a folder of its name. None: nowhere.
        anew: How much of them is learnt anew, of evaluation.VERDICTS; "" where nobody says.

    Raises:
        ConfigError: an option of the model is wrong.
        StorageError: its folder can't be read or written.
    """
    found: list[dict[str, Trained]] = [{} for _ in works]
    groups: dict[tuple[str, int, int, int], list[int]] = {}
    for i, work in enumerate(works):
        for name in (name for name in work.models if abilities(name).together):
            groups.setdefault((name, work.context.step_ns, work.context.horizon, work.context.end_ns), []).append(i)
    for (name, *_), indices in groups.items():
        trained = _train(name, [works[i] for i in indices], folder, anew)
        for i in indices:
            found[i][name] = trained
    return found


def _train(name: str, works: "Sequence[Work]", folder: "Path | None", anew: str) -> Trained:
    began = time.process_time()
    first = works[0]
    fit_many: FitMany = first.models[name].fit_many  # type: ignore[attr-defined]
    # a run with another horizon, by hand or on a night when clocks change, leaves the weights of this one alone
    own = f"{name}-{first.context.horizon}"
    state = folder / own if folder else None
    contexts = [
        replace(backtest.context_of(work.input.filled, work.context), state=state, key=first.settings.series, anew=anew)
        for work in works
    ]
    ys = [work.input.filled.y for work in works]
    as_left = [replace(context, anew=PREDICT) for context in contexts]
    # before these weights are trained on: those of an earlier run know nothing of what came after it
    left = _guarded(lambda: fit_many(ys, as_left)) if anew == WARM and _unseen(works) else ""
    whole = _guarded(lambda: fit_many(ys, contexts))
    if abilities(name).past_only or anew == PREDICT:
        before = whole
    else:
        before = left if anew == WARM else _guarded(lambda: _before(fit_many, works))
    if before == "":
        before = "its weights have seen what came after the newest forecast origin"
    return Trained(whole, before, (time.process_time() - began) / len(works))


def _unseen(works: "Sequence[Work]") -> bool:
    """Tell whether the weights of an earlier run were trained before what comes after the origins to add."""
    return all(
        work.kept is None or work.kept.made.warmed_ns <= work.context.time_of(past.end) + SLACK * work.context.step_ns
        for work in works
        for past in work.test.origins
    )


def _before(fit_many: "FitMany", works: "Sequence[Work]") -> "Shared":
    """Train on what was known of every member at the earliest first origin of them all.

    Members with fewer than 8 points by then, or that the model finds too short, are not learnt from. Where that leaves
    none, a later origin
    is taken, of 20 at most from the first to the last: a model that finds all members too short until then can't be
    tested there anyway.
    """
    tested = [(work, work.line.times(work.context.step_ns)) for work in works if work.test.origins]
    begins = sorted({int(times[past.end]) for work, times in tested for past in work.test.origins})
    error = DataError("E_TOO_SHORT", "y", "no member is long enough for a backtest")
    for time_ns in begins[:: max(1, -(-len(begins) // backtest.MOST_ORIGINS))]:
        try:
            return fit_many(*_known(tested, time_ns))
        except DataError as caught:
            error = caught
    raise error


def _known(tested: "Sequence[tuple[Work, Times]]", time_ns: int) -> "tuple[list[Floats], list[Context]]":
    """Values and contexts of members, given with the times of their values, as they were known at a time.

    Those without enough of a past are left out.
    """
    ys, contexts = [], []
    for work, times in tested:
        whole = replace(work.context, observed=None)
        known = int(np.searchsorted(times, time_ns))
        seen = work.input
        filled = fill(seen.values[:known], whole.periods, work.settings.fill_limit, seen.holidays[:known])
        if filled.y.size >= backtest.LEAST_TRAINING:
            ys.append(filled.y)
            contexts.append(backtest.context_of(filled, whole))
    return ys, contexts


def _guarded(fit: Callable[[], "Shared"]) -> "Shared | str":
    """What was trained, or why not; the members then fall back each by itself."""
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return fit()
    except (ConfigError, StorageError, Terminated):
        raise  # of all members alike
    except CronocastError as error:
        return error.problem
    # a model may be anyone's; its bug must not stop what does without it
    except (Exception, SystemExit) as error:  # noqa: BLE001
        return f"{type(error).__name__}: {seen(str(error))}"
