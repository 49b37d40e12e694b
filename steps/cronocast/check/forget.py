"""What a series leaves when it is removed or renamed: points in the future, which look like a live forecast."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from cronocast.check.look import Look, attempt
from cronocast.check.sink import may_read
from cronocast.document.entry import Entry
from cronocast.durations import stamp
from cronocast.errors import ConfigError
from cronocast.formats.influx_names import quoted

WHERE = '"series" = $series AND time > $now'


def forget(entry: Entry, now_ns: int, say: Callable[[str], None], *, really: bool) -> None:
    """Count the points of an entry after a time, in its forecast and its vintages, and delete them if wanted.

    Raises:
        ConfigError: the sink is of a kind that deletes nothing by InfluxQL.
        CronocastError: the server refuses, or does not answer.
    """
    look = Look(entry, now_ns)
    if entry.sink.kind != "influx" or look.sink_is_victoria:
        sentence = (
            f"points of series {entry.name} can't be deleted by InfluxQL there; delete those of the tag series by hand"
        )
        raise ConfigError.one("E_CONFIG_CHOICE", "sink.kind", sentence)
    values: dict[str, str | int | float] = {"series": entry.name, "now": now_ns}
    target = entry.sink_measurement()
    for measurement in (target, f"{target}_vintage"):
        name = quoted(measurement)
        question = (f"SELECT count(yhat) FROM {name} WHERE {WHERE}", values)  # noqa: S608 - quoted and bound
        count, error = attempt(lambda asked=question: may_read(look).read(asked, _total))  # type: ignore[misc]
        told = "points that nobody may count" if error else f"{count} points"
        if really and (error or count):
            look.sink.ask((f"DELETE FROM {name} WHERE {WHERE}", values))  # noqa: S608 - quoted and bound
        say(f"forget: {told} of {entry.name} in {measurement} after {stamp(now_ns)}{' deleted' if really else ''}")


def _total(series: Iterable[Mapping[str, Any]]) -> int:
    return sum(int(row[1]) for one in series for row in one.get("values") or ())
