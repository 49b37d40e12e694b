"""Times as nanoseconds since 1970 in UTC, and the form in which a table writes them."""

from array import array
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

MISSING = -(2**63)  # stands for a cell without a time
UNIT = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}  # of epochs, in ns


@dataclass(frozen=True)
class Form:
    """How times are written: by a clock, which names its offset or not, or as an epoch."""

    unit: str = ""  # of an epoch; "" for dates
    aware: bool = False  # each names its offset
    offset_s: int = 0  # of the clock, where no zone is known
    zone: ZoneInfo | None = None  # whose clock it is, where that is known
    mixed: bool = False  # the offsets differ, as they do about daylight saving; what is written is in UTC

    def words(self) -> str:
        """What people read of it."""
        if self.unit:
            return f"epochs in {self.unit}"
        if self.zone is not None:
            return f"clock of {self.zone.key}"
        if not self.aware:
            return "no zone: taken as UTC"
        return "several offsets" if self.mixed else f"UTC{_offset(self.offset_s)}" if self.offset_s else "UTC"

    def utc(self, wall_ns: int) -> int:
        """The time in ns at which its clock shows this."""
        offset_s = offset_of(self.zone, wall_ns) if self.zone is not None else self.offset_s
        return wall_ns - offset_s * 10**9

    def write(self, time_ns: int) -> str:
        """A time in this form."""
        if self.unit:
            whole, rest = divmod(time_ns, UNIT[self.unit])
            return f"{whole}" if not rest else f"{whole}.{rest:0{len(str(UNIT[self.unit])) - 1}d}".rstrip("0")
        whole, rest = divmod(time_ns, 10**9)
        tz = self.zone or timezone(timedelta(seconds=self.offset_s))
        shown = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=whole)).astimezone(tz)
        text = shown.strftime("%Y-%m-%dT%H:%M:%S") + (f".{rest:09d}".rstrip("0") if rest else "")
        return text + (_offset(round((shown.utcoffset() or timedelta()).total_seconds())) if self.aware else "")


@dataclass(frozen=True)
class Times:
    """A column of times."""

    ns: "array[int]"  # MISSING where there is none
    form: Form
    wall_ns: "array[int] | None" = None  # what the clock on the wall shows beyond UTC; None: nothing, or not known


def _offset(seconds: int) -> str:
    if not seconds:
        return "Z"
    return f"{'-' if seconds < 0 else '+'}{abs(seconds) // 3600:02d}:{abs(seconds) % 3600 // 60:02d}"


def offset_of(zone: ZoneInfo, local_ns: int) -> int:
    """Offset in seconds of a zone at what its clock shows."""
    shown = datetime(1970, 1, 1, tzinfo=zone) + timedelta(seconds=local_ns // 10**9)  # on the wall: no change of clocks
    offset = shown.utcoffset()
    return int(offset.total_seconds()) if offset is not None else 0


def as_read(times: "array[int]", offsets: "array[int]", zone: ZoneInfo | None, named: dict[bool, int]) -> Times:
    """Times in UTC that stood with these offsets, both in ns; `named` tells whether their texts named a zone."""
    found = {offset for time, offset in zip(times, offsets, strict=True) if time != MISSING}
    wall = offsets if found - {0} else None
    if True not in named:
        return Times(times, Form(zone=zone), wall)
    if len(found) > 1:
        return Times(times, Form(aware=True, mixed=True), wall)
    return Times(times, Form(aware=True, offset_s=next(iter(found), 0) // 10**9), wall)


def of_clock(local_ns: "array[int]", zone: ZoneInfo | None) -> Times:
    """Times that a clock showed which names no zone: that of `zone`, else UTC."""
    if zone is None:
        return Times(local_ns, Form())
    offsets = array("q", (0 if time == MISSING else offset_of(zone, time) * 10**9 for time in local_ns))
    return as_read(
        array("q", (t if t == MISSING else t - o for t, o in zip(local_ns, offsets, strict=True))), offsets, zone, {}
    )


def of_zone(utc_ns: "array[int]", zone: tzinfo) -> Times:
    """Times whose zone is known."""
    offsets = array("q", (0 if time == MISSING else _offset_at(zone, time) for time in utc_ns))
    if isinstance(zone, ZoneInfo):
        return Times(utc_ns, Form(aware=True, zone=zone), offsets if any(offsets) else None)
    return as_read(utc_ns, offsets, None, {True: 0})


def _offset_at(zone: tzinfo, time_ns: int) -> int:
    """Offset in ns of a zone at a time."""
    offset = datetime.fromtimestamp(time_ns // 10**9, UTC).astimezone(zone).utcoffset()
    return round(offset.total_seconds()) * 10**9 if offset is not None else 0
