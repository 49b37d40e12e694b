"""What the report says, in numbers and words."""

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
from cronocast.report.model import MemberView, Step, read_run
from cronocast.report.prepared import prepared_sentence
from cronocast.timeseries.fill import Filled
from cronocast.timeseries.prepare import prepare
from cronocast.timeseries.settings import Prepare
from tests import report_runs
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


RATIOS = {
    "better": (0.62, "38\u00a0% smaller"),
    "worse": (1.21, "21\u00a0% larger"),
    "same": (1.001, "no better, no worse"),
    "far worse": (40.0, "40 times as large"),
}


@pytest.mark.parametrize(("ratio", "expected"), RATIOS.values(), ids=RATIOS)
def test_better(ratio: float, expected: str) -> None:
    assert sentences.better(ratio) == expected


def test_error_and_coverage_are_said_for_people(tmp_path: Path) -> None:
    member = read_run(report_runs.one(tmp_path / "run")).members[0]
    assert sentences.error_sentence(member) == "error 0.62 of repeating the last day (38\u00a0% smaller)"
    assert sentences.coverage_sentence(member.backtest, 0.95) == "95\u00a0% band held 94\u00a0% of held-out values"


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
    assert sentences.naive_words(known) == f"repeating the last {expected}"


def test_members_that_deserve_a_look_are_told_why(tmp_path: Path) -> None:
    run = read_run(report_runs.several(tmp_path / "run"))
    said = {m.label: sentences.remark(m, run.level) for m in run.members}
    assert said["host=gone-1"] == (0, "failed: no_values: there is no finite value in the window")
    assert said["host=new-1"] == (2, "fallback: too_short: 9 points; naive stands in")
    assert said["host=odd-1"] == (3, "worse than naive: error 1.21 of it")
    assert said["host=queue-1"] == (4, "band too narrow: held 83\u00a0%")
    assert said["host=web-1"] == (9, "")


def test_the_forecast_of_an_earlier_run_is_held_against_what_was_measured(tmp_path: Path) -> None:
    before = read_run(
        report_runs.write_run(tmp_path / "1", [Sample("", lambda _: 10.0, noise=2.0)], now=NOW - 24 * HOUR)
    )
    now = read_run(report_runs.write_run(tmp_path / "2", [Sample("", lambda i: 10.0 + i % 2 * 9, noise=0.0)]))
    said = sentences.earlier_sentence(before.run, before.members[0].forecast, now.members[0], zone_of("UTC")[0])
    assert (
        said
        == "The forecast of Mon 9 Mar 14:00 onwards (run 2026-03-09T14:00:00Z) has met 24 measured values since: mean"
        " error 4.5, 12 of 24 inside its band."
    )


HEADLINES = {
    "all written": ({}, (), "ok", "24 of 24 points acknowledged by the database"),
    "load failed": ({"load": report_runs.REFUSED}, (), "bad", "load failed"),
    "load did not run": ({}, ("load",), "warn", "no result of load: nothing was written"),
}


@pytest.mark.parametrize(("failed", "without", "state", "sentence"), HEADLINES.values(), ids=HEADLINES)
def test_headline(
    failed: dict[str, CronocastError], without: tuple[str, ...], state: str, sentence: str, tmp_path: Path
) -> None:
    folder = report_runs.write_run(
        tmp_path / "run", [Sample("", report_runs.daily(50, 14))], failed=failed, without=without
    )
    assert sentences.headline(read_run(folder)) == (state, sentence)


FACTS = {
    "ok": (Step("load", "ok", expected=24, acked=24), "24 of 24 points"),
    "failed": (Step("load", "failed", exit=75), "failed, exit 75"),
    "missing": (Step("load"), "left no result"),
    "skipped": (Step("extract", "skipped"), "skipped, 0 rows"),
}


@pytest.mark.parametrize(("step", "expected"), FACTS.values(), ids=FACTS)
def test_step_fact(step: Step, expected: str) -> None:
    assert sentences.step_fact(step) == expected


def test_models_are_named_for_people() -> None:
    assert words.model_words("median(fourier,seasonal_naive)") == "median of fourier, seasonal naive"
    assert words.model_words("seasonal_naive") == "seasonal naive"
    assert words.model_words("") == ""


MINUTE = HOUR // 60
DAY = 24 * HOUR
# id: what the result file says, settings, step, sentence
PREPARED: dict[str, tuple[dict[str, Any], dict[str, Any], int, str]] = {
    "nothing": ({}, {}, HOUR, ""),
    "odd values and gaps": (
        {"outliers": 3, "filled_by_line": 2, "filled_by_season": 7},
        {},
        HOUR,
        "Before the forecast: 3 odd values left out; 9 missing hours filled, the longest gap 9 hours.",
    ),
    "one missing day": ({"filled_by_line": 1}, {}, DAY, "Before the forecast: 1 missing day filled."),
    "only some of the gaps": ({"filled_by_line": 4}, {}, HOUR, "Before the forecast: 4 missing hours filled."),
    "a step without a name": (
        {"filled_by_line": 9},
        {},
        5 * MINUTE,
        "Before the forecast: 9 missing values filled, the longest gap 45 minutes.",
    ),
    "several rows a step": (
        {"resampled_away": 1},
        {"prepare.resample": "max"},
        HOUR,
        "Before the forecast: rows of the same hour became one value, the highest (1 row fewer).",
    ),
    "counter": (
        {"counter_resets": 2},
        {"prepare.rate": True},
        HOUR,
        "Before the forecast: the values count up, so their growth per second is forecast (they began anew 2 times).",
    ),
    "counter that never began anew": (
        {},
        {"prepare.rate": True},
        HOUR,
        "Before the forecast: the values count up, so their growth per second is forecast.",
    ),
    "moving average": (
        {"smoothed": 672},
        {"prepare.smooth": "3h"},
        HOUR,
        "Before the forecast: each value became the mean of the 3 hours up to it.",
    ),
    "moving average of one hour": (
        {"smoothed": 672},
        {"prepare.smooth": "1h"},
        MINUTE,
        "Before the forecast: each value became the mean of the hour up to it.",
    ),
    "silent nights": (
        {"silent_steps": 1384, "left_out_in_silent_steps": 1},
        {},
        HOUR,
        (
            "Before the forecast: 1,384 hours left out, with 1 value in them, since hardly anything is measured at"
            " these times of day or week."
        ),
    ),
    "holidays and a gap": (
        {"filled_by_season": 5, "left_out_on_holidays": 48},
        {},
        HOUR,
        "Before the forecast: 48 hours on holidays left out, since they are no ordinary days; 5 missing hours filled.",
    ),
    "outage": (
        {"left_out_before_outage": 120},
        {},
        HOUR,
        "Before the forecast: 120 values from before a long gap left out.",
    ),
    "silent at the end": (
        {"missing_at_end": 3},
        {},
        HOUR,
        "Before the forecast: nothing was measured in the last 3 hours.",
    ),
    "logarithm": (
        {"transform": "log", "added": 0.5},
        {},
        HOUR,
        "Before the forecast: the logarithms of the values were forecast and turned back.",
    ),
    "power": (
        {"transform": "power", "power": 0.3},
        {},
        HOUR,
        "Before the forecast: the values to the power of 0.3 were forecast and turned back.",
    ),
    "refused": (
        {"outliers": 1, "note": "transform: log needs values from zero up"},
        {},
        HOUR,
        "Before the forecast: 1 odd value left out. Transform: log needs values from zero up.",
    ),
    "broken": (
        {"outliers": "three", "filled_by_line": None, "transform": 7, "power": "x"},
        {"prepare.smooth": 3},
        HOUR,
        "",
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
        replace(member, history=history, prepared={"missing_at_end": missing * ahead // 48}, backtest=None), 0.95
    )
    assert said == (
        (3, f"nothing measured for {words.length(missing * member.step_ns, counted=True)}") if told else (9, "")
    )


@pytest.mark.parametrize(("prepared", "settings", "step_ns", "expected"), PREPARED.values(), ids=PREPARED)
def test_what_was_prepared_is_told(
    prepared: dict[str, Any], settings: dict[str, Any], step_ns: int, expected: str, member: MemberView
) -> None:
    assert prepared_sentence(replace(member, prepared=prepared, step_ns=step_ns), settings) == expected


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
    assert prepared_sentence(replace(member, history=history, prepared=prepared), {}).endswith(
        f"nothing was measured in the last {said}."
    )


def test_nothing_is_told_of_a_member_without_forecast(member: MemberView) -> None:
    empty = replace(member.forecast, time_ns=member.forecast.time_ns[:0])
    assert prepared_sentence(replace(member, forecast=empty, prepared={"outliers": 3}), {}) == ""


# What explains another count and is not told alone, or is told by a setting.
BESIDE = {"left_out_in_silent_steps", "counter_resets"}
COUNTED = {
    *prepare(
        np.arange(40) * HOUR,
        np.arange(40.0),
        HOUR,
        Prepare(resample="mean", rate=True, outliers=5.0, smooth=Duration.parse("3h")),
    ).counts,
    *Filled(np.ones(1), np.ones(1, dtype=bool), 0, 0).counts(),
    *Timeline(0, np.ones(1), (), 0, 1).preparation(),
}


@pytest.mark.parametrize("name", sorted(COUNTED - BESIDE))
def test_everything_that_the_forecast_step_counts_is_told(name: str, member: MemberView) -> None:
    assert prepared_sentence(replace(member, prepared={name: 3}), {}) != ""
