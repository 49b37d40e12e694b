"""The points beside a forecast, as evaluate found them: accuracy, dates of limits, anomalies, past forecasts.

Standard library only: load writes them.
"""

from collections.abc import Iterator, Mapping

from cronocast.chain.job import Job
from cronocast.durations import UNIT_NS, Duration
from cronocast.errors import ContractError
from cronocast.handoff.evaluation import EVALUATION, Crossing, MemberEvaluation, read_evaluation
from cronocast.handoff.series import level_name, parse_tags, tags_text
from cronocast.sinks.points import Point, Value

OWN_TAGS = ("lead", "threshold", "kind")  # of these measurements; a tag of the source of that name becomes tag_NAME


def evaluation_of(job: Job) -> dict[tuple[str, str], MemberEvaluation]:
    """What evaluate found in this run; {} where it did not run, or nothing can be read of it."""
    if job.standalone:
        return {}
    try:
        return read_evaluation(job.forecast.parent / EVALUATION, *job.handoff_names())
    except ContractError:
        return {}


def evaluation_points(job: Job, found: Mapping[tuple[str, str], MemberEvaluation]) -> Iterator[Point]:
    """The points of the members, in their order."""
    measurement, step_ns = job.entry.sink_measurement(), int(job.entry.every)
    for member in found.values():
        useful = None if member.useful_ns is None else member.useful_ns / UNIT_NS["h"]
        main = level_name(job.entry.level)
        for lead in member.leads:
            fields: dict[str, Value] = {
                name: getattr(lead, name) for name in ("mae", "bias", "mase", "crps", "skill", "worth")
            }
            fields |= {
                "coverage": lead.coverage.get(main),
                "coverage_low": lead.coverage_low.get(main),
                "coverage_high": lead.coverage_high.get(main),
                "n": lead.n,
                "useful_hours": useful,
            }
            tags = _with(member.tags, "lead", str(Duration.of(lead.lead * step_ns)))
            yield Point(f"{measurement}_accuracy", tags, job.run_ns, fields)
        for crossing in member.crossings:
            yield Point(
                f"{measurement}_crossing",
                _with(member.tags, "threshold", crossing.threshold),
                job.run_ns,
                _dates(crossing, job.run_ns),
            )
        for anomaly in member.anomalies:
            fields = {
                "until": _seconds(anomaly.until_ns),
                "steps": anomaly.steps,
                "score": float(anomaly.score),
                "words": anomaly.words,
            }
            yield Point(f"{measurement}_anomaly", _with(member.tags, "kind", anomaly.kind), anomaly.since_ns, fields)
        for past in member.past:
            fields = {"yhat": past.yhat, "yhat_lower": past.lower, "yhat_upper": past.upper, "naive": past.naive}
            fields["run"] = _seconds(past.run_ns)
            tags = _with(member.tags, "lead", str(Duration.of(past.lead * step_ns)))
            yield Point(f"{measurement}_vintage", tags, past.time_ns, fields)


def verdict_fields(member: MemberEvaluation | None) -> dict[str, Value]:
    """Fields of a record: how much of the forecast was made anew, and why."""
    if member is None:
        return {}
    return {"verdict": member.verdict.kind, "verdict_reason": member.verdict.words}


def _dates(crossing: Crossing, run_ns: int) -> dict[str, Value]:
    """Fields of a crossing; times in seconds since 1970, those that never come are left out."""
    times = {
        "crosses_at": crossing.crosses_ns,
        "earliest": crossing.earliest_ns,
        "latest": crossing.latest_ns,
        "act_by": crossing.act_by_ns,
        "since": crossing.since_ns,
    }
    numbers = {name: getattr(crossing, name) for name in ("limit", "now", "slope_day", "p_1d", "p_7d", "p_30d")}
    left = 0.0 if crossing.state == "over" else None
    if crossing.earliest_ns is not None and left is None:
        left = (crossing.earliest_ns - run_ns) / UNIT_NS["d"]
    return {
        "state": crossing.state,
        "words": crossing.words,
        "settled": int(crossing.settled),
        "days_left": left,
        **{name: None if at is None else _seconds(at) for name, at in times.items()},
        **{name: None if value is None else float(value) for name, value in numbers.items()},
    }


def _seconds(time_ns: int) -> int:
    return time_ns // 10**9


def _with(tags: str, name: str, value: str) -> str:
    """Tags of a member with one more."""
    own = [(f"tag_{key}" if key in OWN_TAGS else key, text) for key, text in parse_tags(tags)]
    return tags_text([*own, (name, value)])
