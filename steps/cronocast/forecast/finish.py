"""The answer for one member: its interval, in the unit of the member, its scores, and what is said of it."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from cronocast.durations import Duration, stamp
from cronocast.forecast import again, choose, intervals, summary
from cronocast.forecast.answer import MemberForecast
from cronocast.forecast.kept import Kept
from cronocast.forecast.limits import INNER, WIDE
from cronocast.forecast.timeline import on_every_step
from cronocast.handoff.evaluation import PREDICT
from cronocast.handoff.profile import silent

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from cronocast.forecast.trained import Trained
    from cronocast.forecast.work import Work
    from cronocast.timeseries.grid import Floats

    Bounds = tuple[Floats, Floats]

LARGEST = float(np.finfo(float).max)


def result(work: "Work", trained: "Mapping[str, Trained]") -> MemberForecast:
    """Backtest, choose, forecast, measure widths."""
    work.test_models(trained)
    choice = work.settled(trained)
    yhat, used = work.predict(choice, trained)
    found = _finished(work, yhat, used, choice)
    horizon = work.observations.clock_horizon
    found = on_every_step(found, work.line, work.input.filled.tail, work.settings.end_ns, horizon)
    return work.observations.on_the_entry_grid(found).nested(work.settings)


def _finished(work: "Work", yhat: "Floats", used: tuple[str, ...], choice: choose.Choice) -> MemberForecast:
    """The answer on the steps of the timeline, in the unit of the member."""
    errors, levels = _errors(work, used), (work.settings.level, *work.settings.levels)
    season = min(work.context.periods, default=1)
    report = _report(work, errors, levels, season)
    shifted = yhat + work.days_off.shift if work.days_off else yhat
    centre = work.limits.centre(_back(work, shifted))
    interval, *further = _intervals(work, yhat, centre, errors, levels, season)
    status, reason = _status(work, used, choice)
    calendar = (work.observations.note, work.days_off.note if work.days_off else "")
    return MemberForecast(
        name=work.profile.name,
        tags=work.profile.tags,
        time_ns=work.settings.end_ns + work.profile.step_ns * np.arange(work.line.steps, dtype=np.int64),
        yhat=_clipped(work, centre),
        lower=interval[0],
        upper=interval[1],
        model=replace(choice, names=used).label,
        why=choice.why if used == choice.names else choose.why_left(work.test, choice, used),
        status=status,
        reason=reason,
        backtest=report,
        further=tuple(further),
        prepared=work.input.preparation,
        notes=(*filter(None, calendar), *work.model_notes),
        done=work.verdict.kind,
        kept=_kept(work, report) if work.context.state is not None and work.test.ends else None,
    )


def _report(work: "Work", errors: "Floats", levels: tuple[float, ...], season: int) -> "dict[str, Any]":
    """What the result file says of the backtest: as it was kept where no origin was added, and since when."""
    if work.kept is not None and work.verdict.kind == PREDICT:
        return {**work.kept.report, "since": stamp(max(work.kept.made.made_ns, work.kept.made.warmed_ns))}
    same = work.kept is not None and work.chosen is not None and work.chosen.names == work.kept.names
    known = work.kept.report.get("chosen") if work.kept is not None and same else None
    covered = {name: value for name, value in known.items() if name.startswith("coverage")} if known else None
    report = summary.backtest_report(
        work.test, errors, work.recent, work.input.unit, levels, season, work.settings.clip, covered
    )
    return {**report, "measured_steps": _measured_steps(work, errors), "not_tried": work.skipped_models}


def _kept(work: "Work", report: "dict[str, Any]") -> Kept:
    """What the next run can go on from."""
    chosen, none = work.chosen or choose.Choice((), "", {}), np.empty((0, 1))
    member = Kept(
        profile=work.profile,
        names=chosen.names,
        why=chosen.why,
        origins_ns=(),
        near=0,
        actual=none,
        forecasts={},
        failures=work.test.failures,
        skipped=tuple(work.skipped_models),
        periods=work.tested_periods,
        report={name: value for name, value in report.items() if name != "since"},
    )
    return again.to_keep(member, work.test, work.line, work.input, work.profile.step_ns)


def _errors(work: "Work", used: tuple[str, ...]) -> "Floats":
    rows = [work.test.forecasts[name] for name in used if name in work.test.forecasts]
    return work.test.actual - choose.combine(rows) if rows else np.full((0, 1), np.nan)


def _measured_steps(work: "Work", errors: "Floats") -> int:
    """For how many of the steps to forecast past errors were measured; beyond them the interval is a guess."""
    enough = int(np.isfinite(errors).sum()) >= intervals.LEAST_ERRORS
    return min(work.line.steps, max(0, errors.shape[1] - work.input.filled.tail)) if enough else 0


def _intervals(
    work: "Work", yhat: "Floats", centre: "Floats", errors: "Floats", levels: tuple[float, ...], season: int
) -> "list[Bounds]":
    """Lower and upper bounds at each level around the centre, in the unit of the member."""
    independent = intervals.effective_origins(errors, work.test.ends)
    measured = {level: _measured(work, yhat, errors, level, season, independent) for level in {*levels, INNER}}
    found = []
    for level in levels:
        bounds = measured[level]
        if level > INNER:
            bounds = work.limits.confined(centre, bounds, measured[INNER])
        bounds = work.limits.whole(centre, work.limits.signed(centre, bounds))
        lower, upper = work.limits.at_least(bounds) if level >= WIDE else bounds
        found.append((_clipped(work, lower), _clipped(work, upper)))
    return found


def _measured(work: "Work", yhat: "Floats", errors: "Floats", level: float, season: int, independent: int) -> "Bounds":
    """Bounds as past errors call for, in the unit of the member."""
    tail, steps = work.input.filled.tail, work.line.steps
    widths = intervals.offsets(errors, tail + steps, level, work.recent, season, independent)
    below, above = widths[0][tail:], widths[1][tail:]
    if work.fresh is not None and work.fresh.slope:
        share = intervals.normal(level) / intervals.normal(0.95)
        below, above = (
            w + share * more[tail:] for w, more in zip((below, above), work.fresh.doubt(tail + steps), strict=True)
        )
    edges = work.days_off.edges(yhat, below, above) if work.days_off else (yhat - below, yhat + above)
    return _back(work, edges[0]), _back(work, edges[1])


def _back(work: "Work", z: "Floats") -> "Floats":
    """From what models work in to the unit of the member."""
    return np.clip(work.input.unit.back(z), -LARGEST, LARGEST)


def _clipped(work: "Work", values: "Floats") -> "Floats":
    """Values inside the range that they can have."""
    low, high = work.settings.clip
    return np.clip(values, -LARGEST if low is None else low, LARGEST if high is None else high)


def _status(work: "Work", used: tuple[str, ...], choice: choose.Choice) -> tuple[str, str]:
    if not set(used) & set(choice.names):
        return "fallback", f"model_failed: {'; '.join(work.failures)}; {used[0]} stands in"
    if work.profile.series_class == "too_short" and work.settings.model == "auto":
        return "fallback", f"{work.input.filled.too_short()}; {used[0]} stands in"
    return "ok", "; ".join((*work.failures, *_silence(work)))


def _silence(work: "Work") -> list[str]:
    """What is said of a member that nothing was measured of for as long as is forecast."""
    steps = work.input.filled.unseen
    if not silent(steps, work.line.steps):
        return []
    return [f"silent: nothing was measured in the last {Duration.of(steps * work.profile.step_ns)}"]
