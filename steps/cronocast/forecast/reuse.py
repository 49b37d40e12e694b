"""What of an earlier run a member takes for its own: forecasts from past origins, or its whole choice.

Origins are known by their time. What was forecast from one of them then is what a backtest would have shown now, and
needs no second fit.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from cronocast.forecast import backtest, choose
from cronocast.forecast.answer import Tested
from cronocast.forecast.attempts import Past
from cronocast.models.table import abilities

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cronocast.forecast.kept import Kept
    from cronocast.forecast.work import Work
    from cronocast.timeseries.grid import Floats


def reusable(work: "Work") -> bool:
    """Whether forecasts of this member mean the same in another run.

    Not where the clock of the calendar changed in the window, where silent hours are left out, which may be others
    tomorrow, where values are transformed by what the history says, or where a model learns from all members at once.
    """
    plain = work.observations.clock is None and work.line.hours is None and not work.input.unit.transform.name
    return plain and not any(abilities(name).together for name in work.models)


def known_rows(work: "Work", name: str) -> "dict[int, Floats]":
    """Forecasts of a model that the run before has kept, by the place of their origin in the test."""
    kept = work.before
    if kept is None or name not in kept.forecasts or not reusable(work):
        return {}
    rows = kept.forecasts[name]
    if rows.shape[1] != work.test.actual.shape[1]:
        return {}
    times = work.line.times(work.profile.step_ns)
    places = {int(time): i for i, time in enumerate(kept.origins_ns)}
    found = {}
    for i, past in enumerate(work.test.origins):
        row = rows[places[int(times[past.end])]] if int(times[past.end]) in places else None
        if row is not None and np.isfinite(row).all():
            found[i] = work.input.unit.forward(row)
    return found


def as_kept(work: "Work", kept: "Kept") -> "backtest.Backtest | None":
    """The test that was kept, with what has come since; None where too little of it lies in the window."""
    if not kept.forecasts or not reusable(work):
        return None
    times = work.line.times(work.profile.step_ns)
    at = np.searchsorted(times, kept.origins_ns)
    inside = (at < times.size) & (times[np.minimum(at, times.size - 1)] == kept.origins_ns)
    if inside.sum() < max(1, kept.origins_ns.size // 2):
        return None
    h = next(iter(kept.forecasts.values())).shape[1]
    later = np.concatenate((work.input.values, np.full(h, np.nan)))
    ends = at[inside].tolist()
    context = replace(work.context, observed=None, periods=kept.periods)
    test = backtest.Backtest(
        np.array([later[end : end + h] for end in ends]), [Past(work.input.filled, context, end) for end in ends]
    )
    test.forecasts = {name: work.input.unit.forward(rows[inside]) for name, rows in kept.forecasts.items()}
    return test


def choice_of(work: "Work", kept: "Kept") -> choose.Choice | None:
    """What was chosen, less models that contradict the newest values; None where nothing of it is left."""
    names = tuple(name for name in kept.names if name in work.models)
    choice = choose.Choice(names, kept.why, {})
    left = tuple(name for name in names if not work.jumps(name, choice, {}))
    return replace(choice, names=left) if left else None


def champion(work: "Work", choice: choose.Choice) -> choose.Choice:
    """What was chosen before, unless the new choice is better at the origins of now."""
    kept, naive = work.before, choose.reference(work.test)
    if kept is None or naive is None or {*kept.names} == {*choice.names} or work.settings.model != "auto":
        return choice
    if not {*kept.names} <= {*work.test.forecasts} - {*work.contradicting} or not {*choice.names} <= {
        *work.test.forecasts
    }:
        return choice
    new, old = (
        choose.relative_error(work.test, choose.combine([work.test.forecasts[name] for name in names]), naive)
        for names in (choice.names, kept.names)
    )
    if not 0 < old <= new:
        return choice
    stays = replace(choice, names=kept.names)
    return replace(stays, why=f"{stays.label}: as before, which no other choice beats at the newest origins")


def tested(work: "Work", choice: choose.Choice, report: "Mapping[str, object]") -> Tested | None:
    """What the next run may take for its own."""
    if not work.test.origins or not reusable(work):
        return None
    times = work.line.times(work.profile.step_ns)
    ends = np.array(work.test.ends)
    back = work.input.unit.back
    return Tested(
        choice.names,
        choice.why,
        work.test.origins[-1].context.periods,
        report,
        times[ends],
        {name: back(rows) for name, rows in work.test.forecasts.items()},
    )
