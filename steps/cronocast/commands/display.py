"""What `cronocast run` shows in the end: one table of all members, and what deserves a sentence below it."""

import sys
from dataclasses import dataclass
from typing import Any

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from cronocast.chain.run_records import history_notes
from cronocast.commands.series_run import Chain
from cronocast.durations import MOST_OF_UNIT, UNIT_NS, Duration, readable_unit
from cronocast.errors import printable
from cronocast.handoff.series import parse_tags

MARKS = {
    "failed": "[red]failed[/]",
    "ok": "[green]ok[/]",
    "fallback": "[yellow]fallback[/]",
    "skipped": "[cyan]skipped[/]",
    "superseded": "[cyan]superseded[/]",
}
MAX_ROWS = 40  # of the closing table; the page of `cronocast report` and --json hold every member
LEAST_WIDTH = 7  # of a column that gives room to the others
SHRINKING = (0, 1, 3, 4)  # series, member, class, model: the widest of them gives room first
PADDING = 2  # between columns
LEAST_WHY = 40  # what the sentence keeps of a wide screen, however long the names
WIDE = 150  # columns from which there is room for the sentence that says why
LOG_WIDTH = 160  # where nobody says how wide the reader's screen is
MAX_WHY = 12  # rows whose sentence stands below the table where there is no room beside; more would hide the table
COLUMNS = ("series", "member", "status", "class", "model", "found", "vs naive", "coverage", "measured", "points")
NAMES = (0, 1)  # series and member
NAMES_KEEP = 2  # cells by which they may be wider than the others: what a class or model begins with says enough
LESS_NEEDED = (3, 9, 7, 5, 8, 4, 6)  # columns that a screen of less than 79 does without, in this order
FIRST_NUMBER = COLUMNS.index("found")
MEMBER = COLUMNS.index("member")
MEASURED = COLUMNS.index("measured")  # shown where something was not
BETTER = 0.995  # below this the error is less than naive's as printed


def closing_table(chains: list[Chain]) -> None:
    """Print one row per member: class, model, error against naive, coverage, points written.

    What was odd about the history, and what went wrong, stands below.
    """
    screen = sys.stdout.isatty()
    console = Console(width=None if screen else LOG_WIDTH, highlight=False)
    wide = screen and console.width >= WIDE
    rows = [row for chain in chains for row in _rows(chain)]
    console.print(_members_table(rows, console.width, wide=wide))
    if len(rows) > MAX_ROWS:
        console.print(f"and {len(rows) - MAX_ROWS} more members; --json and `cronocast report` show all")
    if not wide:
        _sentences(console, rows, whole=not screen)
    for chain in chains:
        forecast, read = chain.results.get("forecast", {}), chain.results.get("extract", {})
        for note in (*read.get("notes", ()), *history_notes(forecast)):
            console.print(f"[yellow]{escape(chain.entry.name)}[/]: {escape(note)}", soft_wrap=True)
        if chain.exit_code:
            console.print(_failure(chain), soft_wrap=True)


def _members_table(rows: "list[TableRow]", room: int, *, wide: bool) -> Table:
    """One row per member; a wide screen has room for why beside it."""
    table = Table(box=None, padding=(0, PADDING, 0, 0), pad_edge=False, header_style="bold", expand=wide)
    shown, room = [row.cells for row in rows[:MAX_ROWS]], room - (PADDING + LEAST_WHY if wide else 0)
    widths = _widths(shown, room)
    if any(Text.from_markup(cells[MEMBER]).cell_len > widths[MEMBER] for cells in shown):
        shown = [(*row.cells[:MEMBER], row.brief, *row.cells[MEMBER + 1 :]) for row in rows[:MAX_ROWS]]
        widths = _widths(shown, room)
    for i, width in widths.items():
        table.add_column(COLUMNS[i], no_wrap=True, width=width, justify="right" if i >= FIRST_NUMBER else "left")
    if wide:
        table.add_column("why", no_wrap=True, ratio=1)  # what room is left
    for row, told in zip(rows, shown, strict=False):
        cells = [_shortened(told[i], width) if i in NAMES else told[i] for i, width in widths.items()]
        table.add_row(*cells, *([escape(row.why)] if wide else []))
    return table


def _failure(chain: Chain) -> str:
    ended = f"{chain.failed_step} ended with {chain.exit_code}"
    return f"[red]failed[/] {escape(chain.entry.name)}: {ended}: {escape(chain.error)}"


def _widths(rows: "list[tuple[str, ...]]", room: int) -> dict[int, int]:
    """Widths of the columns that stand within the room: long names are cut.

    On a very narrow screen the columns that are needed least give way.
    """
    widths = {
        i: max(Text.from_markup(cell).cell_len for cell in column)
        for i, column in enumerate(zip(COLUMNS, *rows, strict=True))
    }
    if all(row[MEASURED] in ("", "-", "all") for row in rows):
        del widths[MEASURED]
    least = {i: min(width, LEAST_WIDTH) if i in SHRINKING else width for i, width in widths.items()}
    for i in LESS_NEEDED:
        if sum(least[k] for k in widths) + PADDING * (len(widths) - 1) > room:
            widths.pop(i, None)
    shrinking = [i for i in SHRINKING if i in widths]
    while sum(widths.values()) + PADDING * (len(widths) - 1) > room:
        wide = [i for i in shrinking if widths[i] > LEAST_WIDTH]
        if not wide:
            break
        widths[max(wide, key=lambda i: widths[i] - NAMES_KEEP * (i in NAMES))] -= 1
    return widths


def _shortened(cell: str, width: int) -> str:
    """A name cut in its middle: names differ at their ends."""
    name = Text.from_markup(cell).plain
    if cell_len(name) <= width:
        return cell
    end = name
    while cell_len(end) > (width - 1) // 2:
        end = end[1:]
    return escape(f"{set_cell_size(name, width - 1 - cell_len(end))}\u2026{end}")


def _sentences(console: Console, rows: "list[TableRow]", *, whole: bool) -> None:
    """Below the table: why each member got its model, or why it is not simply ok; a file has it whole."""
    for row in rows[:MAX_ROWS]:
        if row.reason:
            console.print(f"[yellow]{escape(row.label)}[/]: {escape(row.reason)}", soft_wrap=True)
        elif row.why and whole:
            console.print(f"{escape(row.label)}: {escape(row.why)}", soft_wrap=True)
        elif row.why and len(rows) <= MAX_WHY:
            console.print(f"[dim]{escape(row.label)}: {escape(row.why)}[/]", no_wrap=True, overflow="ellipsis")


@dataclass(frozen=True)
class TableRow:
    """One line of the closing table, with what there is no room for in it."""

    cells: tuple[str, ...]
    label: str
    brief: str = ""  # the member by the values of its tags alone, where there is no room for their keys
    why: str = ""
    reason: str = ""  # why it is not simply ok


def _rows(chain: Chain) -> list[TableRow]:
    forecast, name = chain.results.get("forecast", {}), escape(chain.entry.name)
    load = chain.results.get("load", {})
    # load counts acknowledgements of all together, so all or nothing is known of each
    whole_load = load.get("acked") == load.get("expected")
    written = {(m.get("name"), m.get("tags")): m.get("points") for m in load.get("members", []) if whole_load}
    members = forecast.get("members") or load.get("members", [])
    if not members:
        return [_row_without_members(chain, name)]
    # The name stands on its first line only, so that the eye finds where a series begins.
    # what became of all members, whatever forecast said of each
    whole = chain.status if chain.status in ("failed", "superseded") else ""
    told = chain.results["load"]["reason"] if whole == "superseded" else ""
    every_ns = (forecast.get("window") or {}).get("every_ns") or 0
    return [_row(name if i == 0 else "", member, written, whole, told, every_ns) for i, member in enumerate(members)]


def _row_without_members(chain: Chain, name: str) -> TableRow:
    """The one row of a series that came to no forecast: how it ended, and why."""
    reason = chain.error or next((r["reason"] for r in reversed(chain.results.values()) if r.get("reason")), "")
    cells = (name, "", MARKS.get(chain.status, "[red]failed[/]"), *("" for _ in COLUMNS[3:]))
    told = "" if chain.exit_code else reason  # an error stands below the table
    return TableRow(cells, chain.entry.name, "", told, told)


def _row(
    series: str, member: dict[str, Any], written: dict[tuple[Any, Any], Any], whole: str, told: str, every_ns: int
) -> TableRow:
    backtest = member.get("backtest") or {}
    ratio, coverage = backtest.get("ratio"), backtest.get("coverage")
    points = written.get((member.get("name"), member.get("tags")))
    label, reason = printable(member.get("tags") or member.get("name", "")), told or member.get("reason") or ""
    status = whole or str(member.get("status", "ok"))
    cells = (
        series,
        escape(label),
        MARKS.get(status, escape(status)),
        member.get("class", "-"),
        escape(member.get("model") or "-"),
        _share(member.get("rows_found"), member.get("rows_asked")),
        _against_naive(ratio),
        f"{coverage:.0%}" if coverage is not None else "-",
        _measured(backtest.get("measured_steps"), member.get("rows"), every_ns),
        "-" if points is None else str(points),
    )
    return TableRow(cells, label, escape(_brief(label)), reason or member.get("why") or "", reason)


def _brief(tags: str) -> str:
    """The values of tags without their keys."""
    try:
        return ",".join(value for _, value in parse_tags(tags)) or tags
    except ValueError:
        return tags


def _share(found: int | None, asked: int | None) -> str:
    """How much of the lookback has rows; what is less than all is never shown as all, nor some as none."""
    if found is None or not asked:
        return "-"
    share = min(1.0, found / asked)
    return f"{max(0.01, min(share, 0.99)) if 0 < share < 1 else share:.0%}"


def _measured(steps: int | None, rows: int | None, every_ns: int) -> str:
    """For how much of the horizon the interval comes from measured errors; beyond, it is a guess."""
    if steps is None or not rows:
        return "-"
    if steps >= rows:
        return "all"
    if not steps:
        return "none"
    return " of ".join(_length(count * every_ns) if every_ns else str(count) for count in (steps, rows))


def _length(ns: int) -> str:
    """A length of time as a duration is written; more than 120 of its unit in the next one."""
    whole = Duration.of(ns)
    unit = readable_unit(ns)
    return str(whole) if ns <= MOST_OF_UNIT * UNIT_NS[str(whole)[-1]] else f"{ns / UNIT_NS[unit]:.3g}{unit}"


def _against_naive(ratio: float | None) -> str:
    """The error relative to naive, green where it is less and yellow where it is more."""
    if ratio is None:
        return "-"
    return f"[{'green' if ratio < BETTER else 'default' if ratio <= 1 else 'yellow'}]{ratio:.2f}[/]"
