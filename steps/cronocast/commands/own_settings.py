"""What each series of a values file has that the file's defaults do not say, in one line."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cronocast.document.entry import Entry
from cronocast.document.yaml_file import load_yaml
from cronocast.settings.declare import leaves


def own_settings(values: Path) -> dict[str, str]:
    """The settings of each series of a sound values file that differ from its defaults, and those of the environment.

    Raises:
        ConfigError: the file can't be read.
    """
    data = load_yaml(values, [])
    shared = dict(_flat(data.get("defaults") or {}))
    around = {leaf.path: leaf.env for leaf in leaves(Entry) if os.environ.get(leaf.env)}
    return {str(name): _line(dict(_flat(own)), shared, around) for name, own in data["series"].items() if own}


def _line(own: dict[str, Any], shared: dict[str, Any], around: dict[str, str]) -> str:
    parts = [f"{path}={json.dumps(value, default=str)}" for path, value in own.items() if shared.get(path) != value]
    parts += [f"{path}={json.dumps(os.environ[name])} ({name})" for path, name in around.items()]
    return f"settings: {', '.join(parts) or 'the defaults of the file'}"


def _flat(document: dict[Any, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Paths and values of all that is no mapping."""
    for name, value in document.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
