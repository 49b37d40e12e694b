"""The window of a run and the InfluxQL that asks for it."""

import json
from typing import Any
from urllib.parse import parse_qs

import pytest

from cronocast.chain.extract import window_of
from cronocast.document.entry import parse_entry
from cronocast.durations import parse_stamp
from cronocast.errors import ConfigError
from cronocast.formats.influx_names import quoted
from cronocast.sources.influxql.query import history_query, slices
from cronocast.sources.reading import Window

DAY = 86400 * 10**9
WINDOW = Window(1, 2, 3600 * 10**9)


def entry(source: dict[str, Any] | None = None, **more: Any) -> Any:
    base = {"url": "http://127.0.0.1:1", "database": "d", "measurement": "m", "field": "f"}
    merged = {key: value for key, value in {**base, **(source or {})}.items() if value is not None}
    return parse_entry({"name": "s", "source": merged, **more})


WINDOWS: dict[str, tuple[str, str, str, str, str]] = {  # every, lookback, delay, run, end
    "on the hour": ("1h", "24h", "0s", "2026-01-02T03:00:00Z", "2026-01-02T03:00:00Z"),
    "on the hour, late data": ("1h", "24h", "1s", "2026-01-02T03:00:00Z", "2026-01-02T02:00:00Z"),
    "just after": ("1h", "24h", "1s", "2026-01-02T03:00:01Z", "2026-01-02T03:00:00Z"),
    "five minutes": ("5m", "1h", "1s", "2026-01-02T03:14:59Z", "2026-01-02T03:10:00Z"),
    "days begin at midnight UTC": ("1d", "7d", "1h", "2026-01-02T00:59:00Z", "2026-01-01T00:00:00Z"),
    "weeks begin on Thursday": ("1w", "4w", "1s", "2026-01-07T12:00:00Z", "2026-01-01T00:00:00Z"),
}


@pytest.mark.parametrize(("every", "lookback", "delay", "run", "end"), WINDOWS.values(), ids=WINDOWS)
def test_window_ends_with_the_last_finished_step(every: str, lookback: str, delay: str, run: str, end: str) -> None:
    made = entry({"delay": delay}, every=every, lookback=lookback, horizon=every)
    window = window_of(made, parse_stamp(run))
    assert (window.end_ns, window.start_ns) == (parse_stamp(end), parse_stamp(end) - made.lookback)


def test_window_before_1970_is_refused() -> None:
    with pytest.raises(ConfigError, match="lookback"):
        window_of(entry(), 5 * DAY)


def test_a_forecast_that_ends_after_the_last_time_of_a_database_is_refused_before_anything_is_read() -> None:
    run = parse_stamp("2254-01-01T00:00:00Z")
    assert window_of(entry(horizon="400w"), run).end_ns <= run
    with pytest.raises(ConfigError, match=r"E_CONFIG_CROSS horizon: 500w .*2262"):
        window_of(entry(horizon="500w"), run)


QUERIES: dict[str, tuple[dict[str, Any], str, dict[str, Any]]] = {
    "computed": (
        {},
        'SELECT mean("f"::float) FROM "m" WHERE time >= $start AND time < $end GROUP BY time(1h) fill(none)',
        {},
    ),
    "picked": (
        {"aggregate": "last"},
        'SELECT last("f"::field) FROM "m" WHERE time >= $start AND time < $end GROUP BY time(1h) fill(none)',
        {},
    ),
    "percentile": (
        {"aggregate": "percentile", "percentile": 99.9},
        (
            'SELECT percentile("f"::field, $percentile) FROM "m" WHERE time >= $start AND time < $end GROUP BY time(1h)'
            " fill(none)"
        ),
        {"percentile": 99.9},
    ),
    "tags": (
        {"tags": {"host": ["a", "b' OR '1'='1"], "dc": "x"}, "group_by": ["host", "r k"]},
        (
            'SELECT mean("f"::float) FROM "m" WHERE time >= $start AND time < $end AND ("host"::tag = $tag2 OR'
            ' "host"::tag = $tag3) AND ("dc"::tag = $tag4) GROUP BY time(1h), "host"::tag, "r k"::tag fill(none)'
        ),
        {"tag2": "a", "tag3": "b' OR '1'='1", "tag4": "x"},
    ),
    "own": (
        {"query": "SELECT v FROM x WHERE time >= $start AND time < $end", "field": None, "measurement": None},
        "SELECT v FROM x WHERE time >= $start AND time < $end",
        {},
    ),
}


@pytest.mark.parametrize(("source", "text", "values"), QUERIES.values(), ids=QUERIES)
def test_query_has_both_bounds_and_no_value_in_its_text(
    source: dict[str, Any], text: str, values: dict[str, Any]
) -> None:
    query = history_query(entry(source).source_settings(), WINDOW)
    assert (query.text, query.values) == (text, {"start": 1, "end": 2, **values})


def test_form_names_the_database_beside_the_text() -> None:
    made = entry({"retention_policy": "p p"})
    form = {
        key: value[0] for key, value in parse_qs(history_query(made.source, WINDOW).form(made.source).decode()).items()
    }
    assert (form["db"], form["rp"], form["epoch"], form["chunked"]) == ("d", "p p", "ns", "true")
    assert json.loads(form["params"]) == {"start": 1, "end": 2}


def test_names_are_escaped() -> None:
    assert [quoted(name) for name in ("a b", 'a"b', "a\\b", "a'b")] == ['"a b"', '"a\\"b"', '"a\\\\b"', '"a\'b"']


def test_slices_cover_the_window_once() -> None:
    assert slices(Window(0, 10, 1), None) == [Window(0, 10, 1)]
    assert slices(Window(0, 10, 1), 4) == [Window(0, 4, 1), Window(4, 8, 1), Window(8, 10, 1)]
    assert slices(Window(0, 10, 1), 99) == [Window(0, 10, 1)]
