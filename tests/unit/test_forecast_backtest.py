"""A backtest sees nothing but the past, as a scheduled job would have."""

import sys
from typing import Any, ClassVar, Self

import numpy as np
import pytest

from cronocast.errors import DataError
from cronocast.forecast import attempts, backtest
from cronocast.models.arima import Arima
from cronocast.models.fourier import Fourier
from cronocast.models.linear import Linear
from cronocast.models.model import Context
from cronocast.models.naive import Naive
from cronocast.models.theta import Theta
from cronocast.timeseries.fill import fill
from tests.messages import numbers

HOUR_NS = 3600 * 10**9
NAN = float("nan")


class Spy(Naive):
    """Remembers what it was given."""

    given: ClassVar[list[Any]] = []

    def fit(self, y: Any, context: Context) -> Self:
        Spy.given.append((y.copy(), context))
        return super().fit(y, context)


class ForMany:
    """Trained for many members before; remembers what it read."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.read: list[int] = []

    def predict_after(self, y: Any, h: int, context: Context) -> Any:
        self.read.append(y.size)
        if y.size < 200:
            raise DataError("E_TOO_SHORT", "y", f"{y.size} points")
        return np.full(h, y[-1])


@pytest.fixture(autouse=True)
def _forget() -> None:
    Spy.given.clear()


def context(periods: tuple[int, ...] = (), **known: Any) -> Context:
    return Context(HOUR_NS, 0, periods=periods, **known)


def test_each_origin_sees_only_its_past() -> None:
    y = np.arange(672.0)
    test = backtest.begin(y, context((24,)), 24)
    backtest.add(test, "spy", Spy)
    assert len(Spy.given) == len(test.origins) == backtest.MOST_ORIGINS
    for (seen, _), origin, row in zip(Spy.given, test.origins, test.actual, strict=True):
        assert seen.tolist() == y[: origin.end].tolist()
        assert row.tolist() == y[origin.end : origin.end + 24].tolist()
    assert test.origins[-1].end == 672 - 24


@pytest.mark.parametrize("h", [1, 6, 24, 27, 36, 100])
def test_origins_start_at_the_phase_of_the_real_forecast(h: int) -> None:
    ends = backtest.origin_ends(672, h, (24, 168))
    assert len(ends) >= backtest.MOST_ORIGINS / 2
    assert {(672 - end) % 24 for end in ends} == {0}


def test_a_band_is_as_wide_as_the_hours_ahead_are_restless() -> None:
    hour = np.arange(672) % 24
    restless = (hour >= 6) & (hour < 18)
    y = np.where(restless, np.random.default_rng(0).normal(0, 1, 672), 0.0)  # the forecast begins at midnight
    test = backtest.begin(y, context((24,)), 6)
    assert np.abs(test.actual).max() == 0
    assert np.abs(backtest.begin(y[:-12], context((24,)), 6).actual).max() > 1


def test_windows_share_no_step_where_there_is_room() -> None:
    distances = {
        (n, h, season): set(np.diff(backtest.origin_ends(n, h, (season,))).tolist())
        for n, h, season in ((2016, 24, 24), (2016, 48, 24), (2016, 288, 6), (700, 48, 24))
    }
    assert distances == {(2016, 24, 24): {24}, (2016, 48, 24): {48}, (2016, 288, 6): {60}, (700, 48, 24): {24}}


ENDS = {
    "no room for any": (20, 15, (), 0),
    "short history: origins closer together": (100, 24, (24,), backtest.MOST_ORIGINS),
    "one": (48, 40, (), 0),
    "just one": (20, 12, (), 1),
}


@pytest.mark.parametrize(("n", "h", "periods", "count"), ENDS.values(), ids=ENDS)
def test_origins_fit_into_the_history(n: int, h: int, periods: tuple[int, ...], count: int) -> None:
    ends = backtest.origin_ends(n, h, periods)
    assert len(ends) == count
    assert ends == sorted(set(ends))
    assert all(backtest.LEAST_TRAINING <= end <= n - h for end in ends)


def test_gaps_are_filled_from_the_past_alone() -> None:
    y = np.concatenate((np.zeros(300), np.full(15, NAN), np.ones(57)))
    test = backtest.begin(y, context(), 12)
    cut = [o for o in test.origins if 300 < o.end <= 315]
    assert cut
    assert all(o.filled.y.max() == 0 and o.filled.tail == o.end - 300 for o in cut)


def test_filled_points_do_not_score() -> None:
    y = np.arange(200.0)
    y[190:195] = NAN
    test = backtest.begin(y, context(), 24)
    assert np.isnan(test.actual[-1]).sum() == 5


def test_steps_since_the_last_observation_are_forecast_and_cut() -> None:
    y = np.concatenate((np.arange(100.0), np.full(5, NAN)))
    filled = fill(y)
    result = attempts.attempt(Counting, filled, context(), 3)
    assert not isinstance(result, str)
    assert result.tolist() == [105, 106, 107]


class Counting:
    def fit(self, y: Any, context: Context) -> Self:
        self.last = y[-1]
        return self

    def predict(self, h: int) -> Any:
        return self.last + np.arange(1, h + 1)


def test_change_is_unknown_before_it_happened() -> None:
    test = backtest.begin(np.arange(672.0), context((24,), last_change=600), 24)
    assert {o.context.last_change for o in test.origins if o.end <= 600} == {0}
    assert {o.context.last_change for o in test.origins if o.end > 600} == {600}


def test_recent_change_adds_origins_that_saw_it() -> None:
    calm, changed = (backtest.begin(np.arange(672.0), context((24,), last_change=change), 24) for change in (300, 650))
    assert [o.end for o in changed.origins[len(calm.origins) :]] == [672 - 12, 672 - 6]
    assert np.isfinite(changed.actual[-2:]).sum(axis=1).tolist() == [12, 6]


def test_saved_weights_are_kept_from_the_backtest(tmp_path: Any) -> None:
    test = backtest.begin(np.arange(672.0), context((24,), state=tmp_path), 24)
    assert all(o.context.state is None for o in test.origins)


def test_a_model_for_many_members_reads_on_and_is_not_fitted_again() -> None:
    test = backtest.begin(np.arange(672.0), context((24,)), 24)
    model = ForMany()
    backtest.add(test, "many", Spy, model)
    assert Spy.given == []
    assert model.read == [o.end for o in test.origins]
    assert np.isfinite(test.forecasts["many"]).all(axis=1).tolist() == [
        o.end >= 200 for o in test.origins
    ]  # the others go on past one that is too short
    assert test.failures["many"].endswith("points")


def test_why_there_is_no_model_for_many_is_told() -> None:
    test = backtest.begin(np.arange(672.0), context((24,)), 24)
    backtest.add(test, "many", Spy, "no member is long enough")
    assert test.failures == {"many": "no member is long enough"}
    assert np.isnan(test.forecasts["many"]).all()


def gappy(seed: int) -> Any:
    """A day, a step, a slope, spikes, and gaps that are filled otherwise as soon as the next day is known."""
    rng, t = np.random.default_rng(seed), np.arange(500)
    y = 5 * np.sin(t / 24 * 2 * np.pi) + 0.02 * t + np.where(t > 300, 8, 0) + rng.normal(0, 0.5, t.size)
    y[rng.integers(0, t.size, 6)] += 40
    y[230:240] = y[395:410] = NAN
    return y


@pytest.mark.parametrize("periods", [(), (24,), (24, 168)], ids=str)
@pytest.mark.parametrize("model", [Linear, Theta, Arima, Fourier], ids=lambda m: m.__name__)
def test_work_that_origins_share_changes_no_forecast(model: Any, periods: tuple[int, ...]) -> None:
    for seed, h in ((1, 24), (2, 60)):
        test = backtest.begin(gappy(seed), context(periods), h)
        assert len(test.chains) < len(test.origins)
        assert (len(test.chains) > 1) == bool(periods)
        backtest.add(test, "together", model)
        backtest.add(test, "each", type("Each", (model,), {}))  # shared work is not inherited
        assert test.forecasts["together"] == pytest.approx(test.forecasts["each"], rel=1e-9, abs=1e-9, nan_ok=True)
        assert test.failures.get("together") == test.failures.get("each")


class Broken(Naive):
    def predict(self, h: int) -> Any:
        raise ZeroDivisionError("no good")


class Endless(Naive):
    def predict(self, h: int) -> Any:
        return np.exp(np.full(h, 1e4))


class Wrong(Naive):
    def predict(self, h: int) -> Any:
        return np.zeros(h + 1)


class Leaving(Naive):
    def predict(self, h: int) -> Any:
        sys.exit("no licence")


class Plain(Naive):
    """A person's own, whose fit returns nothing."""

    def fit(self, y: Any, context: Any) -> Any:
        super().fit(y, context)


def test_a_model_whose_fit_returns_nothing_is_itself_the_fitted_one() -> None:
    test = backtest.begin(np.arange(200.0), context(), 24)
    backtest.add(test, "plain", Plain)
    backtest.add(test, "naive", Naive)
    assert test.failures == {}
    assert (test.forecasts["plain"] == test.forecasts["naive"]).all()


FAILURES: dict[str, tuple[type, str, list[str]]] = {  # what is said of the error; the numbers in it
    "ends the program": (Leaving, "SystemExit: 'no licence'", []),
    "bug": (Broken, "ZeroDivisionError: 'no good'", []),
    "not finite": (Endless, "", ["24"]),
    "wrong length": (Wrong, "(25,)", ["25", "24"]),
}


@pytest.mark.parametrize(("model", "said", "counts"), FAILURES.values(), ids=FAILURES)
def test_failure_is_a_sentence(model: type, said: str, counts: list[str]) -> None:
    test = backtest.begin(np.arange(200.0), context(), 24)
    backtest.add(test, "bad", model)
    assert list(test.failures) == ["bad"]
    assert said in test.failures["bad"]
    assert [number.strip(",") for number in numbers(test.failures["bad"])] == counts
    assert np.isnan(test.forecasts["bad"]).all()
