"""What `cronocast backtest` prints: progress, and tables by model, by member and by step ahead."""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import compress
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from cronocast.backtest.chance import coverage_words, ratio_words
from cronocast.backtest.notes import notes
from cronocast.backtest.request import NAIVE
from cronocast.charts.words import counted
from cronocast.console import say
from cronocast.errors import printable
from cronocast.handoff.series import level_name

LOG_WIDTH = 140  # where nobody says how wide the reader's screen is
MOST_MEMBERS = 40  # printed; --json and the page hold all
# columns by model, in this order
BY_MODEL = (
    *("model", "error / naive", "95 % range", "MASE", "sMAPE %", "RMSE"),
    *("pinball", "MSIS", "coverage", "bias", "CPU s"),
)
# columns by model that a narrow screen does without, in this order
LESS_NEEDED = ("pinball", "RMSE", "bias", "CPU s", "MSIS", "sMAPE %")
STEP_ROWS = 8  # of the table by step ahead: enough to see how errors grow
UNBOUND = 10_000  # columns: more than any table here has
LINES = 10  # of progress in a log

Shown = dict[str, Any]


@contextmanager
def progress() -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal, a line at each tenth elsewhere."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _line
        return
    with Progress(
        TextColumn("forecasts"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    ) as bar:
        task = bar.add_task("forecasts", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _line(done: int, total: int) -> None:
    if done == total or done * LINES // total > (done - 1) * LINES // total:
        say(f"backtest: {done} of {total} forecasts")


def print_json(document: Shown) -> None:
    """Print the whole document."""
    print(json.dumps(document, indent=1, allow_nan=False))  # noqa: T201 - the answer


def print_tables(document: Shown) -> None:
    """Print the tables, a sentence on each model, and the notes."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(width=LOG_WIDTH, highlight=False)
    console.print(_extent(document), soft_wrap=True)
    _print_models(console, document)
    _show(console, "By step ahead: MASE, coverage", by_step(document))
    _print_members(console, document)
    for note in notes(document):
        console.print(f"[yellow]note[/] {escape(note)}", soft_wrap=True)
    console.print(f"[dim]{escape(document['unit'])}[/]", soft_wrap=True)


def _extent(document: Shown) -> str:
    """How much was forecast: members, origins, horizon, step."""
    first, last = document["origins"][0], document["origins"][-1]
    members = counted(len(document["by_member"]), "member")
    starts = counted(len(document["origins"]), "forecast origin")
    return f"{members}, {starts} from {first} to {last}, each {document['horizon']} ahead, every {document['every']}"


def _print_models(console: Console, document: Shown) -> None:
    """Print the table by model, and a sentence on each."""
    table, left_out = _fitting(console, document)
    _show(console, "By model", table)
    if left_out:
        console.print(f"[dim]{', '.join(left_out)}: no room on this screen; see --json or --out[/]", soft_wrap=True)
    for name, found in document["models"].items():
        for sentence in sentences(name, found, document["level"], document["levels"]):
            console.print(escape(sentence), soft_wrap=True)
    console.print()


def _print_members(console: Console, document: Shown) -> None:
    """Print the table by member where there are several."""
    count = len(document["by_member"])
    if count > 1:
        _show(console, "By member: error / naive, coverage", by_member(document))
    if count > MOST_MEMBERS:
        console.print(f"and {count - MOST_MEMBERS} more members; --json and --out show all")


def sentences(name: str, found: Shown, level: float, levels: Iterable[float] = ()) -> list[str]:
    """What the figures of one model mean."""
    if found["mase"] is None:
        return [f"{name}: no forecast could be compared with measured values"]
    ratio = found["ratio"]
    against = [] if name in NAIVE else [ratio_words(ratio["value"], ratio["low"], ratio["high"])]
    held = [
        (level, found["coverage"], found["coverage_range"]),
        *((own, found[f"coverage_{level_name(own)}"], found[f"coverage_range_{level_name(own)}"]) for own in levels),
    ]
    covered = [coverage_words(share, bounds, own, found["values"]) for own, share, bounds in held]
    return [f"{name}: {'; '.join([*against, *covered])}"]


def _show(console: Console, title: str, table: Table) -> None:
    """A title of its own line: that of a table is folded where the table is narrower."""
    console.print(f"[bold]{title}[/]", soft_wrap=True)
    console.print(table)


def _table(names: list[str], left: int = 1) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for i, name in enumerate(names):
        table.add_column(name, justify="left" if i < left else "right", overflow="fold")
    return table


def _fitting(console: Console, document: Shown) -> tuple[Table, tuple[str, ...]]:
    """The table by model with the columns that the screen has room for, and the names of those it has not.

    Folded figures can't be read.
    """
    for count in range(len(LESS_NEEDED) + 1):
        table = by_model(document, LESS_NEEDED[:count])
        if console.measure(table, options=console.options.update(width=UNBOUND)).maximum <= console.width:
            break
    return table, LESS_NEEDED[:count]


def by_model(document: Shown, without: Iterable[str] = ()) -> Table:
    """One row per model; `without` names columns to leave out."""
    kept = [name not in without for name in BY_MODEL]
    table = _table(list(compress(BY_MODEL, kept)))
    for name, found in document["models"].items():
        table.add_row(*compress(_model_cells(name, found), kept))
    return table


def _model_cells(name: str, found: Shown) -> list[str]:
    """The row of one model, in the order of the columns."""
    ratio = found["ratio"] or {}
    figures = [number(found[key]) for key in ("mase", "smape", "rmse", "pinball", "msis")]
    rest = [percent(found["coverage"]), number(found["bias"]), f"{found['cpu_s']:.1f}"]
    return [escape(name), _coloured(ratio), among(ratio), *figures, *rest]


def by_member(document: Shown) -> Table:
    """One row per member: its class, and error and coverage of each model that is not naive."""
    models = [name for name in document["models"] if name not in NAIVE] or list(document["models"])
    table = _table(["member", "class", *models], left=2)
    for row in document["by_member"][:MOST_MEMBERS]:
        cells = [
            f"{_coloured(row['models'][m]['ratio'] or {})} {percent(row['models'][m]['coverage']):>5}" for m in models
        ]
        table.add_row(escape(printable(row["tags"] or row["name"])), ", ".join(row["classes"]), *cells)
    return table


def by_step(document: Shown) -> Table:
    """MASE and coverage at some steps ahead, the first and the last among them."""
    steps = document["by_step"]["steps"]
    models = document["by_step"]["models"]
    count = min(STEP_ROWS, len(steps))
    table = _table(["step", *models])
    for i in sorted({round(k * (len(steps) - 1) / max(1, count - 1)) for k in range(count)}):
        table.add_row(
            str(steps[i]),
            *(f"{number(found['mase'][i])} {percent(found['coverage'][i]):>5}" for found in models.values()),
        )
    return table


def _coloured(ratio: Shown) -> str:
    """Green where clearly better than naive, yellow where clearly worse."""
    if not ratio:
        return "-"
    colour = "green" if (ratio["high"] or 1) < 1 else "yellow" if (ratio["low"] or 1) > 1 else "default"
    return f"[{colour}]{number(ratio['value'])}[/]"


def among(ratio: Shown | None) -> str:
    """The range of a ratio; none for what is held against itself."""
    return (
        f"{number(ratio['low'])} to {number(ratio['high'])}"
        if ratio and ratio["low"] is not None and ratio["low"] < ratio["high"]
        else "-"
    )


def number(value: float | None) -> str:
    """Three digits or two decimals."""
    return "-" if value is None else f"{value:.2f}" if abs(value) < 1000 else f"{value:.3g}"


def percent(share: float | None) -> str:
    """A share as a percentage."""
    return "-" if share is None else f"{share:.0%}"
