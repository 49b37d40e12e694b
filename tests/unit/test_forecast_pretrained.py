"""Pretrained models: weights are read once from a folder, serve every member and origin, and are never downloaded.

Each test runs on a stand-in for a class of darts, and on Chronos-2 itself, small and with random weights, where torch
is installed. It is no part of the development environment: for Linux on x86-64 its package brings 4 GB of CUDA.
"""

import importlib.util
import json
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import darts.models
import numpy as np
import pytest
from darts import TimeSeries
from darts.models.forecasting.forecasting_model import ForecastingModel

from cronocast.document.entry import parse_entry
from cronocast.errors import ConfigError, DataError, MissingExtraError
from cronocast.forecast.answer import MemberForecast, Settings
from cronocast.forecast.candidates import option_problems
from cronocast.forecast.members import MemberJob, forecast_members
from cronocast.handoff.profile import Profile
from cronocast.models import pretrained
from cronocast.models.model import Context
from cronocast.models.table import MODELS
from cronocast.registry import load

pytestmark = pytest.mark.slow

SOURCE = {"url": "http://h:1", "database": "d", "measurement": "m", "field": "f"}
HOUR_NS = 3600 * 10**9
AHEAD = 16  # steps that the small models forecast in one go
SIZES = {"input_chunk_length": 64, "output_chunk_length": AHEAD}
CHRONOS = {
    "d_model": 16,
    "d_kv": 8,
    "d_ff": 32,
    "num_layers": 2,
    "num_heads": 2,
    "feed_forward_proj": "relu",
    "chronos_config": {
        "context_length": 256,
        "input_patch_size": 8,
        "input_patch_stride": 8,
        "output_patch_size": 8,
        "max_output_patches": 4,
        "quantiles": [0.1, 0.5, 0.9],
        "time_encoding_scale": 256,
        "use_arcsinh": True,
        "use_reg_token": True,
    },
}
reads: list[str] = []  # folders that weights were read from
batches: list[int] = []  # histories of each call for forecasts


class StandIn(ForecastingModel):  # type: ignore[misc]
    """Forecasts the mean of what it reads times its one weight, as a class of darts that has `local_dir`."""

    output_chunk_length = AHEAD

    def __init__(
        self,
        input_chunk_length: Any,
        output_chunk_length: int,
        local_dir: str | None = None,
        pl_trainer_kwargs: Any = None,
        **kwargs: Any,
    ) -> None:
        self.min_input_chunk_length, self.input_chunk_length = input_chunk_length
        self.folder = Path(str(local_dir))

    def fit(self, series: TimeSeries, verbose: bool = False) -> Any:
        self.weight = float((self.folder / "model.safetensors").read_text())
        reads.append(str(self.folder))
        return self

    def predict(self, n: int, series: list[TimeSeries], **_: Any) -> list[TimeSeries]:
        batches.append(len(series))
        assert all(self.min_input_chunk_length <= len(each) <= self.input_chunk_length for each in series)
        return [TimeSeries.from_values(np.full(n, 0.5 + self.weight * each.values()[-24:].mean())) for each in series]


StandIn.__abstractmethods__ = frozenset()  # what else darts asks of its models is not used here


@dataclass(frozen=True)
class Weights:
    """A model of darts and the folder of its weights."""

    model: str
    folder: Path
    more: dict[str, Any] = field(default_factory=lambda: dict(SIZES))

    @property
    def options(self) -> dict[str, Any]:
        return {"local_dir": str(self.folder), **self.more}


@pytest.fixture(params=["StandIn", "Chronos2Model"])
def weights(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Weights:
    if request.param == "Chronos2Model":
        if importlib.util.find_spec("torch") is None:
            pytest.skip("torch is not installed here: pip install 'cronocast[pretrained]'")
        small_chronos(tmp_path, monkeypatch)
    else:
        stand_in(tmp_path, monkeypatch)
    pretrained._loaded.cache_clear()
    reads.clear()
    batches.clear()
    return Weights(request.param, tmp_path)


def stand_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(darts.models, "StandIn", StandIn, raising=False)
    monkeypatch.setattr(pretrained, "quiet", lambda: None)
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_text("0.9")


def small_chronos(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write random weights for the real class, and count what it reads and forecasts from now on."""
    import torch
    from darts.models.components.huggingface_connector import HuggingFaceConnector
    from safetensors.torch import save_file

    (folder / "config.json").write_text(json.dumps(CHRONOS))
    (folder / "model.safetensors").touch()
    read = HuggingFaceConnector.load_model_weights
    with monkeypatch.context() as patch:
        patch.setattr(
            HuggingFaceConnector,
            "load_model_weights",
            lambda self, module: save_file(module.state_dict(), self.local_dir / "model.safetensors"),
        )
        torch.manual_seed(1)
        pretrained._loaded(darts.models.Chronos2Model, json.dumps({"local_dir": str(folder), **SIZES}))

    def counted(self: Any, module: Any) -> None:
        reads.append(str(self.local_dir))
        read(self, module)

    forecast = darts.models.Chronos2Model.predict

    def batch(self: Any, n: int, series: Any, **given: Any) -> Any:
        batches.append(len(series))
        return forecast(self, n, series=series, **given)

    monkeypatch.setattr(HuggingFaceConnector, "load_model_weights", counted)
    monkeypatch.setattr(darts.models.Chronos2Model, "predict", batch)


def history(i: int, n: int) -> Any:
    noise = np.random.default_rng(i).normal(0, 0.3, n)
    return 10 * (i + 1) + np.sin(2 * np.pi * (np.arange(n) + i) / 24) + noise


def job(weights: Weights, i: int, n: int = 300, horizon: int = 24, model: str = "") -> MemberJob:
    profile = Profile("m", f"host={i}", "seasonal", "", HOUR_NS, n, 0, HOUR_NS * (n - 1), periods=(24,))
    settings = Settings(
        end_ns=HOUR_NS * n, horizon=horizon, model=model or f"darts:{weights.model}", options=weights.options
    )
    return MemberJob(profile, HOUR_NS * np.arange(n), history(i, n), settings)


def forecast(jobs: list[MemberJob]) -> dict[str, MemberForecast]:
    return {found.tags: found for found in forecast_members(jobs)}


def new(weights: Weights) -> Any:
    return load(MODELS, "model", f"darts:{weights.model}")


def context(weights: Weights, **more: Any) -> Context:
    return Context(HOUR_NS, 0, options={**weights.options, **more})


def test_weights_are_read_once_for_all_members_and_origins(weights: Weights) -> None:
    found = forecast([job(weights, i) for i in range(4)])
    assert [(one.status, one.reason, one.model) for one in found.values()] == [("ok", "", f"darts:{weights.model}")] * 4
    assert reads == [str(weights.folder)]
    origins = [len_of for len_of in batches if len_of > 1]
    assert len(origins) == 4  # the past forecasts of each member go in one batch
    assert len(batches) == 8
    assert all(one.backtest["origins"] == count for one, count in zip(found.values(), origins, strict=True))


def test_answers_do_not_depend_on_the_order_of_members(weights: Weights) -> None:
    jobs = [job(weights, i, n) for i, n in enumerate((300, 120, 200, 90))]
    there, back, alone = forecast(jobs), forecast(jobs[::-1]), forecast(jobs[2:3])
    for tags, one in there.items():
        assert one.yhat.tobytes() == back[tags].yhat.tobytes()
        assert one.lower.tobytes() == back[tags].lower.tobytes()
    assert alone["host=2"].yhat.tobytes() == there["host=2"].yhat.tobytes()


@pytest.mark.parametrize("h", [1, AHEAD - 1, AHEAD, AHEAD + 1, 3 * AHEAD, 5 * AHEAD + 3])
def test_a_horizon_longer_than_what_is_forecast_in_one_go_goes_on(weights: Weights, h: int) -> None:
    fitted = new(weights)().fit(history(0, 200), context(weights))
    yhat = fitted.predict(h)
    assert yhat.shape == (h,)
    assert np.isfinite(yhat).all()
    assert yhat[:AHEAD].tobytes() == fitted.predict(AHEAD)[:h].tobytes()


def test_it_knows_nothing_after_the_end_of_a_history(weights: Weights) -> None:
    y = history(0, 200)
    ends = [80, 130, 200]
    spoiled = y.copy()
    spoiled[130:] = 1e6
    clean = new(weights).forecast_origins([y[:end] for end in ends], [context(weights)] * 3, 24)
    other = new(weights).forecast_origins([spoiled[:end] for end in ends], [context(weights)] * 3, 24)
    assert [a.tobytes() == b.tobytes() for a, b in zip(clean, other, strict=True)] == [True, True, False]


@pytest.mark.parametrize("n", [8, 9, 40, 63, 64, 65])
def test_a_member_shorter_than_what_it_reads_is_padded(weights: Weights, n: int) -> None:
    yhat = new(weights)().fit(history(0, n), context(weights)).predict(24)
    assert np.isfinite(yhat).all()
    assert np.abs(yhat - 10).max() < 20


@pytest.mark.parametrize(("n", "read"), [(7, 64), (63, [64, 64]), (19, [20, 64])])
def test_one_too_short_says_what_it_needs_and_stops_no_other(weights: Weights, n: int, read: Any) -> None:
    given = context(weights, input_chunk_length=read)
    least = str(read[0] if isinstance(read, list) else 8)
    with pytest.raises(DataError, match=rf"E_SHORT {weights.model}: {n} points, need {least}\b"):
        new(weights)().fit(history(0, n), given)
    short, long = new(weights).forecast_origins([history(0, n), history(0, 80)], [given] * 2, 5)
    assert isinstance(short, DataError)
    assert np.isfinite(long).all()


def test_a_large_level_keeps_its_small_waves(weights: Weights) -> None:
    wave = np.sin(2 * np.pi * np.arange(200) / 24)
    plain = new(weights)().fit(wave, context(weights)).predict(24)
    lifted = new(weights)().fit(1e9 + wave, context(weights)).predict(24) - 1e9
    assert lifted == pytest.approx(plain, abs=1e-4)


def test_a_constant_goes_on(weights: Weights) -> None:
    assert new(weights)().fit(np.full(100, 34.7), context(weights)).predict(24).tolist() == [34.7] * 24


def test_nothing_is_downloaded_and_nothing_written(weights: Weights, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[Any] = []

    def refuse(*given: Any, **_: Any) -> None:
        tried.append(given)
        raise OSError("no network")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    work = weights.folder.parent / "cwd"
    work.mkdir(exist_ok=True)
    monkeypatch.chdir(work)
    before = {path: path.stat().st_mtime_ns for path in weights.folder.iterdir()}
    [found] = forecast([job(weights, 0)]).values()
    assert (found.status, tried) == ("ok", [])
    assert {path: path.stat().st_mtime_ns for path in weights.folder.iterdir()} == before
    assert list(work.iterdir()) == []


GONE = {"no folder": None, "an empty folder": (), "no weights": ("config.json",), "no sizes": ("model.safetensors",)}


@pytest.mark.parametrize("kept", GONE.values(), ids=GONE)
def test_weights_that_are_not_there_stop_the_run_before_any_work(
    weights: Weights, kept: tuple[str, ...] | None
) -> None:
    for path in weights.folder.iterdir():
        if path.name not in (kept or ()):
            path.unlink()
    if kept is None:
        weights.folder.rmdir()
    with pytest.raises(ConfigError, match=r"E_WEIGHTS options\.local_dir: .*nothing is downloaded") as caught:
        forecast([job(weights, 0)])
    assert caught.value.exit_code == 78
    assert all((file in str(caught.value)) == (kept == () or file not in kept) for file in pretrained.FILES if kept)
    assert reads == []


def test_a_laptop_without_the_volume_validates(weights: Weights) -> None:
    entry = {"name": "a", "source": SOURCE, "model": f"darts:{weights.model}"}
    elsewhere = {**entry, "options": {"local_dir": "/not/here", **weights.more}}
    assert option_problems(parse_entry(elsewhere), "series.a") == []
    [problem] = option_problems(parse_entry({**entry, "options": weights.more}), "series.a")
    assert (problem.token, problem.where) == ("E_CONFIG_MISSING", "series.a.options.local_dir")


def test_training_is_refused(weights: Weights) -> None:
    with pytest.raises(ConfigError, match=r"options\.enable_finetuning"):
        new(weights)().fit(history(0, 100), context(weights, enable_finetuning=True))


def test_damaged_weights_are_named_and_another_model_stands_in(weights: Weights) -> None:
    (weights.folder / "model.safetensors").write_text("damaged")
    [found] = forecast([job(weights, 0)]).values()
    assert found.status == "fallback"
    assert "can't read its weights" in found.reason
    assert str(weights.folder) in found.reason


def test_without_torch_the_class_itself_says_what_to_install() -> None:
    if importlib.util.find_spec("torch") is not None:
        pytest.skip("torch is installed here")
    with pytest.raises(MissingExtraError, match=r"'darts:Chronos2Model'.*cronocast\[pretrained\]"):
        load(MODELS, "model", "darts:Chronos2Model")
