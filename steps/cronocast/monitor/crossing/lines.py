"""Lines and curves under AR(1) noise: exact generalised least squares of many stretches at once, from cumulated sums.

A stretch of z is level + slope g(x) + noise, with x = 0 at its last value. A line has g(x) = x; a curve, whose slope
grows or fades by the factor e every 1 / rate units, has g(x) = (e^(rate x) - 1) / rate. Arrays have one row for each
memory of the noise, `PHI`: 0 is white noise, 1 a random walk, for which the level is that of the last value.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from cronocast.timeseries.grid import Floats, Ints

PHI = np.array([0, 0.5, 0.8, 0.9, 0.95, 0.975, 0.99, 0.995, 1.0])
_PHI, _C, _FIRST = PHI[:, None], 1 - PHI[:, None], 1 - PHI[:, None] ** 2
TINY = 1e-300


class Fit(NamedTuple):
    """What least squares found of each stretch, shapes (len(PHI), stretches); variances in those of an innovation."""

    level: "Floats"  # at the last value
    slope: "Floats"  # per unit there
    var_level: "Floats"
    var_slope: "Floats"
    cov: "Floats"
    rss: "Floats"  # squared innovations left
    log_det: "Floats"  # of the normal matrix


def innovations(z: "Floats") -> "Floats":
    """z_t - phi z_(t-1) for every phi, 0 first; shape (len(PHI), n)."""
    w = np.zeros((PHI.size, z.size))
    w[:, 1:] = z[1:] - _PHI * z[:-1]
    return w


def lines(z: "Floats", w: "Floats", a: "Ints", b: "Ints") -> Fit:
    """Fit a line to every z[a:b]."""
    t = np.arange(z.size)
    s1, st, s2 = (_between(v, a + 1, b) for v in (w, t * w, w * w))
    st = st - (b - 1) * s1
    k = (b - a - 1).astype(float)
    x1, x2 = -k * (k - 1) / 2, (k - 1) * k * (2 * k - 1) / 6
    sums = (
        _C * x1 + _PHI * k,
        _C**2 * x2 + 2 * _C * _PHI * x1 + _PHI**2 * k,
        _C * st + _PHI * s1,
    )
    return _solved(k, -k, z[a], s1, s2, sums)


def curves(z: "Floats", w: "Floats", a: "Ints", rate: "Floats") -> Fit:
    """Fit the curve of each rate to every z[a:], pairwise; z ends with 0."""
    n = z.size
    rates, which = np.unique(rate, return_inverse=True)
    x = np.arange(n) - (n - 1.0)
    grown = np.exp(np.minimum(rates[:, None] * x, 300.0))
    e1, e2, ez = (_tail(v)[which, a] for v in (grown, grown * grown, grown * z))
    at_a = grown[which, a]
    kappa = 1 - _PHI * np.exp(-rate)
    k = (n - 1 - a).astype(float)
    s1, s2 = (_between(v, a + 1, np.full(a.size, n)) for v in (w, w * w))
    e1, e2 = e1 - at_a, e2 - at_a**2
    ew = (ez - at_a * z[a]) - _PHI * np.exp(rate) * ez
    sums = (
        (kappa * e1 - _C * k) / rate,
        (kappa**2 * e2 - 2 * kappa * _C * e1 + _C**2 * k) / rate**2,
        (kappa * ew - _C * s1) / rate,
    )
    return _solved(k, (at_a - 1) / rate, z[a], s1, s2, sums)


def _between(v: "Floats", a: "Ints", b: "Ints") -> "Floats":
    """Sums of v[:, a:b], shape (rows, stretches)."""
    total = np.zeros((v.shape[0], v.shape[1] + 1))
    np.cumsum(v, axis=1, out=total[:, 1:])
    return np.asarray(total[:, b] - total[:, a])


def _tail(v: "Floats") -> "Floats":
    """Sums from each place to the end, shape of v."""
    return np.asarray(np.cumsum(v[:, ::-1], axis=1)[:, ::-1])


def _solved(
    k: "Floats", x_first: "Floats", z_first: "Floats", s1: "Floats", s2: "Floats", sums: "tuple[Floats, Floats, Floats]"
) -> Fit:
    """Solve the two normal equations, the first value weighted as a stationary one.

    Args:
        k: Innovations of each stretch.
        x_first: g at the first value.
        z_first: That value.
        s1: Sums of innovations.
        s2: Sums of their squares.
        sums: Of the whitened g, of its squares, and of its products with the innovations.
    """
    q, qq, qw = sums
    a = _C**2 * k + _FIRST
    b = _C * q + _FIRST * x_first
    d = np.maximum(qq + _FIRST * x_first**2, TINY)
    y1, y2 = _C * s1 + _FIRST * z_first, qw + _FIRST * x_first * z_first
    det = np.maximum(a * d - b * b, TINY)
    walk = PHI.size - 1
    a[walk], b[walk], det[walk] = 1.0, 0.0, d[walk]  # a random walk has no level of its own
    y1[walk] = 0.0
    level, slope = (d * y1 - b * y2) / det, (a * y2 - b * y1) / det
    rss = np.maximum(s2 + _FIRST * z_first**2 - level * y1 - slope * y2, 0.0)
    log_det = np.log(det) - np.log(np.where(_FIRST > 0, _FIRST, 1.0))
    var_level = d / det
    var_level[walk] = 0.0
    return Fit(level, slope, var_level, a / det, -b / det, rss, log_det)
