"""Tables of sources, models, sinks and steps: name -> where it is and which extra carries its libraries."""

import importlib
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cronocast.errors import ConfigError, MissingExtraError, Problem, seen

# end of a row's key that stands for all names `prefix:...`; its attribute is a function of what follows the colon
FAMILY = ":<Model>"


@dataclass(frozen=True)
class Row:
    """One entry of a table: `module:attribute`, and the extra that installs what it imports ("" = core)."""

    path: str
    extra: str = ""
    later: str = ""  # a module that it imports only when it is used: its absence must show before any work
    options: bool = False  # it reads the `options` of an entry


def load(table: Mapping[str, Row], setting: str, name: str) -> Any:  # noqa: ANN401 - each table states its Protocol
    """Import what `name` stands for.

    A row of the table, one of a family such as `darts:Theta`, or a user's own `module:Class`.

    Raises:
        ConfigError: the name is unknown (the known ones are listed).
        MissingExtraError: the row's library is not installed (the extra is named).
    """
    row = row_of(table, name) or (Row(name) if ":" in name else None)
    if row is None:
        hint = f"{seen(name)} is not known; known: {', '.join(table)}, or your own module:Class"
        raise ConfigError.one("E_MODEL" if setting == "model" else "E_CONFIG_CHOICE", setting, hint)
    module, _, attribute = row.path.partition(":")
    try:
        found = getattr(importlib.import_module(module), attribute)
        if row.later and importlib.util.find_spec(row.later) is None:
            raise ModuleNotFoundError(name=row.later)
    except ModuleNotFoundError as error:
        hint = (
            f"pip install 'cronocast[{row.extra}]' or use the image that carries it"
            if row.extra
            else "install it beside cronocast"
        )
        sentence = f"{seen(name)} needs the module {seen(error.name)}, which is not installed here: {hint}"
        raise MissingExtraError([Problem("E_MISSING_EXTRA", setting, sentence)]) from error
    except AttributeError as error:
        raise ConfigError.one("E_MODEL", setting, f"module {module} has no attribute {seen(attribute)}") from error
    return found(name.partition(":")[2]) if row_of(table, name) and name not in table else found


def row_of(table: Mapping[str, Row], name: str) -> Row | None:
    """The row that a name stands for: its own, or that of its family; None where there is none."""
    return table.get(name) or table.get(name.partition(":")[0] + FAMILY if ":" in name else "")
