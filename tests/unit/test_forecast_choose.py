"""A choice is never worse than repeating the past, and says so in words."""

import re

import numpy as np
import pytest

from cronocast.forecast import backtest, choose
from cronocast.forecast.backtest import Backtest
from cronocast.models.model import Context
from tests.messages import numbers, wording


def with_errors(**sizes: float) -> Backtest:
    """A backtest in which each model's errors have the given size."""
    test = backtest.begin(np.arange(400.0), Context(1, 0), 10)
    rng = np.random.default_rng(7)
    test.forecasts = {name: test.actual + size * rng.normal(size=test.actual.shape) for name, size in sizes.items()}
    return test


def test_clear_winner_stands_alone() -> None:
    choice = choose.choose(
        with_errors(naive=1, seasonal_naive=1, good=0.1, fair=0.5), ("naive", "seasonal_naive", "good", "fair")
    )
    assert choice.names == ("good",)
    assert choice.why.startswith("good: ")
    assert f"{100 * choice.scores['good']:.0f} %" in choice.why


def test_near_equals_are_combined() -> None:
    choice = choose.choose(with_errors(naive=1, a=0.5, b=0.52, c=0.54, d=0.9), ("naive", "a", "b", "c", "d"))
    assert set(choice.names) == {"a", "b", "c"}
    assert choice.label.startswith("median(")
    assert re.search(r"\ba, b, c\b.*\b\d+ %", choice.why)


def test_naive_wins_where_nothing_is_better() -> None:
    choice = choose.choose(with_errors(naive=1, seasonal_naive=0.5, a=2, b=3), ("naive", "seasonal_naive", "a", "b"))
    assert choice.names == ("seasonal_naive",)
    assert choice.why.startswith("seasonal_naive: ")


def test_a_model_that_is_hardly_better_is_not_called_no_better() -> None:
    """Few past starts don't prove a small difference; the table beside the sentence shows it all the same."""
    test = with_errors(naive=1, seasonal_naive=0.5)
    test.forecasts["a"] = test.actual - 0.995 * (test.actual - test.forecasts["seasonal_naive"])
    choice = choose.choose(test, ("naive", "seasonal_naive", "a"))
    assert choice.names == ("seasonal_naive",)
    assert choice.scores["a"] < 1
    assert choice.why.startswith("seasonal_naive: ")
    assert numbers(choice.why) == [str(len(test.origins))]
    worse = choose.choose(with_errors(naive=1, seasonal_naive=0.5, a=2), ("naive", "seasonal_naive", "a"))
    assert wording(choice.why) != wording(worse.why)


def test_why_of_one_that_is_left_of_a_median() -> None:
    test = with_errors(naive=1, a=0.5, b=0.52, c=0.54)
    choice = choose.choose(test, ("naive", "a", "b", "c"))
    why = choose.why_left(test, choice, ("b",))
    failed = [name for name in choice.names if name != "b"]
    assert why.startswith(f"b: {', '.join(failed)} ")
    assert numbers(why) == [str(len(test.origins)), f"{100 * choice.scores['b']:.0f}"]


def test_ties_go_to_the_simpler_model() -> None:
    test = with_errors(naive=1, a=0.1)
    test.forecasts["b"] = test.forecasts["a"]
    assert choose.choose(test, ("naive", "a", "b")).scores["a"] == choose.choose(test, ("naive", "a", "b")).scores["b"]
    assert choose.choose(test, ("naive", "a", "b")).names[0] == "a"


@pytest.mark.parametrize("wild", [100, 1e20])
def test_one_wild_origin_does_not_decide(wild: float) -> None:
    test = with_errors(naive=1, good=0.3)
    test.forecasts["good"][0] += wild
    assert choose.choose(test, ("naive", "good")).names[0] == "good"


def test_model_that_failed_at_most_origins_is_not_chosen() -> None:
    test = with_errors(naive=1, a=0.1)
    test.forecasts["a"][: len(test.origins) * 2 // 3] = np.nan
    assert choose.choose(test, ("naive", "a")).names == ("naive",)


@pytest.mark.parametrize(("failed", "expected"), [({}, "seasonal_naive"), ({"seasonal_naive": "too short"}, "naive")])
def test_no_backtest_gives_a_naive_forecast(failed: dict[str, str], expected: str) -> None:
    test = backtest.begin(np.arange(5.0), Context(1, 0), 10)
    test.failures = failed
    choice = (
        choose.choose(test, ("naive", "seasonal_naive", "linear"))
        if failed
        else choose.choose(test, ("seasonal_naive", "naive"))
    )
    assert choice.names == (expected,)
    assert choice.why.startswith(f"{expected}: ")
    assert not numbers(choice.why)  # nothing was measured


def test_exact_history_scores_are_numbers() -> None:
    test = with_errors(naive=0, a=0, b=1)
    choice = choose.choose(test, ("naive", "a", "b"))
    assert choice.names == ("naive",)
    assert all(np.isfinite(score) for score in choice.scores.values())


def test_combination_of_two_is_their_mean_and_skips_missing_rows() -> None:
    a, b = np.array([[1.0, 1.0], [np.nan, np.nan]]), np.array([[3.0, 3.0], [5.0, np.nan]])
    combined = choose.combine([a, b])
    assert combined[0].tolist() == [2, 2]
    assert combined[1, 0] == 5
    assert np.isnan(combined[1, 1])
