"""Windows of a member's parts for the LSTM, and the linear map that each member has for itself. NumPy only."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cronocast.errors import DataError
from cronocast.models.lstm.decompose import Parts, Setting, choose, decompose, usable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Floats32 = NDArray[np.float32]
    Bools = NDArray[np.bool_]
    Ints = NDArray[np.int64]

PARTS = ("trend", "season", "rest")  # the order of the last axis everywhere; parts are keyed by it, never by arrival
PATCH = 6  # blocks that the LSTM reads in one step: 48 hours become 8 steps, short enough to unroll
# of a window and of a horizon; longer ones are averaged in blocks, so that cost does not follow the sampling rate
MAX_BLOCKS = 96
CLIP = 6.0  # typical errors; one outage must not rule a squared error
HELD_OUT = 0.2  # newest share of windows that never trains
MIN_WINDOWS = 20  # fewer training windows than this say nothing
MAX_WINDOWS = 2000  # per member; evenly spaced, the newest one included
JUDGES = 200  # windows that measure the scales
# penalty per window, in squares of the scaled inputs: from nearly free to nearly nothing
RIDGE = (0.01, 0.1, 1.0, 10.0)


@dataclass(frozen=True)
class Plan:
    """Shape of windows and targets, common to all members of a network."""

    h: int  # steps forecast at once
    window: int  # steps seen, a multiple of in_block * PATCH
    in_block: int  # steps averaged to one input
    out_block: int  # steps averaged to one output

    @property
    def inputs(self) -> int:
        """Blocks of a window."""
        return self.window // self.in_block

    @property
    def outputs(self) -> int:
        """Blocks of the horizon."""
        return -(-self.h // self.out_block)


def plan(h: int, lookback: int) -> Plan:
    """Blocks for a horizon and a wanted window, both in steps >= 1."""
    in_block = -(-lookback // MAX_BLOCKS)
    unit = in_block * PATCH
    return Plan(h, -(-lookback // unit) * unit, in_block, -(-h // MAX_BLOCKS))


@dataclass
class Windows:
    """Windows of one member: inputs (n, blocks, parts) and targets (n, outputs, parts), scaled.

    `origins` are their last steps.
    """

    origins: "Ints"
    inputs: "Floats32"
    targets: "Floats32"

    def split(self, h: int) -> "tuple[Ints, Ints]":
        """Rows that train and the newest ones that are held out; no target of the first overlaps one of the second."""
        held_out = max(1, int(np.ceil(HELD_OUT * self.origins.size)))
        start = self.origins[-held_out] if self.origins.size else 0
        # A short history needs its windows more than a wide held-out part, but a part shorter than a horizon is one
        # draw.
        start = min(start, self.origins[-1] - h + 1) if self.origins.size else 0
        return np.flatnonzero(self.origins <= start - h), np.flatnonzero(self.origins >= start)


@dataclass
class MemberScales:
    """What is known of one member before the network: how to take it apart, and its scales (unit of y)."""

    settings: tuple[Setting, ...]
    part_scales: "Floats"  # (parts,) typical size of each part in a window, > 0
    scale: float  # typical error of trend + season over the horizon, > 0


def measure(y: "Floats", periods: tuple[int, ...], shape: Plan) -> tuple[MemberScales, Parts]:
    """Choose how to take a member apart and measure its scales.

    Raises:
        DataError: y is too short for windows of this shape.
    """
    used = usable(periods, y.size)
    horizon = shape.outputs * shape.out_block
    windows = y.size - max(shape.window, max(used, default=1)) - 2 * horizon
    if windows < MIN_WINDOWS:
        need = y.size - windows + MIN_WINDOWS
        wanted = f"{need} for a horizon of {shape.h} and a window of {shape.window} steps"
        right = "extract more, or choose another model"
        raise DataError("E_TOO_SHORT", "y", f"{y.size} points; a network needs {wanted}: {right}")
    settings = choose(y, used, shape.h)
    parts = decompose(y, settings, shape.h)
    rows = origins(y.size, shape, used, JUDGES)
    raw, ahead = look_back(y, parts, rows, shape), look_ahead(y, parts, rows, shape)
    error = float(np.mean(np.abs(ahead.sum(axis=2))))
    floor = 1e-9 * max(1.0, error)  # a part that is always zero stays zero
    return MemberScales(settings, np.maximum(np.mean(np.abs(raw), axis=(0, 1)), floor), max(error, 1e-9)), parts


def origins(size: int, shape: Plan, periods: tuple[int, ...], most: int, observed: "Bools | None" = None) -> "Ints":
    """Last steps of at most `most` windows whose horizon lies within y, ascending.

    Those that look ahead into filled gaps are left out.
    """
    horizon = shape.outputs * shape.out_block
    first = max(shape.window, max(periods, default=1)) - 1
    rows = np.arange(first, size - horizon)
    if observed is not None:
        seen = np.concatenate([[0], np.cumsum(observed)])
        rows = rows[(seen[rows + horizon + 1] - seen[rows + 1]) * 2 >= horizon]
    stride = max(1, -(-rows.size // most))
    return rows[::-1][::stride][::-1]


def look_back(y: "Floats", parts: Parts, rows: "Ints", shape: Plan) -> "Floats":
    """Each part before an origin relative to what is known at the origin: shape (rows, blocks, parts), unit of y."""
    steps = np.arange(1 - shape.window, 1)
    at = rows[:, None] + steps
    season = parts.season
    trend = parts.trend[at] - parts.trend[rows][:, None]
    return _blocks(
        np.stack([trend, season[at] - parts.season_at(rows, steps), y[at] - parts.trend[at] - season[at]], axis=2),
        shape.in_block,
    )


def look_ahead(y: "Floats", parts: Parts, rows: "Ints", shape: Plan) -> "Floats":
    """Each part after an origin less its extension: shape (rows, outputs, parts), unit of y.

    They sum to the error of the extension.
    """
    steps = np.arange(1, shape.outputs * shape.out_block + 1)
    at = rows[:, None] + steps
    season = parts.season
    trend = parts.trend[at] - parts.trend_at(rows, steps)
    return _blocks(
        np.stack([trend, season[at] - parts.season_at(rows, steps), y[at] - parts.trend[at] - season[at]], axis=2),
        shape.out_block,
    )


def _blocks(values: "Floats", block: int) -> "Floats":
    mean: Floats = values.reshape(values.shape[0], -1, block, values.shape[2]).mean(axis=2)
    return mean


def scaled_inputs(raw: "Floats", prepared: MemberScales) -> "Floats32":
    """Inputs of the network: each part in its own scale, clipped."""
    return np.clip(raw / prepared.part_scales, -CLIP, CLIP).astype(np.float32)


def scaled_targets(ahead: "Floats", prepared: MemberScales) -> "Floats32":
    """Targets: all parts in the one scale of the error, so that they can be added."""
    return np.clip(ahead / prepared.scale, -CLIP, CLIP).astype(np.float32)


def linear_inputs(raw: "Floats", prepared: MemberScales) -> "Floats":
    """Inputs of the linear map: the parts together and their mean, shape (rows, blocks + 1)."""
    together = np.clip(raw.sum(axis=2) / prepared.scale, -CLIP, CLIP)
    return np.concatenate([together, together.mean(axis=1, keepdims=True)], axis=1)


def ridge(x: "Floats", targets: "Floats | Floats32", penalties: tuple[float, ...]) -> "list[Floats]":
    """Linear maps (inputs, outputs * parts) with least squared error and a penalty on their size, one per penalty.

    Source:
        Hastie, Tibshirani, Friedman, The Elements of Statistical Learning, 2nd ed., 3.4.1; one eigendecomposition
        serves all penalties.
    """
    flat = targets.reshape(targets.shape[0], -1).astype(np.float64)
    values, vectors = np.linalg.eigh(x.T @ x)
    turned = vectors.T @ (x.T @ flat)
    return [vectors @ (turned / (np.maximum(values, 0) + penalty * x.shape[0])[:, None]) for penalty in penalties]


def linear(x: "Floats", weights: "Floats") -> "Floats":
    """Apply a linear map: shape (rows, outputs, parts)."""
    out: Floats = (x @ weights).reshape(x.shape[0], -1, len(PARTS))
    return out


def steps_of(blocks: "Floats", shape: Plan) -> "Floats":
    """Corrections per step from those per block: shape (h, parts), a line between the middles of blocks."""
    middles = (np.arange(shape.outputs) + 0.5) * shape.out_block - 0.5
    return np.stack([np.interp(np.arange(shape.h), middles, blocks[:, i]) for i in range(len(PARTS))], axis=1)
