"""Trains models that learn from many members at once: one for the forecasts, and one for the backtests, from what came before them alone."""

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from cronocast.errors import ConfigError, CronocastError, DataError, StorageError, Terminated, seen
from cronocast.forecast import backtest

if TYPE_CHECKING:
    from pathlib import Path

    from cronocast.forecast import FitMany, Shared
    from cronocast.forecast.backtest import Past
    from cronocast.forecast.work import Work


@dataclass(frozen=True)
class Trained:
    """A model trained for many members; a sentence stands where it could not be trained."""

    whole: "Shared | str"  # has seen everything: for the forecasts
    before: "Shared | str"  # has seen nothing from the first origin of any of its members on: for their backtests
    cpu_s: float  # this training, per member


def train(works: "Sequence[Work]", folder: "Path | None") -> list[dict[str, Trained]]:
    """Train each model that has `fit_many` once for all members that ask for it; the answer has one mapping by model for each of them.

    Together go members of one step size, horizon and end: what ends later must not be learnt from for what ends earlier.

    Args:
        works: Members under way.
        folder: Where such models keep their weights, each in a folder of its name. None: nowhere.

    Raises:
        ConfigError: an option of the model is wrong.
        StorageError: its folder can't be read or written.
    """
    found: list[dict[str, Trained]] = [{} for _ in works]
    groups: dict[tuple[str, int, int, int], list[int]] = {}
    for i, work in enumerate(works):
        for name in (name for name, new_model in work.models.items() if hasattr(new_model, "fit_many")):
            groups.setdefault((name, work.context.step_ns, work.settings.h, work.settings.end_ns), []).append(i)
    for (name, *_), indices in groups.items():
        trained = _train(name, [works[i] for i in indices], folder)
        for i in indices:
            found[i][name] = trained
    return found


def _train(name: str, works: "Sequence[Work]", folder: "Path | None") -> Trained:
    began = time.process_time()
    first = works[0]
    fit_many: FitMany = first.models[name].fit_many  # type: ignore[attr-defined]
    # Series that are silent at night have a horizon of their own, and so have their weights.
    own = name if first.settings.h == first.asked else f"{name}-{first.settings.h}"
    options = {**first.context.options, "key": first.settings.series}
    contexts = [replace(backtest.context_of(work.filled, work.context), state=folder / own if folder else None, options=options) for work in works]
    whole = _guarded(lambda: fit_many([work.filled.y for work in works], contexts))
    before = whole if getattr(whole, "past_only", False) else _guarded(lambda: _before(fit_many, [work.test.origins for work in works]))
    return Trained(whole, before, (time.process_time() - began) / len(works))


def _before(fit_many: "FitMany", origins: "Sequence[Sequence[Past]]") -> "Shared":
    """Train before the first origin of each member, or before a later one where all members are too short."""
    error = DataError("E_TOO_SHORT", "y", "no member is long enough for a backtest")
    for k in range(max(map(len, origins))):
        try:
            at = [pasts[min(k, len(pasts) - 1)] for pasts in origins if pasts]
            return fit_many([past.filled.y for past in at], [past.context for past in at])
        except DataError as caught:
            error = caught
    raise error


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
    except Exception as error:  # noqa: BLE001 - a model may be anyone's; its bug must not stop what does without it
        return f"{type(error).__name__}: {seen(str(error))}"
