"""What the report says, in numbers and words."""

import re
from array import array
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cronocast.charts import words
from cronocast.charts.scale import zone_of
from cronocast.classify import explain
from cronocast.durations import Duration
from cronocast.errors import CronocastError
from cronocast.forecast.timeline import Timeline
from cronocast.report import sentences
from cronocast.report.model import MemberView, StepView
from cronocast.report.prepared import RULES, prepared_sentence
from cronocast.report.run_folder import read_run
from cronocast.report.scene import Scene, scene_of
from cronocast.timeseries.fill import Filled
from cronocast.timeseries.preparation import Absent, Preparation
from cronocast.timeseries.prepare import prepare
from cronocast.timeseries.settings import Prepare
from tests import report_runs
from tests.messages import numbers, wording
from tests.report_runs import HOUR, NOW, Sample

NUMBERS = {
    "decimals by the range": (68.12345, 37.0, "68.1"),
    "many decimals in a narrow range": (68.12348, 0.012, "68.1235"),
    "no range": (68.12345, 0.0, "68.1"),
    "a whole number stays whole": (12.0, 0.0, "12"),
    "giga": (6.932e9, 4e9, "6.93 G"),
    "below zero": (-3.5, 10, "\u22123.5"),
    "thousands": (12345.6, 900, "12,346"),
    "tiny": (3.21e-7, 1e-7, "3.21e-07"),
    "none": (None, 1, "-"),
    "not finite": (float("inf"), 1, "-"),
    "zero": (0.0, 0.0, "0"),
    "largest": (1.79e308, 1e308, "1.79e+308"),
    "large in a small range": (1.773e9 + 2, 6.0, "1,773,000,002.0"),
    "large in a range of hundreds": (5.12e9 + 123.4, 800.0, "5,120,000,123"),
    "giga in a range of some 10,000": (1.773e9 + 1234.0, 6e4, "1,773.0012 M"),
    "mega in a range of some 1,000": (1.234567e6, 4e3, "1,234.57 k"),
    "below zero in a small range": (-1.773e9 - 2, 60.0, "\u22121,773,000,002"),
    "below one in a small range": (0.9999 + 1.23e-8, 2e-8, "0.9999000123"),
    "beyond all letters in a small range": (1e15 + 7e5, 1e6, "1.0000000007e+15"),
    "a range that is but rounding": (0.1 + 0.2, 5e-17, "0.3"),
    "rounded to zero from below": (-0.3, 300.0, "0"),
    "rounded to zero with a letter": (-100.0, 1e6, "0.00 M"),
}


@pytest.mark.parametrize(("value", "span", "expected"), NUMBERS.values(), ids=NUMBERS)
def test_number(value: float | None, span: float, expected: str) -> None:
    assert words.number(value, span) == expected


TICKS = {
    "whole": ([0, 20, 40], ["0", "20", "40"]),
    "alike": ([0, 0.5, 1.0], ["0", "0.5", "1.0"]),
    "kilo": ([0, 5000, 10000], ["0", "5k", "10k"]),
    "mega with a decimal": ([1e6, 1.5e6], ["1.0M", "1.5M"]),
    "below zero": ([-2, 0], ["\u22122", "0"]),
    "large and close": ([1.773e9 - 2, 1.773e9, 1.773e9 + 2], ["1,772,999,998", "1,773,000,000", "1,773,000,002"]),
    "large and less close": ([1.7725e9, 1.773e9], ["1.7725G", "1.7730G"]),
    "large, a smaller letter": ([1.77302e9, 1.77304e9], ["1,773.02M", "1,773.04M"]),
    "close below one": ([0.99990001, 0.999900015], ["0.999900010", "0.999900015"]),
    "very close": ([0.5, 0.5 + 1e-11], ["0.50000000000", "0.50000000001"]),
    "beyond all letters": ([2e15, 2e15 + 100], ["2000000000000000", "2000000000000100"]),
    "tiny": ([1e-9, 2e-9], ["1e-09", "2e-09"]),
    "one": ([1234.5], ["1,234.5"]),
}


@pytest.mark.parametrize(("ticks", "expected"), TICKS.values(), ids=TICKS)
def test_ticks_are_written_alike(ticks: list[float], expected: list[str]) -> None:
    assert words.tick_numbers(ticks) == expected


LENGTHS = {
    "hour": (HOUR, "hour", "1 hour"),
    "day": (24 * HOUR, "day", "1 day"),
    "week": (168 * HOUR, "week", "1 week"),
    "36 h": (36 * HOUR, "36 hours", "36 hours"),
    "5 m": (HOUR // 12, "5 minutes", "5 minutes"),
    "120 m and a bit": (121 * HOUR // 60, "2.0 hours", "2.0 hours"),
    "119 m": (119 * HOUR // 60, "119 minutes", "119 minutes"),
    "2665 m": (2665 * HOUR // 60, "44.4 hours", "44.4 hours"),
    "500 h": (500 * HOUR, "20.8 days", "20.8 days"),
    "500,001 s": (500_001 * HOUR // 3600, "5.8 days", "5.8 days"),
    "400 d": (400 * 24 * HOUR, "400 days", "400 days"),
    "1.5 s": (HOUR // 2400, "1.5 seconds", "1.5 seconds"),
    "a day and a bit": (24 * HOUR + 1, "24.0 hours", "24.0 hours"),
}


@pytest.mark.parametrize(("ns", "plain", "counted"), LENGTHS.values(), ids=LENGTHS)
def test_length(ns: int, plain: str, counted: str) -> None:
    assert (words.length(ns), words.length(ns, counted=True)) == (plain, counted)


def test_a_length_that_tells_steps_apart_is_exact() -> None:
    assert [words.length(m * HOUR // 60, counted=True, exact=True) for m in (130, 135, 180)] == [
        "130 minutes",
        "135 minutes",
        "3 hours",
    ]


SEASONS = {  # length in ns, as the reason of a class says it
    "a day": (24 * HOUR, "1d"),
    "5 m": (HOUR // 12, "5m"),
    "2665 m": (2665 * HOUR // 60, "44.4h"),
    "500 h": (500 * HOUR, "20.8d"),
    "400 d": (400 * 24 * HOUR, "400d"),
    "9 w": (9 * 168 * HOUR, "9w"),
    "more seconds than a duration holds": (1_000_001 * HOUR // 3600, "11.6d"),
    "below a second": (HOUR // 7200, "1s"),
}


@pytest.mark.parametrize(("ns", "expected"), SEASONS.values(), ids=SEASONS)
def test_length_of_a_season_in_the_reason_of_a_class(ns: int, expected: str) -> None:
    assert explain._length(ns) == expected


PERCENTS = {
    "whole": (0.94, "94\u00a0%"),
    "near all": (0.9951, "99.5\u00a0%"),
    "all": (1.0, "100\u00a0%"),
    "few": (0.004, "0.4\u00a0%"),
    "none known": (None, "-"),
}


@pytest.mark.parametrize(("share", "expected"), PERCENTS.values(), ids=PERCENTS)
def test_percent(share: float | None, expected: str) -> None:
    assert words.percent(share) == expected


RATIOS: dict[str, tuple[float, str]] = {
    "better": (0.62, "38\u00a0%"),
    "worse": (1.21, "21\u00a0%"),
    "same": (1.001, ""),
    "far worse": (40.0, "40 "),
}


@pytest.mark.parametrize(("ratio", "shown"), RATIOS.values(), ids=RATIOS)
def test_better(ratio: float, shown: str) -> None:
    assert shown in sentences.better(ratio)
    assert numbers(sentences.better(ratio)) == numbers(shown)


def test_each_ratio_has_words_of_its_own() -> None:
    assert len({wording(sentences.better(ratio)) for ratio, _ in RATIOS.values()}) == len(RATIOS)


def test_error_and_coverage_are_said_for_people(tmp_path: Path) -> None:
    member = read_run(report_runs.one(tmp_path / "run")).members[0]
    assert numbers(sentences.error_sentence(member)) == ["0.62", "38"]
    assert re.search(r"\bday\b", sentences.error_sentence(member))
    assert {"95\u00a0%", "94\u00a0%"} <= set(
        re.findall(r"\d+\u00a0%", sentences.coverage_sentence(member.backtest, 0.95))
    )


NAIVE: dict[
    str, tuple[str, tuple[int, ...], tuple[int, ...], str]
] = {  # naive model, steps of its seasons, periods of the profile, words
    "the season is recorded": ("seasonal_naive", (24,), (), "day"),
    "of several periods": ("seasonal_naive", (168,), (24, 168), "week"),
    "now one, now the other": ("seasonal_naive", (24, 168), (), "day or week"),
    "another than the profile's": ("seasonal_naive", (12,), (24,), "12 hours"),
    "not recorded, one period": ("seasonal_naive", (), (24,), "day"),
    "not recorded, several": ("seasonal_naive", (), (24, 168), "season"),
    "not recorded, none": ("seasonal_naive", (), (), "season"),
    "the last value": ("naive", (24,), (24,), "value"),
    "nothing known": ("", (), (), "value"),
}


@pytest.mark.parametrize(("model", "seasons", "periods", "expected"), NAIVE.values(), ids=NAIVE)
def test_what_the_naive_forecast_repeats_is_named(
    model: str, seasons: tuple[int, ...], periods: tuple[int, ...], expected: str, member: MemberView
) -> None:
    assert member.backtest is not None
    assert member.profile is not None
    known = replace(
        member,
        backtest=replace(member.backtest, naive_model=model, seasons=seasons),
        profile=replace(member.profile, periods=periods),
    )
    repeated = r"\d+ hours|\bday\b|\bweek\b|\bseason\b|\bvalue\b"
    assert re.findall(repeated, sentences.naive_words(known)) == re.findall(repeated, expected)


def test_members_that_deserve_a_look_are_told_why(tmp_path: Path) -> None:
    run = read_run(report_runs.several(tmp_path / "run"))
    said = {m.label: sentences.remark(m, scene_of(run)) for m in run.members}
    looks = {"gone-1": (0, "no_values"), "new-1": (2, "too_short"), "odd-1": (3, "1.21"), "queue-1": (4, "83\u00a0%")}
    for host, (rank, why) in looks.items():
        assert said[f"host={host}"][0] == rank
        assert why in said[f"host={host}"][1]
    assert said["host=web-1"] == (9, "")


def test_the_forecast_of_an_earlier_run_is_held_against_what_was_measured(tmp_path: Path) -> None:
    before = read_run(
        report_runs.write_run(tmp_path / "1", [Sample("", lambda _: 10.0, noise=2.0)], now=NOW - 24 * HOUR)
    )
    now = read_run(report_runs.write_run(tmp_path / "2", [Sample("", lambda i: 10.0 + i % 2 * 9, noise=0.0)]))
    said = sentences.earlier_sentence(before.run, before.members[0].forecast, now.members[0], zone_of("UTC")[0])
    assert "Mon 9 Mar 14:00" in said
    assert "2026-03-09T14:00:00Z" in said
    assert numbers(said.partition("Z")[2]) == ["24", "4.5", "12", "24"]  # values, error; inside, of how many


HEADLINES: dict[str, tuple[dict[str, CronocastError], tuple[str, ...], str, str]] = {
    "all written": ({}, (), "ok", r"\b24 \w+ 24 points"),
    "load failed": ({"load": report_runs.REFUSED}, (), "bad", "load failed"),
    "load did not run": ({}, ("load",), "warn", r"\bload\b"),
}


@pytest.mark.parametrize(("failed", "without", "state", "said"), HEADLINES.values(), ids=HEADLINES)
def test_headline(
    failed: dict[str, CronocastError], without: tuple[str, ...], state: str, said: str, tmp_path: Path
) -> None:
    folder = report_runs.write_run(
        tmp_path / "run", [Sample("", report_runs.daily(50, 14))], failed=failed, without=without
    )
    found, sentence = sentences.headline(read_run(folder))
    assert found == state
    assert re.search(said, sentence)


FACTS = {
    "ok": (StepView("load", "ok", expected=24, acked=24), r"24 \w+ 24 points"),
    "failed": (StepView("load", "failed", exit=75), r"failed\W.*\b75"),
    "missing": (StepView("load"), r"[^\d]+"),
    "skipped": (StepView("extract", "skipped"), r"skipped\W.*\b0 rows"),
}


@pytest.mark.parametrize(("step", "expected"), FACTS.values(), ids=FACTS)
def test_step_fact(step: StepView, expected: str) -> None:
    assert re.fullmatch(expected, sentences.step_fact(step))


def test_models_are_named_for_people() -> None:
    assert re.fullmatch(r"median \w+ fourier, seasonal naive", words.model_words("median(fourier,seasonal_naive)"))
    assert words.model_words("seasonal_naive") == "seasonal naive"
    assert words.model_words("") == ""


MINUTE = HOUR // 60
DAY = 24 * HOUR
# id: what the result file says, settings, step; numbers and names in the sentence, None where there is none
PREPARED: dict[str, tuple[dict[str, Any], dict[str, Any], int, tuple[list[str], str] | None]] = {
    "nothing": ({}, {}, HOUR, None),
    "outliers and gaps": (
        {"outliers": 3, "filled_by_line": 2, "filled_by_season": 7},
        {},
        HOUR,
        (["3", "9", "9"], "hours.* 9 hours"),
    ),
    "one missing day": ({"filled_by_line": 1}, {}, DAY, (["1"], "day")),
    "only some of the gaps": ({"filled_by_line": 4}, {}, HOUR, (["4"], "hours")),
    "a step without a name": ({"filled_by_line": 9}, {}, 5 * MINUTE, (["9", "45"], "values.* 45 minutes")),
    "several rows a step": ({"resampled_away": 1}, {"prepare.resample": "max"}, HOUR, (["1"], r"hour\b.* row\b")),
    "counter": ({"counter_resets": 2}, {"prepare.rate": True}, HOUR, (["2"], "second|rate")),
    "counter that was never reset": ({}, {"prepare.rate": True}, HOUR, ([], "second|rate")),
    "moving average": ({"smoothed": 672}, {"prepare.smooth": "3h"}, HOUR, (["3"], "3 hours")),
    "moving average of one hour": ({"smoothed": 672}, {"prepare.smooth": "1h"}, MINUTE, ([], r"hour\b")),
    "silent nights": (
        {"silent_steps": 1384, "left_out_in_silent_steps": 1},
        {},
        HOUR,
        (["1,384", "1"], r"hours.* value\b"),
    ),
    "holidays and a gap": (
        {"filled_by_season": 5, "left_out_on_holidays": 48},
        {},
        HOUR,
        (["48", "5"], "48 hours.*holidays.*hours"),
    ),
    "outage": ({"left_out_before_outage": 120}, {}, HOUR, (["120"], "120 values.*gap")),
    "silent at the end": ({"missing_at_end": 3}, {}, HOUR, (["3"], "3 hours")),
    "logarithm": ({"transform": "log", "added": 0.5}, {}, HOUR, ([], "log")),
    "power": ({"transform": "power", "power": 0.3}, {}, HOUR, (["0.3"], "power")),
    "refused": (
        {"outliers": 1, "note": "transform: log needs values from zero up"},
        {},
        HOUR,
        (["1"], r"\. Transform: log needs values from zero up\.$"),
    ),
    "broken": (
        {"outliers": "three", "filled_by_line": None, "transform": 7, "power": "x"},
        {"prepare.smooth": 3},
        HOUR,
        None,
    ),
}


@pytest.fixture(scope="module")
def member(tmp_path_factory: pytest.TempPathFactory) -> MemberView:
    """Nine steps in a row are missing in its history."""
    return read_run(report_runs.one(tmp_path_factory.mktemp("run"))).members[0]


@pytest.mark.parametrize(("missing", "told"), [(47, False), (48, True), (0, False)])
def test_a_member_that_has_been_silent_for_as_long_as_is_forecast_deserves_a_look(
    missing: int, told: bool, member: MemberView
) -> None:
    ahead = len(member.forecast.time_ns)
    times = member.forecast.time_ns[0] - (missing + 1) * member.step_ns
    history = replace(member.history, time_ns=array("q", [times]), columns=(array("d", [1.0]),))
    said = sentences.remark(
        replace(member, history=history, prepared={"missing_at_end": missing * ahead // 48}, backtest=None),
        Scene(*zone_of("UTC"), 0.95, NOW),
    )
    assert said[0] == (3 if told else 9)
    assert (words.length(missing * member.step_ns, counted=True) in said[1]) is told
    assert bool(said[1]) is told


@pytest.mark.parametrize(("prepared", "settings", "step_ns", "expected"), PREPARED.values(), ids=PREPARED)
def test_what_was_prepared_is_told(
    prepared: dict[str, Any],
    settings: dict[str, Any],
    step_ns: int,
    expected: tuple[list[str], str] | None,
    member: MemberView,
) -> None:
    said = prepared_sentence(replace(member, prepared=prepared, step_ns=step_ns), settings)
    assert bool(said) is (expected is not None)
    if expected:
        assert numbers(said) == expected[0]
        assert re.search(expected[1], said)


def test_each_rule_for_several_rows_has_words_of_its_own(member: MemberView) -> None:
    thinned = replace(member, prepared={"resampled_away": 1})
    assert len({prepared_sentence(thinned, {"prepare.resample": rule}) for rule in RULES}) == len(RULES)


SINCE: dict[
    str, tuple[dict[str, Any], float, str]
] = {  # what is counted, hours from the last row to the forecast, how long nothing was measured
    "nights are silent": ({"silent_steps": 380, "missing_at_end": 30}, 79, "78 hours"),
    "rows within steps": ({"silent_steps": 380, "missing_at_end": 30}, 78.2, "78 hours"),
    "one hour": ({"silent_steps": 380, "missing_at_end": 1}, 2, "1 hour"),
    "a row in a silent hour": ({"silent_steps": 380, "missing_at_end": 10}, 3, "10 hours"),
    "every step counts": ({"missing_at_end": 30}, 79, "30 hours"),
}


@pytest.mark.parametrize(("prepared", "hours", "said"), SINCE.values(), ids=SINCE)
def test_time_since_the_last_value_is_that_of_the_clock(
    prepared: dict[str, Any], hours: float, said: str, member: MemberView
) -> None:
    first = member.forecast.time_ns[0]
    history = replace(
        member.history,
        time_ns=array("q", [first - 100 * HOUR, first - int(hours * HOUR)]),
        columns=(array("d", [1.0, 2.0]),),
    )
    assert re.search(rf"\b{said}\b", prepared_sentence(replace(member, history=history, prepared=prepared), {}))


def test_nothing_is_told_of_a_member_without_forecast(member: MemberView) -> None:
    empty = replace(member.forecast, time_ns=member.forecast.time_ns[:0])
    assert prepared_sentence(replace(member, forecast=empty, prepared={"outliers": 3}), {}) == ""


# What explains another count and is not told alone, or is told by a setting.
BESIDE = {"left_out_in_silent_steps", "counter_resets", "counter_wraps", "counter_corrections"}
COUNTED = {
    *(
        name
        for absent in (Absent("zero"), Absent("previous"))
        for name in prepare(
            np.arange(40) * HOUR,
            np.arange(40.0),
            Preparation(
                HOUR, Prepare(resample="mean", rate=True, outliers=5.0, smooth=Duration.parse("3h")), absent=absent
            ),
            40 * HOUR,
        ).counts
    ),
    *Filled(np.ones(1), np.ones(1, dtype=bool), 0, 0).counts(),
    *Timeline(0, np.ones(1), (), 0, 1).preparation(),
}


@pytest.mark.parametrize("name", sorted(COUNTED - BESIDE))
def test_everything_that_the_forecast_step_counts_is_told(name: str, member: MemberView) -> None:
    assert prepared_sentence(replace(member, prepared={name: 3}), {}) != ""
