"""Seconds per epoch of the network of `lstm` alone, by size, on whatever device the backend of Keras takes.

KERAS_BACKEND=jax JAX_PLATFORMS=cuda python -m bench.network     # and JAX_PLATFORMS=cpu beside it

One epoch is 12,800 windows of 48 hours, 24 ahead, as for a hundred members; compiling is done before, the check on
held-out windows is left out as far as it can be (one window).
"""

import sys
import time

import keras
import numpy as np

from cronocast.models.lstm.forward import Architecture
from cronocast.models.lstm.network import EPOCH_WINDOWS, Network
from cronocast.models.lstm.windows import PARTS

SIZES = ((32, 1), (256, 1), (512, 2), (1024, 2))
EPOCHS = 3


def main() -> int:
    """Print the table."""
    rng = np.random.default_rng(1)
    inputs = rng.normal(size=(EPOCH_WINDOWS, 48, len(PARTS))).astype(np.float32)
    targets = rng.normal(size=(EPOCH_WINDOWS, 24, len(PARTS))).astype(np.float32)
    held_out = (inputs[:1], targets[:1])
    print(
        f"backend {keras.backend.backend()}, {keras.distribution.list_devices()}\n\n| units | layers | seconds per"
        " epoch |\n|---|---|---|"
    )
    for units, layers in SIZES:
        network = Network(Architecture(48, 24, units, layers), seed=1, learning_rate=0.0005)
        network.train(inputs, targets, held_out, 1, None)
        began = time.perf_counter()
        done = network.train(inputs, targets, held_out, EPOCHS, None)
        print(f"| {units} | {layers} | {(time.perf_counter() - began) / done:.2f} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
