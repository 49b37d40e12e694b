"""Every row of MODELS behaves alike (length h, finite, same input same output), and keeps what it promises."""

import contextlib
import importlib.util
import json
import pickle
import re
import tomllib
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cronocast.errors import ConfigError, DataError
from cronocast.forecast.candidates import check_models
from cronocast.models import weights as state
from cronocast.models.lstm.lstm import LstmMany
from cronocast.models.lstm.nbeats import NbeatsMany
from cronocast.models.model import Context
from cronocast.models.options import read_options
from cronocast.models.table import MODELS, ModelRow, abilities
from cronocast.models.weights_manifest import Identity
from cronocast.registry import attribute_of, load

HOUR_NS = 3600 * 10**9
# one that forecasts the next step from a state, one that regresses on lags
OF_DARTS = ("darts:ExponentialSmoothing", "darts:LinearRegressionModel")
NAMES = [*(name for name in MODELS if ":" not in name), *OF_DARTS]
AMONG_OTHERS = ("var",)  # forecast a member from others, and refuse one alone
MANY = [name for name, row in MODELS.items() if row.together]
# how a model behaves does not depend on the size of its network
SMALL: dict[str, dict[str, Any]] = {
    "lstm": {"units": 4, "epochs": 1, "lookback": 24},
    "nbeats": {"units": 4, "layers": 2, "epochs": 1, "lookback": 24},
    "darts:LinearRegressionModel": {"lags": 24},
}
ROOT = Path(__file__).parents[2]
T = np.arange(504.0)
HISTORIES = {
    "wave": 10 + np.sin(T / 24 * 2 * np.pi),
    "trend and wave": 0.1 * T + 3 * np.sin(T / 24 * 2 * np.pi),
    "noise": np.random.default_rng(1).normal(size=504),
    "walk": np.cumsum(np.random.default_rng(2).normal(size=504)),
    "constant": np.full(504, 3.5),
    "zeros": np.zeros(504),
    "one spike": np.where(T == 250, 1.0, 0.0),
    "step at the last row": np.where(T < 503, 0.0, 1.0),
    "tiny": 1e-30 * np.sin(T),
}


class AmongOthers:
    """A model of several members together, asked for one of them: the other is a walk of the same length."""

    def __init__(self, name: str) -> None:
        self.model = load(MODELS, "model", name)

    def fit(self, y: Any, context: Context) -> Any:
        other = np.cumsum(np.random.default_rng(3).normal(size=y.size))
        self.y, self.context = y, replace(context, member="m{host=a}")
        self.shared = self.model.fit_many([y, other], [self.context, replace(context, member="m{host=b}")])
        self.predict(1)
        return self

    def predict(self, h: int) -> Any:
        return self.shared.predict_after(self.y, h, self.context)


def rows(names: Iterable[str]) -> list[Any]:
    """Models as parameters: a library of their own takes seconds to load, and is left out of the quick loop."""
    extras = {name: MODELS[name if name in MODELS else "darts:<Model>"].extra for name in names}
    return [pytest.param(name, marks=pytest.mark.slow if extras[name] != "linear" else ()) for name in extras]


def new(name: str) -> Any:
    return AmongOthers(name) if name in AMONG_OTHERS else load(MODELS, "model", name)()


def context(name: str, state: Path | None = None) -> Context:
    options = SMALL.get(name, {})
    return Context(HOUR_NS, 0, series_class="trend_seasonal", periods=(24,), options=options, horizon=24, state=state)


@cache
def fitted(name: str, history: str) -> Any:
    """A model of a history, for tests that only ask it; a network takes seconds to fit."""
    return new(name).fit(HISTORIES[history].copy(), context(name))


@pytest.mark.parametrize("history", HISTORIES)  # changes first: a network is compiled once for all that follow
@pytest.mark.parametrize("name", rows(NAMES))
def test_gives_h_finite_values_twice_the_same_and_leaves_its_input_alone(name: str, history: str) -> None:
    y = HISTORIES[history].copy()
    yhat = new(name).fit(y, context(name)).predict(30)
    assert yhat.shape == (30,)
    assert np.isfinite(yhat).all()
    assert y.tobytes() == HISTORIES[history].tobytes()
    assert fitted(name, history).predict(30).tobytes() == yhat.tobytes()


@pytest.mark.parametrize("name", rows(NAMES))
def test_steps_do_not_depend_on_how_many_are_asked_for(name: str) -> None:
    model = fitted(name, "trend and wave")
    most = model.predict(600)
    for h in (1, 7, 500):
        assert np.allclose(model.predict(h), most[:h])


@pytest.mark.parametrize("name", rows(NAMES))
def test_constant_is_continued(name: str) -> None:
    assert np.allclose(fitted(name, "constant").predict(24), 3.5)


@pytest.mark.parametrize("name", rows(NAMES))
@pytest.mark.parametrize("n", range(6))
def test_short_history_is_a_data_error_or_a_forecast(name: str, n: int) -> None:
    model = new(name)
    with contextlib.suppress(DataError):
        model.fit(np.arange(float(n)), context(name))
        assert np.isfinite(model.predict(5)).all()


@pytest.mark.parametrize("name", rows(name for name in NAMES if name not in ("naive", "constant", "level", "tsb")))
def test_one_point_is_too_few_and_the_error_says_what_to_do(name: str) -> None:
    with pytest.raises(DataError, match=r"E_(TOO_)?SHORT \w+: .*\bextract\b"):
        new(name).fit(np.zeros(1), context(name))


@pytest.mark.parametrize("name", rows(NAMES))
def test_forecast_follows_unit_and_level(name: str) -> None:
    y = HISTORIES["trend and wave"]
    plain, other = fitted(name, "trend and wave").predict(24), new(name).fit(1000 * y + 5e4, context(name)).predict(24)
    assert np.allclose(other, 1000 * plain + 5e4, rtol=1e-3, atol=1e-3 * 1000 * float(np.ptp(y)))


@pytest.mark.parametrize("name", rows(NAMES))
def test_a_row_says_together_where_the_class_learns_from_many(name: str) -> None:
    assert hasattr(load(MODELS, "model", name), "fit_many") == abilities(name).together


@pytest.mark.parametrize("name", rows(MANY))
def test_both_ways_to_learn_answer_in_the_same_form(name: str) -> None:
    y, others = HISTORIES["wave"], [replace(context(name), member=f"m{{host={i}}}") for i in range(2)]
    shared = load(MODELS, "model", name).fit_many([y, HISTORIES["walk"]], others)
    alone, together = fitted(name, "wave").predict(7), shared.predict_after(y, 7, others[0])
    assert (alone.shape, alone.dtype) == (together.shape, together.dtype) == ((7,), np.dtype(float))
    assert all(isinstance(note, str) for note in shared.notes)


@pytest.mark.parametrize("name", rows(name for name in MANY if MODELS[name].past_only))
def test_past_only_looks_at_nothing_beyond_the_end(name: str) -> None:
    known, contexts = 400, [replace(context(name), member=f"m{{host={i}}}") for i in range(2)]
    ys = [HISTORIES["wave"], HISTORIES["walk"]]
    later = [np.concatenate((y[:known], 1000 * HISTORIES["noise"][known:])) for y in ys]
    fit_many = load(MODELS, "model", name).fit_many
    answers = [fit_many(all_of, contexts).predict_after(ys[0][:known], 24, contexts[0]) for all_of in (ys, later)]
    assert answers[0].tobytes() == answers[1].tobytes()


class Own:
    """A user's class."""

    fit_many = past_only = True


@pytest.mark.parametrize(("own", "can"), [("Own", True), ("AmongOthers", False)])
def test_a_class_of_a_user_shows_what_it_can(own: str, can: bool) -> None:
    row = abilities(f"{__name__}:{own}")
    assert (row.together, row.past_only, row.reads_options) == (can, can, False)


# of darts one that takes no further arguments for another library
WITH_OPTIONS = [*(name for name, row in MODELS.items() if row.options), "darts:FFT"]


def test_every_row_that_reads_options_is_asked_for_wrong_ones() -> None:
    read = [name for name, row in MODELS.items() if row.reads_options]
    assert [*WITH_OPTIONS[:-1], "darts:<Model>"] == read


@pytest.mark.parametrize("name", rows(WITH_OPTIONS))
def test_an_unknown_option_is_refused_before_any_work_and_by_the_model_itself(name: str) -> None:
    with pytest.raises(ConfigError) as before:
        check_models(name, (), {"no_such_option": 1})
    with pytest.raises(ConfigError) as within:
        new(name).fit(HISTORIES["wave"], replace(context(name), options={"no_such_option": 1}))
    expected = ("E_CONFIG_UNKNOWN_KEY", "options.no_such_option")
    for caught in (before, within):
        assert [(problem.token, problem.where) for problem in caught.value.problems] == [expected]


@pytest.mark.parametrize("row", MODELS.values(), ids=MODELS)
def test_a_row_names_what_is_there_and_says_what_it_is_in_one_sentence(row: ModelRow) -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert row.extra in extras
    assert all(importlib.util.find_spec(path.partition(":")[0]) for path in (row.path, row.options, row.check) if path)
    assert re.fullmatch(r"[A-Z](?:(?![.?!] +[A-Z])[^\n])*\.", row.about)
    if row.options:
        declared = attribute_of(row.options)
        assert read_options(declared, {}) == declared()
    assert row.together or not row.past_only


@pytest.mark.parametrize("name", rows(MANY))
def test_one_model_for_many_forecasts_each_and_a_stranger(name: str) -> None:
    ys = [HISTORIES["wave"], HISTORIES["walk"], np.zeros(3)]
    model = load(MODELS, "model", name).fit_many(
        ys, [replace(context(name), member=f"m{{host={i}}}") for i in range(3)]
    )
    copy = pickle.loads(pickle.dumps(model))
    for y in (*ys[:2], HISTORIES["noise"]):
        yhat = model.predict_after(y, 30, context(name))
        assert yhat.shape == (30,)
        assert np.isfinite(yhat).all()
        assert copy.predict_after(y, 30, context(name)).tobytes() == yhat.tobytes()
    with pytest.raises(DataError):
        model.predict_after(ys[2], 30, context(name))


@pytest.mark.slow
@pytest.mark.parametrize(("name", "many"), [("lstm", LstmMany), ("nbeats", NbeatsMany)])
def test_kept_weights_are_those_of_the_network(name: str, many: type[LstmMany], tmp_path: Path) -> None:
    model = many().fit_many([HISTORIES["walk"]], [context(name, tmp_path)])
    weights = model._apply.args[0]
    manifest = json.loads((tmp_path / "gen-00000001" / "manifest.json").read_text())
    saved = state.load(
        tmp_path,
        Identity(
            "",
            manifest["architecture"],
            {name: array.shape for name, array in weights.items()},
            manifest["step_ns"],
            manifest["end_ns"] + 1,
        ),
        [],
    )
    assert saved is not None
    assert {name: array.tobytes() for name, array in saved.arrays.items()} == {
        name: array.tobytes() for name, array in weights.items()
    }
