"""What the networks of `lstm` and `nbeats` answer, by NumPy.

Forecasting needs no deep-learning library, only training does.
"""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from cronocast.models.lstm.windows import PARTS, PATCH

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats32 = NDArray[np.float32]


@dataclass(frozen=True)
class Shape:
    """What decides the shapes of all weights."""

    inputs: int  # blocks of a window
    outputs: int  # blocks of the horizon
    units: int
    layers: int


class Architecture(Shape):
    """An LSTM: `layers` of `units` each, then one dense layer per part."""

    def document(self) -> dict[str, int]:
        """The JSON form, with the constants that are part of the shape."""
        return {**asdict(self), "parts": len(PARTS), "patch": PATCH}

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of each array of weights, by name."""
        found: dict[str, tuple[int, ...]] = {}
        for i in range(self.layers):
            width = self.units if i else PATCH * len(PARTS)
            found |= {
                f"lstm{i}.kernel": (width, 4 * self.units),
                f"lstm{i}.recurrent_kernel": (self.units, 4 * self.units),
                f"lstm{i}.bias": (4 * self.units,),
            }
        for part in PARTS:
            found |= {f"{part}.kernel": (self.units, self.outputs), f"{part}.bias": (self.outputs,)}
        return found

    def forward(self, weights: "dict[str, Floats32]", inputs: "Floats32") -> "Floats32":
        """The network's answer by NumPy, shape (n, outputs, parts).

        Nothing to compile, so one window costs a millisecond instead of a second.

        Source:
            Hochreiter & Schmidhuber, Long Short-Term Memory, 1997, with the forget gate of Gers et al., 2000; gates in
            Keras' order: in, forget, cell, out.
        """
        steps = inputs.reshape(inputs.shape[0], self.inputs // PATCH, PATCH * len(PARTS))
        for i in range(self.layers):
            kernel, recurrent, bias = (weights[f"lstm{i}.{name}"] for name in ("kernel", "recurrent_kernel", "bias"))
            state = cell = np.zeros((inputs.shape[0], self.units), np.float32)
            states = []
            for k in range(steps.shape[1]):
                gates = np.split(steps[:, k] @ kernel + state @ recurrent + bias, 4, axis=1)
                take, keep, give = (_sigmoid(gates[j]) for j in (0, 1, 3))
                cell = keep * cell + take * np.tanh(gates[2])
                state = give * np.tanh(cell)
                states.append(state)
            steps = np.stack(states, axis=1)
        return np.stack([steps[:, -1] @ weights[f"{part}.kernel"] + weights[f"{part}.bias"] for part in PARTS], axis=2)


class Blocks(Shape):
    """N-BEATS: `layers` blocks of two layers of `units` each."""

    def document(self) -> dict[str, int]:
        """The JSON form, with the constants that are part of the shape."""
        return {**asdict(self), "parts": len(PARTS), "nbeats": 1}

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of each array of weights, by name."""
        window, ahead = self.inputs * len(PARTS), self.outputs * len(PARTS)
        found: dict[str, tuple[int, ...]] = {}
        for i in range(self.layers):
            layers = {"first": (window, self.units), "second": (self.units, self.units), "ahead": (self.units, ahead)}
            layers |= {"back": (self.units, window)} if i < self.layers - 1 else {}
            for layer, shape in layers.items():
                found |= {f"{layer}{i}.kernel": shape, f"{layer}{i}.bias": shape[1:]}
        return found

    def forward(self, weights: "dict[str, Floats32]", inputs: "Floats32") -> "Floats32":
        """The network's answer by NumPy.

        Each block explains a share of the window, hands on the rest, and adds its word to the forecast.
        """
        left = inputs.reshape(inputs.shape[0], -1)
        out = np.zeros((inputs.shape[0], self.outputs * len(PARTS)), np.float32)
        for i in range(self.layers):
            state = left
            for layer in ("first", "second"):
                state = np.maximum(state @ weights[f"{layer}{i}.kernel"] + weights[f"{layer}{i}.bias"], np.float32(0))
            out = out + state @ weights[f"ahead{i}.kernel"] + weights[f"ahead{i}.bias"]
            if i < self.layers - 1:
                left = left - state @ weights[f"back{i}.kernel"] - weights[f"back{i}.bias"]
        return out.reshape(-1, self.outputs, len(PARTS))


def _sigmoid(x: "Floats32") -> "Floats32":
    out: Floats32 = np.float32(0.5) * (np.tanh(np.float32(0.5) * x) + np.float32(1))  # this form can't overflow
    return out
