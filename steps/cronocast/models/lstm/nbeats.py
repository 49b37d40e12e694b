"""N-BEATS in the place of the recurrent network of `lstm`.

The parts, the linear maps, the gates, training and saved weights are the same.
"""

from typing import Any, ClassVar

from cronocast.models.lstm.forward import Blocks
from cronocast.models.lstm.lstm import Lstm, LstmMany
from cronocast.models.options import LstmOptions, NbeatsOptions


class NbeatsMany(LstmMany):
    """One N-BEATS for many members, see `LstmMany`."""

    name = "nbeats"
    architecture: ClassVar[Any] = Blocks
    options: ClassVar[type[LstmOptions]] = NbeatsOptions


class Nbeats(Lstm):
    """N-BEATS (generic blocks, doubly residual) on the remainder after trend and season, one network for all members.

    As `lstm` with another network.

    Source:
        Oreshkin et al., N-BEATS: neural basis expansion analysis for interpretable time series forecasting, 2020.
    """

    many = NbeatsMany
