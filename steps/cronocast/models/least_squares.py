"""Ridge regression of many histories of which each goes on with the one before: they share most of the work."""

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from cronocast.timeseries.robust import median

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cronocast.timeseries.grid import Floats

    Ints = NDArray[np.int64]

AGAIN = 2  # times that equations are weighed anew


def sums_up_to(table: "Floats", ends: "Ints") -> "Floats":
    """Products of all columns summed over the rows before each end, ascending: shape (k, columns, columns)."""
    parts = [table[a:b].T @ table[a:b] for a, b in pairwise((0, *ends.tolist()))]
    return np.cumsum(parts, axis=0)


def joined(table: "Floats", own: "Floats", gram: "Floats") -> "Floats":
    """Products of the columns of a table that histories share, with those before them that each has of its own."""
    count, q, _ = own.shape
    cross = (own.reshape(count * q, -1) @ table).reshape(count, q, -1)
    return np.block([[own @ own.transpose(0, 2, 1), cross], [cross.transpose(0, 2, 1), gram]])


def regress_each(
    table: "Floats",
    own: "Floats",
    gram: "Floats",
    ends: "Ints",
    ridge: "Floats",
    huber: float,
    importance: "Floats | float" = 1.0,
) -> "tuple[Floats, Floats]":
    """Ridge regression of k histories, twice repeated with less weight on what fits badly.

    Few equations fit badly: what they count less is taken off the sums over all.

    Args:
        table: Rows of all histories, shape (r, p + 1); the last column is what is regressed on the others.
        own: Further columns that each history has of its own, transposed, shape (k, q, r), 0 beyond its end.
        gram: Products of own and shared columns summed over the rows of each history, shape (k, q + p + 1, q + p + 1).
        ends: How many rows each history has.
        ridge: Penalty of each history and coefficient, shape (k, q + p), or what can be broadcast to it.
        huber: Robust standard deviations from which on an equation counts less (Huber, 1964).
        importance: Weights that the products were summed with, shape (k, r); 1 if none.

    Returns:
        Coefficients, shape (k, q + p), and errors, shape (k, r), 0 beyond the end of a history.
    """
    known = np.arange(len(table)) < ends[:, None]
    whole, at = gram.copy(), np.arange(gram.shape[1] - 1)
    whole[:, at, at] += ridge
    weighted, importance = whole, np.broadcast_to(importance, known.shape)
    weights, errors = _solved(weighted, table, own)
    for _ in range(AGAIN):
        size = np.abs(errors) * known
        limit = huber * 1.4826 * np.array([median(row[:end]) for row, end in zip(size, ends.tolist(), strict=True)])
        before, weighted = weighted, whole - _counted_less(table, own, size, limit, importance)
        weighted[limit == 0] = before[limit == 0]  # more than half of the equations are met
        weights, errors = _solved(weighted, table, own)
    return weights, errors * known


def _solved(gram: "Floats", table: "Floats", own: "Floats") -> "tuple[Floats, Floats]":
    """Coefficients and errors of every equation from products of the columns; arguments as of `regress_each`."""
    q = own.shape[1]
    weights = np.asarray(np.linalg.solve(gram[:, :-1, :-1], gram[:, :-1, -1:])[:, :, 0], dtype=float)
    errors = table[:, -1] - weights[:, q:] @ table[:, :-1].T
    return weights, errors - (weights[:, None, :q] @ own)[:, 0] if q else errors


def _counted_less(table: "Floats", own: "Floats", size: "Floats", limit: "Floats", importance: "Floats") -> "Floats":
    """Products of the columns, summed over the equations off by more than a limit, as far as these count less."""
    which, at = np.nonzero((size > limit[:, None]) & (limit[:, None] > 0))
    counts = np.bincount(which, minlength=len(size))
    place = np.arange(at.size) - np.repeat(np.cumsum(counts) - counts, counts)
    less = np.sqrt(importance[which, at] * (1 - limit[which] / size[which, at]))
    rows = np.zeros((len(size), int(counts.max()), own.shape[1] + table.shape[1]))
    rows[which, place] = np.concatenate((own[which, :, at], table[at]), axis=1) * less[:, None]
    return np.asarray(rows.transpose(0, 2, 1) @ rows)
