"""The functions for users. They run the steps themselves, on files in a folder that goes away."""

import time as clock
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from cronocast import registry
from cronocast.backtest.request import Request, choice_problems, with_naive
from cronocast.chain.job import Job
from cronocast.chain.own_table import document_of, step_named, zone_of
from cronocast.chain.table import FILES, STEPS
from cronocast.console import quiet
from cronocast.document.entry import Entry, parse_entry
from cronocast.durations import Duration
from cronocast.errors import ConfigError
from cronocast.frames.columns import columns_of
from cronocast.frames.results import backtest_frame, forecast_frame, profile_frame
from cronocast.handoff.profile import read_profiles
from cronocast.handoff.results import Outcome
from cronocast.handoff.series import forecast_columns
from cronocast.handoff.strict import read_members
from cronocast.tables.layout import Named
from cronocast.tables.table import Table, table_of

if TYPE_CHECKING:
    import pandas

Names = str | Sequence[str] | None


def forecast(
    data: "pandas.DataFrame | pandas.Series",
    horizon: int | str | None = None,
    *,
    time: Names = None,
    value: Names = None,
    by: Names = None,
    every: str | None = None,
    **settings: Any,  # noqa: ANN401 - as the reference lists them
) -> "pandas.DataFrame":
    """Forecast each member of a table.

    Args:
        data: A Series with times as its index, a wide frame (one column per member), or a long one.
        horizon: How far ahead: steps, or a duration such as `48h`; a day if not given, or 24 steps where that is more.
        time: The column with the times, or a date and a time of day; the only one that looks like times if not given.
        value: The column with the values, or several of them; the only numbers if not given.
        by: The column that tells members apart, or several of them.
        every: The step size, such as `1h`; the median distance of rows if not given.
        settings: What a series document says beside: `model`, `level`, `levels`, `clip`, `options`, `calendar`,
            `prepare`, ...

    Returns:
        `yhat`, `yhat_lower`, `yhat_upper` (and bounds of further levels), by what tells members apart and the time,
        which has the zone of the input. `attrs["members"]` says class, model, reasons and errors of each.

    Raises:
        ConfigError: a setting is wrong, or nothing says which column is meant.
        ContractError: a cell is not what its column holds.
        DataError: there is no value, or no member could be forecast for lack of data.
    """
    table, entry = _asked(data, Named(time, value, by, python=True), every, {"horizon": horizon, **settings})
    with _worked("forecast", table, entry) as (job, outcome):
        columns = forecast_columns(entry.levels)
        members = list(read_members(job.output, columns)) if job.output.exists() else []
        return forecast_frame(table, entry, columns, members, outcome)


def classify(
    data: "pandas.DataFrame | pandas.Series",
    *,
    time: Names = None,
    value: Names = None,
    by: Names = None,
    every: str | None = None,
    **settings: Any,  # noqa: ANN401 - as the reference lists them
) -> "pandas.DataFrame":
    """Find out what kind of series each member of a table is. Arguments and errors as of `forecast`.

    Returns:
        A row for each member: `class`, `periods`, `points`, `missing`, `first`, `last`, `last_change` and `why`.
    """
    table, entry = _asked(data, Named(time, value, by, python=True), every, settings)
    with _worked("classify", table, entry) as (job, _):
        profiles = read_profiles(job.output, None, None) if job.output.exists() else {}
        return profile_frame(table, profiles)


def backtest(
    data: "pandas.DataFrame | pandas.Series",
    horizon: int | str | None = None,
    *,
    models: Sequence[str] = ("auto",),
    origins: int | None = None,
    time: Names = None,
    value: Names = None,
    by: Names = None,
    every: str | None = None,
    **settings: Any,  # noqa: ANN401 - as the reference lists them
) -> "pandas.DataFrame":
    """Forecast the past from what was known then, and hold it against what came after.

    Other arguments and errors as of `forecast`; a `lookback` among the settings is how much each forecast may see.

    Args:
        data: As of `forecast`.
        horizon: As of `forecast`.
        models: Models to compare; the naive ones always run.
        origins: Number of forecast origins; at most ten, one horizon apart, if not given.
        time: As of `forecast`.
        value: As of `forecast`.
        by: As of `forecast`.
        every: As of `forecast`.
        settings: As of `forecast`.

    Returns:
        A row for each model: `ratio` to the better naive forecast, `mase`, `smape`, `rmse`, `pinball`, `msis`,
        `coverage`, `bias`, `cpu_s`. `attrs["found"]` holds all that was found, by member and by step ahead, too.
    """
    from cronocast.backtest.scores import document
    from cronocast.backtest.study import run_study

    table, entry = _asked(data, Named(time, value, by, python=True), every, {"horizon": horizon, **settings})
    if problems := choice_problems(models, origins, ""):
        raise ConfigError(problems)
    lookback_ns = int(entry.lookback) if "lookback" in settings else None
    request = Request("data", table, entry, with_naive(models), origins, lookback_ns)
    with quiet():
        return backtest_frame(document(run_study(request, table.members), request))


def _asked(data: object, named: Named, every: str | None, settings: Mapping[str, Any]) -> tuple[Table, Entry]:
    """The table and its checked series document.

    Raises:
        ConfigError, ContractError, DataError: as `forecast`.
    """
    columns, place = columns_of(data)
    own = {name: said for name, said in {"every": every, **settings}.items() if said is not None}
    table = table_of(columns, named, place, zone_of(None, own), step_named(None, own))
    if isinstance(own.get("horizon"), int):
        own["horizon"] = str(Duration.of(max(own["horizon"], 0) * table.every_ns)) if own["horizon"] > 0 else "0s"
    zone = "UTC" if table.on_wall else table.form.zone.key if table.form.zone is not None else None
    if zone is not None and isinstance(own.get("calendar", {}), Mapping):
        calendar = dict(own.get("calendar", {}))
        own["calendar"] = {**calendar, "timezone": zone if table.on_wall else calendar.get("timezone", zone)}
    own = {name: list(said) if isinstance(said, tuple) else said for name, said in own.items()}  # as in a document
    return table, parse_entry(document_of(table, "data", own))


@contextmanager
def _worked(step: str, table: Table, entry: Entry) -> Iterator[tuple[Job, Outcome]]:
    """Run a step on the table; its files last as long as the context."""
    with TemporaryDirectory(prefix="cronocast-") as name:
        folder = Path(name)
        job = Job(
            step=step,
            entry=entry,
            run_ns=int(clock.time()) * 10**9,
            standalone=True,
            history=folder / FILES["history"].name,
            profile=None,
            forecast=folder / FILES["forecast"].name,
            state=None,
        )
        table.write_history(job.history)
        outcome = Outcome()
        with quiet():
            registry.load(STEPS, step, step)(job, outcome)
        yield job, outcome
