"""What tells settings that change a forecast from others."""

import dataclasses
import hashlib
from typing import TYPE_CHECKING

from cronocast.forecast.answer import settings_of
from cronocast.settings.server import Server

if TYPE_CHECKING:
    from cronocast.document.entry import Entry

NO_MATTER = ("delay", "max_bytes", "max_rows")  # settings of sources that change no value


def digest(entry: "Entry") -> str:
    """Digest of all settings that change what is forecast from the same database, 16 hexadecimal digits."""
    server = {field.name for field in dataclasses.fields(Server)}
    read = {
        field.name: getattr(entry.source, field.name)
        for field in dataclasses.fields(entry.source)
        if field.name not in server and field.name not in NO_MATTER
    }
    how = [settings_of(entry, 0), entry.prepare, entry.periods, entry.series_class, entry.min_points, entry.every, read]
    return hashlib.sha256(repr(how).encode()).hexdigest()[:16]
