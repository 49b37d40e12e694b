"""What a run wrote and where, with a query that reads it back."""

from typing import Any

from cronocast.charts import words
from cronocast.charts.svg import safe
from cronocast.document.kinds import SINK, one_family
from cronocast.handoff.series import forecast_columns
from cronocast.report.model import RunView
from cronocast.report.scene import Scene


def target(settings: dict[str, Any], series: str) -> dict[str, str]:
    """Where the forecast goes: what the sink does not say is taken from a source of its family, as load does."""
    kinds = [{"kind": settings.get(f"{part}.kind")} for part in ("source", "sink")]
    from_source = settings if one_family(kinds[0], kinds[1]) else {}
    found = {
        name: str(settings.get(f"sink.{name}") or from_source.get(f"source.{name}") or "")
        for name in ("url", "database", "retention_policy")
    }
    source = str(settings.get("source.measurement") or "")
    measurement = str(settings.get("sink.measurement") or (f"{source or series}_forecast" if settings else ""))
    return {**found, "measurement": measurement}


def _edges(view: RunView) -> list[int]:
    """The first and the last time of each forecast."""
    return [t for m in view.members for t in (*m.forecast.time_ns[:1], *m.forecast.time_ns[-1:])]


def _times_written(view: RunView, scene: Scene) -> str:
    """From when to when forecasts reach; "" where there is none."""
    if not (times := _edges(view)):
        return ""
    first, last = (words.clock(t, scene.zone, year=True) for t in (min(times), max(times)))
    return f"{first} to {last} ({scene.zone_name})"


def read_query(settings: dict[str, Any], view: RunView) -> str:
    """A query that reads the written curve, in the language of the sink; "" where it has none."""
    times = _edges(view)
    goal = target(settings, view.series)
    ask = SINK.ask({"kind": settings.get("sink.kind")}, "reading_query")
    if not times or not goal["measurement"] or ask is None:
        return ""
    return str(ask(goal["measurement"], view.series, forecast_columns(view.further), min(times), max(times)))


def written_card(view: RunView, scene: Scene) -> str:
    """Points acknowledged, where they are, which times they cover, and how to read them."""
    load = next(s for s in view.steps if s.name == "load")
    if not load.acked:
        return ""
    goal = target(view.settings, view.series)
    facts = [
        ("points acknowledged", f"{load.acked:,} of {load.expected:,}"),
        ("measurement", goal["measurement"]),
        ("database", goal["database"]),
        ("server", goal["url"]),
        ("retention policy", goal["retention_policy"]),
        ("times", _times_written(view, scene)),
        ("fields", ", ".join((*forecast_columns(view.further), "run"))),
    ]
    rows = "".join(f"<dt>{safe(name)}</dt><dd>{safe(value)}</dd>" for name, value in facts if value)
    query = read_query(view.settings, view)
    how = f'<p class="soft">Read it back with</p><p><code>{safe(query)}</code></p>' if query else ""
    return f'<section class="card written"><h2>What was written</h2><dl class="facts">{rows}</dl>{how}</section>'
