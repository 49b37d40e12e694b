"""The LSTM: one network for many members, the same numbers each time, never silent about what it did."""

import os
import pickle
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from cronocast.console import say
from cronocast.errors import ConfigError, DataError, InvariantError
from cronocast.models.lstm import member as lstm_member
from cronocast.models.lstm.forward import Architecture
from cronocast.models.lstm.lstm import WARM_EPOCHS, Lstm, LstmMany
from cronocast.models.lstm.network import Network, _quiet_stderr
from cronocast.models.lstm.windows import PARTS
from cronocast.models.model import Context
from cronocast.models.options import LstmOptions, NbeatsOptions, read_options

pytestmark = pytest.mark.slow

Floats = NDArray[np.float64]
HOUR_NS = 3600 * 10**9
DAY, H = 24, 12
TINY = {"units": 4, "epochs": 2, "lookback": DAY}  # four steps of the LSTM: compiled in a second


def series(seed: int = 0, n: int = 340, level: float = 50.0) -> Floats:
    rng, t = np.random.default_rng(seed), np.arange(n)
    noise = np.zeros(n)
    for k in range(1, n):
        noise[k] = 0.8 * noise[k - 1] + rng.normal(0, 0.3)
    out: Floats = level * (1 + 0.1 * np.sin(2 * np.pi * t / DAY) + 0.03 * noise)
    return out


def context(state: Path | None = None, run: int = 0, key: str = "", **options: Any) -> Context:
    given = {**TINY, **options}
    return Context(HOUR_NS, 0, periods=(DAY,), options=given, horizon=H, key=key, state=state, end_ns=run * HOUR_NS)


SMALL, LARGE = series(1, level=1e-6), series(3, level=1e9)


@pytest.fixture(scope="module")
def fitted() -> LstmMany:
    """Trained on all but the last day of one series."""
    return Lstm.fit_many([series()[:-DAY]], [context()])


@pytest.fixture(scope="module")
def many() -> LstmMany:
    """Three members of very different sizes; the second is too short."""
    return Lstm.fit_many([SMALL, series(2, n=40), LARGE], [context()] * 3)


def test_same_input_gives_the_same_bytes(fitted: LstmMany) -> None:
    y = series()[:-DAY]
    assert Lstm().fit(y, context()).predict(H).tobytes() == fitted.predict_after(y, H, context()).tobytes()


def test_a_copy_for_another_process_answers_alike_and_is_small(many: LstmMany) -> None:
    copy = pickle.dumps(many)
    assert len(copy) < 100_000
    assert (
        pickle.loads(copy).predict_after(SMALL, H, context()).tobytes()
        == many.predict_after(SMALL, H, context()).tobytes()
    )


def test_trend_season_and_rest_add_up_by_name(fitted: LstmMany) -> None:
    y = series()[:-DAY]
    parts = fitted.parts_after(y, H, context())
    assert tuple(parts) == PARTS
    np.testing.assert_allclose(sum(parts.values()), fitted.predict_after(y, H, context()), rtol=1e-12)
    assert parts["trend"].mean() > 10 * np.abs(parts["rest"]).max()
    assert np.abs(parts["season"]).max() > 1  # the wave has a height of 5


def test_better_than_repeating_the_last_day(fitted: LstmMany) -> None:
    """The network of one series, on others of its kind."""
    ys = [series(seed) for seed in range(20)]
    error = sum(np.abs(fitted.predict_after(y[:-DAY], DAY, context()) - y[-DAY:]).mean() for y in ys)
    assert error < 0.9 * sum(np.abs(y[-2 * DAY : -DAY] - y[-DAY:]).mean() for y in ys)


@pytest.mark.parametrize("h", [1, H - 1, H, H + 1, 3 * H + 5])
def test_any_number_of_steps_and_none_changes_the_others(fitted: LstmMany, h: int) -> None:
    yhat = fitted.predict_after(series(), h, context())
    assert yhat.shape == (h,)
    np.testing.assert_array_equal(yhat, fitted.predict_after(series(), 5 * H, context())[:h])


def test_reads_on_from_a_longer_history(fitted: LstmMany) -> None:
    y = series()
    later = y.copy()
    later[-DAY:] += 500
    assert fitted.predict_after(later, H, context()).mean() > fitted.predict_after(y, H, context()).mean() + 100


def test_a_step_size_that_needs_blocks() -> None:
    """Five-minute data.

    Windows and horizon of a day and more are averaged in blocks, the forecast still has every step.
    """
    y = np.repeat(series(n=24 * 9), 12) + 0.01 * np.random.default_rng(0).normal(size=24 * 9 * 12)
    model = Lstm().fit(y, Context(HOUR_NS // 12, 0, periods=(288,), options=TINY, horizon=250))
    yhat = model.predict(250)
    assert yhat.shape == (250,)
    assert np.abs(yhat - y[-288:][:250]).mean() < 5  # the size of the wave


SHORT: dict[str, Any] = {
    "one point": np.ones(1),
    "a day": series(n=DAY),
    "one window short": series(n=24 + 24 + 19),
}


@pytest.mark.parametrize("y", SHORT.values(), ids=SHORT)
def test_too_short_says_how_much_is_needed(y: Floats) -> None:
    with pytest.raises(DataError, match=rf"E_TOO_SHORT y: .*\b{y.size}\b.*\d+.*\b12\b.*\b24\b") as caught:
        Lstm().fit(y, context())
    assert caught.value.exit_code == 66


def test_long_gaps_leave_no_windows() -> None:
    y = series()
    observed = np.zeros(y.size, dtype=np.bool_)
    observed[:40] = observed[-8:] = True
    with pytest.raises(DataError, match="E_TOO_SHORT y: "):
        Lstm().fit(y, Context(HOUR_NS, 0, periods=(DAY,), observed=observed, options=TINY, horizon=H))


def test_values_that_overflow_are_a_reason_not_a_crash() -> None:
    with pytest.raises(DataError, match="E_RANGE"):
        Lstm().fit(1.7e308 * np.sign(series() - 50), context())


@pytest.mark.parametrize(
    ("y", "expected"),
    [(np.full(340, 7.0), 7.0), (np.zeros(340), 0.0), (np.full(340, -1e300), -1e300)],
    ids=["constant", "zero", "huge constant"],
)
def test_a_constant_stays(y: Floats, expected: float) -> None:
    np.testing.assert_allclose(Lstm().fit(y, context(epochs=1)).predict(H), expected, rtol=1e-9, atol=1e-9)


def test_a_diverged_network_is_refused(fitted: LstmMany) -> None:
    member = lstm_member.prepare(series(), (DAY,), fitted._shape)
    member.gates = (1.0, 1.0)
    with pytest.raises(InvariantError, match=r"E_NONFINITE_FORECAST .*\b36\b.*\b36\b") as caught:
        lstm_member.ahead(member, lambda x: np.full((x.shape[0], H, 3), np.nan, np.float32), fitted._shape, H)
    assert caught.value.exit_code == 70


def test_a_network_that_does_harm_is_not_let_through(fitted: LstmMany) -> None:
    """Held-out windows decide; random corrections must end with a share of 0."""
    shape = fitted._shape
    member = lstm_member.prepare(series(), (DAY,), shape)
    rng = np.random.default_rng(0)
    lstm_member.finish(member, lambda x: rng.normal(0, 3, (x.shape[0], H, 3)).astype(np.float32), H)
    assert member.gates[1] == 0


def test_a_network_that_knows_is_let_through(fitted: LstmMany) -> None:
    shape = fitted._shape
    member = lstm_member.prepare(series(), (DAY,), shape)
    answers = member.left()
    lstm_member.finish(member, lambda _: answers, H)
    assert member.gates[1] == 1


def test_one_network_serves_members_of_all_sizes(many: LstmMany) -> None:
    assert many.predict_after(SMALL, H, context()).mean() == pytest.approx(1e-6, rel=0.2)
    assert many.predict_after(LARGE, H, context()).mean() == pytest.approx(1e9, rel=0.2)
    with pytest.raises(DataError, match=r"E_TOO_SHORT y: .*\b40\b"):
        many.predict_after(series(2, n=40), H, context())


def test_where_all_are_too_short_the_longest_speaks() -> None:
    with pytest.raises(DataError, match=r"E_TOO_SHORT y: .*\b60\b"):
        Lstm.fit_many([series(n=40), series(n=60), series(n=50)], [context()] * 3)


def test_many_members_share_one_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """The dear part, steps of training, must not grow with the members: that is what makes the hundredth one cheap."""
    from cronocast.models.lstm import network

    sizes: list[int] = []

    def count(_: Network, inputs: NDArray[np.float32], *_rest: Any) -> int:
        sizes.append(inputs.shape[0])
        return 1

    monkeypatch.setattr(network.Network, "train", count)
    contexts = [context()] * 30
    Lstm.fit_many([series(i) for i in range(30)], contexts)
    assert len(sizes) == 1
    assert sizes[0] > 30 * 100
    assert network.EPOCH_WINDOWS < 40_000  # what one epoch reads of however many windows


OPTIONS: dict[str, tuple[dict[str, Any], str]] = {
    "layers 0": ({"layers": 0}, "E_MODEL options.layers: 0 "),
    "layers 10000": ({"layers": 10_000}, "E_MODEL options.layers: 10000"),
    "layers text": ({"layers": "64;rm"}, "E_MODEL options.layers: '64;rm'"),
    "units": ({"units": 10**9}, "E_MODEL options.units"),
    "epochs -3": ({"epochs": -3}, r"E_CONFIG_RANGE options.epochs: -3 .*\b1\b.*\b1000\b"),
    "epochs 0": ({"epochs": 0}, "E_CONFIG_RANGE options.epochs"),
    "epochs true": ({"epochs": True}, "E_CONFIG_TYPE options.epochs"),
    "epochs 1.5": ({"epochs": 1.5}, "E_CONFIG_TYPE options.epochs"),
    "rate NaN": ({"learning_rate": float("nan")}, "E_CONFIG_RANGE options.learning_rate"),
    "rate infinite": ({"learning_rate": float("inf")}, "E_CONFIG_RANGE options.learning_rate"),
    "batch text": ({"batch_size": "32"}, "E_CONFIG_TYPE options.batch_size"),
    "lookback 1": ({"lookback": 1}, "E_CONFIG_RANGE options.lookback"),
    "seed": ({"seed": -1}, "E_CONFIG_RANGE options.seed"),
    "unknown": (
        {"epoch": 3},
        "E_CONFIG_UNKNOWN_KEY options.epoch: 'epoch' .*'epochs'.* epochs, units",
    ),
    "all at once": ({"epoch": 3, "epochs": 0}, r"options\.epochs?: .*\(1 \w+ 2 "),
}


@pytest.mark.parametrize(("options", "expected"), OPTIONS.values(), ids=OPTIONS)
def test_wrong_options(options: dict[str, Any], expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Lstm().fit(series(), Context(HOUR_NS, 0, options=options))
    assert re.search(expected, str(caught.value))
    assert caught.value.exit_code == 78


def test_right_options() -> None:
    options = read_options(
        LstmOptions,
        {"epochs": 5, "units": 8, "layers": 2, "lookback": 96, "batch_size": 16, "learning_rate": 0.01, "seed": 3},
    )
    assert (options.epochs, options.layers, options.learning_rate) == (5, 2, 0.01)
    assert (read_options(NbeatsOptions, {}).layers, read_options(LstmOptions, {}).layers) == (3, 1)


ARCHITECTURES = {"one layer": Architecture(48, 12, 8, 1), "two layers": Architecture(24, 5, 4, 2)}


@pytest.mark.parametrize("architecture", ARCHITECTURES.values(), ids=ARCHITECTURES)
def test_numpy_answers_as_keras_does(architecture: Architecture) -> None:
    network, rng = Network(architecture, 1, 0.001), np.random.default_rng(0)
    assert (
        np.abs(network.apply(rng.normal(size=(7, architecture.inputs, 3)).astype(np.float32))).max() == 0
    )  # an untrained network changes nothing
    network.set_weights(
        {name: rng.normal(0, 0.5, shape).astype(np.float32) for name, shape in network.shapes().items()}
    )
    inputs = rng.normal(size=(7, architecture.inputs, 3)).astype(np.float32)
    expected = np.asarray(network._model(inputs))
    assert expected.shape == (7, architecture.outputs, 3)
    np.testing.assert_allclose(architecture.forward(network.weights(), inputs), expected, atol=2e-5)


def test_many_windows_of_a_large_network_are_answered_by_the_compiled_model(monkeypatch: pytest.MonkeyPatch) -> None:
    architecture, rng = Architecture(48, 4, 256, 1), np.random.default_rng(0)
    network = Network(architecture, 1, 0.001)
    network.set_weights(
        {name: rng.normal(0, 0.05, shape).astype(np.float32) for name, shape in network.shapes().items()}
    )
    inputs = rng.normal(size=(4500, 48, 3)).astype(np.float32)
    expected = architecture.forward(network.weights(), inputs)
    monkeypatch.delattr(Architecture, "forward")
    np.testing.assert_allclose(network.apply(inputs), expected, atol=2e-5)
    with pytest.raises(AttributeError, match="forward"):
        network.apply(inputs[:7])


def test_training_learns_and_keeps_the_best_weights() -> None:
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(640, 48, 3)).astype(np.float32)
    targets = np.repeat(np.tanh(inputs[:, -1:, :]), 4, axis=1)  # what is to be learnt: the last block
    network = Network(Architecture(48, 4, 16, 1), 0, 0.01)
    held_out = (inputs[:128], targets[:128])
    before = network.error(*held_out)
    assert network.train(inputs[128:], targets[128:], held_out, 6, None) == 6
    after = network.error(*held_out)
    assert after < 0.7 * before
    stopped = network.train(inputs[128:], -targets[128:], held_out, 40, None)  # from here on it can only get worse
    assert stopped == 5
    assert network.error(*held_out) == pytest.approx(after)


def test_a_second_run_starts_from_the_weights_and_trains_few_epochs(tmp_path: Path) -> None:
    """And damaged weights mean a full training that says so."""
    y = series(7)
    options: dict[str, Any] = {"epochs": 8, "learning_rate": 0.003, "key": "cpu{host=a}"}
    first = Lstm().fit(y[:-DAY], context(tmp_path, **options))
    assert first.notes == []
    assert first.epochs >= 5
    second = Lstm().fit(y, context(tmp_path, 1, **options))
    assert second.notes == ["warm_start"]
    assert second.epochs <= WARM_EPOCHS
    for generation in tmp_path.glob("gen-*/weights.f32"):
        generation.write_bytes(generation.read_bytes()[:-4] + b"\0\0\x80\x7f")
    third = Lstm().fit(y, context(tmp_path, 2, **options))
    assert third.epochs >= 5
    assert len(third.notes) == 2
    assert all(note.startswith("model_retrained: E_MODEL_DAMAGED gen-") and "sha256" in note for note in third.notes)
    future = [series(7, 340 + 60 * i) for i in range(1, 8)]  # what came later, an origin every 60 steps
    errors = [
        sum(np.abs(model._many.predict_after(more[:-H], H, context()) - more[-H:]).mean() for more in future)
        for model in (second, third)
    ]
    assert errors[0] < 1.1 * errors[1]


def test_a_run_that_is_repeated_leaves_the_same_values(tmp_path: Path) -> None:
    """The first one, which trains from nothing, and one that starts from its weights."""
    y = series(7)
    options: dict[str, Any] = {"epochs": 4, "learning_rate": 0.003}
    for run, known in enumerate((y[:-DAY], y)):
        answers = [
            [*model.notes, model.predict(H).tobytes()]
            for model in (Lstm().fit(known, context(tmp_path, run, **options)) for _ in range(3))
        ]
        assert answers[1:] == answers[:1] * 2
    assert answers[0][0] == "warm_start"


def test_weights_of_another_step_size_are_not_used(tmp_path: Path) -> None:
    Lstm().fit(series(), context(tmp_path, epochs=1))
    other = Lstm().fit(series(), replace(context(tmp_path, 1, epochs=1), step_ns=HOUR_NS // 2))
    assert re.match("model_retrained: E_MODEL_FOREIGN gen-00000001: .*3600000000000 ns", other.notes[0])


def test_weights_of_another_member_are_not_used(tmp_path: Path) -> None:
    Lstm().fit(series(), context(tmp_path, key="cpu{host=a}", epochs=1))
    other = Lstm().fit(series(), context(tmp_path, key="cpu{host=b}", epochs=1))
    assert "E_MODEL_FOREIGN" in other.notes[0]


def test_loading_says_nothing_on_stderr() -> None:
    code = "import cronocast.models.lstm.network as n; n.Network(n.Architecture(48, 4, 4, 1), 0, 0.01)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "-1"},
        check=True,
    )
    assert (done.stdout, done.stderr) == ("", "")


def test_a_step_that_is_stopped_while_keras_loads_says_so(capfd: pytest.CaptureFixture[str]) -> None:
    with _quiet_stderr():
        os.write(2, b"what native code prints")
        say("what we say")
    assert capfd.readouterr().err == "what we say\n"
