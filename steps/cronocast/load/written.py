"""What became of lines that were sent."""

from dataclasses import dataclass, field


@dataclass
class Written:
    """Counts of one load, kept up to date while it goes on."""

    acked: int = 0  # lines that were acknowledged
    size: int = 0  # bytes of acknowledged bodies
    requests: int = 0
    refused: list[tuple[bytes, str]] = field(default_factory=list)  # line, and why the server refused it
