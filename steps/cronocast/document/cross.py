"""What is wrong with a series document only when several of its settings are seen together."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any
from urllib.parse import urlsplit

from cronocast.document.kinds import NOTIFIER, SINK, SOURCE, one_family, taken_from_source
from cronocast.document.pods import pods_problems
from cronocast.document.thresholds import threshold_problems
from cronocast.durations import Duration
from cronocast.errors import Problem, seen
from cronocast.formats import influx_names
from cronocast.handoff.series import level_name
from cronocast.registry import settings_class
from cronocast.settings import rules
from cronocast.settings.kinds import UNRENDERED
from cronocast.settings.rules import no_multiple


def cross_problems(data: dict[str, Any], where: str) -> list[Problem]:
    """Problems that show only when several settings are seen together; ill-typed parts are left to their own checks."""
    at = f"{where}." if where else ""
    source = data["source"] if isinstance(data.get("source"), dict) else {}
    sink = data["sink"] if isinstance(data.get("sink"), dict) else {}
    problems = [*_server_problems(source, f"{at}source", source), *_server_problems(sink, f"{at}sink", source)]
    if of_kind := SOURCE.ask(source, "problems"):
        problems += of_kind(source, Duration.read(data.get("every") or "1h"), f"{at}source")
    problems += _nowhere_problems(source, sink, f"{at}sink")
    problems += _target_problems(data.get("name"), source, sink, f"{at}sink.measurement")
    problems += [
        *_level_problems(data, f"{at}levels"),
        *_time_problems(data, at),
        *_smooth_problems(data, f"{at}prepare.smooth"),
        *_empty_problems(source, data.get("prepare"), f"{at}source.empty"),
        *threshold_problems(data.get("thresholds"), f"{at}thresholds"),
        *_notify_problems(data.get("notify"), f"{at}notify"),
        *pods_problems(data, f"{at}pods"),
    ]
    return problems + _clip_problems(data, f"{at}clip")


def _notify_problems(data: Any, where: str) -> list[Problem]:  # noqa: ANN401 - untrusted JSON
    """What each kind of notifier says of its settings together."""
    return [
        problem
        for i, part in enumerate(data if isinstance(data, list) else ())
        if isinstance(part, dict) and (of_kind := NOTIFIER.ask(part, "problems"))
        for problem in of_kind(part, f"{where}[{i}]")
    ]


def _clip_problems(data: dict[str, Any], where: str) -> list[Problem]:
    """Edges of clip that leave no value between them."""
    clip = data["clip"] if isinstance(data.get("clip"), dict) else {}
    low, high = clip.get("min"), clip.get("max")
    if isinstance(low, int | float) and isinstance(high, int | float) and low >= high:
        sentence = f"min {seen(low)} is not below max {seen(high)}; give min < max"
        return [Problem("E_CONFIG_CROSS", where, sentence)]
    return []


def _server_problems(part: dict[str, Any], where: str, source: dict[str, Any]) -> list[Problem]:
    url = part.get("url")
    if not isinstance(url, str) or UNRENDERED.search(url):  # a left-over template mark has its own message
        return []
    if problem := rules.url_problem(url, f"{where}.url"):
        return [problem]
    problems = []
    host, allowed = urlsplit(url).hostname or "", source.get("allowed_hosts")
    if source.get("require_tls") is True and not url.startswith("https://"):
        sentence = f"{seen(url)} is not https although require_tls is true; allowed: https://..."
        problems.append(Problem("E_URL_TLS", f"{where}.url", sentence))
    if isinstance(allowed, list) and allowed and host not in allowed:
        sentence = f"host {seen(host)} is not in allowed_hosts; allowed: {seen(allowed)}"
        problems.append(Problem("E_URL_HOST", f"{where}.url", sentence))
    return problems


def _nowhere_problems(source: dict[str, Any], sink: dict[str, Any], where: str) -> list[Problem]:
    """What a sink must say itself because the source is another kind of server."""
    row = SINK.row(sink)
    if row is None or SOURCE.row(source) is None or one_family(source, sink):
        return []
    kind = source.get("kind") or SOURCE.usual
    sentence = f"not given, and a source of kind {kind} is no place to write to; name the one that takes the forecast"
    missing = [name for name in taken_from_source(row) if sink.get(name) is None]
    return [Problem("E_CONFIG_MISSING", f"{where}.{name}", sentence) for name in missing]


def _target_problems(name: object, source: dict[str, Any], sink: dict[str, Any], where: str) -> list[Problem]:
    """What is wrong with the measurement that is written, named or made from another name.

    A name that is wrong itself has its own message.
    """
    row = SINK.row(sink)
    if row is None or "measurement" not in {item.name for item in fields(settings_class(row))}:
        return []
    measurement, named = source.get("measurement"), sink.get("measurement")
    base, rule, origin = name, influx_names.series_name_fault, "the name"
    if measurement:
        base, rule, origin = measurement, influx_names.identifier_fault, "source.measurement"
    target = named or (f"{base}_forecast" if isinstance(base, str) and not rule(base) else None)
    if not isinstance(target, str):
        return []
    if not named and (fault := influx_names.measurement_fault(target)):
        sentence = f"not given, and {fault}; the default is made from {origin}, so give a measurement here"
        return [Problem("E_IDENT", where, sentence)]
    reads = SOURCE.ask(source, "reads")
    place = reads(source) if reads else None
    if place and place.names & {target, f"{target}_runs"} and one_place(source, sink):
        right = f"give another measurement, such as {seen(target + '_forecast')}"
        return [Problem("E_FEEDBACK_LOOP", where, f"{seen(target)} is what the series itself reads; {right}")]
    return []


def one_place(source: dict[str, Any], sink: dict[str, Any]) -> bool:
    """Whether what is written goes to the very place that is read, so that names there must differ."""
    reads = SOURCE.ask(source, "reads")
    place = reads(source) if reads and one_family(source, sink) else None
    return place is not None and all(
        _address(sink, part) in (None, _address(place.address, part)) for part in place.address
    )


def _address(server: Mapping[str, Any], part: str) -> Any:  # noqa: ANN401 - untrusted data
    """One part of where a server is; an address is the same with a slash after it."""
    value = server.get(part)
    return value.rstrip("/") if part == "url" and isinstance(value, str) else value


def _time_problems(data: dict[str, Any], at: str) -> list[Problem]:
    every, lookback, horizon = (
        Duration.read(data.get(name) or default)
        for name, default in (("every", "1h"), ("lookback", "4w"), ("horizon", "24h"))
    )
    if every is None:
        return []
    problems = [
        no_multiple(span, every, f"{at}{name}")
        for name, span in (("lookback", lookback), ("horizon", horizon))
        if span and (span % every or span < every)
    ]
    if horizon and horizon // every > 1_000_000:
        sentence = f"{horizon // every} steps; allowed: at most 1000000"
        problems.append(Problem("E_CONFIG_RANGE", f"{at}horizon", sentence))
    return problems + (_period_problems(data.get("periods"), every, lookback, f"{at}periods") if lookback else [])


def _period_problems(listed: object, every: Duration, lookback: Duration, where: str) -> list[Problem]:
    """Periods that steps can't make up, or that the history does not hold twice."""
    problems = []
    multiple = f"a multiple of every ({every}), at least two of them, at most half of lookback ({lookback})"
    for i, text in enumerate(listed if isinstance(listed, list) else []):
        period = Duration.read(text)
        if period is not None and (period % every or period < 2 * every or period * 2 > lookback):
            problems.append(Problem("E_CONFIG_CROSS", f"{where}[{i}]", f"{text} does not fit; allowed: {multiple}"))
    return problems


def _level_problems(data: dict[str, Any], where: str) -> list[Problem]:
    levels = data.get("levels")
    names = (
        [level_name(level) for level in levels if isinstance(level, int | float)] if isinstance(levels, list) else []
    )
    level = data["level"] if isinstance(data.get("level"), int | float) else 0.95
    problems = [
        Problem("E_CONFIG_CROSS", f"{where}[{names.index(own)}]", f"{level:g} is already `level`; leave it out")
        for own in [level_name(level)]
        if own in names
    ]
    doubled = [
        Problem("E_CONFIG_DUPLICATE", where, f"two of them would be named {name}; give each once")
        for name in dict.fromkeys(names)
        if names.count(name) > 1
    ]
    return problems + doubled


def _empty_problems(source: dict[str, Any], prepare: object, where: str) -> list[Problem]:
    """A counter that is zero where it has no value would begin anew there."""
    if source.get("empty") != "zero" or not isinstance(prepare, dict) or prepare.get("rate") is not True:
        return []
    sentence = "zero although prepare.rate makes the values a counter; allowed: missing, or previous"
    return [Problem("E_CONFIG_CROSS", where, sentence)]


def _smooth_problems(data: dict[str, Any], where: str) -> list[Problem]:
    every, span = (
        Duration.read(data.get("every") or "1h"),
        Duration.read(data["prepare"].get("smooth") if isinstance(data.get("prepare"), dict) else None),
    )
    if every is None or span is None:
        return []
    sentence = f"{span} holds one value and changes nothing; allowed: at least two steps of every ({every})"
    return [Problem("E_CONFIG_CROSS", where, sentence)] if span < 2 * every else []
