"""What is wrong with the name of a model, and which image carries it."""

import difflib
import re

from cronocast.errors import seen
from cronocast.images import IMAGES, PARTS
from cronocast.registry import row_of


def model_fault(value: str) -> str:
    """Check a model: auto, a row of the table, or a user's own module:Class."""
    return "" if value == "auto" else _unless_known(value, "auto, ")


def candidate_fault(value: str) -> str:
    """Check a model that auto may choose: a row of the table, or a user's own module:Class."""
    return _unless_known(value, "")


def _unless_known(value: str, before: str) -> str:
    from cronocast.models.table import MODELS

    if (value in MODELS and ":" not in value) or re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", value, re.ASCII):
        return ""
    near = difflib.get_close_matches(value, MODELS, 1)
    meant = f"did you mean {near[0]!r}? " if near else ""
    return f"{seen(value)} is not known; {meant}allowed: {before}{', '.join(MODELS)}, or your own module:Class"


def image_of(model: str) -> str:
    """The image that carries a model's libraries, by the name of its part; a user's own class runs in the light one."""
    from cronocast.models.table import MODELS

    row = row_of(MODELS, model)
    extra = row.extra if row else ""
    return next((part for part, pod in PARTS.items() if extra in IMAGES[pod.image]), "light")
