"""Durations such as `24h`, `5m`, `2w`, and times in UTC nanoseconds."""

import re
from datetime import UTC, datetime

UNIT_NS = {"s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9, "d": 86400 * 10**9, "w": 7 * 86400 * 10**9}
DIGITS = 10  # that a duration is written with at most
_TEXT = re.compile(rf"[0-9]{{1,{DIGITS}}}[smhdw]", re.ASCII)
_STAMP = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)", re.ASCII)
MAX_NS = 2**63 - 2
MOST_OF_UNIT = 120  # of which people still have an idea


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
    def read(cls, text: object) -> "Duration | None":
        """As `parse`; None where it raises: whoever checks the text says what is wrong with it."""
        try:
            return cls.parse(text)  # type: ignore[arg-type]
        except ValueError:
            return None

    @classmethod
    def of(cls, ns: int) -> "Duration":
        """Write nanoseconds in the largest unit that divides them; under a second they are rounded up to 1s."""
        unit = next((u for u in ("w", "d", "h", "m", "s") if ns % UNIT_NS[u] == 0 and ns > 0), None)
        return cls.parse(f"{ns // UNIT_NS[unit]}{unit}") if unit else cls.parse(f"{max(1, round(ns / 10**9))}s")

    def __str__(self) -> str:
        """The duration as written."""
        return self.text

    __repr__ = __str__


def readable_unit(ns: int) -> str:
    """The smallest unit of which a length of time holds no more than people have an idea of; days at most."""
    return next((unit for unit in ("s", "m", "h") if ns <= MOST_OF_UNIT * UNIT_NS[unit]), "d")


def stamp(time_ns: int) -> str:
    """Write a time as RFC 3339 in UTC; fractions only where there are any."""
    whole, rest = divmod(time_ns, 10**9)
    text = datetime.fromtimestamp(whole, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return text + (f".{rest:09d}".rstrip("0") if rest else "") + "Z"


def parse_stamp(text: str) -> int:
    """Read an RFC 3339 time such as `2026-01-31T12:00:00Z` or `2026-01-31T13:00:00+01:00` into nanoseconds.

    Raises:
        ValueError: anything else, also a time without a zone.
    """
    found = _STAMP.fullmatch(text)
    if not found:
        raise ValueError(text)
    whole, fraction, zone = found.groups()
    return int(datetime.fromisoformat(whole + zone.replace("Z", "+00:00")).timestamp()) * 10**9 + int(
        (fraction or "").ljust(9, "0") or 0
    )
