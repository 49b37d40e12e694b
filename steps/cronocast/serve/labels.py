"""Labels of Prometheus from members: names that every version takes, values kept and escaped. Standard library only."""

import re
from collections.abc import Iterable, Mapping

from cronocast.handoff.series import parse_tags

# Labels of our own metrics; a tag that is called so gets a prefix, in all metrics alike, so that they can be joined.
OF_TIME = ("horizon", "quantile", "lead", "level", "within", "bound")
OF_KIND = ("threshold", "state", "class", "model", "verdict", "reason", "kind")
OWN = frozenset(("series", "measurement", *OF_TIME, *OF_KIND))
_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})


def label_names(keys: Iterable[str], taken: frozenset[str] = OWN) -> dict[str, str]:
    """The label of each tag key: letters, digits and underscores, no digit first, no two alike, none of those taken.

    Args:
        keys: Tag keys of all members of a series, so that two members never get the same labels for different tags.
        taken: Labels that mean something else.
    """
    names: dict[str, str] = {}
    for key in sorted(set(keys)):
        plain = re.sub(r"[^a-zA-Z0-9_]", "_", key)
        # Two underscores first are Prometheus' own.
        base = f"tag_{plain.lstrip('_')}" if plain in taken or plain.startswith("__") or plain[:1].isdigit() else plain
        name, number = base, 1
        while name in taken or name in names.values():
            number += 1
            name = f"{base}_{number}"
        names[key] = name
    return names


def label_text(labels: Mapping[str, str]) -> str:
    """Labels as they stand between the braces of a sample."""
    return ",".join(f'{name}="{value.translate(_ESCAPES)}"' for name, value in labels.items())


def member_labels(names: Mapping[str, str], tags: str) -> dict[str, str]:
    """The labels of a member from its tags, by the names that `label_names` made."""
    return {names[key]: value for key, value in parse_tags(tags)}
