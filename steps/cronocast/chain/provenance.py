"""Which value each setting has, and where it came from."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from cronocast.document.entry import Entry
from cronocast.settings.declare import Leaf, leaves, plain

# No step works with them; result files carry them to the report and to what serves the forecasts.
SHOWN = ("title", "schedules", "timezone", "suspend")


def provenance(taken: Iterable[Leaf], entry: Entry, origins: Mapping[str, str]) -> dict[str, Any]:
    """Each setting that a step takes, with its value and where it came from.

    It came from a flag, an env variable, entry, history or default.
    """
    shown = {}
    for leaf in (*taken, *(leaf for leaf in leaves(Entry) if leaf.path in SHOWN)):
        first, *rest = leaf.path.split(".")
        value: Any = entry.source_settings() if first == "source" else getattr(entry, first)
        if leaf.kinds and value.kind not in leaf.kinds:
            continue  # a setting of another kind has no value here
        for name in rest:
            value = getattr(value, name)
        shown[leaf.path] = {"value": plain(value), "from": origins.get(leaf.path, "default")}
    return shown


def provenance_line(settings: Mapping[str, Mapping[str, Any]]) -> str:
    """One start-up line: every setting that is not a default, and whence."""
    parts: Iterable[str] = (
        f"{path}={json.dumps(item['value'])} ({item['from']})"
        for path, item in settings.items()
        if item["from"] != "default"
    )
    return "settings: " + (", ".join(parts) or "all defaults")
