"""What `cronocast run` shows in the end: one table of all members, and what deserves a sentence below it."""

import sys

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from cronocast.chain.run_records import history_notes
from cronocast.commands.member_rows import COLUMNS, TableRow, rows_of
from cronocast.commands.series_run import Chain

MAX_ROWS = 40  # of the closing table; the page of `cronocast report` and --json hold every member
LEAST_WIDTH = 7  # of a column that gives room to the others
SHRINKING = (0, 1, 3, 4)  # series, member, class, model: the widest of them gives room first
PADDING = 2  # between columns
LEAST_WHY = 40  # what the sentence keeps of a wide screen, however long the names
WIDE = 150  # columns from which there is room for the sentence that says why
LOG_WIDTH = 160  # where nobody says how wide the reader's screen is
MAX_WHY = 12  # rows whose sentence stands below the table where there is no room beside; more would hide the table
NAMES = (0, 1)  # series and member
NAMES_KEEP = 2  # cells by which they may be wider than the others: what a class or model begins with says enough
LESS_NEEDED = (3, 9, 7, 5, 8, 4, 10, 6)  # columns that a screen of less than 79 does without, in this order
FIRST_NUMBER = COLUMNS.index("found")
MEMBER = COLUMNS.index("member")
MEASURED = COLUMNS.index("measured")  # shown where something was not
REACHES = COLUMNS.index("reaches")  # shown where thresholds are set


def closing_table(chains: list[Chain]) -> None:
    """Print one row per member: class, model, error against naive, coverage, points written.

    What was odd about the history, and what went wrong, stands below.
    """
    screen = sys.stdout.isatty()
    console = Console(width=None if screen else LOG_WIDTH, highlight=False)
    wide = screen and console.width >= WIDE
    rows = [row for chain in chains for row in rows_of(chain)]
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


def _members_table(rows: list[TableRow], room: int, *, wide: bool) -> Table:
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
    if not any(row[REACHES] for row in rows):
        del widths[REACHES]
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


def _sentences(console: Console, rows: list[TableRow], *, whole: bool) -> None:
    """Below the table: why each member got its model, or why it is not simply ok; a file has it whole."""
    for row in rows[:MAX_ROWS]:
        if row.reason:
            console.print(f"[yellow]{escape(row.label)}[/]: {escape(row.reason)}", soft_wrap=True)
        elif row.why and whole:
            console.print(f"{escape(row.label)}: {escape(row.why)}", soft_wrap=True)
        elif row.why and len(rows) <= MAX_WHY:
            console.print(f"[dim]{escape(row.label)}: {escape(row.why)}[/]", no_wrap=True, overflow="ellipsis")
