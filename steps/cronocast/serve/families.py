"""The metrics of forecasts: their names and meanings, and their samples as text. Standard library only.

The text is put together here and not by prometheus_client, which takes 1.2 s for 100,000 samples; labels are made once
per run, so that later only numbers change. The metrics of the process itself are prometheus_client's.
"""

from collections.abc import Sequence

from cronocast.durations import Duration
from cronocast.handoff.evaluation import Crossing, MemberEvaluation
from cronocast.handoff.series import Member, parse_tags
from cronocast.serve.labels import OWN, label_names, label_text, member_labels
from cronocast.serve.run_files import Key, Shown

# Name -> what it means, in the order of the page; every one is a gauge.
FAMILIES = {
    "cronocast_forecast": "What the newest run forecast for the present (horizon now) and for so much later.",
    "cronocast_forecast_end_timestamp_seconds": "End of the newest forecast.",
    "cronocast_run_timestamp_seconds": "Scheduled time of the run that made the forecast.",
    "cronocast_next_run_timestamp_seconds": "When the run after it is due, by its schedules.",
    "cronocast_run_failed": "Whether a step of the newest run has failed.",
    "cronocast_members": "Members of the newest forecast.",
    "cronocast_member_info": "Class and model of a member.",
    "cronocast_crossing_timestamp_seconds": "When a member reaches a threshold: median, 10 and 90 %.",
    "cronocast_crossing_act_by_timestamp_seconds": "When somebody must act: the earliest date less the lead.",
    "cronocast_crossing_probability": "Chance that a member reaches a threshold within so long.",
    "cronocast_crossing_limit": "The threshold itself, in the unit of the member.",
    "cronocast_crossing_state": "1 for what is known of a threshold: over, date, open, chance, quiet, ...",
    "cronocast_accuracy_mae": "Mean absolute error of past forecasts, by how far ahead they looked.",
    "cronocast_accuracy_bias": "Mean of forecast less actual.",
    "cronocast_accuracy_mase": "Mean absolute error over that of the naive forecast in the history.",
    "cronocast_accuracy_skill": "1 less the error over that of the naive forecast made at the same time.",
    "cronocast_accuracy_coverage_ratio": "Share of the values that lay in their interval, by its level.",
    "cronocast_useful_horizon_seconds": "The largest lead at which forecasts were better than naive ones.",
    "cronocast_drift": "Whether the errors of the forecasts have changed, so that the member was made anew.",
    "cronocast_verdict_info": "How much of a member the newest run made anew, and why.",
    "cronocast_anomaly_score": "How unusual the newest values of a member are, 0 to 1.",
}  # fmt: skip
# As the README of train-prometheus shows them: of one series, with the labels of the source alone.
TRAIN_PROMETHEUS = {
    "predicted_values_prophet": "Forecasted value from Prophet model",
    "predicted_values_prophet_yhat_upper": "Forecasted value upper bound from Prophet model",
    "predicted_values_prophet_yhat_lower": "Forecasted value lower bound from Prophet model",
}
BOUNDS = (("earliest", "earliest_ns"), ("median", "crosses_ns"), ("latest", "latest_ns"))
Samples = dict[str, list[str]]  # family -> lines without their ends
Sample = tuple[str, dict[str, str], float | None]  # family, labels, value


def quantiles(shown: Shown) -> list[str]:
    """What the columns of the forecast are called: yhat is the middle, then lower and upper of each level."""
    levels = (shown.level, *shown.levels)
    return ["0.5", *(f"{(1 + side * level) / 2:.10g}" for level in levels for side in (-1, 1))]


def texts_of(shown: Shown, *, bare: bool = False) -> dict[Key, str]:
    """The labels of each member as text; bare ones are those of the source alone, none of which needs a prefix."""
    keys = (key for _, tags in shown.members for key, _ in parse_tags(tags))
    names = label_names(keys, taken=frozenset() if bare else OWN)
    return {
        key: label_text(
            {**({} if bare else {"series": shown.series, "measurement": key[0]}), **member_labels(names, key[1])}
        )
        for key in shown.members
    }


class ForecastLines:
    """The samples of what is forecast of one series; only numbers change between two runs.

    Args:
        shown: The forecast.
        leads: How far ahead, beside now.
        compatible: Also under the names of train-prometheus.
    """

    def __init__(self, shown: Shown, leads: Sequence[Duration], *, compatible: bool = False) -> None:
        self._shown = shown
        self._leads = (0, *map(int, leads))
        ends = [
            [label_text({"horizon": horizon, "quantile": q}) for q in quantiles(shown)]
            for horizon in ("now", *map(str, leads))
        ]
        self._starts = [
            [[f"cronocast_forecast{{{text},{end}}} " for end in of_lead] for of_lead in ends]
            for text in texts_of(shown).values()
        ]
        bare = texts_of(shown, bare=True).values() if compatible else ()
        self._bare = [f"{{{text}}} " if text else " " for text in bare]
        self._last: tuple[int | None, ...] | None = None
        self._lines: Samples = {}

    def at(self, now_ns: int) -> Samples:
        """The samples at a time: of the step that holds it, and of those so far ahead of it.

        A lead that ends beyond the forecast, by a tenth of itself at most, has the last step; others are left out.
        """
        steps = tuple(self._step(now_ns, lead_ns) for lead_ns in self._leads)
        if steps != self._last:
            self._last, self._lines = steps, self._made(steps)
        return self._lines

    def _step(self, now_ns: int, lead_ns: int) -> int | None:
        first_ns, end_ns, step_ns = self._shown.first_ns, self._shown.end_ns, self._shown.step_ns
        at_ns = now_ns + lead_ns
        if at_ns >= end_ns > now_ns and 10 * (at_ns - end_ns) <= lead_ns:
            at_ns = end_ns - 1
        return (at_ns - first_ns) // step_ns if first_ns <= at_ns < end_ns else None

    def _made(self, steps: Sequence[int | None]) -> Samples:
        lines: list[str] = []
        for starts, member in zip(self._starts, self._shown.members.values(), strict=True):
            for texts, step in zip(starts, steps, strict=True):
                if (row := self._row(member, step)) is not None:
                    lines += [f"{text}{column[row]!r}" for text, column in zip(texts, member.columns, strict=True)]
        return {"cronocast_forecast": lines, **(self._compatible(steps[0]) if self._bare else {})}

    def _row(self, member: Member, step: int | None) -> int | None:
        """The row of a step of the grid; None where the member has none."""
        row = -1 if step is None else step - (member.time_ns[0] - self._shown.first_ns) // self._shown.step_ns
        return row if 0 <= row < len(member.time_ns) else None

    def _compatible(self, step: int | None) -> Samples:
        rows = [
            (text, member, self._row(member, step))
            for text, member in zip(self._bare, self._shown.members.values(), strict=True)
        ]
        return {
            name: [f"{name}{text}{member.columns[i][row]!r}" for text, member, row in rows if row is not None]
            for name, i in zip(TRAIN_PROMETHEUS, (0, 2, 1), strict=True)
        }


def run_lines(shown: Shown, *, failed: bool) -> Samples:
    """What holds from one run to the next: runs, members, dates, accuracy, drift, anomalies."""
    series = label_text({"series": shown.series})
    samples: Samples = {
        "cronocast_forecast_end_timestamp_seconds": [f"{{{series}}} {shown.end_ns / 10**9!r}"],
        "cronocast_run_timestamp_seconds": [f"{{{series}}} {shown.run_ns / 10**9!r}"],
        "cronocast_run_failed": [f"{{{series}}} {int(failed)}"],
        "cronocast_members": [f"{{{series}}} {len(shown.members)}"],
    }
    if shown.next_run_ns is not None:
        samples["cronocast_next_run_timestamp_seconds"] = [f"{{{series}}} {shown.next_run_ns / 10**9!r}"]
    for key, text in texts_of(shown).items():
        kind, model = shown.models.get(key, ("", ""))
        rows: list[Sample] = [("cronocast_member_info", {"class": kind, "model": model}, 1)]
        if key in shown.evaluations:
            rows += evaluation_rows(shown.evaluations[key], shown.step_ns)
        for name, labels, value in rows:
            if value is not None:
                end = f",{label_text(labels)}" if labels else ""
                samples.setdefault(name, []).append(f"{{{text}{end}}} {value!r}")
    return {name: [f"{name}{line}" for line in lines] for name, lines in samples.items()}


def evaluation_rows(found: MemberEvaluation, step_ns: int) -> list[Sample]:
    """Name, labels beside those of the member, and value of what evaluate found; None where it is not known."""
    drift = found.verdict.reason == "drift"
    verdict = {"verdict": found.verdict.kind, "reason": found.verdict.reason}
    rows: list[Sample] = [
        ("cronocast_drift", {}, int(drift)),
        ("cronocast_verdict_info", verdict, 1),
        ("cronocast_useful_horizon_seconds", {}, seconds(found.useful_ns)),
        *(("cronocast_anomaly_score", {"kind": anomaly.kind}, anomaly.score) for anomaly in found.anomalies),
    ]
    for lead in found.leads:
        ahead = {"lead": str(Duration.of(lead.lead * step_ns))}
        rows += [
            (f"cronocast_accuracy_{name}", ahead, getattr(lead, name)) for name in ("mae", "bias", "mase", "skill")
        ]
        rows += [
            (
                "cronocast_accuracy_coverage_ratio",
                {**ahead, "level": f"{float(level.replace('_', '.')) / 100:.10g}"},
                share,
            )
            for level, share in lead.coverage.items()
        ]
    for crossing in found.crossings:
        rows += crossing_rows(crossing)
    return rows


def crossing_rows(crossing: Crossing) -> list[Sample]:
    """The same of one threshold."""
    own = {"threshold": crossing.threshold}
    times = [
        ("cronocast_crossing_timestamp_seconds", {**own, "bound": bound}, seconds(getattr(crossing, name)))
        for bound, name in BOUNDS
    ]
    chances = [
        ("cronocast_crossing_probability", {**own, "within": within}, getattr(crossing, f"p_{within}"))
        for within in ("1d", "7d", "30d")
    ]
    return [
        *times,
        *chances,
        ("cronocast_crossing_act_by_timestamp_seconds", own, seconds(crossing.act_by_ns)),
        ("cronocast_crossing_limit", own, crossing.limit),
        ("cronocast_crossing_state", {**own, "state": crossing.state}, 1),
    ]


def seconds(ns: int | None) -> float | None:
    """Nanoseconds as Prometheus has times and lengths of time."""
    return None if ns is None else ns / 10**9
