"""When runs are due: as the chart and Argo say it."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from cronocast.document.entry import parse_entry
from cronocast.document.schedule import next_run_ns, occurrences, with_minute

ROOT = Path(__file__).parents[2]
SOURCE = {"url": "http://127.0.0.1:8086", "database": "metrics", "measurement": "cpu", "field": "usage"}


def ns(text: str) -> int:
    """A time in UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 10**9


@pytest.mark.parametrize(
    ("schedules", "zone", "start", "end", "due"),
    [
        (["0 * * * *"], "UTC", "2026-01-01 00:00", "2026-01-01 02:00", ["2026-01-01 00:00", "2026-01-01 01:00"]),
        (["30 6 * * 1-5"], "UTC", "2026-01-02", "2026-01-06", ["2026-01-02 06:30", "2026-01-05 06:30"]),
        (["0 6 * * *", "0 6,18 * * *"], "UTC", "2026-01-01", "2026-01-02", ["2026-01-01 06:00", "2026-01-01 18:00"]),
        (["0 6 * * *"], "Europe/Berlin", "2026-03-28", "2026-03-30", ["2026-03-28 05:00", "2026-03-29 04:00"]),
    ],
)
def test_runs_are_due_by_every_schedule_in_its_zone(
    schedules: list[str], zone: str, start: str, end: str, due: list[str]
) -> None:
    entry = parse_entry({"name": "cpu", "source": SOURCE, "schedules": schedules, "timezone": zone})
    assert list(occurrences(entry, ns(start), ns(end))) == list(map(ns, due))
    assert next_run_ns(entry, ns(due[0]) - 1) == ns(due[0])
    assert next_run_ns(entry, ns(due[0])) == ns(due[1])


def test_the_minute_of_h_is_that_of_the_chart() -> None:
    rendered = {
        re.search(r'\\?"name\\?": ?\\?"([^"\\]*)', text)[1]: yaml.safe_load(text)["spec"]["schedules"]  # type: ignore[index]
        for path in (ROOT / "workflows").glob("*.yaml")
        for text in path.read_text().split("\n---\n")
        if "kind: CronWorkflow" in text
    }
    assert rendered
    named = yaml.safe_load((ROOT / "workflows" / "values.yaml").read_text())
    for name, schedules in rendered.items():
        asked = {**named.get("defaults", {}), **named["series"][name]}.get("schedules", ["H * * * *"])
        assert [with_minute(name, schedule) for schedule in asked] == schedules
