"""Tables of sources, models and sinks: name -> where it is and which extra carries its libraries."""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cronocast.errors import ConfigError, MissingExtraError, Problem, seen


@dataclass(frozen=True)
class Row:
    """One entry of a table: `module:attribute`, and the extra that installs what it imports ("" = core)."""

    path: str
    extra: str = ""


def load(table: Mapping[str, Row], setting: str, name: str) -> Any:  # noqa: ANN401 - each table states its Protocol
    """Import what `name` stands for: a row of the table, or a user's own `module:Class`.

    Raises:
        ConfigError: the name is unknown (the known ones are listed).
        MissingExtraError: the row's library is not installed (the extra is named).
    """
    if name in table:
        row = table[name]
    elif ":" in name:
        row = Row(name)
    else:
        hint = f"{seen(name)} is not known; known: {', '.join(table)}, or your own module:Class"
        raise ConfigError.one("E_MODEL" if setting == "model" else "E_CONFIG_CHOICE", setting, hint)
    module, _, attribute = row.path.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except ModuleNotFoundError as error:
        hint = f"pip install 'cronocast[{row.extra}]' or use the image that carries it" if row.extra else "install it beside cronocast"
        sentence = f"{seen(name)} needs the module {seen(error.name)}, which is not installed here: {hint}"
        raise MissingExtraError([Problem("E_MISSING_EXTRA", setting, sentence)]) from error
    except AttributeError as error:
        raise ConfigError.one("E_MODEL", setting, f"module {module} has no attribute {seen(attribute)}") from error
