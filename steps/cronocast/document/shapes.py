"""Kinds of values that Kubernetes and registries take: names, labels, quantities."""

import re
from dataclasses import dataclass
from typing import Any

from cronocast.errors import seen
from cronocast.settings.containers import Anything, ListOf, MapOf
from cronocast.settings.kinds import Text


@dataclass(frozen=True)
class Shaped(Text):
    """Text that a pattern describes, in the schema too, so that Helm refuses the same."""

    pattern: str = ""

    def __post_init__(self) -> None:
        """The pattern is also the check."""
        object.__setattr__(
            self,
            "fault",
            lambda value: (
                "" if re.fullmatch(self.pattern, value) else f"{seen(value)} does not fit; allowed: {self.about}"
            ),
        )

    def schema(self) -> dict[str, Any]:
        """As Text, with the pattern."""
        return {**super().schema(), "pattern": f"^({self.pattern})$"}


# The lengths and letters that Kubernetes and registries take.
_LABEL = r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_NAME = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
TEXT = Text(about="text")
NAME = Shaped(about="the name of a Kubernetes object: lower-case letters, digits and dashes", pattern=_NAME)
FULL_NAME = Shaped(
    about="the name of a Kubernetes object: lower-case letters, digits, dashes and dots",
    pattern=rf"{_NAME}(\.{_NAME})*",
)
NAMES = Shaped(about="the name of a Kubernetes object, or empty", pattern=rf"({_NAME}(\.{_NAME})*)?")
KEY = Shaped(
    about="the key of a label or annotation, such as team or example.org/team",
    pattern=rf"({_NAME}(\.{_NAME})*/)?{_LABEL}",
)
LABELS = MapOf(
    KEY,
    Shaped(about="the value of a label: at most 63 letters, digits, dashes, dots, underscores", pattern=f"({_LABEL})?"),
)
QUANTITY = Shaped(
    about="a quantity with a unit where it has one, such as 250m, 2, 256Mi or 5Gi",
    pattern=r"[0-9]+(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?",
)
SIZE = Shaped(about="a size such as 256Mi or 5Gi", pattern=r"[1-9][0-9]*(\.[0-9]+)?(M|G|T|Ki|Mi|Gi|Ti)")
QUANTITIES = MapOf(TEXT, QUANTITY)
OBJECTS = ListOf(Anything())
CRON = Shaped(about="five cron fields", pattern=r"\S+( \S+){4}")
