"""N-BEATS: the network itself, and that what stands around it is that of the LSTM."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from cronocast.errors import ConfigError
from cronocast.models.lstm.forward import Blocks
from cronocast.models.lstm.lstm import WARM_EPOCHS, Lstm
from cronocast.models.lstm.nbeats import Nbeats
from cronocast.models.lstm.network import Network
from cronocast.models.model import Context

pytestmark = pytest.mark.slow

HOUR_NS = 3600 * 10**9
DAY, H = 24, 12


def series(seed: int, n: int = 340) -> NDArray[np.float64]:
    rng, t = np.random.default_rng(seed), np.arange(n)
    noise = np.zeros(n)
    for k in range(1, n):
        noise[k] = 0.8 * noise[k - 1] + rng.normal(0, 0.3)
    return np.asarray(50 * (1 + 0.1 * np.sin(2 * np.pi * t / DAY) + 0.03 * noise))


def context(state: Path | None = None, key: str = "", **options: Any) -> Context:
    return Context(
        HOUR_NS,
        0,
        periods=(DAY,),
        options={"units": 8, "layers": 2, "epochs": 2, "lookback": DAY, **options},
        horizon=H,
        key=key,
        state=state,
    )


@pytest.mark.parametrize("blocks", [Blocks(24, 12, 8, 1), Blocks(48, 5, 4, 3)], ids=["one", "three"])
def test_numpy_answers_as_keras_does(blocks: Blocks) -> None:
    network, rng = Network(blocks, 1, 0.001), np.random.default_rng(0)
    inputs = rng.normal(size=(7, blocks.inputs, 3)).astype(np.float32)
    assert np.abs(network.apply(inputs)).max() == 0  # an untrained network changes nothing
    network.set_weights(
        {name: rng.normal(0, 0.3, shape).astype(np.float32) for name, shape in network.shapes().items()}
    )
    expected = np.asarray(network._model(inputs))
    assert expected.shape == (7, blocks.outputs, 3)
    np.testing.assert_allclose(network.apply(inputs), expected, rtol=1e-4, atol=1e-4)


def test_each_block_reads_what_the_ones_before_leave() -> None:
    """A first block that explains the whole window leaves nothing for the second one."""
    eye = np.eye(3, dtype=np.float32)
    weights = {
        f"{layer}{i}.{what}": array
        for layer in ("first", "second", "ahead")
        for i in range(2)
        for what, array in (("kernel", eye), ("bias", np.zeros(3, np.float32)))
    }
    blocks, window = Blocks(1, 1, 3, 2), np.array([[[1.0, 2.0, 3.0]]], np.float32)
    handed_on, taken = (
        {**weights, "back0.kernel": back, "back0.bias": np.zeros(3, np.float32)} for back in (0 * eye, eye)
    )
    np.testing.assert_array_equal(blocks.forward(handed_on, window), 2 * window)
    np.testing.assert_array_equal(blocks.forward(taken, window), window)


def test_training_learns() -> None:
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(640, 12, 3)).astype(np.float32)
    targets = np.repeat(np.tanh(inputs[:, -1:, :]), 4, axis=1)
    network = Network(Blocks(12, 4, 32, 2), 0, 0.003)
    held_out = (inputs[:128], targets[:128])
    before = network.error(*held_out)
    network.train(inputs[128:], targets[128:], held_out, 10, None)
    assert network.error(*held_out) < 0.7 * before


def test_one_network_for_many_is_kept_and_warms_the_next_run_but_not_an_lstm(tmp_path: Path) -> None:
    ys, of_run = [series(i) for i in range(3)], context(tmp_path, epochs=8, key="s")
    first, second = (Nbeats.fit_many(ys, [replace(of_run, end_ns=end_ns)] * 3) for end_ns in (0, HOUR_NS))
    assert first.notes == []
    assert second.notes == ["warm_start"]
    assert second.epochs <= WARM_EPOCHS
    assert np.isfinite(second.predict_after(series(9), 3 * H, context())).all()
    assert "E_MODEL_FOREIGN" in Lstm.fit_many(ys[:1], [context(tmp_path, epochs=1, key="s", layers=1)]).notes[0]


def test_a_wrong_option_is_an_error() -> None:
    with pytest.raises(
        ConfigError,
        match=r"E_CONFIG_UNKNOWN_KEY options.blocks: 'blocks' .*epochs, units, layers",
    ):
        Nbeats().fit(series(0), context(blocks=3))
