"""What an entry of `regimes:` in a values file says: history, topics, where labels go."""

import re
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from cronocast.document.kinds import SINK, SOURCE, one_family
from cronocast.document.yaml_file import load_yaml
from cronocast.durations import Duration
from cronocast.errors import ConfigError, Problem, seen
from cronocast.formats import influx_names
from cronocast.settings import rules
from cronocast.settings.containers import ListOf, MapOf
from cronocast.settings.declare import Part, merge, parse, setting
from cronocast.settings.kinds import Flag, Number, Span, Text

TOPIC = re.compile(r"[a-zA-Z0-9._-]{1,249}", re.ASCII)  # what Kafka allows
SERVERS = re.compile(r"[^\s,:]+:\d{1,5}(,[^\s,:]+:\d{1,5})*", re.ASCII)
TIME_UNITS = ("iso", "s", "ms", "us", "ns")
CLASSIFIERS = ("auto", "mlp", "logistic", "tree")
MOST_REGIMES = 20
MOST_ENTRIES = 100


def _topic_fault(text: str) -> str:
    right = "allowed: letters, digits, dots, dashes and underscores, 249 at most"
    return "" if TOPIC.fullmatch(text) and text not in (".", "..") else f"{seen(text)} is no name of a topic; {right}"


def _servers_fault(text: str) -> str:
    return "" if SERVERS.fullmatch(text) else f"{seen(text)} names no brokers; allowed: HOST:PORT, several with commas"


_TOPIC = Text(fault=_topic_fault, token="E_NAME", about="the name of a topic")
_KEY = Text(data=True, longest=300, about="a key of a message")


@dataclass(frozen=True)
class Kafka:
    """Topics, and what a message holds: a JSON object with a time, the fields and the tags of the entry."""

    servers: str = setting(Text(fault=_servers_fault, about="HOST:PORT, several with commas"), ..., "The brokers.")
    topic: str = setting(_TOPIC, ..., "Topic that values arrive on.")
    output: str | None = setting(_TOPIC, None, "Topic that gets each value with its regime; none if not given.")
    dead_letters: str | None = setting(
        _TOPIC, None, "Topic that gets what can't be read, with the reason; <topic>.dead if not given."
    )
    time: str = setting(_KEY, "time", "Key of a message's time.")
    time_unit: str = setting(
        Text(TIME_UNITS), "iso", "What the time is: text as ISO 8601, or a number since 1970 in this unit."
    )
    begin: str = setting(
        Text(("earliest", "latest")),
        "latest",
        "Where a stream begins that has never run: at the oldest message kept, or at what comes from now on.",
    )
    most: int = setting(
        Number(100, 1_000_000, whole=True),
        20_000,
        "Messages of one batch at most: what memory and repeats are bounded by.",
    )
    every: Duration = setting(Span(), Duration.parse("1s"), "A batch is begun this often at most.")

    @property
    def dead(self) -> str:
        """Topic of what can't be read."""
        return self.dead_letters or f"{self.topic}.dead"


@dataclass(frozen=True)
class Regimes:
    """One machine, or many of a kind, whose regimes are learnt together."""

    name: str = setting(
        Text(fault=influx_names.series_name_fault, token="E_SERIES_NAME", about="a name", longest=300), ..., "Its name."
    )
    source: Any = setting(SOURCE, ..., "Where the history comes from that regimes are learnt from, as of a series.")
    sink: Any = setting(SINK, SINK.usual_settings, "Where values and regimes go, as of a series.")
    fields: tuple[str, ...] = setting(
        ListOf(Text(data=True, longest=300, about="a name"), 20),
        ...,
        "What is measured: keys of the messages, and with a source that has `field`, fields there.",
    )
    tags: tuple[str, ...] = setting(
        ListOf(Text(data=True, longest=300, about="a name"), 20),
        (),
        "Keys of the messages that tell one machine from another; in the source `group_by`.",
    )
    every: Duration = setting(Span(), Duration.parse("1m"), "Step of the history that is learnt from.")
    lookback: Duration = setting(Span(), Duration.parse("4w"), "How much history is learnt from.")
    windows: tuple[Duration, ...] = setting(
        ListOf(Span(), 5),
        (),
        "Beside the values themselves, their mean, spread and slope over the time before them count,"
        " for each of these lengths.",
    )
    k: int | None = setting(
        Number(2, MOST_REGIMES, whole=True), None, "Number of regimes; by elbow and silhouette if not given."
    )
    names: dict[str, str] = setting(
        MapOf(Text(about="regime-N"), Text(data=True, longest=100, about="a name")),
        {},
        "Names that people give to regimes: regime-1: idle.",
    )
    classifier: str = setting(
        Text(CLASSIFIERS),
        "auto",
        "What tells a regime from the values; auto takes the one that is best on later values.",
    )
    dwell: Duration | None = setting(
        Span(), None, "A regime counts as changed once another one has lasted this long; at once if not given."
    )
    unknown: float = setting(
        Number(1, 100),
        2.0,
        "Values further from their regime than this many times the furthest usual ones are `unknown`.",
    )
    late: Duration = setting(
        Span(), Duration.parse("10m"), "Values older than the newest of their machine by more are late: dead letters."
    )
    kafka: Kafka = setting(Part(Kafka), ..., "The topics of the stream.")
    seed: int = setting(
        Number(0, 2**31 - 1, whole=True), 2026, "Of the clustering: the same history gives the same regimes."
    )
    keep: int = setting(Number(1, 100, whole=True), 3, "Generations of the model that are kept.")
    jars: str | None = setting(
        Text(data=True, about="a folder"),
        None,
        "Folder with the jars of Spark's Kafka connector; fetched from Maven Central at the first start if not given.",
    )
    master: str = setting(
        Text(about="an address of Spark"), "local[*]", "Where Spark runs: local[*], spark:// or k8s://."
    )
    schedules: tuple[str, ...] = setting(
        ListOf(Text(fault=rules.cron_fault, token="E_CRON", about="five cron fields"), 10),
        ("0 4 * * 0",),
        "When it is trained anew on a cluster.",
    )
    suspend: bool = setting(Flag(), False, "On a cluster: train nothing by schedule.")

    def measurement(self) -> str:
        """Measurement that receives values and regimes."""
        own = getattr(self.sink, "measurement", None)
        return own or f"{getattr(self.source, 'measurement', None) or self.name}_regimes"

    def source_of(self, field: str) -> Any:  # noqa: ANN401 - an instance of the settings of its kind
        """What the source gets to read one of the fields."""
        own = replace(self.source, field=field) if _has_field(self.source) else self.source
        fill = SOURCE.ask({"kind": own.kind}, "filled")
        return fill(own, counter=False) if fill else own

    def sink_settings(self) -> Any:  # noqa: ANN401 - as above
        """What the sink gets: its settings, and from a source of the same family what they leave open."""
        source, sink = {"kind": self.source.kind}, {"kind": self.sink.kind}
        fill = SINK.ask(sink, "filled") if one_family(source, sink) else None
        return fill(self.sink, self.source) if fill else self.sink


def _has_field(source: Any) -> bool:  # noqa: ANN401
    return any(item.name == "field" for item in fields(source)) and getattr(source, "query", None) is None


def load_regimes(path: Path) -> dict[str, Regimes]:
    """Read the entries of `regimes:` of a values file, by name; `defaults:` lends them source and sink.

    Raises:
        ConfigError: with every problem of every entry, each with its path.
    """
    problems: list[Problem] = []
    data = load_yaml(path, problems)
    given = data.get("regimes") if isinstance(data, dict) else None
    if not isinstance(given, dict) or not given or len(given) > MOST_ENTRIES:
        right = f"allowed: NAME: {{settings}}, at least one and at most {MOST_ENTRIES}"
        raise ConfigError.one("E_CONFIG_TYPE", "regimes", f"{seen(given)} is no map of regimes; {right}")
    shared = {key: part for key, part in (data.get("defaults") or {}).items() if key in ("source", "sink")}
    entries: dict[str, Regimes] = {}
    for name, own in given.items():
        entry = _parsed(name, own, shared, problems)
        if entry is not None:
            entries[name] = entry
    if problems:
        raise ConfigError(problems)
    return entries


def _parsed(name: str, own: Any, shared: dict[str, Any], problems: list[Problem]) -> Regimes | None:  # noqa: ANN401
    where = f"regimes.{name}"
    if not isinstance(own, dict):
        problems.append(Problem("E_CONFIG_TYPE", where, f"{seen(own)} is not a mapping; allowed: settings of regimes"))
        return None
    document = {**merge(shared, own), "name": name}
    source, names = document.get("source"), document.get("fields")
    if isinstance(source, dict) and isinstance(names, list) and names and "query" not in source:
        row = SOURCE.row(source)
        if row and "field" not in source and SOURCE.usual == (source.get("kind") or SOURCE.usual):
            document["source"] = {**source, "field": names[0]}
    entry: Regimes | None = parse(Regimes, document, where, problems)
    if entry and len(entry.fields) > 1 and not _has_field(entry.source):
        sentence = f"{len(entry.fields)} fields, but the source reads one value per time; allowed: one field"
        problems.append(Problem("E_CONFIG_CROSS", f"{where}.fields", sentence))
    return entry
