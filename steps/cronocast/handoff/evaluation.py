"""What evaluate finds out about a member, and how it stands in evaluation.json. Standard library only.

Times are ns UTC; None stands for what is not known or never comes, never a magic number.
"""

import math
from pathlib import Path
from typing import Any, NamedTuple

from cronocast.errors import ContractError, seen
from cronocast.handoff.files import read_json
from cronocast.handoff.results import check_handoff

SCHEMA = 1
EVALUATION = "evaluation.json"  # name of the file in a run folder

PREDICT, WARM, FULL = VERDICTS = ("predict", "warm", "full")
REASONS = ("first", "age", "data", "drift", "asked", "held", "")  # of a verdict; "" where nothing is due
STATES = (
    "over",  # the event holds now
    "date",  # at least 9 in 10 paths reach the limit
    "open",  # at least half of them
    "chance",  # at least 1 in 10
    "quiet",  # fewer: not within the reach
    "not_growing",  # fewer, and the slope is not above 0
    "cleaned",  # fewer: what is cleaned stays below
    "unsure",  # the median lies beyond the length of the history: no date, only what it is not before
    "too_little",  # too few values
)


class Verdict(NamedTuple):
    """How much of its forecast a member needs anew."""

    kind: str = FULL  # of VERDICTS
    reason: str = "first"  # of REASONS: what made it full, or "held" where a common cause held it back
    words: str = ""  # one plain sentence, with the reason and since when
    since_ns: int | None = None  # since when what it names has held, such as a change
    start_ns: int | None = None  # where the history that still counts begins, after a change
    suspect: bool = False  # yesterday looked bad: a warm run adds origins near the newest value


class Crossing(NamedTuple):
    """When a member reaches one limit."""

    threshold: str  # its name
    limit: float
    above: bool  # whether the event is to lie above the limit
    of: str  # value, daily mean, daily peak
    state: str  # of STATES
    words: str  # one plain sentence
    now: float | None = None  # newest value of what is compared with the limit
    slope_day: float | None = None  # its trend per day
    since_ns: int | None = None  # over: since when
    earliest_ns: int | None = None  # 10, 50 and 90 % of the first crossings
    crosses_ns: int | None = None
    latest_ns: int | None = None
    p_1d: float | None = None  # chance to cross within 1, 7, 30 days; None where the reach is shorter
    p_7d: float | None = None
    p_30d: float | None = None
    reach_ns: int = 0  # how far ahead it was looked
    rough: bool = False  # the date lies beyond half of the history's length
    act_by_ns: int | None = None  # earliest less the lead of the threshold
    moved_ns: int | None = None  # how far the date moved since that of a day ago
    settled: bool = True  # whether it moved little enough to be acted on
    events: int = 0  # times that the limit was reached after a date had been told
    scored: int = 0  # dates told of which it is known by now whether they were right, one a day at most
    inside: int = 0  # those whose range, earliest to latest, held what came
    known_ns: int | None = None  # how long before the newest event every range held it


class Anomaly(NamedTuple):
    """Something unusual that lasts at the time of the run, or ended in the newest steps."""

    kind: str  # outside (of the interval of an earlier forecast), run (unusually many on one side), missing
    since_ns: int
    until_ns: int  # end of the last step that belongs to it
    steps: int
    score: float  # how unusual, 0 to 1
    words: str


class LeadAccuracy(NamedTuple):
    """How good past forecasts were from one lead to another, where forecast, naive and actual are all known."""

    lead: int  # upper end of the bucket, in steps; it begins above that of the bucket before
    n: int  # pairs
    worth: float  # how many independent ones they are worth
    mae: float
    bias: float  # mean of forecast less actual
    mase: float | None  # mae over the naive error of the history
    crps: float | None  # from the intervals kept
    coverage: dict[str, float]  # by level, named as in fields: 95, 97_5
    coverage_low: dict[str, float]  # a 90 % range of each
    coverage_high: dict[str, float]
    skill: float | None  # 1 - mae / mae of the stored naive forecast


class PastForecast(NamedTuple):
    """What was forecast for a step that is over now, so far ahead."""

    time_ns: int
    lead: int  # upper end of its bucket, in steps
    yhat: float
    lower: float
    upper: float
    naive: float
    run_ns: int


class MemberEvaluation(NamedTuple):
    """All that is found of one member."""

    name: str
    tags: str
    verdict: Verdict = Verdict()
    leads: tuple[LeadAccuracy, ...] = ()
    useful_ns: int | None = None  # the largest lead with a skill above 0
    pit: tuple[int, ...] = ()  # counts of where actual values fell in their forecast's distribution, ten bins
    late: int = 0  # values that changed after they had been used
    crossings: tuple[Crossing, ...] = ()
    anomalies: tuple[Anomaly, ...] = ()
    past: tuple[PastForecast, ...] = ()  # of the steps since the run before, where the entry wants them written
    notes: tuple[str, ...] = ()


def urgency(crossing: Crossing) -> tuple[float, ...]:
    """What a list is sorted by.

    First what is over its limit, the longest first; then what must be acted on the earliest; then the largest chance.
    """
    first = crossing.act_by_ns if crossing.act_by_ns is not None else crossing.earliest_ns
    chance = max(p for p in (crossing.p_1d, crossing.p_7d, crossing.p_30d, 0.0) if p is not None)
    if crossing.state == "over":
        return (0.0, float(crossing.since_ns or 0))
    return (1.0, math.inf if first is None else float(first), -chance)


def to_document(member: MemberEvaluation) -> dict[str, Any]:
    """The JSON form."""
    return {
        **member._asdict(),
        "verdict": member.verdict._asdict(),
        "leads": [lead._asdict() for lead in member.leads],
        "crossings": [crossing._asdict() for crossing in member.crossings],
        "anomalies": [anomaly._asdict() for anomaly in member.anomalies],
        "past": [past._asdict() for past in member.past],
    }


def from_document(data: Any, where: str) -> MemberEvaluation:  # noqa: ANN401 - untrusted JSON
    """Read it back.

    Raises:
        ContractError: a key is missing or unknown, or a word is none of those allowed.
    """
    try:
        member = MemberEvaluation(
            **{
                **data,
                "verdict": Verdict(**data["verdict"]),
                "leads": tuple(LeadAccuracy(**lead) for lead in data["leads"]),
                "crossings": tuple(Crossing(**crossing) for crossing in data["crossings"]),
                "anomalies": tuple(Anomaly(**anomaly) for anomaly in data["anomalies"]),
                "past": tuple(PastForecast(**past) for past in data["past"]),
                "pit": tuple(data["pit"]),
                "notes": tuple(data["notes"]),
            }
        )
        if member.verdict.kind not in VERDICTS or any(c.state not in STATES for c in member.crossings):
            raise ValueError(f"verdict {member.verdict.kind!r} or a state of a crossing is unknown")
        if not (isinstance(member.name, str) and isinstance(member.tags, str)):
            raise TypeError("name and tags must be text")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ContractError(
            "E_EVALUATION", where, f"incomplete or ill-typed: {seen(str(error))}; run evaluate again"
        ) from error
    return member


def read_evaluation(path: Path, series: str | None, run: str | None) -> dict[tuple[str, str], MemberEvaluation]:
    """Read evaluation.json by member, in its order; {} where evaluate had nothing to do.

    Args:
        path: The file that evaluate published.
        series: Exact name of the series, None where the file stands alone.
        run: Name of the run, None as for series.

    Raises:
        ContractError: it is not what evaluate published.
    """
    if check_handoff(path, "evaluate", series, run).get("status") == "skipped":
        return {}
    document = read_json(path)
    if (
        not isinstance(document, dict)
        or document.get("schema") != SCHEMA
        or not isinstance(document.get("members"), list)
    ):
        raise ContractError(
            "E_EVALUATION", str(path), f"not an evaluation of schema {SCHEMA}: {seen(document)}; run evaluate again"
        )
    members = [from_document(item, f"{path}:members[{i}]") for i, item in enumerate(document["members"])]
    return {(member.name, member.tags): member for member in members}
