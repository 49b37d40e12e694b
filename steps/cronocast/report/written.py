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


def read_query(settings: dict[str, Any], view: RunView) -> str:
    """A query that reads the written curve, in the language of the sink; "" where it has none."""
    times = [t for m in view.members for t in (*m.forecast.time_ns[:1], *m.forecast.time_ns[-1:])]
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
    times = [t for m in view.members for t in (*m.forecast.time_ns[:1], *m.forecast.time_ns[-1:])]
    facts = [
        ("points acknowledged", f"{load.acked:,} of {load.expected:,}"),
        ("measurement", goal["measurement"]),
        ("database", goal["database"]),
    ]
    facts += [("server", goal["url"]), ("retention policy", goal["retention_policy"])]
    facts += (
        [
            (
                "times",
                (
                    f"{words.clock(min(times), scene.zone, year=True)} to"
                    f" {words.clock(max(times), scene.zone, year=True)} ({scene.zone_name})"
                ),
            )
        ]
        if times
        else []
    )
    facts += [("fields", ", ".join((*forecast_columns(view.further), "run")))]
    rows = "".join(f"<dt>{safe(name)}</dt><dd>{safe(value)}</dd>" for name, value in facts if value)
    query = read_query(view.settings, view)
    how = f'<p class="soft">Read it back with</p><p><code>{safe(query)}</code></p>' if query else ""
    return f'<section class="card written"><h2>What was written</h2><dl class="facts">{rows}</dl>{how}</section>'
