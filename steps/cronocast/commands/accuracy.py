"""`cronocast accuracy`: what past forecasts were worth, by how far ahead they looked."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cronocast.chain.shell import guarded
from cronocast.charts.words import length, number, percent
from cronocast.commands.people import Debug, Json, Names, Root
from cronocast.durations import Duration
from cronocast.handoff.evaluation import EVALUATION, MemberEvaluation, read_evaluation
from cronocast.handoff.files import read_json
from cronocast.handoff.series import level_name, parse_tags

Runs = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="RUN",
        help="Run folders, or a root and names of series, whose newest run is taken; all of --root if not given.",
    ),
]
LOG_WIDTH = 160  # where nobody says how wide the reader's screen is
COLUMNS = ("series", "member", "ahead", "values", "worth", "error", "bias", "MASE", "skill", "covered", "by chance")
USUAL_LEVEL = 0.95


class Judged(NamedTuple):
    """One member, with whose it is."""

    series: str
    step_ns: int
    level: float
    member: MemberEvaluation

    @property
    def label(self) -> str:
        """What people call it."""
        return ", ".join(f"{key}={value}" for key, value in parse_tags(self.member.tags)) or self.member.name


def accuracy(
    runs: Runs = None,
    root: Root = Path("cronocast-data"),
    series: Names = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Show what past forecasts were worth by how far ahead they looked, as of the newest run of every series."""

    def action() -> int:
        from cronocast.commands.find_runs import chosen_runs

        found = [one for folder in chosen_runs(runs or [], root, series or []) for one in _of_run(folder)]
        if json:
            typer.echo(_as_json(found))
        else:
            _print(found)
        return 0

    raise typer.Exit(guarded(action, debug=debug))


def _of_run(folder: Path) -> Iterator[Judged]:
    """The members of a run.

    Raises:
        CronocastError: evaluation.json is not what evaluate published.
    """
    path = folder / EVALUATION
    if not path.exists():
        return
    result = read_json(folder / "evaluate.result.json")
    settings = (
        read_json(folder / "load.result.json").get("settings", {}) if (folder / "load.result.json").exists() else {}
    )
    level = (settings.get("level") or {}).get("value")
    step_ns = int((result.get("window") or {}).get("every_ns") or 0)
    for member in read_evaluation(path, result.get("series"), result.get("run")).values():
        main = level if isinstance(level, float) else _widest(member)
        yield Judged(str(result.get("series")), step_ns, main, member)


def _widest(member: MemberEvaluation) -> float:
    """The level of the widest interval that was scored."""
    names = member.leads[0].coverage if member.leads else {}
    return max((float(name.replace("_", ".")) / 100 for name in names), default=USUAL_LEVEL)


def _print(found: list[Judged]) -> None:
    console = Console(width=None if Console().is_terminal else LOG_WIDTH, highlight=False)
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for i, column in enumerate(COLUMNS):
        table.add_column(column, justify="left" if i < 2 else "right", overflow="fold")
    known = [one for one in found if one.member.leads]
    for one in known:
        for i, cells in enumerate(_rows(one)):
            table.add_row(*(("", "") if i else (escape(one.series), escape(one.label))), *cells)
    if known:
        console.print(table)
    for one in known:
        console.print(f"{escape(one.series)} {escape(one.label)}: {useful_words(one.member)}", soft_wrap=True)
    if waiting := len(found) - len(known):
        console.print(f"{waiting} {'member has' if waiting == 1 else 'members have'} no past forecast to judge yet")
    if not found:
        console.print("no run was evaluated yet; `cronocast backfill` fills accuracy from the first day")


def _rows(one: Judged) -> Iterator[tuple[str, ...]]:
    """Cells of each bucket of leads."""
    name, below = level_name(one.level), 0
    for lead in one.member.leads:
        span = f"{Duration.of(lead.lead * one.step_ns)}" if one.step_ns else f"{lead.lead} steps"
        first = f"{Duration.of((below + 1) * one.step_ns)} to " if one.step_ns and lead.lead > below + 1 else ""
        below = lead.lead
        covered = lead.coverage.get(name)
        chance = (
            "-" if covered is None else f"{percent(lead.coverage_low[name])} to {percent(lead.coverage_high[name])}"
        )
        yield (
            first + span,
            str(lead.n),
            f"{lead.worth:.0f}",
            number(lead.mae),
            number(lead.bias),
            number(lead.mase),
            number(lead.skill),
            f"{percent(covered)} of {percent(one.level)}",
            chance,
        )


def useful_words(member: MemberEvaluation) -> str:
    """How far ahead forecasts were worth more than repeating the past."""
    if member.useful_ns is None:
        return "at no lead better than the naive forecast"
    return f"better than the naive forecast up to {length(member.useful_ns, counted=True)} ahead"


def _as_json(found: list[Judged]) -> str:
    documents: list[dict[str, Any]] = [
        {
            "series": one.series,
            "member": one.label,
            "level": one.level,
            "useful_ns": one.member.useful_ns,
            "pit": list(one.member.pit),
            "late": one.member.late,
            "leads": [{**lead._asdict(), "lead_ns": lead.lead * one.step_ns} for lead in one.member.leads],
        }
        for one in found
    ]
    return json.dumps(documents, indent=1, ensure_ascii=False)
