"""ETS and SARIMAX of statsmodels: seasons, trends and options; bounded; what can't be fitted is told."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from cronocast.errors import ConfigError, DataError
from cronocast.forecast.candidates import check_models
from cronocast.models.ets import Ets
from cronocast.models.model import Context
from cronocast.models.sarimax import Sarimax

pytestmark = pytest.mark.slow

Floats = NDArray[np.float64]
MODELS: dict[str, Any] = {"ets": Ets, "sarimax": Sarimax}
T = np.arange(24 * 21 + 24.0)
DAY = 10 * np.sin(2 * np.pi * T / 24)
NOISE = np.random.default_rng(5).normal(0, 1, T.size)


def error(name: str, y: Floats, periods: tuple[int, ...], **options: Any) -> float:
    """Mean absolute error of the last day, forecast from those before."""
    h = 24
    context = Context(3600 * 10**9, 0, periods=periods, options=options)
    return float(np.abs(MODELS[name]().fit(y[:-h], context).predict(h) - y[-h:]).mean())


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("slope", [0.0, 0.5, -3.0])
@pytest.mark.parametrize("level", [0.0, 1e6])
def test_a_season_with_a_trend_goes_on(name: str, slope: float, level: float) -> None:
    y = level + slope * T + DAY + NOISE
    damped = {"damped": False} if name == "ets" else {}
    assert error(name, y, (24,), **damped) < 2  # the noise alone is 0.8, a day of the steepest slope 72


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("period", [7, 12, 24, 30, 48])
def test_seasons_of_any_length_that_the_history_holds(name: str, period: int) -> None:
    y = 10 * np.sin(2 * np.pi * T / period) + NOISE
    assert error(name, y, (period,)) < 2 < error(name, y, ())


def test_sarimax_takes_a_second_season_as_waves() -> None:
    y = DAY + 10 * np.sin(2 * np.pi * T / 168) + NOISE
    assert error("sarimax", y, (24, 168)) < 0.7 * error("sarimax", y, (24,), seasonal_order=[0, 0, 0])


def test_what_multiplies_grows_with_the_level() -> None:
    y = (100 + T) * (1 + 0.3 * np.sin(2 * np.pi * T / 24))
    assert error("ets", y, (24,), seasonal="mul") < 0.2 * error("ets", y, (24,), seasonal="none")


@pytest.mark.parametrize("part", ["error", "trend", "seasonal"])
def test_what_multiplies_needs_values_above_zero(part: str) -> None:
    with pytest.raises(DataError, match=r"E_NOT_POSITIVE ets: .*-\d"):
        error("ets", DAY, (24,), **{part: "mul"})


@pytest.mark.parametrize(("trend", "expected"), [("none", 0.0), ("constant", 1.0)])
def test_a_constant_beside_one_difference_is_a_slope(trend: str, expected: float) -> None:
    y = T + 5 * NOISE
    context = Context(3600 * 10**9, 0, options={"order": [0, 1, 1], "trend": trend})
    ahead = Sarimax().fit(y, context).predict(100)
    assert (ahead[-1] - ahead[0]) / 99 == pytest.approx(expected, abs=0.1)


WRONG = {
    "too few orders": ("sarimax", {"order": [1, 1]}, "options.order"),
    "an order below 0": ("sarimax", {"seasonal_order": [0, -1, 1]}, "options.seasonal_order"),
    "no list": ("sarimax", {"order": "1,1,1"}, "options.order"),
    "a kind that is none": ("ets", {"trend": "linear"}, "options.trend"),
    "no flag": ("ets", {"damped": "yes"}, "options.damped"),
}


@pytest.mark.parametrize(("name", "options", "where"), WRONG.values(), ids=WRONG)
def test_wrong_options_are_named_before_any_work(name: str, options: dict[str, object], where: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_models(name, (), options)
    assert [problem.where for problem in caught.value.problems] == [where]


@pytest.mark.parametrize("name", MODELS)
def test_the_time_does_not_grow_with_the_history(name: str) -> None:
    """Counted, not measured: how much the library is given."""
    y = np.tile(DAY[:24], 1000) + np.random.default_rng(1).normal(0, 1, 24_000)
    model = MODELS[name]().fit(y, Context(3600 * 10**9, 0, periods=(24, 168)))
    assert model.fitted.model.nobs <= 1344
