"""The series document.

One typed definition that gives the messages, the JSON schema, the flags and the documentation.
"""

import json
from dataclasses import dataclass
from typing import Any

from cronocast.document.alerts import Alerts
from cronocast.document.cross import cross_problems
from cronocast.document.kinds import NOTIFIER, SINK, SOURCE, one_family
from cronocast.document.pods import PODS
from cronocast.document.thresholds import MOST as MOST_THRESHOLDS
from cronocast.document.thresholds import Threshold
from cronocast.document.vintages import Vintages
from cronocast.durations import Duration
from cronocast.errors import ConfigError, Problem, seen
from cronocast.formats import influx_names
from cronocast.handoff.classes import CLASSES
from cronocast.models.rules import candidate_fault, model_fault
from cronocast.settings import rules
from cronocast.settings.containers import Anything, ListOf, MapOf
from cronocast.settings.declare import Part, parse, setting
from cronocast.settings.kinds import Flag, Number, Span, Text
from cronocast.timeseries.settings import Calendar, Clip, Prepare

MAX_ENTRY_BYTES = 100_000  # Linux takes at most 128 KiB in one env variable

_model = Text(fault=model_fault, token="E_MODEL", about="auto, a name from the model table, or module:Class")
_candidate = Text(fault=candidate_fault, token="E_MODEL", about="a name from the model table, or module:Class")
_cron = Text(fault=rules.cron_fault, token="E_CRON", about="five cron fields")
_slug = Text(fault=rules.slug_fault, token="E_NAME", about="lower-case letters, digits and dashes")


@dataclass(frozen=True)
class Entry:
    """One series: what to read, when, which model, where to write."""

    name: str = setting(
        Text(fault=influx_names.series_name_fault, token="E_SERIES_NAME", about="a name", longest=300),
        ...,
        "Name of the series.",
        "extract classify forecast load",
    )
    title: str | None = setting(
        Text(data=True, longest=200, about="text"), None, "Title shown in reports and in Argo's UI."
    )
    source: Any = setting(SOURCE, ..., "Where the history comes from.")  # an instance of the settings of its kind
    sink: Any = setting(SINK, SINK.usual_settings, "Where the forecast goes.")
    every: Duration = setting(Span(), Duration.parse("1h"), "Step size of the grid.", "extract classify forecast")
    lookback: Duration = setting(Span(), Duration.parse("4w"), "How much history is read.", "extract")
    horizon: Duration = setting(Span(), Duration.parse("24h"), "How far ahead to forecast.", "forecast")
    level: float = setting(Number(0.5, 0.999), 0.95, "Nominal coverage of the interval.", "forecast")
    levels: tuple[float, ...] = setting(
        ListOf(Number(0.01, 0.999), 5),
        (),
        "Additional prediction intervals, such as 0.5, 0.8; each adds two columns and fields, such as yhat_lower_50,"
        " yhat_upper_50.",
        "forecast select load",
    )
    model: str = setting(_model, "auto", "Model; auto chooses by backtest.", "classify forecast select")
    candidates: tuple[str, ...] = setting(
        ListOf(_candidate), (), "Models that auto may choose from; by class if empty.", "classify forecast select"
    )
    options: dict[str, Any] = setting(
        MapOf(Text(about="an option's name"), Anything()), {}, "Options of the chosen model.", "forecast"
    )
    alerts: Alerts = setting(Part(Alerts), Alerts(), "What is worth a message, and how soon.")
    notify: tuple[Any, ...] = setting(
        ListOf(NOTIFIER, 10), (), "Who gets messages: each one place, with the settings of its kind.", "alert"
    )
    vintages: Vintages = setting(Part(Vintages), Vintages(), "What is kept of the forecasts of past runs.")
    series_class: str | None = setting(
        Text(CLASSES), None, "Class to use instead of the one that classify finds.", "classify"
    )
    periods: tuple[Duration, ...] = setting(
        ListOf(Span(), 8), (), "Seasonal periods to use instead of those that classify finds.", "classify"
    )
    prepare: Prepare = setting(
        Part(Prepare), Prepare(), "How values are preprocessed before they are classified and forecast."
    )
    calendar: Calendar = setting(Part(Calendar), Calendar(), "The clock and the holidays that the values follow.")
    clip: Clip = setting(Part(Clip), Clip(), "The physically possible range of the values.")
    thresholds: tuple[Threshold, ...] = setting(
        ListOf(Part(Threshold), MOST_THRESHOLDS),
        (),
        "Limits for which the date is told when each member reaches them.",
        "evaluate",
    )
    anomalies: str = setting(
        Text(("unusual", "accumulator")),
        "unusual",
        "What counts as an anomaly: unusual values beyond the interval, runs of them and missing values; or, by"
        " accumulator, what the rule of train-prometheus calls one.",
        "evaluate",
    )
    min_points: int = setting(
        Number(3, 1_000_000, whole=True), 24, "Members with fewer finished points get the class too_short.", "classify"
    )
    on_no_data: str = setting(
        Text(("skip", "fail")), "skip", "What an empty window means: skipped (exit 0) or exit 66.", "extract"
    )
    on_missing: str = setting(
        Text(("fail", "skip")),
        "fail",
        "What a measurement or field that does not exist means: exit 66, or skipped (exit 0) for one that comes later.",
        "extract",
    )
    on_too_short: str = setting(
        Text(("forecast", "skip", "fail")),
        "forecast",
        "What a member of class too_short gets: a naive forecast, or nothing; with fail the step exits with 66 if no"
        " member is left.",
        "forecast",
    )
    jobs: int = setting(Number(1, 256, whole=True), 1, "Members forecast in parallel.", "forecast")
    silent_after: Duration | None = setting(
        Span(),
        None,
        "Members without a value for this long get no forecast. By default as long as the horizon, but at least ten"
        " steps and at most a week; never, where source.empty is zero or previous.",
        "classify forecast",
    )
    budget: float = setting(
        Number(0, 3600, open_low=True),
        10.0,
        "CPU seconds per member that auto may spend; models not tried are recorded.",
        "forecast",
    )
    retrain: str = setting(
        Text(("auto", "always", "never")),
        "auto",
        "When a member is classified and backtested anew: auto does so where its age, its data or the errors of its"
        " forecasts call for it; always, in every run; never, only where nothing is kept of it.",
        "evaluate",
    )
    retrain_every: Duration | None = setting(
        Span(),
        None,
        "Age at which auto does so in any case. By default 7d in the first four weeks of a member, then 28d.",
        "evaluate",
    )
    schedules: tuple[str, ...] = setting(
        ListOf(_cron, 10),
        ("H * * * *",),
        "When it runs on a cluster; a minute H is derived from the name, so that series do not start together.",
    )
    timezone: str = setting(
        Text(fault=rules.zone_fault, token="E_TZ", about="an IANA zone"), "UTC", "Time zone of the schedules."
    )
    suspend: bool = setting(Flag(), False, "On a cluster: keep the schedule but start nothing.")
    profile: str = setting(
        _slug, "cpu", "On a cluster: the profile (nodes, resources) its pods run with; the chart's values define them."
    )
    shards: int = setting(
        Number(1, 100, whole=True), 1, "On a cluster: number of forecast pods that share the members of the series."
    )
    pods: str = setting(
        Text(PODS),
        "auto",
        "On a cluster: one runs the whole chain as one pod, its steps as containers one after another; many gives each"
        " image a pod of its own; auto takes one where shards and models allow it.",
    )

    def source_measurement(self) -> str:
        """Name that outputs are derived from: the measurement, or the series' name where none is read by its name."""
        return getattr(self.source, "measurement", None) or self.name

    def sink_measurement(self) -> str:
        """Measurement that receives the forecast."""
        return getattr(self.sink, "measurement", None) or f"{self.source_measurement()}_forecast"

    def source_settings(self) -> Any:  # noqa: ANN401 - an instance of the settings of its kind
        """What the source gets: its settings, and in what they leave open what suits the values that are read."""
        fill = SOURCE.ask({"kind": self.source.kind}, "filled")
        return fill(self.source, counter=self.prepare.rate) if fill else self.source

    def sink_settings(self) -> Any:  # noqa: ANN401 - an instance of the settings of its kind
        """What the sink gets: its settings, and from a source of the same family what they leave open."""
        source, sink = {"kind": self.source.kind}, {"kind": self.sink.kind}
        fill = SINK.ask(sink, "filled") if one_family(source, sink) else None
        return fill(self.sink, self.source) if fill else self.sink


def parse_entry(data: Any, where: str = "") -> Entry:  # noqa: ANN401 - untrusted JSON-shaped data
    """Check one series document.

    Raises:
        ConfigError: with every problem found, each with its path, the value seen and what would be right.
    """
    problems: list[Problem] = []
    entry = parse(Entry, data, where, problems)
    problems += cross_problems(data, where) if isinstance(data, dict) else []
    if entry is not None and not problems:
        return entry  # type: ignore[no-any-return]
    raise ConfigError(problems)


def parse_entry_text(text: str, where: str) -> Entry:
    """Check one series document given as JSON text.

    Raises:
        ConfigError: not JSON, too large, or any problem in it.
    """
    return parse_entry(read_entry_text(text, where))


def read_entry_text(text: str, where: str) -> Any:  # noqa: ANN401 - untrusted data
    """Read JSON text that is to become a series document; what it says is not checked.

    Raises:
        ConfigError: not JSON, too large, or with a key that stands twice.
    """
    if len(text.encode("utf-8", "surrogateescape")) > MAX_ENTRY_BYTES:
        raise ConfigError.one(
            "E_CONFIG_SIZE", where, f"{len(text)} characters; allowed: at most {MAX_ENTRY_BYTES} bytes"
        )
    try:
        return json.loads(text, object_pairs_hook=_no_doubles)
    except (ValueError, RecursionError) as error:
        raise ConfigError.one(
            "E_CONFIG_JSON", where, f"not a JSON document: {seen(str(error))}; allowed: one series document"
        ) from error


def _no_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"key {name!r} appears twice")
    return dict(pairs)
