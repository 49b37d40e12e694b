"""Figures of a backtest.

M4's definitions value by value, closed forms, what chance allows, and a JSON form that stays as it is.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cronocast.backtest.chance import coverage_band, coverage_words, ratio_band, ratio_words
from cronocast.backtest.notes import FEW_VALUES, notes
from cronocast.backtest.scores import MEASURES, document, measured
from cronocast.backtest.study import run_study
from cronocast.backtest.table import LESS_NEEDED, print_tables
from tests.backtest_sample import member, request, wave, write
from tests.messages import numbers, wording


def by_loop(actual: Any, yhat: Any, lower: Any, upper: Any, scale: float) -> dict[str, float]:
    """The M4 competition's definitions for a 95 % interval, one value after another."""
    values = [row for row in zip(actual, yhat, lower, upper, strict=True) if not np.isnan(row[0])]
    n = len(values)
    return {
        "mase": sum(abs(y - f) for y, f, _, _ in values) / n / scale,
        "smape": sum(0.0 if y == f == 0 else 200 * abs(y - f) / (abs(y) + abs(f)) for y, f, _, _ in values) / n,
        "msis": sum((u - low) + 40 * max(low - y, 0) + 40 * max(y - u, 0) for y, _, low, u in values) / n / scale,
        "coverage": sum(low <= y <= u for y, _, low, u in values) / n,
        "rmse": (sum((y - f) ** 2 for y, f, _, _ in values) / n) ** 0.5 / scale,
        "bias": sum(f - y for y, f, _, _ in values) / n / scale,
        "pinball": sum(
            max(q * (y - b), (q - 1) * (y - b)) for y, _, low, u in values for q, b in ((0.025, low), (0.975, u))
        )
        / (2 * n)
        / scale,
    }


def test_measures_are_those_of_the_competition() -> None:
    rng = np.random.default_rng(1)
    actual = np.array([[0.0, 3.0, np.nan, -2.0, 7.5, 4.0]])
    yhat = actual + rng.normal(0, 2, actual.shape)
    yhat[0, 0], yhat[0, 2] = 0.0, 1.0
    lower, upper = yhat - 1, yhat + 1.5
    found = measured(actual, yhat, lower, upper, np.array([[2.5]]), 0.95)
    assert found is not None
    assert found == pytest.approx(by_loop(actual[0], yhat[0], lower[0], upper[0], 2.5), rel=1e-4)
    assert set(found) == set(MEASURES)


def test_what_was_not_forecast_or_not_observed_does_not_count() -> None:
    one = np.array([[1.0, np.nan, 2.0]])
    gone = np.array([[1.0, 1.0, np.nan]])
    assert measured(one, gone, gone, gone, np.array([[1.0]]), 0.9) == {**dict.fromkeys(MEASURES, 0.0), "coverage": 1.0}
    assert measured(one, np.full((1, 3), np.nan), gone, gone, np.array([[1.0]]), 0.9) is None


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A ramp, a wave that repeats exactly, and a wave with noise."""
    tmp_path = tmp_path_factory.mktemp("found")
    members = [
        member(lambda i: 3 + 0.5 * i, 288, "kind=ramp"),
        member(wave, 288, "kind=wave"),
        member(wave, 288, "kind=noisy", noise=3),
    ]
    order = request(write(tmp_path / "h.csv", members), "linear,theta", origins=6)
    return document(run_study(order, members), order)


def test_closed_forms(found: dict[str, Any]) -> None:
    ramp, exact, _ = (row["models"] for row in found["by_member"])
    assert ramp["linear"]["in_unit"]["mae"] == pytest.approx(0, abs=1e-6)  # a line forecasts itself
    assert ramp["linear"]["coverage"] == 1
    assert ramp["naive"]["in_unit"] == pytest.approx(
        {"mae": 0.5 * 6.5, "bias": -0.5 * 6.5, "rmse": 0.5 * (650 / 12) ** 0.5}, rel=1e-4
    )  # steps 1 to 12 ahead
    assert exact["seasonal_naive"]["in_unit"]["mae"] == pytest.approx(0, abs=1e-6)  # a wave repeats itself
    assert [row["reference"] for row in found["by_member"]] == ["naive", "seasonal_naive", "seasonal_naive"]
    for row in found["by_member"]:
        assert row["models"][row["reference"]]["ratio"]["value"] == 1
    assert ramp["linear"]["ratio"]["value"] == pytest.approx(
        0.1 / (0.5 * 6.5 / 12), rel=1e-4
    )  # an error of nothing counts as a tenth


def test_the_figures_fit_together(found: dict[str, Any]) -> None:
    for name, whole in found["models"].items():
        steps = found["by_step"]["models"][name]
        for measure in (
            "mase",
            "bias",
            "coverage",
            "msis",
            "pinball",
        ):  # no gaps: the mean over steps or members is the whole
            assert np.mean(steps[measure]) == pytest.approx(whole[measure], rel=1e-3, abs=1e-4)
            assert np.mean([row["models"][name][measure] for row in found["by_member"]]) == pytest.approx(
                whole[measure], rel=1e-3, abs=1e-4
            )
        logs = [np.log(row["models"][name]["ratio"]["value"]) for row in found["by_member"]]
        assert whole["ratio"]["value"] == pytest.approx(np.exp(np.mean(logs)), rel=1e-3)
        assert whole["values"] == found["values"] == 3 * 6 * 12


def test_the_json_form_stays_as_it_is(found: dict[str, Any]) -> None:
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["schema"] == 1
    assert set(found) == {
        "schema",
        "history",
        "every",
        "horizon",
        "lookback",
        "level",
        "levels",
        "unit",
        "origins",
        "overlap",
        "values",
        "models",
        "by_step",
        "by_member",
    }
    model = {*MEASURES, "ratio", "coverage_range", "values", "statuses", "reasons", "not_tried", "cpu_s"}
    assert all(set(row) == model for row in found["models"].values())
    assert set(found["models"]["theta"]["ratio"]) == {"value", "low", "high"}
    assert set(found["by_step"]) == {"step_s", "steps", "models"}
    assert all(
        set(row) == set(MEASURES) and all(len(v) == 12 for v in row.values())
        for row in found["by_step"]["models"].values()
    )
    assert all(set(row) == {"name", "tags", "season_s", "reference", "classes", "models"} for row in found["by_member"])
    assert all(
        set(row) == {*MEASURES, "ratio", "in_unit", "used"} for m in found["by_member"] for row in m["models"].values()
    )


def test_tables_hold_every_model_and_member(found: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    print_tables(found)
    out = capsys.readouterr().out
    assert all(
        word in out
        for word in (
            "linear",
            "theta",
            "seasonal_naive",
            "naive",
            "kind=ramp",
            "kind=noisy",
            "95 %",
        )
    )
    assert numbers(out)[:2] == ["3", "6"]  # members, and how many forecasts were made of each
    assert max(map(len, out.splitlines()[1:7])) <= 140


@pytest.mark.parametrize("width", [80, 100, 140])
def test_figures_by_model_stand_in_one_line_on_any_screen(
    width: int, found: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("cronocast.backtest.table.LOG_WIDTH", width)
    print_tables(found)
    _, _, head, *rows = capsys.readouterr().out.splitlines()
    lost = [name for name in LESS_NEEDED if name not in head]
    assert bool(lost) is (width < 140)
    assert all(name in head for name in ("naive", "95 %", "MASE", "coverage"))
    assert [row.split()[0] for row in rows[:4]] == list(found["models"])
    assert max(map(len, [head, *rows[:4]])) <= width
    assert bool(lost) is (rows[4].startswith(", ".join(lost) or "-") and "--json" in rows[4])


def test_a_member_without_values_to_compare_leaves_nulls(tmp_path: Path) -> None:
    members = [member(wave, 240, "host=a"), member(wave, 100, "host=b")]
    order = request(write(tmp_path / "h.csv", members), "theta", origins=2)
    got = document(run_study(order, members), order)
    ended = got["by_member"][1]["models"]["theta"]
    assert (ended["mase"], ended["ratio"], ended["in_unit"]) == (None, None, None)
    assert got["models"]["theta"]["values"] == 24
    json.dumps(got, allow_nan=False)


def test_equal_ratios_leave_nothing_to_chance() -> None:
    band = ratio_band(np.full((3, 4), np.log(0.5)))
    assert band is not None
    assert (band.value, band.low, band.high) == pytest.approx((np.log(0.5),) * 3)
    assert ratio_band(np.full((2, 2), np.nan)) is None
    alone = ratio_band(np.array([[0.3]]))
    assert alone is not None
    assert (alone.value, alone.low, alone.high) == (0.3, None, None)


def test_the_bootstrap_covers_the_truth_about_as_often_as_it_says() -> None:
    """Normal noise of one member: 95 % intervals over 20 origins.

    The bootstrap of a mean is a little narrow at this size.
    """
    rng = np.random.default_rng(3)
    bands = [ratio_band(rng.normal(0.1, 1, (1, 20))) for _ in range(200)]
    assert (
        0.88
        <= np.mean(
            [b is not None and b.low is not None and b.high is not None and b.low <= 0.1 <= b.high for b in bands]
        )
        <= 0.98
    )


def test_a_shared_bad_day_widens_the_range_more_than_independent_noise() -> None:
    rng = np.random.default_rng(4)
    shared, own = ratio_band(rng.normal(size=(1, 10)) + np.zeros((30, 1))), ratio_band(rng.normal(size=(30, 10)))
    assert shared is not None
    assert own is not None
    assert (shared.high or 0) - (shared.low or 0) > 2 * ((own.high or 0) - (own.low or 0))


def test_coverage_counts_values_that_miss_together_as_fewer() -> None:
    counts = np.full(20, 24.0)
    spread = coverage_band(np.array([23.0, 22.0] * 10), counts)
    together = coverage_band(np.array([24.0] * 18 + [9.0] * 2), counts)
    assert spread is not None
    assert together is not None
    assert spread.value == pytest.approx(together.value)
    assert (spread.low or 0) > (together.low or 0) + 0.03
    n, z = 480.0, 1.959964  # spread more evenly than chance would: Wilson's interval of so many independent values
    assert spread.low == pytest.approx(
        (spread.value + z**2 / (2 * n) - z * (spread.value * (1 - spread.value) / n + z**2 / (4 * n**2)) ** 0.5)
        / (1 + z**2 / n)
    )
    everything = coverage_band(counts, counts)
    assert everything is not None
    assert everything.low == pytest.approx(20 / (20 + z**2))  # all agree: twenty values, not 480
    assert coverage_band(np.zeros(2), np.zeros(2)) is None


Given = tuple[float, list[float] | None]
VERDICTS: dict[str, tuple[Given, list[str]]] = {  # coverage and its bounds; what is shown of them
    "fits": ((0.94, [0.91, 0.97]), ["94", "91", "97"]),
    "narrow": ((0.8, [0.75, 0.85]), ["80", "75", "85"]),
    "wide": ((0.99, [0.96, 1.0]), ["99", "96", "100"]),
    "few": ((0.9, [0.7, 0.98]), ["90", "70", "98"]),
    "none": ((0.9, None), ["90"]),
}
VERDICT = {name: wording(coverage_words(*given, 0.95, 500)) for name, (given, _) in VERDICTS.items()}


@pytest.mark.parametrize(("given", "shown"), VERDICTS.values(), ids=VERDICTS)
def test_coverage_in_words(given: Given, shown: list[str]) -> None:
    assert sorted(numbers(coverage_words(*given, 0.95, 500))) == sorted(["95", "500", *shown])


def test_each_verdict_has_words_of_its_own() -> None:
    assert len(set(VERDICT.values())) == len(VERDICTS)


ROUNDED = {  # level, bounds: how they are shown, and the verdict
    "plain": (0.95, [0.91, 0.97], ["91", "97"], "fits"),
    "just above": (0.95, [0.953, 0.98], ["95.3", "98"], "wide"),
    "by less than a tenth": (0.95, [0.9502, 0.98], ["95.02", "98"], "wide"),
    "just below": (0.95, [0.91, 0.9496], ["91", "94.96"], "narrow"),
    "fits by little": (0.95, [0.947, 0.98], ["94.7", "98"], "fits"),
    "the level itself": (0.95, [0.95, 0.98], ["95", "98"], "fits"),
    "a level with decimals": (0.975, [0.9771, 0.99], ["98", "99"], "wide"),
    "near all": (0.99, [0.9912, 1.0], ["99.1", "100"], "wide"),
    "by nearly nothing": (0.95, [0.95 + 1e-9, 0.98], ["95.0000", "98"], "wide"),
}


@pytest.mark.parametrize(("level", "bounds", "shown", "verdict"), ROUNDED.values(), ids=ROUNDED)
def test_rounding_does_not_hide_on_which_side_of_the_level_a_bound_lies(
    level: float, bounds: list[float], shown: list[str], verdict: str
) -> None:
    said = coverage_words(0.96, bounds, level, 500)
    assert sorted(numbers(said)) == sorted([f"{level * 100:.10g}", "96", "500", *shown])
    assert wording(said) == VERDICT[verdict]


def test_a_level_is_named_as_it_was_set() -> None:
    assert "97.5" in numbers(coverage_words(0.96, None, 0.975, 500))


def test_no_verdict_on_fewer_values_than_the_note_asks_for() -> None:
    few = {wording(coverage_words(*given, 0.95, FEW_VALUES - 1)) for given, _ in VERDICTS.values()}
    assert len(few) == 1
    assert few.isdisjoint(VERDICT.values())
    enough = {name: wording(coverage_words(*given, 0.95, FEW_VALUES)) for name, (given, _) in VERDICTS.items()}
    assert enough == VERDICT


RATIOS: dict[str, tuple[tuple[float, float | None, float | None], list[str]]] = {
    "smaller": ((0.8, 0.7, 0.9), ["20"]),
    "larger": ((1.3, 1.1, 1.4), ["30"]),
    "no clear difference": ((0.9, 0.8, 1.1), []),
    "one forecast": ((0.5, None, None), []),
}


@pytest.mark.parametrize(("given", "shown"), RATIOS.values(), ids=RATIOS)
def test_ratio_in_words(given: tuple[float, float | None, float | None], shown: list[str]) -> None:
    assert numbers(ratio_words(*given)) == shown


def test_each_ratio_has_words_of_its_own() -> None:
    assert len({wording(ratio_words(*given)) for given, _ in RATIOS.values()}) == len(RATIOS)


def test_notes_tell_what_weakens_the_figures() -> None:
    model = {"statuses": {"fallback": 2, "ok": 1}, "reasons": ["model_failed: x"], "not_tried": 1}
    said = notes({"origins": ["t"] * 3, "values": 36, "overlap": True, "models": {"lstm": model}})
    assert [numbers(text.partition(".")[0]) for text in said[:3]] == [["3"], ["36"], []]
    assert ["lstm" in text for text in said] == [False, False, False, True, True]
    assert all(part in said[3] for part in ("2 fallback", "3", "model_failed: x"))
    assert numbers(said[4]) == ["1"]
    assert (
        notes(
            {
                "origins": ["t"] * 9,
                "values": 900,
                "overlap": False,
                "models": {"theta": {"statuses": {"ok": 9}, "reasons": [], "not_tried": 0}},
            }
        )
        == []
    )
