"""The parts of a series that come in kinds, by the tables that list them."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from cronocast.registry import KindRow, settings_class
from cronocast.settings.one_of import OneOf

SOURCE = OneOf("cronocast.sources.table:SOURCES", usual="influxql")
SINK = OneOf("cronocast.sinks.table:SINKS", usual="influx")
NOTIFIER = OneOf("cronocast.notify.table:NOTIFIERS", usual="webhook")


def one_family(source: Mapping[str, Any], sink: Mapping[str, Any]) -> bool:
    """Whether a sink can be the server that a source reads, so that it takes address and sign-in from it.

    Only the `kind` of either is looked at.
    """
    reads, writes = SOURCE.row(source), SINK.row(sink)
    return bool(reads and writes and reads.family and reads.family == writes.family)


def taken_from_source(row: KindRow) -> list[str]:
    """What a kind of sink needs and takes from the source where it is not given: where to write to."""
    return [
        item.name
        for item in fields(settings_class(row))
        if item.name in ("url", "database") and not item.metadata["required"]
    ]
