"""Durations such as `24h`, `5m`, `2w`, and times in UTC nanoseconds."""

import re
from datetime import UTC, datetime

UNIT_NS = {"s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9, "d": 86400 * 10**9, "w": 7 * 86400 * 10**9}
_TEXT = re.compile(r"[0-9]{1,6}[smhdw]", re.ASCII)
_STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z", re.ASCII)
MAX_NS = 2**63 - 2


class Duration(int):
    """Nanoseconds that print as they were written: `Duration.parse("2w")`."""

    text: str

    @classmethod
    def parse(cls, text: str) -> "Duration":
        """Read a whole number and one of s, m, h, d, w.

        Raises:
            ValueError: anything else, and zero.
        """
        if not isinstance(text, str) or not _TEXT.fullmatch(text) or int(text[:-1]) == 0:
            raise ValueError(text)
        self = cls(int(text[:-1]) * UNIT_NS[text[-1]])
        self.text = text
        return self

    @classmethod
    def of(cls, ns: int) -> "Duration":
        """Write nanoseconds in the largest unit that divides them; under a second they are rounded up to 1s."""
        unit = next((u for u in ("w", "d", "h", "m", "s") if ns % UNIT_NS[u] == 0 and ns > 0), None)
        return cls.parse(f"{ns // UNIT_NS[unit]}{unit}") if unit else cls.parse(f"{max(1, round(ns / 10**9))}s")

    def __str__(self) -> str:
        """The duration as written."""
        return self.text

    __repr__ = __str__


def stamp(time_ns: int) -> str:
    """Write a time as RFC 3339 in UTC; fractions only where there are any."""
    whole, rest = divmod(time_ns, 10**9)
    text = datetime.fromtimestamp(whole, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return text + (f".{rest:09d}".rstrip("0") if rest else "") + "Z"


def parse_stamp(text: str) -> int:
    """Read `2026-01-31T12:00:00Z` into nanoseconds.

    Raises:
        ValueError: anything else, also a zone other than Z.
    """
    if not _STAMP.fullmatch(text):
        raise ValueError(text)
    whole = datetime.strptime(text[:19] + "+0000", "%Y-%m-%dT%H:%M:%S%z")
    fraction = text[20:-1] if text[19] == "." else ""
    return int(whole.timestamp()) * 10**9 + int(fraction.ljust(9, "0") or 0)
