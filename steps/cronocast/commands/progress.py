"""Live progress of `cronocast run`: a table that redraws itself on a terminal, plain lines in a log."""

import sys
import threading
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from cronocast.commands.member_rows import MARKS

MAX_LIVE = 25  # series shown at once on a terminal
NAME_WIDTH = 32  # of a series while it runs
STATE_WIDTH = len("superseded")


class Display:
    """Progress of several series at once. On a terminal a table that redraws itself, elsewhere one line per event."""

    def __init__(self, names: list[str], steps: list[str], *, quiet: bool) -> None:
        self.names, self.steps, self.lock = names, steps, threading.Lock()
        self.states: dict[tuple[str, str], str] = {}
        self.last: dict[str, str] = {}
        self.quiet = quiet
        self.console = Console(stderr=True)
        # Last, because it asks for the table at once.
        self.live = (
            Live(console=self.console, transient=True, refresh_per_second=8, get_renderable=self._table)
            if self.console.is_terminal and not quiet
            else None
        )

    def __enter__(self) -> Self:
        """Begin to redraw."""
        if self.live:
            self.live.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop redrawing and remove the progress table."""
        if self.live:
            self.live.stop()

    def settings(self, name: str, text: str) -> None:
        """Say in a log what a series has of its own."""
        if not self.live and not self.quiet:
            _plain(f"{name}: {text}")

    def line(self, name: str, step: str, text: str) -> None:
        """Take one line that a step wrote."""
        with self.lock:
            self.states.setdefault((name, step), "[blue]running[/]")
            if "; settings: " in text:  # said once for the series, not by each step
                return
            self.last[name] = text
            if not self.live and not self.quiet and not text.startswith("error: "):  # which stands below the table
                _plain(f"{name} {text}" if text.startswith(step) else f"{name} {step}: {text}")

    def state(self, name: str, step: str, state: str, reason: str) -> None:
        """Note how a step ended."""
        with self.lock:
            self.states[name, step] = MARKS.get(state, f"[red]{escape(state)}[/]")
            self.last[name] = reason
            if state.startswith("failed") and not self.live and not self.quiet:
                _plain(f"{name} {step}: {state}")

    def _table(self) -> Table:
        table = Table(box=None, padding=(0, 2, 0, 0), expand=True)
        table.add_column("series", no_wrap=True, max_width=NAME_WIDTH)
        for step in self.steps:
            table.add_column(step, no_wrap=True, min_width=STATE_WIDTH)
        table.add_column("", no_wrap=True, ratio=1)
        with self.lock:
            for name in self.names[:MAX_LIVE]:
                states = [self.states.get((name, step), "[dim]waiting[/]") for step in self.steps]
                table.add_row(escape(name), *states, f"[dim]{escape(self.last.get(name, ''))}[/]")
        if len(self.names) > MAX_LIVE:
            table.add_row(f"[dim]and {len(self.names) - MAX_LIVE} more[/]")
        return table


def _plain(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201
