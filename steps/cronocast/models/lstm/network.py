"""The networks of `lstm` and `nbeats` on any Keras backend.

The only file that imports keras; KERAS_BACKEND chooses the backend.
"""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

# Read once by TensorFlow while it loads: its start-up lines would stand between our own on stderr.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# its order of additions follows the number of threads: two runs would differ
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("TF_DETERMINISTIC_OPS", "1")

import numpy as np

from cronocast.models.lstm.forward import Architecture, Blocks
from cronocast.models.lstm.windows import PARTS, PATCH


@contextmanager
def _quiet_stderr() -> Iterator[None]:
    """Send what native code prints while it loads to nowhere.

    What Python says still comes out: a step that is stopped meanwhile says so.
    """
    keep, nowhere, said = os.dup(2), os.open(os.devnull, os.O_WRONLY), sys.stderr
    try:
        os.dup2(nowhere, 2)
        sys.stderr = os.fdopen(keep, "w", errors="backslashreplace", closefd=False)
        yield
    finally:
        sys.stderr = said
        os.dup2(keep, 2)
        os.close(keep)
        os.close(nowhere)


with _quiet_stderr():
    import keras

# it warns that each new network is compiled anew, which is meant
logging.getLogger("tensorflow").setLevel(logging.ERROR)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats32 = NDArray[np.float32]

EPOCH_WINDOWS = 12_800  # windows seen in one epoch at most: many members then cost little more than one
SMALL_BATCH, LARGE_BATCH = 64, 256  # few windows need many small steps; many need few large ones
PATIENCE = 5  # epochs without a better held-out error
# More windows times weights than these are answered by the compiled model, as it is trained: NumPy would take seconds,
# more than an epoch does on a GPU.
MANY_PRODUCTS = 10**9
ASKED = 2048  # windows answered at once


class Network:
    """The network of an architecture, with its training; it starts as the answer zero."""

    def __init__(self, architecture: Architecture | Blocks, seed: int, learning_rate: float) -> None:
        """Begin with weights that follow from the seed alone.

        One network of a shape lives at a time: the next takes over what was compiled for it.
        """
        self.architecture, self.seed = architecture, seed
        self._model, self._start = _compiled(architecture, seed, learning_rate)
        self.reset()

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of each array of `weights`, by name, as Keras has them."""
        return {name: tuple(variable.shape) for name, variable in self._named()}

    def weights(self) -> "dict[str, Floats32]":
        """All weights as plain arrays, by name, in the order of the architecture's `shapes`."""
        named = dict(self._named())
        return {
            name: np.asarray(keras.ops.convert_to_numpy(named[name]), dtype=np.float32)
            for name in self.architecture.shapes()
        }

    def set_weights(self, arrays: "dict[str, Floats32]") -> None:
        """Take weights of the same names and shapes."""
        for name, variable in self._named():
            variable.assign(arrays[name])

    def reset(self) -> None:
        """Back to the weights that follow from the seed, with nothing learnt by the optimizer."""
        for variable, value in zip(self._variables(), self._start, strict=True):
            variable.assign(value)

    def _variables(self) -> list[Any]:
        return [*self._model.trainable_variables, *self._model.optimizer.variables]

    def _named(self) -> "list[tuple[str, Any]]":
        return [
            (f"{layer.name}.{variable.name}", variable)
            for layer in self._model.layers
            for variable in layer.trainable_variables
        ]

    def train(
        self,
        inputs: "Floats32",
        targets: "Floats32",
        held_out: "tuple[Floats32, Floats32]",
        epochs: int,
        batch: int | None,
    ) -> int:
        """Train until the held-out error stops falling, keep the best weights, the present ones included.

        Returns the epochs done.
        """
        best, best_weights, waited = self.error(*held_out), self.weights(), 0
        rng, done = np.random.default_rng(self.seed), 0
        size = batch or (LARGE_BATCH if inputs.shape[0] >= EPOCH_WINDOWS else SMALL_BATCH)
        while done < epochs and waited < PATIENCE:
            rows = rng.permutation(inputs.shape[0])[:EPOCH_WINDOWS]
            for start in range(0, rows.size, size):
                # The last batch wraps around: one shape for all batches means one compilation.
                chosen = np.take(rows, np.arange(start, start + size), mode="wrap")
                self._model.train_on_batch(inputs[chosen], targets[chosen])
            done += 1
            error = self.error(*held_out)
            if error < best:
                best, best_weights, waited = error, self.weights(), 0
            else:
                waited += 1
        self.set_weights(best_weights)
        return done

    def error(self, inputs: "Floats32", targets: "Floats32") -> float:
        """Mean absolute error of the parts added, in scaled units."""
        return float(np.mean(np.abs((targets - self.apply(inputs)).sum(axis=2))))

    def apply(self, inputs: "Floats32") -> "Floats32":
        """Corrections for each window: shape (n, outputs, parts).

        The compiled model may round each product as its device does, TF32 on a GPU.
        """
        n = inputs.shape[0]
        if n * self._model.count_params() < MANY_PRODUCTS:
            return self.architecture.forward(self.weights(), inputs)
        # One shape for all batches, as in training; what the last one repeats is cut off.
        batches = [
            np.take(inputs, np.arange(start, start + ASKED), axis=0, mode="wrap") for start in range(0, n, ASKED)
        ]
        return np.concatenate([np.asarray(self._model.predict_on_batch(batch), np.float32) for batch in batches])[:n]


@lru_cache(maxsize=1)
def _compiled(architecture: Architecture | Blocks, seed: int, learning_rate: float) -> tuple[Any, list[Any]]:
    """A Keras model ready to train, and the values of its variables before.

    Kept, since compiling takes seconds and a run trains for its backtests and for its forecast.
    """
    keras.utils.clear_session()
    keras.utils.set_random_seed(seed)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
    model = _blocks(architecture) if isinstance(architecture, Blocks) else _recurrent(architecture)
    # JAX runs operation by operation unless it compiles, a hundred times slower; TensorFlow has graphs anyway and torch
    # would compile for minutes.
    compiled = keras.backend.backend() == "jax"
    model.compile(optimizer=keras.optimizers.Adam(learning_rate, clipnorm=1.0), loss=_loss, jit_compile=compiled)
    # else the first batch makes its variables, and all is compiled once more
    model.optimizer.build(model.trainable_variables)
    return model, [
        keras.ops.convert_to_numpy(variable).copy()
        for variable in (*model.trainable_variables, *model.optimizer.variables)
    ]


def _recurrent(a: Architecture) -> Any:  # noqa: ANN401 - keras carries no types
    """Blocks -> patches -> LSTM -> per part a dense head that starts at zero."""
    window = keras.Input((a.inputs, len(PARTS)))
    state = keras.layers.Reshape((a.inputs // PATCH, PATCH * len(PARTS)))(window)
    for i in range(a.layers):
        state = keras.layers.LSTM(a.units, return_sequences=i < a.layers - 1, unroll=True, name=f"lstm{i}")(state)
    heads = [keras.layers.Dense(a.outputs, kernel_initializer="zeros", name=part)(state) for part in PARTS]
    return keras.Model(window, keras.ops.stack(heads, axis=-1))


def _blocks(a: Blocks) -> Any:  # noqa: ANN401 - keras carries no types
    """Blocks of dense layers.

    Each takes what it explains out of the window and adds to the forecast, which starts at zero.
    """
    window = keras.Input((a.inputs, len(PARTS)))
    left, out = keras.layers.Reshape((a.inputs * len(PARTS),))(window), []
    for i in range(a.layers):
        state = keras.layers.Dense(a.units, activation="relu", name=f"first{i}")(left)
        state = keras.layers.Dense(a.units, activation="relu", name=f"second{i}")(state)
        out.append(keras.layers.Dense(a.outputs * len(PARTS), kernel_initializer="zeros", name=f"ahead{i}")(state))
        if i < a.layers - 1:  # what the last block would hand on nobody reads
            left = keras.layers.Subtract()([left, keras.layers.Dense(a.inputs * len(PARTS), name=f"back{i}")(state)])
    whole = keras.layers.Add()(out) if len(out) > 1 else out[0]
    return keras.Model(window, keras.layers.Reshape((a.outputs, len(PARTS)))(whole))


def _loss(targets: Any, corrections: Any) -> Any:  # noqa: ANN401
    """Absolute error of the sum, and a tenth of each part's own, so that the parts stay what their names say."""
    error = targets - corrections
    together = keras.ops.mean(keras.ops.abs(keras.ops.sum(error, axis=-1)))
    return together + 0.1 * keras.ops.mean(keras.ops.abs(error))
