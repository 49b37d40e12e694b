"""CRPS and coverage of the accuracy benchmark, without its data."""

from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.slow

pd = pytest.importorskip("pandas")
scores = pytest.importorskip("bench.scores")

NORMAL_CRPS = 2 / np.sqrt(2 * np.pi) - 1 / np.sqrt(np.pi)  # of N(0, 1) where the value is 0
Z = 1.959964


def forecast(yhat: float = 0.0, width: float = Z, **more: float) -> Any:
    return pd.DataFrame({"yhat": [yhat] * 9, "yhat_lower": yhat - width, "yhat_upper": yhat + width, **more})


def test_a_sure_forecast_costs_its_distance() -> None:
    assert scores.crps(np.full(9, 2.0), forecast(5.0, 0.0)) == pytest.approx(3.0)


def test_one_interval_stands_for_a_normal_distribution() -> None:
    at_centre = [scores.crps(np.full(9, x), forecast()) for x in (0.0, 1.0, -1.0)]
    assert at_centre[0] == pytest.approx(NORMAL_CRPS, rel=0.1)
    assert at_centre[1] == pytest.approx(at_centre[2])
    assert at_centre[1] == pytest.approx(0.602, rel=0.15)


def test_the_intervals_that_are_there_are_used() -> None:
    narrow = forecast(**{f"yhat_{side}_{level}": 0.0 for side in ("lower", "upper") for level in (20, 40, 60, 80)})
    assert scores.crps(np.zeros(9), narrow) == 0 < scores.crps(np.zeros(9), forecast())


def test_missing_values_count_nowhere() -> None:
    actual = np.array([np.nan, 0, 0, 9, 9, 9, 0, np.nan, np.nan])
    assert scores.crps(actual, forecast(0.0, 0.0)) == pytest.approx(27 / 6)
    found = scores.covered(actual, forecast())
    assert {name: found[f"0.95, {name}"] for name in ("all", *scores.THIRDS)} == {
        "all": 50,
        "first": 100,
        "second": 0,
        "last": 100,
    }


def test_a_hole_in_a_forecast_is_the_naive_one() -> None:
    naive = forecast(1.0)
    assert scores.complete(None, naive).equals(naive)
    assert scores.complete(forecast(np.nan), naive).equals(naive)
    without = scores.complete(forecast(5.0)[["yhat"]], naive)
    assert without["yhat_lower"].tolist() == pytest.approx([5 - Z] * 9)
