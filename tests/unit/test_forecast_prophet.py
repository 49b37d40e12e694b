"""Prophet behind the interface: periods, options; chosen by name, and answered by another model where it fails."""

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from cronocast.errors import ConfigError, MissingExtraError
from cronocast.forecast.answer import Settings
from cronocast.forecast.candidates import check_models
from cronocast.forecast.engine import forecast_member
from cronocast.handoff.profile import Profile
from cronocast.models.model import Context
from cronocast.models.table import MODELS
from cronocast.registry import load

pytest.importorskip("prophet", reason="the extra prophet is not installed")
from cronocast.models.options import ProphetOptions, read_options
from cronocast.models.prophet import Prophet

pytestmark = pytest.mark.slow

HOUR_NS = 3600 * 10**9
T = np.arange(24 * 28.0)


def test_trend_and_season_go_on() -> None:
    y = 0.1 * T + 3 * np.sin(T / 24 * 2 * np.pi)
    context = Context(HOUR_NS, 0, periods=(24,))
    ahead = np.arange(T.size, T.size + 24.0)
    assert np.allclose(
        Prophet().fit(y, context).predict(24), 0.1 * ahead + 3 * np.sin(ahead / 24 * 2 * np.pi), atol=0.1
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"growth": "logistic"}, "options.growth"),
        ({"n_changepoints": -1}, "options.n_changepoints"),
        ({"epochs": 3}, "options.epochs"),
        ({"holidays": "GB"}, "options.holidays"),
        ({"timezone": "Europe/Paris"}, "options.timezone"),  # the entry's calendar says it
    ],
)
def test_wrong_options_are_named(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        read_options(ProphetOptions, options)


def test_wrong_options_end_before_any_work_instead_of_a_simpler_forecast() -> None:
    with pytest.raises(ConfigError, match=r"E_CONFIG_UNKNOWN_KEY options\.timezone"):
        check_models("prophet", (), {"timezone": "UTC"})
    check_models("prophet", (), {"growth": "flat"})


def test_it_forecasts_a_member_with_a_measured_interval() -> None:
    y = 10 + np.sin(T / 24 * 2 * np.pi) + 0.1 * np.random.default_rng(1).normal(size=T.size)
    profile = Profile("m", "", "seasonal", "", HOUR_NS, T.size, 0, (T.size - 1) * HOUR_NS, periods=(24,))
    settings = Settings(horizon=24, end_ns=T.size * HOUR_NS, model="prophet", options={"changepoint_prior_scale": 0.01})
    result = forecast_member(profile, (T * HOUR_NS).astype(np.int64), y, settings)
    assert (result.status, result.model) == ("ok", "prophet"), result.reason
    assert (result.lower < result.yhat).all()
    assert np.abs(result.yhat - 10 - np.sin(np.arange(T.size, T.size + 24) / 24 * 2 * np.pi)).max() < 0.3


def test_the_library_is_loaded_without_a_word() -> None:
    """It tells of the libraries for its pictures, which nobody asked for."""
    assert (
        subprocess.run(
            [sys.executable, "-c", "import cronocast.models.prophet"],
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        ).stderr
        == ""
    )


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prophet", None)
    monkeypatch.delitem(sys.modules, "cronocast.models.prophet", raising=False)
    with pytest.raises(MissingExtraError, match=r"cronocast\[prophet\]"):
        load(MODELS, "model", "prophet")
