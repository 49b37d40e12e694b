"""Tables of sources, models, sinks and steps: name -> where it is and which extra carries its libraries."""

import importlib
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from cronocast.errors import ConfigError, MissingExtraError, Problem, seen

# end of a row's key that stands for all names `prefix:...`; its attribute is a function of what follows the colon
FAMILY = ":<Model>"


# Rows are never compared or shown: methods that nobody calls would be made at every start of a step.
@dataclass(frozen=True, eq=False, repr=False)
class Row:
    """One entry of a table: `module:attribute`, and the extra that installs what it imports ("" = core)."""

    path: str
    extra: str = ""
    later: str = ""  # a module that it imports only when it is used: its absence must show before any work


@dataclass(frozen=True, eq=False, repr=False)
class KindRow(Row):
    """One kind of source or sink, with settings of its own."""

    settings: str = ""  # `module:Class` of its settings; the module must be light
    family: str = ""  # kinds of one family are the same server: a sink takes address and sign-in from such a source
    can_count: bool = False  # of a sink: it can count what it has, which `read_back` asks for


RowType = TypeVar("RowType", bound=Row)


def _remedy(row: Row) -> str:
    """How to get the library that a row needs."""
    if row.extra:
        return f"pip install 'cronocast[{row.extra}]' or use the image that carries it"
    return "install it beside cronocast"


def load(table: Mapping[str, Row], setting: str, name: str, *, later: bool = True) -> Any:  # noqa: ANN401 - each table states its Protocol
    """Import what `name` stands for.

    A row of the table, one of a family such as `darts:Theta`, or a user's own `module:Class`.

    Args:
        table: The table.
        setting: Where the name stands, for messages.
        name: The name.
        later: Whether what the row imports only later will be needed.

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
        found = attribute_of(row.path)
        if later and row.later and importlib.util.find_spec(row.later) is None:
            raise ModuleNotFoundError(name=row.later)
    except ModuleNotFoundError as error:
        sentence = f"{seen(name)} needs the module {seen(error.name)}, which is not installed here; {_remedy(row)}"
        raise MissingExtraError([Problem("E_MISSING_EXTRA", setting, sentence)]) from error
    except AttributeError as error:
        raise ConfigError.one("E_MODEL", setting, f"module {module} has no attribute {seen(attribute)}") from error
    return found(name.partition(":")[2]) if row_of(table, name) and name not in table else found


def attribute_of(path: str) -> Any:  # noqa: ANN401 - whatever a row names
    """What `module:attribute` names, imported now.

    Raises:
        ModuleNotFoundError: the module, or one that it imports, is not installed.
        AttributeError: the module has no such attribute.
    """
    module, _, attribute = path.partition(":")
    return getattr(importlib.import_module(module), attribute)


def settings_class(row: KindRow) -> type:
    """The class of the settings of a row's kind."""
    return attribute_of(row.settings)  # type: ignore[no-any-return]


def beside_settings(row: KindRow, name: str) -> Any:  # noqa: ANN401 - each asker states what it expects
    """What a kind may say of its settings beside their class, by its name; None where it says nothing."""
    return getattr(importlib.import_module(row.settings.partition(":")[0]), name, None)


def row_of(table: Mapping[str, RowType], name: str) -> RowType | None:
    """The row that a name stands for: its own, or that of its family; None where there is none."""
    return table.get(name) or table.get(name.partition(":")[0] + FAMILY if ":" in name else "")
