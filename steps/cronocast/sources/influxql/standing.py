"""Reads points that are written on changes only: finely, so that it shows since when a value stands."""

from dataclasses import replace

from cronocast.durations import UNIT_NS
from cronocast.sources.influxql.settings import Settings, filled
from cronocast.sources.reading import Window

FINEST = 60  # parts of a step


def as_read(settings: Settings, window: Window) -> tuple[Settings, Window]:
    """What is asked of the server: settings with nothing left open, and the window with the steps that it answers by.

    With `empty: previous` they are parts of the entry's steps, each with its last point. There are few rows, since
    parts without a point have none. What stood in a step is aggregated when its absent rows are read.
    """
    settings = filled(settings)
    if settings.empty != "previous" or settings.query is not None:
        return settings, window
    seconds = window.every_ns // UNIT_NS["s"]
    parts = max(parts for parts in range(1, FINEST + 1) if seconds % parts == 0)
    return replace(settings, aggregate="last"), replace(window, every_ns=window.every_ns // parts)
