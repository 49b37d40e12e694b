"""A run folder is read as far as it goes: what is missing or broken is told, never fatal."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cronocast.chain.provenance import provenance
from cronocast.chain.resolve import step_leaves
from cronocast.chain.table import chain_steps
from cronocast.document.entry import parse_entry
from cronocast.errors import DataError
from cronocast.report.page import joined, page
from cronocast.report.run_folder import read_run
from cronocast.report.scores import backtest_of
from tests import report_runs
from tests.report_runs import HOUR, NOW, Sample


def test_a_whole_run_is_read(tmp_path: Path) -> None:
    run = read_run(report_runs.several(tmp_path / "run"))
    assert (run.series, run.title, run.run) == ("web-requests", "Requests per second, by host", "2026-03-10T14:00:00Z")
    assert {step.name: step.status for step in run.steps if step.status != "ok"} == {"forecast": "fallback"}
    assert run.window == (NOW - 672 * HOUR, NOW)
    member = run.members[0]
    assert (member.label, member.series_class, member.model, member.written) == (
        "host=web-1",
        "seasonal",
        "median(fourier,seasonal_naive)",
        24,
    )
    assert member.backtest is not None
    assert member.backtest.ratio == pytest.approx(0.62)
    assert member.backtest.chosen[0] == pytest.approx(
        0.7 * 0.62 * 1.6
    )  # in the unit of the member: the file keeps errors in units of `scale`
    assert run.problems == ()


def test_a_label_shows_tag_values_as_they_are(tmp_path: Path) -> None:
    run = read_run(
        report_runs.write_run(tmp_path / "run", [Sample(r"a=1\,2,b=x\=y\\z", report_runs.daily(5, 1))], points=48)
    )
    assert run.members[0].label == r"a=1,2, b=x=y\z"


def test_no_folder_and_an_empty_one_are_told_apart_from_a_run(tmp_path: Path) -> None:
    for folder in (tmp_path / "none", tmp_path):
        with pytest.raises(DataError, match=r"E_INPUT_MISSING \S+: .*history\.csv"):
            read_run(folder)


BREAKS = {
    "history.csv cut in the middle": ("history.csv", lambda text: text[: len(text) // 2 + 3], "history.csv"),
    "history.csv with another header": ("history.csv", lambda text: "time,value\n" + text, "E_CSV_HEADER"),
    "forecast.csv with words": ("forecast.csv", lambda text: text.replace(".", ".x", 1), "E_CSV"),
    "profile.json cut": ("profile.json", lambda text: text[:-30], "E_JSON"),
    "profile.json of another form": ("profile.json", lambda text: text.replace('"periods"', '"seasons"'), "E_CLASS"),
    "forecast.result.json of another step": (
        "forecast.result.json",
        lambda text: text.replace('"step": "forecast"', '"step": "load"'),
        "E_HANDOFF",
    ),
    "load.result.json no JSON": ("load.result.json", lambda _: "<html>", "E_JSON"),
    "extract.result.json empty": ("extract.result.json", lambda _: "", "E_HANDOFF"),
}


@pytest.mark.parametrize(("name", "change", "told"), BREAKS.values(), ids=BREAKS)
def test_a_broken_file_is_told_and_the_rest_is_read(name: str, change: Any, told: str, tmp_path: Path) -> None:
    folder = report_runs.several(tmp_path / "run")
    (folder / name).write_text(change((folder / name).read_text()))
    run = read_run(folder)
    assert any(told in problem for problem in run.problems)
    assert len(run.members) == 8


@pytest.mark.parametrize(
    "name",
    [
        "history.csv",
        "profile.json",
        "forecast.csv",
        *[f"{step}.result.json" for step in ("extract", "classify", "forecast", "load")],
    ],
)
def test_any_file_may_be_missing(name: str, tmp_path: Path) -> None:
    folder = report_runs.several(tmp_path / "run")
    (folder / name).unlink()
    assert len(read_run(folder).members) == 8


@pytest.mark.parametrize("odd", [None, 3, "x", [], [1], {}, {"a": 1}, True, -1e308], ids=repr)
@pytest.mark.parametrize("step", ["extract", "forecast", "load"])
def test_odd_values_in_a_result_still_give_a_page(step: str, odd: object, tmp_path: Path) -> None:
    folder = report_runs.one(tmp_path / "run")
    path = folder / f"{step}.result.json"
    document = json.loads(path.read_text())
    kept = {"schema", "step", "status"}
    path.write_text(json.dumps({name: value if name in kept else odd for name, value in document.items()}))
    assert "<h1>" in page([read_run(folder)])


@pytest.mark.parametrize("odd", [None, 3, "x", [], {}], ids=repr)
def test_odd_values_of_a_member_still_give_a_page(odd: object, tmp_path: Path) -> None:
    folder = report_runs.one(tmp_path / "run")
    path = folder / "forecast.result.json"
    document = json.loads(path.read_text())
    member = {name: value if name in ("name", "tags") else odd for name, value in document["members"][0].items()}
    path.write_text(json.dumps({**document, "members": [member, odd]}))
    assert "<h1>" in page([read_run(folder)])


def test_points_count_as_written_only_when_all_were_acknowledged(tmp_path: Path) -> None:
    folder = report_runs.one(tmp_path / "run")
    path = folder / "load.result.json"
    document = json.loads(path.read_text())
    path.write_text(json.dumps({**document, "acked": 11}))
    assert read_run(folder).members[0].written is None


@pytest.mark.parametrize("step", ["extract", "classify", "forecast"])
def test_what_an_earlier_try_left_is_not_taken_for_this_one(step: str, tmp_path: Path) -> None:
    """A step that fails ends the chain: results of the steps after it were written before."""
    folder = report_runs.one(tmp_path / "run")
    path = folder / f"{step}.result.json"
    path.write_text(
        json.dumps({**json.loads(path.read_text()), "status": "failed", "exit": 78, "reason": "E_MODEL: no such model"})
    )
    run = read_run(folder)
    after = chain_steps()[chain_steps().index(step) + 1 :]
    assert {s.status for s in run.steps if s.name in after} == {"missing"}
    assert [(len(m.forecast.time_ns), m.model if step != "forecast" else "", m.written) for m in run.members] == [
        (0, "", None)
    ]
    assert any(re.search(rf"\b{step}\b", problem) for problem in run.problems)
    assert not re.search(r"\b24 \w+ 24 points", page([run]))  # none of them counts as written


def test_backtest_is_read_in_its_flat_form_too() -> None:
    test = backtest_of(
        {
            "ratio": 0.5,
            "mase": 0.4,
            "coverage": 0.9,
            "level": 0.8,
            "by_step": {"steps": [1, 2], "chosen": [1, 2], "naive": [3, None]},
        }
    )
    assert test is not None
    assert (test.ratio, test.level, test.steps, test.chosen, test.naive) == (0.5, 0.8, (1, 2), (1.0, 2.0), (3.0, None))


SEASONS: dict[str, tuple[object, tuple[int, ...]]] = {
    "recorded": ([24], (24,)),
    "several": ([24, 168], (24, 168)),
    "none": (None, ()),
    "no list": (24, ()),
    "odd ones": ([0, -24, 2.5, "24", 1e300, None, 7], (7,)),
}


@pytest.mark.parametrize(("recorded", "expected"), SEASONS.values(), ids=SEASONS)
def test_the_seasons_that_were_repeated_are_read(recorded: object, expected: tuple[int, ...]) -> None:
    test = backtest_of({"season": 7, "naive": {"model": "seasonal_naive", "seasons": recorded}})
    assert test is not None
    assert (
        test.seasons == expected
    )  # that beside the origins only scales errors: it is the shortest period, whatever was repeated


@pytest.mark.parametrize("data", [None, {}, [], "x", 3], ids=repr)
def test_no_backtest_is_none(data: object) -> None:
    assert backtest_of(data) is None


_leaf = st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5)
_json = (
    _leaf
    | st.lists(_leaf, max_size=4)
    | st.dictionaries(
        st.sampled_from(["mase", "by_step", "model", "steps", "naive"]), _leaf | st.lists(_leaf, max_size=4), max_size=3
    )
)
_keys = st.sampled_from(
    [
        "origins",
        "ratio",
        "mase",
        "coverage",
        "level",
        "scale",
        "models",
        "chosen",
        "naive",
        "by_step",
        "failed",
        "not_tried",
        "steps",
    ]
)


@settings(suppress_health_check=[HealthCheck.too_slow])  # a loaded machine is no defect
@given(st.dictionaries(_keys, _json, max_size=8))
def test_any_json_in_place_of_a_backtest_is_survived(data: dict[str, Any]) -> None:
    test = backtest_of(data)
    assert test is None or len(test.steps) == len(test.chosen) == len(test.naive)


def test_runs_of_one_series_become_one_with_earlier_forecasts(tmp_path: Path) -> None:
    sample = Sample("", report_runs.daily(50, 14))
    runs = [report_runs.write_run(tmp_path / str(i), [sample], now=NOW + i * 24 * HOUR) for i in (2, 0, 1)]
    (view,) = joined([read_run(folder) for folder in runs])
    assert view.run == "2026-03-12T14:00:00Z"
    assert [run for run, _ in view.members[0].earlier] == ["2026-03-10T14:00:00Z", "2026-03-11T14:00:00Z"]


def test_result_files_carry_the_title_and_the_zone_of_an_entry() -> None:
    entry = parse_entry(
        {
            "name": "x",
            "title": "Cars",
            "timezone": "Europe/Berlin",
            "source": {"url": "http://h:1", "database": "d", "measurement": "m", "field": "f"},
        }
    )
    for step in ("extract", "classify", "forecast", "load"):
        shown = provenance(step_leaves(step), entry, {"title": "entry"})
        assert (shown["title"], shown["timezone"]["value"]) == ({"value": "Cars", "from": "entry"}, "Europe/Berlin")
