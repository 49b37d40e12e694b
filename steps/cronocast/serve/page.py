"""The page of forecasts: made anew in the background where something changed, handed out as it is.

Standard library only. A scrape never waits for a file: what it gets is at most one refresh old.
"""

import struct
import threading
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cronocast.console import say
from cronocast.durations import UNIT_NS, Duration
from cronocast.serve.families import FAMILIES, TRAIN_PROMETHEUS, ForecastLines, Samples, run_lines
from cronocast.serve.run_files import Shown, Watched

GZIP_HEAD = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x04\xff"  # no name, no time, any system: RFC 1952, 2.3
GONE_NS = 7 * UNIT_NS["d"]  # after which a series whose forecast is over is taken to be given up, and leaves the page


@dataclass(frozen=True)
class Text:
    """A page: as it is, and as the first part of a gzip file."""

    plain: bytes = b""
    packed: bytes = b""
    checksum: int = 0  # CRC-32 of the page
    series: int = 0
    samples: int = 0
    made_s: float = 0.0  # when it was last held against the volume, seconds since 1970
    took_s: float = 0.0  # how long that took
    readable: bool = False  # whether the root of the volume could be listed
    problems: tuple[str, ...] = ()  # what of the volume can't be read


@dataclass
class _Series:
    """One series on the page."""

    watched: Watched
    shown: Shown | None = None  # what the lines below were made from
    forecast: ForecastLines | None = None
    run: Samples = field(default_factory=dict)


class Page:
    """All series of a volume.

    Args:
        root: Root of the volume.
        leads: How far ahead, beside now.
        compatible: Name of the series that also has the names of train-prometheus, "" for none.
        clock: Gives ns since 1970.
    """

    def __init__(
        self,
        root: Path,
        leads: Sequence[Duration],
        compatible: str = "",
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.text = _whole(())
        self._root, self._leads, self._compatible, self._clock = root, leads, compatible, clock
        self._series: dict[str, _Series] = {}
        self._said: frozenset[str] = frozenset()
        self._made: list[Samples] = []
        self._lock = threading.Lock()
        self._alive_s = time.monotonic()

    def late_s(self) -> float:
        """Seconds since the last refresh ended."""
        return time.monotonic() - self._alive_s

    def refresh_every(self, seconds: float, ended: threading.Event) -> None:
        """Refresh again and again until ended; what goes wrong with one refresh is told, and the next one comes."""
        while not ended.is_set():
            try:
                self.refresh()
            except Exception as error:  # noqa: BLE001 - a bug must not leave a page that looks fresh for ever
                say(f"serve: E_BUG {type(error).__name__}: {error}; this is a bug in cronocast")
            else:
                self._alive_s = time.monotonic()
            ended.wait(seconds)

    def refresh(self) -> None:
        """Hold the page against the volume and the clock; what can't be read is told once."""
        with self._lock:
            begin, now_ns = time.perf_counter(), self._clock()
            problems = self._list()
            readable = not problems
            problems += [problem for one in self._series.values() for problem in self._look(one)]
            made = [part for one in self._series.values() for part in self._lines(one, now_ns)]
            for problem in sorted(set(problems) - self._said):
                say(f"serve: {problem}")
            self._said = frozenset(problems)
            text = self.text
            # The samples of a series are the same object where nothing about it has changed.
            if list(map(id, made)) != list(map(id, self._made)) or not text.made_s:
                text = _whole(made)
            self._made = made
            shown = sum(one.shown is not None for one in self._series.values())
            took_s = time.perf_counter() - begin
            self.text = Text(
                *(text.plain, text.packed, text.checksum, shown, text.samples, now_ns / 10**9, took_s, readable),
                tuple(problems),
            )

    def _list(self) -> list[str]:
        """Take up the series of the volume; what can't be read is returned, and then they stay as they are."""
        try:
            names = sorted(path.name for path in self._root.iterdir() if (path / "runs").is_dir())
        except OSError as error:
            return [f"{self._root}: {error.strerror or error}; name the root of the volume"]
        known = self._series
        self._series = {name: known.get(name) or _Series(Watched(self._root / name)) for name in names}
        return []

    def _look(self, one: _Series) -> list[str]:
        """Read what is new of a series; returns what can't be."""
        if one.watched.look():
            one.shown = None
        return one.watched.problems

    def _lines(self, one: _Series, now_ns: int) -> list[Samples]:
        """The samples of a series at a time; none where it has no forecast, or is given up."""
        shown = one.watched.shown
        if shown is None or now_ns > max(shown.end_ns, shown.run_ns + GONE_NS):
            one.shown = one.forecast = None
            return []
        if shown is not one.shown or one.forecast is None:
            one.shown = shown
            one.forecast = ForecastLines(shown, self._leads, compatible=shown.series == self._compatible)
            one.run = run_lines(shown, failed=one.watched.failed)
        return [one.forecast.at(now_ns), one.run]


def _whole(parts: Sequence[Samples]) -> Text:
    """All families, each with its samples of all series."""
    lines: list[str] = []
    count = 0
    for name, about in (*FAMILIES.items(), *TRAIN_PROMETHEUS.items()):
        own = [line for part in parts for line in part.get(name, ())]
        if own:
            lines += [f"# HELP {name} {about}", f"# TYPE {name} gauge", *own]
            count += len(own)
    plain = "".join(f"{line}\n" for line in lines).encode("utf-8", "replace")
    packer = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = GZIP_HEAD + packer.compress(plain) + packer.flush(zlib.Z_FULL_FLUSH)
    return Text(plain, packed, zlib.crc32(plain), samples=count)


def with_end(text: Text, end: bytes) -> bytes:
    """A page and what comes after it as one gzip file; only the end is packed now.

    Not two files in a row, of which curl and browsers read the first alone.
    """
    packer = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS)
    size = (len(text.plain) + len(end)) % 2**32
    sums = struct.pack("<LL", zlib.crc32(end, text.checksum), size)
    return text.packed + packer.compress(end) + packer.flush() + sums
