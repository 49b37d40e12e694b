"""Results as data frames, with the times as the input has them."""

from collections.abc import Mapping, Sequence
from datetime import timedelta, timezone
from typing import TYPE_CHECKING, Any

import pandas

from cronocast.durations import Duration

if TYPE_CHECKING:
    from cronocast.document.entry import Entry
    from cronocast.handoff.profile import Profile
    from cronocast.handoff.results import Outcome
    from cronocast.handoff.series import Member
    from cronocast.tables.table import Table

OF_MEMBER = ("status", "reason", "class", "model", "why", "backtest")


def forecast_frame(
    table: "Table", entry: "Entry", columns: Sequence[str], members: "Sequence[Member]", outcome: "Outcome"
) -> Any:  # noqa: ANN401 - pandas has no types
    """The forecast: a column for each of `columns`, by what tells members apart and the time."""
    times = [time for member in members for time in member.time_ns]
    labels = [table.labels[member.key] for member in members for _ in member.time_ns]
    values = {name: [v for member in members for v in member.columns[i]] for i, name in enumerate(columns)}
    index = times_of(table, times).rename(table.time)
    if table.by:
        levels = [[label[i] for label in labels] for i in range(len(table.by))]
        index = pandas.MultiIndex.from_arrays([*levels, index], names=[*table.by, table.time])
    frame = pandas.DataFrame(values, index=index, dtype=float)
    frame.attrs = {
        "every": str(entry.every),
        "level": entry.level,
        "notes": [*table.notes, *outcome.notes],
        "members": [
            {
                **dict(zip(table.by, table.labels[info["name"], info["tags"]], strict=True)),
                **{k: info[k] for k in OF_MEMBER},
            }
            for info in outcome.members
        ],
    }
    return frame


def profile_frame(table: "Table", profiles: "Mapping[tuple[str, str], Profile]") -> Any:  # noqa: ANN401
    """What was found of each member, a row for each."""
    found = list(profiles.values())
    rows = {
        "class": [p.series_class for p in found],
        "periods": [tuple(pandas.Timedelta(period * p.step_ns, "ns") for period in p.periods) for p in found],
        "points": [p.points for p in found],
        "missing": [p.gaps.missing for p in found],
        "first": times_of(table, [p.first_ns for p in found]),
        "last": times_of(table, [p.last_ns for p in found]),
        "last_change": [
            times_of(table, p.change_points_ns[-1:])[0] if p.change_points_ns else pandas.NaT for p in found
        ],
        "why": [p.why for p in found],
    }
    labels = [table.labels[key] for key in profiles]
    if len(table.by) > 1:
        index = pandas.MultiIndex.from_tuples(labels, names=list(table.by))
    else:
        index = pandas.Index([label[0] if label else key[0] for key, label in zip(profiles, labels, strict=True)])
        index.name = table.by[0] if table.by else None
    frame = pandas.DataFrame(rows, index=index)
    frame.attrs = {"every": str(Duration.of(table.every_ns)), "notes": table.notes}
    return frame


def backtest_frame(found: Mapping[str, Any]) -> Any:  # noqa: ANN401
    """Measures by model, a row for each."""
    measures = ("mase", "smape", "rmse", "pinball", "msis", "coverage", "bias", "cpu_s")
    rows = [
        {"ratio": (model["ratio"] or {}).get("value"), **{name: model[name] for name in measures}}
        for model in found["models"].values()
    ]
    frame = pandas.DataFrame(rows, index=pandas.Index(list(found["models"]), name="model"), dtype=float)
    frame.attrs = {"found": dict(found)}
    return frame


def times_of(table: "Table", own_ns: Sequence[int]) -> Any:  # noqa: ANN401
    """Times of members as an index, in the form of the table: with its zone, or with none."""
    form = table.form
    index = pandas.DatetimeIndex(pandas.to_datetime([table.time_ns(time) for time in own_ns], unit="ns", utc=True))
    if form.unit or form.mixed:
        return index
    local = index.tz_convert(form.zone or timezone(timedelta(seconds=form.offset_s)))
    return local if form.aware else local.tz_localize(None)
