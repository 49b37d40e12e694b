"""A forecast that goes on from what an earlier run kept, instead of testing all models at all origins anew."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from cronocast.forecast import backtest, choose
from cronocast.forecast.kept import Kept

if TYPE_CHECKING:
    from cronocast.forecast.answer import Settings
    from cronocast.forecast.backtest import Backtest
    from cronocast.forecast.choose import Choice
    from cronocast.forecast.model_input import ModelInput
    from cronocast.forecast.timeline import Timeline, Times
    from cronocast.models.model import Context
    from cronocast.timeseries.grid import Floats


def usable(kept: Kept, models: "tuple[str, ...]", step_ns: int) -> bool:
    """Tell whether a run with these models and step size can go on from what is kept."""
    return kept.profile.step_ns == step_ns and bool(kept.origins_ns) and set(kept.names) <= set(models)


def kept_test(
    kept: Kept, line: "Timeline", seen: "ModelInput", context: "Context", ends: "list[int]", settings: "Settings"
) -> "Backtest":
    """The kept origins, and further ones that are still to be forecast from.

    Args:
        kept: Of an earlier run.
        line: The steps that count now.
        seen: What models see of them.
        context: What is known of the member.
        ends: First steps of the origins to add, see `new_ends`; the oldest kept ones make room for them.
        settings: How the member is forecast.
    """
    at, rows = _places(kept, line, context.step_ns, np.arange(len(kept.origins_ns)))
    if ends:
        whole = rows < len(kept.origins_ns) - kept.near
        at, rows = at[whole], rows[whole]
        regular = sum(end + kept.actual.shape[1] <= _size(seen) for end in ends)
        first = max(0, rows.size + regular - backtest.MOST_ORIGINS)
        at, rows = at[first:], rows[first:]
    h = kept.actual.shape[1]
    known, unit = seen.values[: _size(seen)], seen.unit
    found = backtest.at(
        ends, known, replace(context, observed=None), h, settings.fill_limit, seen.holidays[: known.size]
    )
    now = backtest.actual_after(known, at.tolist(), h)
    actual = np.where(np.isfinite(now), now, unit.forward(kept.actual[rows]))
    forecasts = {name: unit.forward(given[rows]) for name, given in kept.forecasts.items()}
    seasons = tuple(kept.report.get("naive", {}).get("seasons", ()))
    return replace(
        found,
        actual=np.concatenate((actual, found.actual)),
        earlier=backtest.Earlier(tuple(at.tolist()), forecasts, seasons),
        failures=dict(kept.failures),
    )


def new_ends(kept: Kept, line: "Timeline", seen: "ModelInput", context: "Context", *, suspect: bool) -> list[int]:
    """Origins that a warm run adds: the newest one, where it is new, and near ones where yesterday looked bad."""
    n, h = _size(seen), kept.actual.shape[1]
    rows = np.arange(len(kept.origins_ns) - kept.near)
    at, _ = _places(kept, line, context.step_ns, rows)
    ends = backtest.origin_ends(n, h, context.periods)
    apart = ends[-1] - ends[-2] if len(ends) > 1 else h
    season = min(context.periods, default=1)
    newest = ends[-1:] if ends and (not at.size or ends[-1] - int(at[-1]) > apart - season / 2) else []
    near = [n - h // part for part in backtest.CHANGED if h // part > 0] if suspect else []
    return newest + [end for end in near if end > backtest.LEAST_TRAINING]


def _size(seen: "ModelInput") -> int:
    """Steps up to the newest value."""
    return seen.values.size - seen.filled.tail


def _places(kept: Kept, line: "Timeline", step_ns: int, rows: "Times") -> "tuple[Times, Times]":
    """Where kept origins begin on the timeline, and their rows; those that no longer lie on it are left out."""
    times = np.array(kept.origins_ns, dtype=np.int64)[rows]
    if line.hours is None:
        at, rest = np.divmod(times - line.start_ns, step_ns)
        return at[rest == 0], rows[rest == 0]
    known = line.times(step_ns)
    at = np.minimum(np.searchsorted(known, times), known.size - 1)
    return at[known[at] == times], rows[known[at] == times]


def champion(test: "Backtest", names: tuple[str, ...], new: "Choice") -> "Choice":
    """The new choice where it is better at these origins than what was chosen before, else that."""
    naive = choose.reference(test)
    if names == new.names or naive is None or not set(names) <= set(test.forecasts):
        return new
    before, now = (_error(test, one, naive) for one in (names, new.names))
    if now < before:
        return new
    old = choose.Choice(names, "", new.scores)
    share = f"{100 * before:.0f} % of {naive}'s"
    return replace(
        old,
        why=f"{old.label}: as before; its error at {len(test.ends)} forecast origins was {share},"
        f" {new.label}'s no smaller",
    )


def _error(test: "Backtest", names: tuple[str, ...], naive: str) -> float:
    return choose.relative_error(test, choose.combine([test.forecasts[name] for name in names]), naive)


def to_keep(kept: Kept, test: "Backtest", line: "Timeline", seen: "ModelInput", step_ns: int) -> Kept:
    """What the next run goes on from: what is known of the member, with the origins of a backtest.

    Args:
        kept: The member, without origins.
        test: Its backtest.
        line: The steps that count.
        seen: What models see of them.
        step_ns: Step size.
    """
    ends, h = np.array(test.ends, dtype=np.int64), test.actual.shape[1]
    times = line.start_ns + step_ns * ends if line.hours is None else line.times(step_ns)[ends]
    near = int((ends + h > _size(seen)).sum())
    rows = {name: _back(seen, given) for name, given in test.forecasts.items()}
    return replace(kept, origins_ns=tuple(times.tolist()), near=near, actual=_back(seen, test.actual), forecasts=rows)


def _back(seen: "ModelInput", values: "Floats") -> "Floats":
    return seen.unit.back(values)
