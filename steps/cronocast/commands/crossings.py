"""`cronocast crossings`: what reaches a limit next, over all series, the most urgent first."""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cronocast.chain.shell import guarded
from cronocast.charts.words import clock, length, number, percent
from cronocast.commands.people import Debug, Json, Names, Root
from cronocast.durations import stamp
from cronocast.handoff.evaluation import EVALUATION, Crossing, MemberEvaluation, read_evaluation, urgency
from cronocast.handoff.files import read_json
from cronocast.handoff.series import parse_tags
from cronocast.report.dates import when

Runs = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="RUN",
        help="Run folders, or a root and names of series, whose newest run is taken; all of --root if not given.",
    ),
]
All = Annotated[bool, typer.Option("--all", help="Also those that reach no limit within what can be told.")]
LOG_WIDTH = 160  # where nobody says how wide the reader's screen is
COLUMNS = ("series", "member", "threshold", "now", "a day", "when (UTC)", "within 7d", "act by", "moved")
URGENT = {"over": "red", "date": "yellow", "open": "yellow"}
QUIET = ("quiet", "not_growing", "cleaned", "too_little")


class Ranked(NamedTuple):
    """One crossing, with whose it is."""

    series: str
    member: str
    crossing: Crossing
    others: tuple[str, ...] = ()  # members of the series with the very same history, such as mounts of one file system


def crossings(
    runs: Runs = None,
    root: Root = Path("cronocast-data"),
    series: Names = None,
    all: All = False,  # noqa: A002 - name of the option
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Rank what reaches a threshold next, by the newest run of every series."""

    def action() -> int:
        from cronocast.commands.find_runs import chosen_runs

        rows = ranked(row for folder in chosen_runs(runs or [], root, series or []) for row in _of_run(folder))
        if json:
            typer.echo(_as_json(rows))
        else:
            _print(rows, everything=all)
        return 0

    raise typer.Exit(guarded(action, debug=debug))


def _of_run(folder: Path) -> Iterator[Ranked]:
    """The crossings of a run; none where no limits were set.

    Raises:
        CronocastError: evaluation.json is not what evaluate published.
    """
    path = folder / EVALUATION
    if not path.exists():
        return
    result = read_json(folder / "evaluate.result.json")
    for member in read_evaluation(path, result.get("series"), result.get("run")).values():
        for crossing in member.crossings:
            yield Ranked(str(result.get("series")), _label(member), crossing)


def _label(member: MemberEvaluation) -> str:
    return ", ".join(f"{key}={value}" for key, value in parse_tags(member.tags)) or member.name


def ranked(rows: Iterable[Ranked]) -> list[Ranked]:
    """The most urgent first, members with the very same history in one row.

    What is over its limit comes first, the longest first; then what must be acted on the earliest; then the largest
    chance.
    """
    alike: dict[tuple[str, Crossing], Ranked] = {}
    rest = []
    for row in rows:
        key = (row.series, row.crossing)
        if not _told(row.crossing):
            rest.append(row)
        elif before := alike.get(key):
            alike[key] = before._replace(others=(*before.others, row.member))
        else:
            alike[key] = row
    return sorted((*alike.values(), *rest), key=lambda row: urgency(row.crossing))


def _told(crossing: Crossing) -> bool:
    """Whether so much is told of a crossing that two members with the same are the same."""
    return crossing.earliest_ns is not None or crossing.state == "over"


def _print(rows: list[Ranked], *, everything: bool) -> None:
    console = Console(width=None if Console().is_terminal else LOG_WIDTH, highlight=False)
    shown = [row for row in rows if everything or row.crossing.state not in QUIET]
    if shown:
        table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
        for i, column in enumerate(COLUMNS):
            table.add_column(column, justify="right" if i in (3, 4, 6) else "left", overflow="fold")
        for row in shown:
            table.add_row(*_cells(row))
        console.print(table)
        for row in shown:
            console.print(f"{escape(row.series)} {escape(row.member)}: {escape(row.crossing.words)}", soft_wrap=True)
    if quiet := len(rows) - len(shown):
        console.print(f"{quiet} more {'reaches' if quiet == 1 else 'reach'} no limit within what can be told (--all)")
    if not rows:
        console.print("no thresholds are set in these series; see `thresholds` in the settings")


def _cells(row: Ranked) -> list[str]:
    crossing = row.crossing
    color = URGENT.get(crossing.state, "default")
    same = f" and {len(row.others)} alike" if row.others else ""
    moved = "" if crossing.moved_ns is None else _signed(crossing.moved_ns)
    return [
        escape(row.series),
        escape(row.member) + same,
        escape(f"{crossing.threshold} ({'≥' if crossing.above else '≤'} {number(crossing.limit)})"),
        number(crossing.now),
        "-" if crossing.slope_day is None else f"{crossing.slope_day:+.3g}",
        f"[{color}]{when(crossing, UTC)}[/]",
        percent(crossing.p_7d),
        "" if crossing.act_by_ns is None else clock(crossing.act_by_ns, UTC),
        moved if crossing.settled or not moved else f"{moved}, unsettled",
    ]


def _signed(ns: int) -> str:
    return ("+" if ns >= 0 else "\u2212") + length(abs(ns), counted=True) if ns else "0"


def _as_json(rows: list[Ranked]) -> str:
    times = ("since_ns", "earliest_ns", "crosses_ns", "latest_ns", "act_by_ns")
    documents: list[dict[str, Any]] = []
    for row in rows:
        told = row.crossing._asdict()
        for name in times:
            at = told.pop(name)
            told[name.removesuffix("_ns")] = None if at is None else stamp(at)
        documents.append({"series": row.series, "member": row.member, "alike": list(row.others), **told})
    return json.dumps(documents, indent=1, ensure_ascii=False)
