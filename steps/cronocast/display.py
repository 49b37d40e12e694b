"""What `cronocast run` shows: live progress on a terminal, plain lines in a log, one closing table."""

import sys
import threading
from typing import TYPE_CHECKING, Any, Self

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from cronocast.chain import Chain

MARKS = {"ok": "[green]ok[/]", "fallback": "[yellow]fallback[/]", "skipped": "[cyan]skipped[/]", "superseded": "[cyan]superseded[/]"}
MAX_ROWS = 40  # of the closing table; the page of `cronocast report` and --json hold every member
MAX_LIVE = 25  # series shown at once on a terminal


class Display:
    """Progress of several series at once. On a terminal a table that redraws itself, elsewhere one line per event."""

    def __init__(self, names: list[str], steps: list[str], *, quiet: bool) -> None:
        self.names, self.steps, self.lock = names, steps, threading.Lock()
        self.console = Console(stderr=True)
        self.live = Live(console=self.console, transient=True, refresh_per_second=8, get_renderable=self._table) if self.console.is_terminal and not quiet else None
        self.states: dict[tuple[str, str], str] = {}
        self.last: dict[str, str] = {}
        self.quiet = quiet

    def __enter__(self) -> Self:
        """Begin to redraw."""
        if self.live:
            self.live.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop redrawing and remove the progress table."""
        if self.live:
            self.live.stop()

    def line(self, name: str, step: str, text: str) -> None:
        """Take one line that a step wrote."""
        with self.lock:
            self.states.setdefault((name, step), "[blue]runs[/]")
            self.last[name] = text
            if not self.live and not self.quiet:
                _plain(f"{name} {text}" if text.startswith(step) else f"{name} {step}: {text}")

    def state(self, name: str, step: str, state: str, reason: str) -> None:
        """Note how a step ended."""
        with self.lock:
            self.states[name, step] = MARKS.get(state, f"[red]{escape(state)}[/]")
            self.last[name] = reason

    def _table(self) -> Table:
        table = Table(box=None, padding=(0, 2, 0, 0))
        for column in ("series", *self.steps, ""):
            table.add_column(column, no_wrap=True, overflow="ellipsis")
        with self.lock:
            for name in self.names[:MAX_LIVE]:
                states = [self.states.get((name, step), "[dim]waits[/]") for step in self.steps]
                table.add_row(escape(name), *states, f"[dim]{escape(self.last.get(name, ''))[:90]}[/]")
        if len(self.names) > MAX_LIVE:
            table.add_row(f"[dim]and {len(self.names) - MAX_LIVE} more[/]")
        return table


def _plain(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201


def closing_table(chains: "list[Chain]") -> None:
    """Print one row per member: class, model, error against naive, coverage, points written; failures below with their message."""
    console = Console(width=None if sys.stdout.isatty() else 160)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for column, justify in (
        ("series", "left"),
        ("member", "left"),
        ("class", "left"),
        ("model", "left"),
        ("error / naive", "right"),
        ("coverage", "right"),
        ("points", "right"),
        ("why", "left"),
    ):
        table.add_column(column, justify="right" if justify == "right" else "left", overflow="ellipsis", no_wrap=True)
    cells = [row for chain in chains for row in _rows(chain)]
    for row in cells[:MAX_ROWS]:
        table.add_row(*row)
    console.print(table)
    if len(cells) > MAX_ROWS:
        console.print(f"and {len(cells) - MAX_ROWS} more members; --json and `cronocast report` show all")
    for chain in chains:
        if chain.exit_code:
            console.print(f"[red]failed[/] {escape(chain.entry.name)}: {chain.failed_step} ended with {chain.exit_code}: {escape(chain.error)}", soft_wrap=True)


def _rows(chain: "Chain") -> list[tuple[str, ...]]:
    forecast = chain.results.get("forecast", {})
    written = {(m.get("name"), m.get("tags")): m.get("points") for m in chain.results.get("load", {}).get("members", [])}
    rows = [_row(chain, member, written) for member in forecast.get("members", [])]
    reason = next((r["reason"] for r in reversed(chain.results.values()) if r.get("reason")), "")
    return rows or [(escape(chain.entry.name), "", "", "", "", "", "", f"{MARKS.get(chain.status, '[red]failed[/]')} {escape(reason)}")]


def _row(chain: "Chain", member: dict[str, Any], written: dict[tuple[Any, Any], Any]) -> tuple[str, ...]:
    backtest = member.get("backtest") or {}
    own, naive, coverage = backtest.get("mase"), backtest.get("naive_mase"), backtest.get("coverage")
    ratio = f"{own / naive:.2f}" if own is not None and naive else "-"
    points = written.get((member.get("name"), member.get("tags")))
    return (
        escape(chain.entry.name),
        escape(member.get("tags") or member.get("name", "")),
        member.get("class", "-"),
        escape(member.get("model") or "-"),
        ratio,
        f"{coverage:.0%}" if coverage is not None else "-",
        "-" if points is None else str(points),
        escape(member.get("reason") or member.get("why") or ""),
    )
