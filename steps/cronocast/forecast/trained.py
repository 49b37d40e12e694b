"""Models that were trained for many members, by name."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cronocast.models.model import Shared


@dataclass(frozen=True)
class Trained:
    """A model trained for many members; a sentence stands where it could not be trained."""

    whole: "Shared | str"  # has seen everything: for the forecasts
    # has seen nothing from the earliest first origin of its members on, see `_before`: for their backtests
    before: "Shared | str"
    cpu_s: float  # this training, per member
