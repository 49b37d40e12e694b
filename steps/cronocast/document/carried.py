"""How large a series document is where pods get it, so that none is accepted here that never starts there."""

import json
from collections.abc import Mapping
from typing import Any

from cronocast.document.entry import MAX_ENTRY_BYTES
from cronocast.errors import Problem

_GO_ESCAPES = str.maketrans({c: f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"})


def size_problems(document: Mapping[str, Any], where: str) -> list[Problem]:
    """What is wrong with the size of a sound document; the chart's templates say the same."""
    carried = len(inert(document).encode())
    if carried > MAX_ENTRY_BYTES:
        sentence = f"{carried} bytes as pods get it; allowed: at most {MAX_ENTRY_BYTES}"
        return [Problem("E_CONFIG_SIZE", where, sentence)]
    return []


def inert(value: object) -> str:
    """JSON text as Go writes it, in Helm's templates, in which Argo and Kubernetes find no mark of theirs."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return text.translate(_GO_ESCAPES).replace("{{", "{\\u007b").replace("$", "\\u0024")
