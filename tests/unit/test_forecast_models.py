"""Theta, ARIMA, Fourier and Holt-Winters find what they are made for."""

from typing import Any

import numpy as np
import pytest

from cronocast.errors import DataError
from cronocast.models.arima import Arima, lags_of
from cronocast.models.fourier import Fourier, frequencies
from cronocast.models.holt_winters import HoltWinters
from cronocast.models.model import Context
from cronocast.models.theta import Theta, has_season, season_of

HOUR_NS = 3600 * 10**9
RNG = np.random.default_rng(17)
T = np.arange(720.0)
DAY, WEEK = 5 * np.sin(T / 24 * 2 * np.pi), 3 * np.sin(T / 168 * 2 * np.pi)
NOISE = RNG.normal(0, 0.3, 720)
SPIKY = np.where(RNG.random(720) < 0.01, 40.0, 0.0)
SEASONAL: list[Any] = [Arima, Fourier, HoltWinters, Theta]


def ahead(model: Any, y: Any, h: int, periods: tuple[int, ...] = (24, 168)) -> Any:
    return model().fit(np.asarray(y, dtype=float), Context(HOUR_NS, 0, periods=periods)).predict(h)


def error(model: Any, y: Any, clean: Any, h: int = 48) -> float:
    return float(np.mean(np.abs(ahead(model, y[:-h], h) - clean[-h:])))


@pytest.mark.parametrize("model", SEASONAL)
def test_two_seasons_are_continued(model: Any) -> None:
    assert error(model, 50 + DAY + WEEK + NOISE, 50 + DAY + WEEK) < 0.8


@pytest.mark.parametrize("model", SEASONAL)
def test_rare_spikes_do_not_spoil_the_season(model: Any) -> None:
    limit = 4.0 if model is HoltWinters else 2.0  # smoothing follows the newest spike, least squares and medians do not
    y = 50 + DAY + NOISE + SPIKY
    y[-60:] -= SPIKY[-60:]
    assert error(model, y, 50 + DAY) < limit


@pytest.mark.parametrize("model", [Arima, Fourier, HoltWinters])
def test_season_on_a_slope_is_continued(model: Any) -> None:
    assert error(model, 0.05 * T + DAY + NOISE, 0.05 * T + DAY) < 1.5


@pytest.mark.parametrize("model", [Arima, HoltWinters, Theta])
def test_new_level_is_where_the_forecast_starts(model: Any) -> None:
    y = np.where(T < 600, 20.0, 60.0) + NOISE
    assert error(model, y, np.full(720, 60.0), 24) < 6


def test_arima_finds_the_coefficient_of_an_autoregression() -> None:
    y, noise = np.zeros(2000), np.random.default_rng(17).normal(size=2000)
    for t in range(1, 2000):
        y[t] = 0.8 * y[t - 1] + noise[t]
    y[-1] = 6.0
    assert ahead(Arima, y, 4, ()).tolist() == pytest.approx([6 * 0.8**k for k in range(1, 5)], abs=1.2)


def test_arima_stays_bounded_over_a_long_horizon() -> None:
    y = np.exp(T / 100)
    assert np.isfinite(ahead(Arima, y, 20_000, ())).all()


LAGS = {
    "no season": (500, (), list(range(1, 13))),
    "day": (96, (24,), list(range(1, 22))),
    "long enough for two days": (500, (24,), [*range(1, 26), 48]),
    "too short for any": (20, (), []),
}


@pytest.mark.parametrize(("n", "periods", "expected"), LAGS.values(), ids=LAGS)
def test_lags_have_three_equations_each(n: int, periods: tuple[int, ...], expected: list[int]) -> None:
    assert lags_of(n, periods).tolist() == expected


def test_fourier_needs_two_seasons() -> None:
    with pytest.raises(DataError, match=r"E_SHORT fourier: .*\b30\b.*\b24\b"):
        ahead(Fourier, np.arange(30.0), 1, (24,))


def test_frequencies_are_distinct_and_below_two_steps_per_cycle() -> None:
    found = [f for _, f in frequencies((24, 168), (12, 30))]
    assert len(found) == len({round(f, 9) for f in found})
    assert 0 < min(found) <= max(found) < 0.5
    assert [f for _, f in frequencies((2,), (3, 3))] == [0.5]


def test_season_is_the_median_of_its_phases_and_starts_with_the_first_value() -> None:
    wave = np.tile([0.0, 0, 9, 3], 8)
    spoilt = wave.copy()
    spoilt[14] = 500
    assert np.allclose(season_of(wave, 4), np.array([0, 0, 9, 3]) - 3, atol=0.8)
    assert np.argmax(season_of(spoilt[1:], 4)) == 1


WALK = np.cumsum(RNG.normal(size=720))
HAS_SEASON = {
    "a wave": (50 + DAY + NOISE, 24, True),
    "a weak wave": (50 + DAY / 20 + NOISE, 24, True),
    "one hour a day": (np.where(T % 24 == 3, 9.0, 0.0) + NOISE, 24, True),
    "a wave on a slope": (T + DAY + NOISE, 24, True),
    "the week below the day": (50 + DAY + WEEK + NOISE, 168, True),
    "noise": (NOISE, 24, False),
    "a random walk": (WALK, 24, False),
    "a line": (T, 24, False),
    "a constant": (np.full(720, 3.0), 24, False),
    "another period": (50 + np.sin(T / 17 * 2 * np.pi), 24, False),
}


@pytest.mark.parametrize(("y", "period", "expected"), HAS_SEASON.values(), ids=HAS_SEASON)
def test_season_is_told_from_chance(y: Any, period: int, expected: bool) -> None:
    assert has_season(y, period) is expected


@pytest.mark.parametrize(
    ("model", "n"), [(Theta, 3), (HoltWinters, 9), (Arima, 12)], ids=["theta", "holt_winters", "arima"]
)
def test_too_short_says_what_is_needed(model: Any, n: int) -> None:
    with pytest.raises(DataError, match=rf"E_SHORT \w+: .*\b{n}\b.*\d.*\bextract\b"):
        ahead(model, np.arange(float(n)), 1)
