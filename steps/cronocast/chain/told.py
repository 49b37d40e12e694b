"""What a workflow engine is told of an evaluation: outputs of the whole run, small enough for its object."""

import json
from collections.abc import Collection
from typing import Any

from cronocast.durations import stamp
from cronocast.handoff.evaluation import VERDICTS, MemberEvaluation, urgency

MOST_CROSSINGS = 20  # the most urgent; the whole object of a run holds 1 MiB at most
SHOWN = ("over", "date", "open")  # states in which somebody may have to act


def told(found: Collection[MemberEvaluation]) -> dict[str, str]:
    """The outputs by name: `verdict`, the most that any member needs, and `crossings`, the most urgent as JSON."""
    kinds = {member.verdict.kind for member in found}
    reached = [(member, crossing) for member in found for crossing in member.crossings if crossing.state in SHOWN]
    reached.sort(key=lambda pair: urgency(pair[1]))
    rows: list[dict[str, Any]] = [
        {
            "tags": member.tags,
            "threshold": crossing.threshold,
            "state": crossing.state,
            "act_by": _time(crossing.act_by_ns),
            "earliest": _time(crossing.earliest_ns),
            "crosses_at": _time(crossing.crosses_ns),
            "latest": _time(crossing.latest_ns),
            "words": crossing.words,
        }
        for member, crossing in reached[:MOST_CROSSINGS]
    ]
    shown = [{name: value for name, value in row.items() if value} for row in rows]
    return {
        "verdict": next((kind for kind in reversed(VERDICTS) if kind in kinds), "none"),
        "crossings": json.dumps(shown, ensure_ascii=False),
    }


def _time(ns: int | None) -> str | None:
    return None if ns is None else stamp(ns)
