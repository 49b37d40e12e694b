"""How large a series document is where Argo carries it, so that none is accepted here that never starts there."""

import json
from collections.abc import Mapping
from typing import Any

from cronocast.document.entry import MAX_ENTRY_BYTES
from cronocast.errors import Problem

# Argo hands a pod its whole template in one env variable, which Linux limits to 128 KiB, name included. (Argo can also
# hand it over in a ConfigMap, but its stock role may make none.) The rest of the largest template needs 5 kB, that of
# the record with its list of failures up to 25 kB.
MAX_CARRIED_BYTES = 100_000
MAX_CARRIED_ONE = 17_000  # as one pod: up to six containers, each with the document

_GO_ESCAPES = str.maketrans({c: f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"})


def size_problems(document: Mapping[str, Any], where: str) -> list[Problem]:
    """What is wrong with the size of a sound document; the chart's templates say the same."""
    text = _go_json(document)
    carried = len(_go_json(text.replace("{{", "{\\u007b").replace("$", "\\u0024")).encode())
    one = document.get("pods") == "one"  # auto takes several pods for a document that is too large for one
    most = MAX_CARRIED_ONE if one else MAX_CARRIED_BYTES
    if len(text.encode()) > MAX_ENTRY_BYTES:
        return [Problem("E_CONFIG_SIZE", where, f"{len(text.encode())} bytes; allowed: at most {MAX_ENTRY_BYTES}")]
    if carried > most:
        with_it = "; pods: one carries it once a container, leave that out" if one else ""
        sentence = f"{carried} bytes as Argo carries it; allowed: at most {most}{with_it}"
        return [Problem("E_CONFIG_SIZE", where, sentence)]
    return []


def _go_json(value: object) -> str:
    """JSON text as Go writes it, in Helm's templates and in Argo."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return text.translate(_GO_ESCAPES)
