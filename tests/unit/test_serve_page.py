"""The page of `cronocast serve`: which forecast it shows, for which times, under which labels."""

import shutil
import threading
import zlib
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample as Line

from cronocast.durations import Duration
from cronocast.errors import TemporaryError
from cronocast.handoff.evaluation import Anomaly, Crossing, LeadAccuracy, MemberEvaluation, Verdict
from cronocast.serve.labels import label_names, label_text
from cronocast.serve.page import GONE_NS, Page, with_end
from tests.report_runs import HOUR, NOW, Sample
from tests.served import add_run

MINUTE = HOUR // 60
DAY = 24 * HOUR


class Clock:
    """A clock that is set."""

    def __init__(self, now_ns: int = NOW) -> None:
        self.now_ns = now_ns

    def __call__(self) -> int:
        return self.now_ns


def lines_of(page: Page) -> list[Line]:
    """The page as a client of Prometheus reads it."""
    return [line for family in text_string_to_metric_families(page.text.plain.decode()) for line in family.samples]


def at(page: Page, clock: Clock, now_ns: int) -> list[Line]:
    clock.now_ns = now_ns
    page.refresh()
    return lines_of(page)


def values(lines: list[Line], name: str, **labels: str) -> dict[str, float]:
    """Values of a metric by what is left of their labels, as text."""
    found = {}
    for line in lines:
        if line.name == name and labels.items() <= line.labels.items():
            found[",".join(f"{k}={v}" for k, v in line.labels.items() if k not in labels)] = line.value
    return found


def page_of(root: Path, leads: str = "1h", compatible: str = "") -> tuple[Page, Clock]:
    clock = Clock()
    return Page(root, [Duration.parse(lead) for lead in leads.split(",")], compatible, clock), clock


def count(i: int) -> float:
    """A curve whose value is the number of the step."""
    return float(i)


@pytest.mark.parametrize(
    ("after_ns", "now", "hour", "day"),
    [
        (-1, None, 0.0, 23.0),
        (0, 0.0, 1.0, 23.0),  # a day ends where the forecast does: its last step
        (59 * MINUTE, 0.0, 1.0, 23.0),
        (HOUR, 1.0, 2.0, 23.0),
        (2 * HOUR + 24 * MINUTE, 2.0, 3.0, 23.0),
        (2 * HOUR + 25 * MINUTE, 2.0, 3.0, None),  # more than a tenth of the day is missing
        (22 * HOUR + 59 * MINUTE, 22.0, 23.0, None),
        (23 * HOUR + 5 * MINUTE, 23.0, 23.0, None),
        (23 * HOUR + 7 * MINUTE, 23.0, None, None),
        (24 * HOUR, None, None, None),
    ],
)
def test_what_is_shown_is_forecast_for_the_present_and_so_far_ahead_of_it(
    tmp_path: Path, after_ns: int, now: float | None, hour: float | None, day: float | None
) -> None:
    add_run(tmp_path, "web", NOW, [Sample("host=a", count)], horizon=24)
    page, clock = page_of(tmp_path, "1h,24h")
    found = values(at(page, clock, NOW + after_ns), "cronocast_forecast", series="web", quantile="0.5", host="a")
    expected = {"now": now, "1h": hour, "24h": day}
    assert found == {f"measurement=requests,horizon={lead}": v for lead, v in expected.items() if v is not None}


def test_every_interval_is_a_pair_of_quantiles(tmp_path: Path) -> None:
    add_run(tmp_path, "web", NOW, [Sample("", count)])
    page, clock = page_of(tmp_path)
    found = values(at(page, clock, NOW), "cronocast_forecast", horizon="now", series="web", measurement="requests")
    assert list(found) == ["quantile=0.5", "quantile=0.025", "quantile=0.975"]
    assert found["quantile=0.025"] < found["quantile=0.5"] < found["quantile=0.975"]


def test_runs_are_told_with_the_one_that_is_due_next(tmp_path: Path) -> None:
    add_run(tmp_path, "web", NOW, [Sample("host=a", count), Sample("host=b", count)])
    page, clock = page_of(tmp_path)
    lines = at(page, clock, NOW + MINUTE)
    told = {name: values(lines, f"cronocast_{name}", series="web") for name in (
        "run_timestamp_seconds", "next_run_timestamp_seconds", "forecast_end_timestamp_seconds", "members", "run_failed"
    )}  # fmt: skip
    assert told == {
        "run_timestamp_seconds": {"": NOW / 1e9},
        "next_run_timestamp_seconds": {"": (NOW + HOUR) / 1e9},
        "forecast_end_timestamp_seconds": {"": (NOW + DAY) / 1e9},
        "members": {"": 2},
        "run_failed": {"": 0},
    }
    assert values(lines, "cronocast_member_info", host="a", series="web", measurement="requests") == {
        "class=seasonal,model=median(fourier,seasonal_naive)": 1
    }


@pytest.mark.parametrize("more", [{"schedules": None}, {"suspend": True}], ids=["no schedule", "suspended"])
def test_no_run_is_due_where_none_comes(tmp_path: Path, more: dict[str, object]) -> None:
    add_run(tmp_path, "web", NOW, [Sample("host=a", count)], settings=more)
    page, clock = page_of(tmp_path)
    assert not values(at(page, clock, NOW), "cronocast_next_run_timestamp_seconds")


def test_members_and_series_that_vanished_leave(tmp_path: Path) -> None:
    add_run(tmp_path, "web", NOW, [Sample("host=a", count), Sample("host=b", count)])
    gone = add_run(tmp_path, "old", NOW, [Sample("host=a", count)])
    page, clock = page_of(tmp_path)
    assert {line.labels["series"] for line in at(page, clock, NOW)} == {"web", "old"}
    add_run(tmp_path, "web", NOW + HOUR, [Sample("host=b", count)])
    shutil.rmtree(gone.parent.parent)
    lines = at(page, clock, NOW + HOUR)
    assert {(line.labels["series"], line.labels.get("host", "b")) for line in lines} == {("web", "b")}


def test_a_series_that_is_given_up_leaves_after_a_week(tmp_path: Path) -> None:
    add_run(tmp_path, "web", NOW, [Sample("host=a", count)])
    page, clock = page_of(tmp_path)
    assert values(at(page, clock, NOW + GONE_NS), "cronocast_run_timestamp_seconds")
    assert at(page, clock, NOW + GONE_NS + 1) == []


REFUSED = TemporaryError("E_CONNECT", "http://db", "refused")


@pytest.mark.parametrize("step", ["extract", "forecast", "load"])
def test_after_a_run_that_failed_the_last_forecast_stays_and_the_failure_is_told(tmp_path: Path, step: str) -> None:
    add_run(tmp_path, "web", NOW, [Sample("host=a", count)])
    page, clock = page_of(tmp_path)
    page.refresh()
    add_run(tmp_path, "web", NOW + HOUR, [Sample("host=a", count)], failed={step: REFUSED})
    lines = at(page, clock, NOW + HOUR)
    shown = NOW + (HOUR if step == "load" else 0)  # what could not be written to a database is a forecast all the same
    assert values(lines, "cronocast_run_timestamp_seconds") == {"series=web": shown / 1e9}
    assert values(lines, "cronocast_run_failed") == {"series=web": 1}
    assert values(lines, "cronocast_forecast", horizon="now", quantile="0.5")


def test_a_broken_file_is_told_once_and_hides_only_its_own_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add_run(tmp_path, "web", NOW, [Sample("host=a", count)])
    add_run(tmp_path, "other", NOW, [Sample("host=a", count)])
    broken = add_run(tmp_path, "web", NOW + HOUR, [Sample("host=a", count)])
    (broken / "forecast.csv").write_text("name\n")
    page, clock = page_of(tmp_path)
    for _ in range(3):
        lines = at(page, clock, NOW + HOUR)
    found = values(lines, "cronocast_run_timestamp_seconds")
    assert found == {"series=web": NOW / 1e9, "series=other": NOW / 1e9}
    assert capsys.readouterr().err.count("E_HANDOFF") == 1
    assert "differs from what forecast published" in page.text.problems[0]


def test_a_volume_that_is_away_leaves_the_page_as_it_was(tmp_path: Path) -> None:
    root = tmp_path / "volume"
    add_run(root, "web", NOW, [Sample("host=a", count)])
    page, clock = page_of(root)
    before = at(page, clock, NOW)
    root.rename(tmp_path / "away")
    assert at(page, clock, NOW) == before
    assert not page.text.readable
    assert "name the root of the volume" in page.text.problems[0]
    (tmp_path / "away").rename(root)
    assert at(page, clock, NOW) == before
    assert page.text.readable


def test_a_forecast_in_the_folder_of_another_series_is_not_shown(tmp_path: Path) -> None:
    run = add_run(tmp_path, "web", NOW, [Sample("host=a", count)])
    shutil.copytree(run, tmp_path / "cpu-00000000/runs" / run.name)
    page, clock = page_of(tmp_path)
    assert {line.labels["series"] for line in at(page, clock, NOW)} == {"web"}
    assert "which is another folder" in page.text.problems[0]


def test_a_run_repeated_is_read_again(tmp_path: Path) -> None:
    add_run(tmp_path, "web", NOW, [Sample("host=a", count)])
    page, clock = page_of(tmp_path)
    page.refresh()
    add_run(tmp_path, "web", NOW, [Sample("host=a", lambda i: i + 100.0)])
    assert set(values(at(page, clock, NOW), "cronocast_forecast", horizon="now", quantile="0.5").values()) == {100.0}


LEAD = LeadAccuracy(6, 40, 9.5, 1.5, -0.5, 0.7, None, {"95": 0.9, "97_5": 1.0}, {"95": 0.8}, {"95": 1.0}, 0.25)
CROSSING = Crossing(
    "full", 90.0, True, "value", "date", "in two days",
    now=80.0, earliest_ns=NOW + DAY, crosses_ns=NOW + 2 * DAY, p_1d=0.1, p_7d=0.97, act_by_ns=NOW - DAY,
)  # fmt: skip
FOUND = MemberEvaluation(
    "requests",
    "host=a",
    Verdict("full", "drift"),
    leads=(LEAD,),
    useful_ns=12 * HOUR,
    crossings=(CROSSING,),
    anomalies=(Anomaly("outside", NOW - HOUR, NOW, 1, 0.99, ""),),
)


def test_dates_accuracy_drift_and_anomalies_are_those_of_evaluate(tmp_path: Path) -> None:
    add_run(tmp_path, "web", NOW, [Sample("host=a", count)], [FOUND])
    page, clock = page_of(tmp_path)
    lines = at(page, clock, NOW)
    own = {"series": "web", "measurement": "requests", "host": "a"}
    full = {**own, "threshold": "full"}
    ahead = {**own, "lead": "6h"}
    for name, labels, expected in (
        (
            "crossing_timestamp_seconds",
            full,
            {"bound=earliest": (NOW + DAY) / 1e9, "bound=median": (NOW + 2 * DAY) / 1e9},
        ),
        ("crossing_probability", full, {"within=1d": 0.1, "within=7d": 0.97}),
        ("crossing_act_by_timestamp_seconds", full, {"": (NOW - DAY) / 1e9}),
        ("crossing_limit", full, {"": 90.0}),
        ("crossing_state", full, {"state=date": 1}),
        ("accuracy_mae", ahead, {"": 1.5}),
        ("accuracy_bias", ahead, {"": -0.5}),
        ("accuracy_mase", ahead, {"": 0.7}),
        ("accuracy_skill", ahead, {"": 0.25}),
        ("accuracy_coverage_ratio", ahead, {"level=0.95": 0.9, "level=0.975": 1.0}),
        ("useful_horizon_seconds", own, {"": 12 * 3600}),
        ("drift", own, {"": 1}),
        ("verdict_info", own, {"verdict=full,reason=drift": 1}),
        ("anomaly_score", own, {"kind=outside": 0.99}),
    ):
        assert values(lines, f"cronocast_{name}", **labels) == expected, name


def test_a_broken_evaluation_leaves_the_forecast(tmp_path: Path) -> None:
    run = add_run(tmp_path, "web", NOW, [Sample("host=a", count)], [FOUND])
    (run / "evaluation.json").write_text("{}")
    page, clock = page_of(tmp_path)
    lines = at(page, clock, NOW)
    assert values(lines, "cronocast_forecast", horizon="now")
    assert not values(lines, "cronocast_crossing_state")
    assert "evaluation.json" in page.text.problems[0]


@pytest.mark.parametrize(
    ("keys", "labels"),
    [
        (["host", "path"], ["host", "path"]),
        (["a-b", "a.b", "a b"], ["a_b", "a_b_2", "a_b_3"]),
        (["quantile", "series", "class"], ["tag_class", "tag_quantile", "tag_series"]),
        (["class", "tag_class"], ["tag_class", "tag_class_2"]),
        (["0", "__name__", "_x"], ["tag_0", "tag_name__", "_x"]),
        (["größe", "名前"], ["gr__e", "__2"]),
        (["__"], ["tag_"]),
    ],
)
def test_labels_are_names_that_every_prometheus_takes(keys: list[str], labels: list[str]) -> None:
    found = label_names(keys)
    assert len(set(found.values())) == len(set(keys))
    if "名前" not in keys:
        assert sorted(found.values()) == sorted(labels)
    assert all(name.replace("_", "a").isalnum() and name.isascii() for name in found.values())
    assert not [name for name in found.values() if name[0].isdigit() or name.startswith("__")]


@pytest.mark.parametrize("value", ['"', "\\", "a\nb", "\\n", "{}", "é 日本語 \U0001f600", 'x"} 1\nup 1', " ", "#"])
def test_values_of_labels_are_kept(value: str) -> None:
    (family,) = text_string_to_metric_families(f"m{{{label_text({'tag': value, 'b': 'c'})}}} 1\n")
    assert [line.labels for line in family.samples] == [{"tag": value, "b": "c"}]


TRAINED = "instance=cpt-0001,operation_type=create_container,quantile=0.5,region=compute"


def test_train_prometheus_finds_its_names_with_the_labels_of_the_source_alone(tmp_path: Path) -> None:
    add_run(tmp_path, "kubelet", NOW, [Sample(TRAINED, count)])
    add_run(tmp_path, "other", NOW, [Sample("host=a", count)])
    page, clock = page_of(tmp_path, compatible="kubelet")
    lines = at(page, clock, NOW + HOUR)
    names = ("predicted_values_prophet", "predicted_values_prophet_yhat_upper", "predicted_values_prophet_yhat_lower")
    yhat, upper, lower = (values(lines, name) for name in names)
    assert list(yhat) == list(upper) == list(lower) == [TRAINED]
    assert lower[TRAINED] < yhat[TRAINED] == 1.0 < upper[TRAINED]
    assert "# HELP predicted_values_prophet Forecasted value from Prophet model\n" in page.text.plain.decode()
    assert at(page, clock, NOW + DAY)
    assert not values(lines_of(page), "predicted_values_prophet")


def test_what_did_not_change_is_not_made_again(tmp_path: Path) -> None:
    add_run(tmp_path, "web", NOW, [Sample("host=a", count)])
    page, clock = page_of(tmp_path)
    page.refresh()
    before = page.text
    at(page, clock, NOW + 30 * MINUTE)
    assert page.text.plain is before.plain
    assert page.text.made_s > before.made_s


@pytest.mark.parametrize("end", [b"", b"x 1\n", b"x 1\n" * 100_000])
def test_the_page_and_its_end_are_one_gzip_file(tmp_path: Path, end: bytes) -> None:
    add_run(tmp_path, "web", NOW, [Sample("host=a", count)])
    page, _ = page_of(tmp_path)
    page.refresh()
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
    assert unpacker.decompress(with_end(page.text, end)) == page.text.plain + end
    assert unpacker.eof
    assert unpacker.unused_data == b""


def test_a_bug_in_one_refresh_is_told_and_the_next_one_comes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    page, _ = page_of(tmp_path)
    ended, calls = threading.Event(), []

    def refresh() -> None:
        calls.append(1)
        if len(calls) == 2:
            ended.set()
        raise ValueError("odd")

    monkeypatch.setattr(page, "refresh", refresh)
    page.refresh_every(0.001, ended)
    assert capsys.readouterr().err.count("E_BUG ValueError: odd") == 2
