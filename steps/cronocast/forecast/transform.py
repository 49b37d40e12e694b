"""Transforms around the models: values are forecast on another scale and brought back by the inverse, interval and all.

Each is strictly monotone, so quantiles stay quantiles: an interval of 95 % on the scale of the models is one of 95 % in
the unit of the values. The centre comes back as a median; it is below the mean where values are skewed to the right.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from cronocast.timeseries.grid import Floats

ZERO_SHARE = 0.1  # of the median positive value: added before the logarithm where there are zeros, which have none
POWERS = tuple(i / 10 for i in range(21))  # 0, the logarithm, to 2; what asks for more is no matter of scale
LARGEST, LARGEST_LOG = float(np.finfo(float).max), float(np.log(np.finfo(float).max))


@dataclass(frozen=True)
class Transform:
    """A power of values that are not below zero, or their logarithm, and its inverse (Box & Cox, 1964).

    It is the identity where no name is given.
    """

    name: str = ""  # as set: log, sqrt or power
    power: float = 1.0  # 0 is the logarithm
    shift: float = 0.0  # added to values before
    size: float = 1.0  # what they are divided by then

    def forward(self, y: "Floats") -> "Floats":
        """To the scale of the models; NaN stays NaN."""
        if not self.name:
            return y
        u = y / self.size + self.shift / self.size
        return np.asarray(np.log(u) if self.power == 0 else u**self.power)

    def back(self, z: "Floats") -> "Floats":
        """Back to the unit of the values; what lies below all that `forward` gives becomes zero."""
        if not self.name:
            return z
        u = np.exp(np.minimum(z, LARGEST_LOG)) if self.power == 0 else np.maximum(z, 0.0) ** (1 / self.power)
        return np.clip(u * self.size - self.shift, 0.0, LARGEST)

    def preparation(self) -> dict[str, str | float]:
        """What the result file says of it."""
        return (
            {
                "transform": self.name,
                **({"power": self.power} if self.name == "power" else {}),
                **({"added": self.shift} if self.shift else {}),
            }
            if self.name
            else {}
        )


def fitted(name: str, y: "Floats") -> tuple[Transform, str]:
    """Make a transform for values (shape (t,), NaN at gaps).

    Args:
        name: none, log, sqrt, or power for the one after which the values are most like normal ones.
        y: The values.

    Returns:
        The transform, and a sentence where there is none although one was asked for.
    """
    seen = y[np.isfinite(y)]
    if name == "none" or not seen.size:
        return Transform(), ""
    low = float(seen.min())
    if low < 0 or not seen.any():
        return (
            Transform(),
            (
                f"transform: {name} needs non-negative values, one of them positive; the lowest is {low:.6g}: they are"
                " forecast without it"
            ),
        )
    size = float(np.median(seen[seen > 0]))
    shift = 0.0 if low > 0 or name == "sqrt" else ZERO_SHARE * size
    power = {"log": 0.0, "sqrt": 0.5}[name] if name != "power" else _likeliest(seen / size + shift / size)
    return Transform(name, power, shift, size), ""


def _likeliest(u: "Floats") -> float:
    """The power after which positive values are most like a normal variable (ibid., maximum likelihood over a grid)."""
    logs = np.log(u)
    spreads = [float(np.var(logs if p == 0 else np.expm1(p * np.minimum(logs, LARGEST_LOG / 4)) / p)) for p in POWERS]
    likelihood = [
        -0.5 * u.size * float(np.log(max(v, 1e-300))) + (p - 1) * float(logs.sum())
        for p, v in zip(POWERS, spreads, strict=True)
    ]
    return POWERS[int(np.argmax(likelihood))]


@dataclass(frozen=True)
class Unit:
    """What models work in.

    Values after a transform, divided by a power of two, which loses no digit, so that squares of 1e300 do not overflow.
    """

    transform: Transform
    exponent: int  # of the transformed values
    measured_exponent: int  # of the values themselves

    def forward(self, y: "Floats") -> "Floats":
        """From the unit of the member to what models work in."""
        return np.ldexp(self.transform.forward(y), -self.exponent)

    def back(self, z: "Floats") -> "Floats":
        """From what models work in to the unit of the member."""
        return self.transform.back(np.ldexp(z, self.exponent))

    def measured(self, z: "Floats") -> "Floats":
        """From what models work in to the scale on which errors are measured.

        The unit of the member divided by 2**measured_exponent.
        """
        return np.ldexp(self.back(z), -self.measured_exponent) if self.transform.name else z


def exponent_of(y: "Floats") -> int:
    """The power of two that brings values, NaN apart, to at most 1."""
    return int(np.frexp(np.max(np.abs(y[np.isfinite(y)]), initial=0.0))[1])
