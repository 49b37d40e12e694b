"""What a table of one's own means for a step: its series document, and what the step made of it."""

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from cronocast.chain.standalone import whole_steps
from cronocast.durations import UNIT_NS, Duration
from cronocast.formats import influx_names
from cronocast.sources.table import NO_DATABASE
from cronocast.tables.table import Table

LEAST_STEPS = 24  # that are forecast where nobody says how many; a day where that is more


def document_of(table: Table, name: str, own: Any) -> Any:  # noqa: ANN401 - untrusted data
    """The series document of a table: what is given of it, and what the table says of the rest.

    Args:
        table: The table.
        name: What the series is called by where the document has no name.
        own: A document that was given; one without a source leaves open what the table says.
    """
    if not isinstance(own, Mapping) or "source" in own:
        return own  # whole
    times = [member.time_ns for member in table.members]
    span_ns = max(t[-1] for t in times) - min(t[0] for t in times) + table.every_ns
    day = UNIT_NS["d"]
    horizon_ns = (
        day if day % table.every_ns == 0 and day >= LEAST_STEPS * table.every_ns else LEAST_STEPS * table.every_ns
    )
    return {
        "name": name if not influx_names.series_name_fault(name) else "series",
        "source": NO_DATABASE,
        "every": str(Duration.of(table.every_ns)),
        "lookback": whole_steps(span_ns, table.every_ns),
        "horizon": str(Duration.of(horizon_ns)),
        **own,
    }


def step_named(text: str | None, own: Any) -> int | None:  # noqa: ANN401 - untrusted data
    """The step in ns that a flag or a document names; None where the rows of the table say it."""
    if not text and isinstance(own, Mapping):
        text = own.get("every") or ("1h" if "source" in own else None)
    step = Duration.read(text)  # one that is wrong is said when the settings are checked
    return int(step) if step else None


def zone_of(text: str | None, own: Any) -> ZoneInfo | None:  # noqa: ANN401 - untrusted data
    """Whose clock shows times that name no zone: that of the calendar; None where there is none, or a wrong one."""
    calendar = own.get("calendar") if isinstance(own, Mapping) else None
    name = text or (calendar.get("timezone") if isinstance(calendar, Mapping) else None)
    try:
        return ZoneInfo(name) if isinstance(name, str) and name != "UTC" else None
    except (ValueError, LookupError, OSError):
        return None
