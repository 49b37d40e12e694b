"""How the members of an entry are prepared, in one value. Standard library only."""

from dataclasses import dataclass

from cronocast.timeseries.settings import Prepare


@dataclass(frozen=True)
class Absent:
    """How steps without a row are read."""

    rule: str = "missing"  # missing, zero, or previous
    aggregate: str = "mean"  # of what stood in a step, for previous: mean, min, max or last
    silent_ns: int | None = None  # a member without a row for this long has ended: nothing is read into what follows


MISSING = Absent()


@dataclass(frozen=True)
class Preparation:
    """How the members of an entry are prepared."""

    every_ns: int  # step of the grid
    wanted: Prepare
    zone: str = "UTC"  # whose clock the pattern of a day follows
    absent: Absent = MISSING

    @property
    def changes_values(self) -> bool:
        """Whether classify and forecast see other values than those that were read."""
        wanted = self.wanted
        asked = wanted.resample is not None or wanted.rate or wanted.outliers is not None or wanted.smooth is not None
        return asked or self.absent.rule != "missing"
