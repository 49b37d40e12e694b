"""Past runs as Argo workflows: what the chart schedules, with a time of its own."""

from pathlib import Path

import pytest
import yaml

from cronocast.cluster.backfill import SCHEDULED, workflows
from cronocast.durations import UNIT_NS, stamp
from tests.chart.rendering import tool

VALUES = Path(__file__).parents[2] / "workflows" / "values.yaml"
DAY = UNIT_NS["d"]
TIMES = [20_000 * DAY, 20_001 * DAY]


@pytest.fixture(autouse=True)
def helm() -> None:
    """Skip, with the reason, where helm is not here."""
    tool("helm")


def test_each_run_is_the_scheduled_one_at_its_own_time() -> None:
    made = list(yaml.safe_load_all(workflows(VALUES, {"power": TIMES, "wind": TIMES[:1]}, "fc", "forecasts", 1)))
    assert [one["metadata"]["annotations"][SCHEDULED] for one in made] == [stamp(TIMES[i]) for i in (0, 0, 1)]
    names = {one["metadata"]["name"] for one in made}
    assert len(names) == 3
    assert all(len(name) <= 63 for name in names)  # of a label
    assert {one["kind"] for one in made} == {"Workflow"}
    assert {one["metadata"]["namespace"] for one in made} == {"forecasts"}
    assert all(one["spec"]["workflowTemplateRef"]["name"].startswith("fc-") for one in made)


@pytest.mark.parametrize(("at_once", "lanes"), [(1, 1), (2, 2), (9, 2)])
def test_runs_of_a_series_wait_for_each_other_and_series_share_the_lanes(at_once: int, lanes: int) -> None:
    runs = {"power": TIMES, "wind": TIMES}
    made = list(yaml.safe_load_all(workflows(VALUES, runs, "fc", "forecasts", at_once)))
    locks = [tuple(lock["name"] for lock in one["spec"]["synchronization"]["mutexes"]) for one in made]
    assert len({own for own, _ in locks}) == 2
    assert len({lane for _, lane in locks}) == lanes
    for one, (own, _) in zip(made, locks, strict=True):
        assert {"name": "id", "value": own} in one["spec"]["arguments"]["parameters"]
    older, newer = (one["spec"]["priority"] for one, lock in zip(made, locks, strict=True) if lock == locks[0])
    assert older > newer
