"""Data for the script of a page."""

import json
from typing import Any

MS = 1_000_000  # ns


def script_json(document: Any) -> str:  # noqa: ANN401 - any JSON document
    """JSON that can stand inside a script element whatever the data holds."""
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
