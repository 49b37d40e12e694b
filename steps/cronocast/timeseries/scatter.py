"""Rows that scatter about the edges of steps: one step holds two of them and its neighbour none. Pure functions."""

import numpy as np

from cronocast.timeseries.fill import gaps
from cronocast.timeseries.grid import Bools, Floats

MOST = 0.3  # share of steps without a row; where rows fall to either side of an edge at random it is a quarter at most
CHANCE = 5.0  # neighbours both without a row by chance, from which none is none
APART = 0.1  # share of these that are left where steps take turns: two rows in a row would have to be lost
IRREGULAR = 0.2  # least spread of the distances between empty steps, in parts of their mean: a slower beat has none
OUTAGE = 3  # steps in a row without a row that are no scatter
TURNS = -0.3  # correlation of neighbouring counts; at random edges it is -0.5, of independent counts 0
LEAST = 200  # counts from which such a correlation is no chance
LEAST_OFF = 0.05  # share of counts that differ from the usual one


def takes_turns(observed: Bools) -> bool:
    """Tell whether steps without a value are those whose row fell into a neighbour.

    Such steps stand alone, more so than values lost at random, and at irregular distances, unlike those of rows that
    come a little slower than the steps. Outages say nothing of this.

    Args:
        observed: Which steps have a value, shape (t,), from the first one that has one to the last.
    """
    runs = np.array([(a, b - a) for a, b in gaps(observed) if b - a < OUTAGE], dtype=np.int64).reshape(-1, 2)
    alone, both = runs[runs[:, 1] == 1, 0], int(np.count_nonzero(runs[:, 1] > 1))
    if not 1 < alone.size <= MOST * observed.size:
        return False
    by_chance = (alone.size + 2 * both) ** 2 / observed.size
    apart = np.diff(alone)
    return bool(by_chance >= CHANCE and both <= APART * by_chance and apart.std() > IRREGULAR * apart.mean())


def counts_take_turns(counts: Floats) -> bool:
    """Tell whether counts of rows differ since rows fall into neighbouring steps: one has more where another has less.

    Args:
        counts: Rows of each step, shape (t,), 0 where there is none.
    """
    if counts.size < LEAST:
        return False
    off = counts - np.median(counts)
    for a, b in gaps(counts > 0):
        off[a:b] *= b - a < OUTAGE
    if np.abs(off).max() > 2 or np.mean(off != 0) < LEAST_OFF:
        return False
    off = off - off.mean()
    return bool(float(off[1:] @ off[:-1]) < TURNS * float(off @ off))
