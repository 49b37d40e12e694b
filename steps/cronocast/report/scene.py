"""What all charts and tables of a run share."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any

from cronocast.charts.scale import zone_of
from cronocast.report.model import RunView, now_of


@dataclass(frozen=True)
class Scene:
    """What all charts of a run share."""

    zone: tzinfo
    zone_name: str
    level: float
    now: int
    further: tuple[float, ...] = ()  # levels of further bands, ascending
    settings: Mapping[str, Any] = field(default_factory=dict)  # path of a setting -> value, of the run

    @property
    def levels(self) -> tuple[float, ...]:
        """Levels of the bands in the order of the columns."""
        return (self.level, *self.further)


def scene_of(view: RunView) -> Scene:
    """What all charts of this run share."""
    zone, zone_name = zone_of(view.zone)
    return Scene(zone, zone_name, view.level, now_of(view), view.further, view.settings)
