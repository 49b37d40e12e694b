"""What became of one series in a run on this machine."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cronocast.document.entry import Entry


@dataclass
class Chain:
    """What became of one series: its folder, the result of each step that ran, and how it ended."""

    entry: Entry
    folder: Path
    results: dict[str, dict[str, Any]] = field(default_factory=dict)
    exit_code: int = 0
    failed_step: str = ""
    error: str = ""

    @property
    def status(self) -> str:
        """failed, or the status of the last step that ran."""
        return "failed" if self.exit_code else next((r["status"] for r in reversed(self.results.values())), "skipped")
