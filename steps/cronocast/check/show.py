"""What `cronocast check` prints: findings by entry for users, or all of them as JSON."""

import json
import sys
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

from cronocast.check.finding import ERROR, NOTE, OK, WARNING, Finding, exit_code
from cronocast.errors import printable

if TYPE_CHECKING:
    from rich.table import Table

MARKS = {OK: "[green]ok[/]", NOTE: "[cyan]note[/]", WARNING: "[yellow]warning[/]", ERROR: "[red]error[/]"}
LOG_WIDTH = 140  # where nobody says how wide the reader's screen is
Found = Mapping[str, list[Finding]]  # by name of the entry


def print_json(found: Found) -> None:
    """Print every finding, and the exit code."""
    series = {name: [finding.as_json() for finding in findings] for name, findings in found.items()}
    print(json.dumps({"exit": exit_code(_all(found)), "series": series}, indent=1))  # noqa: T201 - the answer


def print_tables(found: Found) -> None:
    """Print one table for each entry, and how many findings there are."""
    from rich.console import Console  # images do not carry it
    from rich.markup import escape

    console = Console(width=None if sys.stdout.isatty() else LOG_WIDTH, highlight=False)
    for name, findings in found.items():
        console.print(f"[bold]{escape(printable(name))}[/]", soft_wrap=True)
        console.print(_table(findings))
    console.print(closing_line(found), soft_wrap=True)


def _table(findings: list[Finding]) -> "Table":
    """One row per finding; how to fix it stands below what was seen."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, show_header=False)
    table.add_column(no_wrap=True, width=len("warning"))
    table.add_column(no_wrap=True, width=len("measurement"))
    table.add_column(overflow="fold")
    for finding in findings:
        text = escape(printable(finding.seen))
        if finding.fix:
            label = "" if finding.level == NOTE else "[bold]fix:[/] "
            text += f"\n{label}{escape(printable(finding.fix))}"
        table.add_row(MARKS[finding.level], finding.what, text)
    return table


def closing_line(found: Found) -> str:
    """How many entries, errors and warnings there are, and the exit code."""
    levels = Counter(finding.level for finding in _all(found))
    parts = [f"{levels[level]} {level}{'' if levels[level] == 1 else 's'}" for level in (ERROR, WARNING)]
    code = exit_code(_all(found))
    series = sum(any(finding.what != "values" for finding in findings) for findings in found.values())
    return f"{series} series, {', '.join(parts)}" + (f"; exit {code}" if code else "")


def _all(found: Found) -> list[Finding]:
    return [finding for findings in found.values() for finding in findings]
