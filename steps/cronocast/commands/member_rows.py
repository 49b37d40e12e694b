"""The rows of the table that `cronocast run` shows in the end: one for each member."""

from dataclasses import dataclass
from datetime import UTC
from typing import Any

from rich.markup import escape

from cronocast.commands.series_run import Chain
from cronocast.durations import MOST_OF_UNIT, UNIT_NS, Duration, readable_unit
from cronocast.errors import CronocastError, printable
from cronocast.handoff.evaluation import EVALUATION, read_evaluation, urgency
from cronocast.handoff.series import parse_tags
from cronocast.report.dates import when

MARKS = {
    "failed": "[red]failed[/]",
    "ok": "[green]ok[/]",
    "fallback": "[yellow]fallback[/]",
    "skipped": "[cyan]skipped[/]",
    "superseded": "[cyan]superseded[/]",
}
COLUMNS = (
    "series",
    "member",
    "status",
    "class",
    "model",
    "found",
    "vs naive",
    "coverage",
    "measured",
    "points",
    "reaches",
)
BETTER = 0.995  # below this the error is less than naive's as printed


@dataclass(frozen=True)
class TableRow:
    """One line of the closing table, with what there is no room for in it."""

    cells: tuple[str, ...]
    label: str
    brief: str = ""  # the member by the values of its tags alone, where there is no room for their keys
    why: str = ""
    reason: str = ""  # why it is not simply ok


def rows_of(chain: Chain) -> list[TableRow]:
    """One row for each member of a series, or one where it came to no forecast."""
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
    limits = _limits(chain)
    return [
        _row(name if i == 0 else "", member, written, whole, told, every_ns, limits) for i, member in enumerate(members)
    ]


def _limits(chain: Chain) -> dict[tuple[Any, Any], str]:
    """Of each member the limit that it reaches first, and when."""
    try:
        found = read_evaluation(chain.folder / EVALUATION, None, None)
    except CronocastError:
        return {}
    first = {key: min(member.crossings, key=urgency, default=None) for key, member in found.items()}
    return {key: f"{one.threshold}: {when(one, UTC)}" for key, one in first.items() if one}


def _row_without_members(chain: Chain, name: str) -> TableRow:
    """The one row of a series that came to no forecast: how it ended, and why."""
    reason = chain.error or next((r["reason"] for r in reversed(chain.results.values()) if r.get("reason")), "")
    cells = (name, "", MARKS.get(chain.status, "[red]failed[/]"), *("" for _ in COLUMNS[3:]))
    told = "" if chain.exit_code else reason  # an error stands below the table
    return TableRow(cells, chain.entry.name, "", told, told)


def _row(
    series: str,
    member: dict[str, Any],
    written: dict[tuple[Any, Any], Any],
    whole: str,
    told: str,
    every_ns: int,
    limits: dict[tuple[Any, Any], str],
) -> TableRow:
    backtest = member.get("backtest") or {}
    ratio, coverage = backtest.get("ratio"), backtest.get("coverage")
    key = (member.get("name"), member.get("tags"))
    points = written.get(key)
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
        escape(limits.get(key, "")),
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
