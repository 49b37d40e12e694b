"""Prophet behind the interface: periods, holidays, clock of a zone, options; chosen by name, and answered by another model where it fails."""

import sys
from typing import Any

import numpy as np
import pytest

from cronocast.errors import ConfigError, MissingExtraError
from cronocast.forecast import MODELS, Context
from cronocast.forecast.answer import Settings
from cronocast.forecast.engine import forecast_member
from cronocast.profile import Profile
from cronocast.registry import load

pytest.importorskip("prophet", reason="the extra prophet is not installed")
from cronocast.forecast.prophet import Prophet, read_options

HOUR_NS = 3600 * 10**9
DAY_NS = 24 * HOUR_NS
T = np.arange(24 * 28.0)


def test_trend_and_season_go_on() -> None:
    y = 0.1 * T + 3 * np.sin(T / 24 * 2 * np.pi)
    context = Context(HOUR_NS, 0, periods=(24,))
    ahead = np.arange(T.size, T.size + 24.0)
    assert np.allclose(Prophet().fit(y, context).predict(24), 0.1 * ahead + 3 * np.sin(ahead / 24 * 2 * np.pi), atol=0.1)


def test_holidays_of_a_country_are_days_of_their_own() -> None:
    start = 1_514_764_800 * 10**9  # 2018-01-01: three Christmases in the history
    days = np.datetime64("2018-01-01") + np.arange(365 * 3)
    christmas = np.array([str(day)[5:] == "12-25" for day in days])
    y = np.where(christmas, 20.0, 100.0) + np.random.default_rng(3).normal(size=days.size)
    ahead = (np.datetime64("2021-12-25") - days[-1]).astype(int)
    with_them, without = (Prophet().fit(y, Context(DAY_NS, start, options=options)).predict(int(ahead))[-1] for options in ({"holidays": "GB"}, {}))
    assert with_them < 40
    assert without > 80


def test_holidays_begin_at_midnight_of_the_calendar() -> None:
    start = 1_514_764_800 * 10**9
    times = np.arange(0, 3 * 365 * 24, 6) * HOUR_NS + start
    local = (times + 12 * HOUR_NS).astype("datetime64[ns]")
    y = np.where([str(time)[5:10] == "12-25" for time in local], 20.0, 100.0)
    ahead = int((np.datetime64("2020-12-24T12", "ns").astype(np.int64) - start) // (6 * HOUR_NS))
    context = Context(6 * HOUR_NS, start, options={"holidays": "GB"}, offset_ns=12 * HOUR_NS)
    assert (Prophet().fit(y[:ahead], context).predict(4) < 60).all()  # 12:00 to 12:00 UTC is the day at an offset of twelve hours


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"growth": "logistic"}, "options.growth"),
        ({"n_changepoints": -1}, "options.n_changepoints"),
        ({"epochs": 3}, "options.epochs"),
        ({"timezone": "Europe/Paris"}, "options.timezone"),  # the entry's calendar says it
    ],
)
def test_wrong_options_are_named(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        read_options(options)


def test_an_unknown_country_is_said() -> None:
    with pytest.raises(ConfigError, match=r"options\.holidays"):
        Prophet().fit(np.sin(T), Context(HOUR_NS, 0, options={"holidays": "ZZ"}))


def test_it_forecasts_a_member_with_a_measured_interval() -> None:
    y = 10 + np.sin(T / 24 * 2 * np.pi) + 0.1 * np.random.default_rng(1).normal(size=T.size)
    profile = Profile("m", "", "seasonal", "", HOUR_NS, T.size, 0, (T.size - 1) * HOUR_NS, periods=(24,))
    settings = Settings(h=24, end_ns=T.size * HOUR_NS, model="prophet", options={"changepoint_prior_scale": 0.01})
    result = forecast_member(profile, (T * HOUR_NS).astype(np.int64), y, settings)
    assert (result.status, result.model) == ("ok", "prophet"), result.reason
    assert (result.lower < result.yhat).all()
    assert np.abs(result.yhat - 10 - np.sin(np.arange(T.size, T.size + 24) / 24 * 2 * np.pi)).max() < 0.3


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prophet", None)
    monkeypatch.delitem(sys.modules, "cronocast.forecast.prophet", raising=False)
    with pytest.raises(MissingExtraError, match=r"cronocast\[prophet\]"):
        load(MODELS, "model", "prophet")
