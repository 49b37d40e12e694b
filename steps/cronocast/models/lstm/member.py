"""What `lstm` learns from one member alone, by closed forms.

How to take it apart, its scales, its linear map, its share of the network's word.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from cronocast.errors import DataError, InvariantError
from cronocast.models.lstm import windows as win
from cronocast.models.lstm.decompose import Parts, decompose
from cronocast.models.lstm.windows import PARTS, MemberScales, Plan

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Floats32 = NDArray[np.float32]
    Bools = NDArray[np.bool_]
    Apply = Callable[[Floats32], Floats32]  # the network: scaled windows -> corrections per block and part

GATES = (0.0, 0.25, 0.5, 0.75, 1.0)  # shares of a correction that the held-out part may let through
DOUBT = 0.01  # relative gain that a full share of a correction must bring; below it is luck
JUDGES = 256  # held-out windows that decide the gates; they overlap, more say the same


@dataclass
class LstmMember:
    """One member: its values around 0 in typical size 1, and what was learnt about it alone."""

    y: "Floats"
    shift: float
    size: float
    periods: tuple[int, ...]
    prepared: MemberScales
    parts: Parts
    windows: win.Windows
    x: "Floats"  # inputs of the linear map, one row per window
    weights: "Floats"  # the linear map
    penalty: float
    gates: tuple[float, float] = (0.0, 0.0)  # shares of the linear and of the network's correction

    def left(self) -> "Floats32":
        """Targets of the network: what the linear map leaves, shape (windows, outputs, parts)."""
        rest: Floats32 = self.windows.targets - win.linear(self.x, self.weights).astype(np.float32)
        return rest


def prepare(
    y: "Floats", periods: Sequence[int], shape: Plan, observed: "Bools | None" = None, most: int = win.MAX_WINDOWS
) -> LstmMember:
    """Learn everything that needs no network.

    Args:
        y: History, shape (t,), finite.
        periods: Seasonal periods in steps; those seen too seldom are left out.
        shape: Windows and horizon.
        observed: Shape (t,), False where a gap was filled; None if nothing was.
        most: Windows to keep at most.

    Raises:
        DataError: y is too short for windows of this shape, or its values overflow.
    """
    if y.size == 0:
        raise DataError("E_TOO_SHORT", "y", "0 points: extract more")
    with np.errstate(over="ignore"):
        shift = float(np.median(y))
        spread = float(np.mean(np.abs(y - shift)))
    if not np.isfinite(spread):
        raise DataError(
            "E_RANGE",
            "y",
            f"values up to {float(np.max(np.abs(y))):g} overflow when they are subtracted; scale them down in the"
            " query",
        )
    size = spread or 1.0
    normal = (y - shift) / size
    prepared, parts = win.measure(normal, tuple(periods), shape)
    rows = win.origins(y.size, shape, tuple(parts.seasons), most, observed)
    raw = win.look_back(normal, parts, rows, shape)
    windows = win.Windows(
        rows, win.scaled_inputs(raw, prepared), win.scaled_targets(win.look_ahead(normal, parts, rows, shape), prepared)
    )
    early, late = windows.split(shape.h)
    if early.size < win.MIN_WINDOWS or not late.size:
        raise DataError(
            "E_TOO_SHORT",
            "y",
            f"{early.size} windows without long gaps to train on; a network needs {win.MIN_WINDOWS}: extract more, or"
            " choose another model",
        )
    x = win.linear_inputs(raw, prepared)
    tried = win.ridge(x[early], windows.targets[early], win.RIDGE)
    target = windows.targets[late].sum(axis=2)
    errors = [float(np.mean(np.abs(target - win.linear(x[late], weights).sum(axis=2)))) for weights in tried]
    best = int(np.argmin(errors))
    return LstmMember(normal, shift, size, tuple(periods), prepared, parts, windows, x, tried[best], win.RIDGE[best])


def finish(member: LstmMember, apply: "Apply", h: int) -> None:
    """Let through what helped on the held-out part, then fit the linear map once more, to all windows."""
    _, late = member.windows.split(h)
    late = late[:: max(1, late.size // JUDGES)]
    corrections = apply(member.windows.inputs)
    target = member.windows.targets[late].sum(axis=2)
    linear = win.linear(member.x[late], member.weights).sum(axis=2)
    network = corrections[late].sum(axis=2)
    errors = {
        (a, b): float(np.mean(np.abs(target - a * linear - b * network))) * (1 + DOUBT * (a + b))
        for a, b in product(GATES, GATES)
    }
    member.gates = min(errors, key=lambda gates: errors[gates])
    member.weights = win.ridge(member.x, member.windows.targets - member.gates[1] * corrections, (member.penalty,))[0]


def ahead(member: LstmMember, apply: "Apply", shape: Plan, h: int) -> "dict[str, Floats]":
    """Forecast trend, season and rest, which are to be added, each of shape (h,), unit of the member's values.

    Raises:
        InvariantError: a value is not finite.
    """
    history, blocks = member.y, np.empty((0, len(PARTS)))
    while blocks.shape[0] < h:  # further than was trained for: forecast on from the forecast
        parts = decompose(history, member.prepared.settings, shape.h) if blocks.size else member.parts
        block = _block(member, history, parts, apply, shape)
        blocks, history = np.concatenate([blocks, block]), np.concatenate([history, block.sum(axis=1)])
    values = blocks[:h] * member.size
    bad = int((~np.isfinite(values)).sum())
    if bad:
        raise InvariantError(
            "E_NONFINITE_FORECAST",
            "lstm",
            f"{bad} of {values.size} values are not finite: the history's values are too large, or the network"
            " diverged",
        )
    out = dict(zip(PARTS, values.T, strict=True))
    out["trend"] = out["trend"] + member.shift
    return out


def _block(member: LstmMember, history: "Floats", parts: Parts, apply: "Apply", shape: Plan) -> "Floats":
    """The next `shape.h` steps: extensions of trend and season, and the corrections let through.

    Shape (shape.h, parts).
    """
    last, steps = np.array([history.size - 1]), np.arange(1, shape.h + 1)
    raw = win.look_back(history, parts, last, shape)
    linear, network = member.gates
    correction = linear * win.linear(win.linear_inputs(raw, member.prepared), member.weights)
    if network:
        correction = correction + network * apply(win.scaled_inputs(raw, member.prepared))
    out = win.steps_of(correction[0] * member.prepared.scale, shape)
    out[:, 0] += parts.trend_at(last, steps)[0]
    out[:, 1] += parts.season_at(last, steps)[0]
    return out
