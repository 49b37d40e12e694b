"""What all charts and tables of a run share."""

from dataclasses import dataclass
from datetime import tzinfo


@dataclass(frozen=True)
class Scene:
    """What all charts of a run share."""

    zone: tzinfo
    zone_name: str
    level: float
    now: int
    further: tuple[float, ...] = ()  # levels of further bands, ascending

    @property
    def levels(self) -> tuple[float, ...]:
        """Levels of the bands in the order of the columns."""
        return (self.level, *self.further)
