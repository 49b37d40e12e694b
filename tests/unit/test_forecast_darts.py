"""Models of darts by name: what is asked for runs as set, what is not there is said with what is."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cronocast.document.entry import parse_entry
from cronocast.errors import ConfigError, DataError, MissingExtraError
from cronocast.forecast.answer import Settings
from cronocast.forecast.candidates import check_models, option_problems
from cronocast.forecast.members import MemberJob, forecast_members
from cronocast.handoff.profile import Profile
from cronocast.models.model import Context
from cronocast.models.rules import model_fault
from cronocast.models.table import MODELS
from cronocast.registry import load

pytestmark = pytest.mark.slow

SOURCE = {"url": "http://h:1", "database": "d", "measurement": "m", "field": "f"}
HOUR_NS = 3600 * 10**9
T = np.arange(24 * 20)
Y = 100 + 0.1 * T + 10 * np.sin(2 * np.pi * T / 24) + np.random.default_rng(0).normal(0, 0.5, T.size)


def context(**options: Any) -> Context:
    return Context(HOUR_NS, 0, periods=(24,), options=options, horizon=24, key="m{}")


def forecast(name: str, **options: Any) -> Any:
    return load(MODELS, "model", f"darts:{name}")().fit(Y[:-24], context(**options)).predict(24)


MODELS_OF_DARTS: dict[str, tuple[str, dict[str, Any]]] = {
    "smoothing, local": ("ExponentialSmoothing", {"trend": "additive", "damped": True}),
    "theta, local": ("Theta", {}),
    "lags, global": ("LinearRegressionModel", {"lags": 48, "output_chunk_length": 24}),
    "an argument of the library behind it": ("RandomForestModel", {"lags": [-1, -24], "n_estimators": 5}),
    "waves": ("FFT", {"trend": "poly", "nr_freqs_to_keep": 4}),
}


@pytest.mark.parametrize(("name", "options"), MODELS_OF_DARTS.values(), ids=MODELS_OF_DARTS)
def test_it_forecasts_as_set_and_twice_the_same(name: str, options: dict[str, Any]) -> None:
    yhat = forecast(name, **options)
    assert np.abs(yhat - Y[-24:]).mean() < 6  # the wave has a height of 10
    assert forecast(name, **options).tobytes() == yhat.tobytes()


def test_options_count() -> None:
    assert (
        forecast("LinearRegressionModel", lags=[-24]).tobytes() != forecast("LinearRegressionModel", lags=48).tobytes()
    )


def test_the_season_found_is_used_unless_another_is_given() -> None:
    found = forecast("ExponentialSmoothing")
    assert found.tobytes() == forecast("ExponentialSmoothing", seasonal_periods=24).tobytes()
    assert found.tobytes() != forecast("ExponentialSmoothing", seasonal_periods=7).tobytes()


WRONG: dict[str, tuple[str, dict[str, Any], str]] = {
    "an unknown argument": (
        "FFT",
        {"alfa": 1},
        r"E_CONFIG_UNKNOWN_KEY options.alfa: FFT .*nr_freqs_to_keep, ",
    ),
    "an unknown choice": (
        "ExponentialSmoothing",
        {"trend": "up"},
        r"E_CONFIG_CHOICE options.trend: 'up' .*multiplicative, additive",
    ),
    "lags that are missing": (
        "LinearRegressionModel",
        {},
        r"E_CONFIG_CHOICE options: LinearRegressionModel .*: lags, ",
    ),
    "an argument that nothing behind it takes": (
        "LinearRegressionModel",
        {"lags": 3, "lag": 3},
        r"E_CONFIG_CHOICE options: LinearRegressionModel ",
    ),
}


@pytest.mark.parametrize(("name", "options", "expected"), WRONG.values(), ids=WRONG)
def test_wrong_options_name_what_is_there(name: str, options: dict[str, Any], expected: str) -> None:
    with pytest.raises(ConfigError, match=expected):
        forecast(name, **options)


ASKED: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {  # entry, the options that are refused
    "the model": ({"model": "darts:FFT", "options": {"alfa": 1, "trend": "poly", "beta": 2}}, ("alfa", "beta")),
    "a candidate": ({"candidates": ["linear", "darts:FFT"], "options": {"alfa": 1}}, ("alfa",)),
    "a candidate that is not chosen from": (
        {"model": "linear", "candidates": ["darts:FFT"], "options": {"alfa": 1}},
        (),
    ),
    "right names": ({"model": "darts:FFT", "options": {"trend": "poly"}}, ()),
    "a model that hands further ones on": (
        {"model": "darts:LinearRegressionModel", "options": {"lags": 3, "lag": 3}},
        (),
    ),
    "a model whose library is missing": ({"model": "darts:NBEATSModel", "options": {"alfa": 1}}, ()),
    "code of a user": ({"model": "not_there_at_all:Model", "options": {"alfa": 1}}, ()),
}


@pytest.mark.parametrize(("given", "refused"), ASKED.values(), ids=ASKED)
def test_validate_refuses_options_that_the_model_does_not_take(given: dict[str, Any], refused: tuple[str, ...]) -> None:
    problems = option_problems(parse_entry({"name": "a", "source": SOURCE, **given}), "series.a")
    assert [(problem.token, problem.where) for problem in problems] == [
        ("E_CONFIG_UNKNOWN_KEY", f"series.a.options.{name}") for name in refused
    ]
    assert all("FFT" in problem.sentence for problem in problems)
    assert all("nr_freqs_to_keep, " in problem.sentence for problem in problems)


@pytest.mark.parametrize("given", [{"model": "darts:Nosuch"}, {"candidates": ["linear", "darts:Nosuch"]}], ids=str)
def test_validate_knows_the_models_of_a_library_that_is_there(given: dict[str, Any]) -> None:
    [problem] = option_problems(parse_entry({"name": "a", "source": SOURCE, **given}), "series.a")
    assert (problem.token, problem.where) == ("E_MODEL", f"series.a.{next(iter(given))}")
    assert "'Nosuch'" in problem.sentence
    assert option_problems(parse_entry({"name": "a", "source": SOURCE, "model": "darts:FFT"}), "series.a") == []


def test_validate_says_nothing_of_a_library_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cronocast.models.darts_model", None)
    assert (
        option_problems(
            parse_entry({"name": "a", "source": SOURCE, "model": "darts:FFT", "options": {"alfa": 1}}), "series.a"
        )
        == []
    )


def test_the_command_tells_of_every_series(tmp_path: Path) -> None:
    entry = {"source": SOURCE, "model": "darts:FFT", "options": {"alfa": 1}}
    (tmp_path / "v.yaml").write_text(json.dumps({"series": {"a": entry, "b": entry}}))
    ended = subprocess.run(
        [sys.executable, "-m", "cronocast", "validate", "-f", str(tmp_path / "v.yaml")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 78
    assert re.findall(r"E_CONFIG_UNKNOWN_KEY (\S+):", ended.stderr) == [
        "series.a.options.alfa",
        "series.b.options.alfa",
        "series.a.options.alfa",
    ]


@pytest.mark.parametrize("settings", [{"model": "darts:FFT"}, {"candidates": ("darts:FFT",)}], ids=str)
def test_no_forecast_is_begun_with_a_wrong_option(settings: dict[str, Any]) -> None:
    profile, end_ns = (
        Profile("m", "", "seasonal", "", HOUR_NS, Y.size, 0, HOUR_NS * (Y.size - 1), periods=(24,)),
        HOUR_NS * Y.size,
    )
    job = MemberJob(profile, HOUR_NS * T, Y, Settings(end_ns=end_ns, horizon=24, options={"alfa": 1}, **settings))
    with pytest.raises(ConfigError, match=r"E_CONFIG_UNKNOWN_KEY options\.alfa: FFT .*nr_freqs_to_keep, "):
        next(forecast_members([job]))


@pytest.mark.parametrize("name", ["Tetha", "MovingAverageFilter", "forecasting", "__doc__"])
def test_an_unknown_model_lists_those_that_are_there(name: str) -> None:
    with pytest.raises(ConfigError, match=rf"E_MODEL model: .*'{name}'.*ExponentialSmoothing, .*Theta") as caught:
        check_models(f"darts:{name}", (), {})
    assert "NBEATSModel" not in str(caught.value)


def test_a_name_close_to_a_model_brings_that_model_to_mind() -> None:
    with pytest.raises(ConfigError, match="'LinearRegressionModel'"):
        check_models("darts:LinearRegresionModel", (), {})


def test_darts_prints_no_error_of_its_own_beside_ours(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ConfigError, match="E_CONFIG_CHOICE options: LinearRegressionModel "):
        forecast("LinearRegressionModel", lags="many")
    assert not caplog.records


def test_a_model_whose_library_is_missing_says_what_to_install() -> None:
    with pytest.raises(
        MissingExtraError, match=r"E_MISSING_EXTRA model: 'darts:NBEATSModel' .*pip install 'cronocast\[pretrained\]'"
    ):
        check_models("auto", ("darts:NBEATSModel",), {})


def test_too_short_is_a_data_error() -> None:
    with pytest.raises(DataError, match=r"E_SHORT LinearRegressionModel: .*\b20\b.*\bextract\b"):
        load(MODELS, "model", "darts:LinearRegressionModel")().fit(Y[:20], context(lags=48))


def test_the_entry_takes_the_name_of_a_model_and_not_that_of_the_family() -> None:
    assert model_fault("darts:Theta") == ""
    assert "'darts'" in model_fault("darts")
    assert "'darts:<Model>'" in model_fault("darts:<Model>")
