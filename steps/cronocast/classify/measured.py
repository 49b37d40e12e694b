"""What the tests found in one member."""

from dataclasses import dataclass

from cronocast.classify.features import Scaled
from cronocast.classify.seasons import Found
from cronocast.classify.trend import Slope


@dataclass(frozen=True)
class Measured:
    """What the tests said about a member that is long enough and not constant."""

    series: Scaled
    found: Found
    changes: list[int]  # indices in series.y
    whole: Slope  # common slope of all segments
    last: Slope  # slope since the last change; the common one if that is too short a time
    rises: bool
    flat: bool  # constant since the last change
