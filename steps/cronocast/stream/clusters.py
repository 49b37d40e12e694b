"""How many regimes there are, which new one is which old one, and what belongs to none. Pure functions on arrays."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy.cluster.vq import kmeans2
from scipy.optimize import linear_sum_assignment

from cronocast.timeseries.grid import Floats, Ints

REFERENCES = 8  # sets of uniform data that curves are held against
SAMPLE = 1_500  # rows that are compared with them
STARTS = 3  # of each clustering of the sample
CLEAR_GAP = 0.15  # of the logarithm of the sum of squares, beyond what uniform data have
CLEAR_SILHOUETTE = 0.04  # beyond the best of uniform data
AS_GOOD = 0.02  # silhouettes so close are the same: fewer regimes are simpler
USUAL = 0.999  # share of values that are no further from their regime than usual ones
FAR = 3.0  # spreads of the old regimes that a regime may have moved and still be the same


class Curves(NamedTuple):
    """What speaks for each number of regimes; arrays have one value for each k."""

    k: tuple[int, ...]  # from 2 on
    cost: tuple[float, ...]  # sum of squared distances to the centres
    silhouette: tuple[float, ...]  # mean, by squared distances, -1..1
    whole: float  # cost of one regime


class Verdict(NamedTuple):
    """How many regimes, and why."""

    elbow: int | None  # what the bend of the cost says; None where it says nothing
    silhouette: int | None  # what the silhouette says
    k: int | None  # what is taken; None: there are no regimes
    words: str


def verdict_of(curves: Curves, x: Floats, asked: int | None, seed: int) -> Verdict:
    """Choose a number of regimes.

    Args:
        curves: Of the data.
        x: Scaled features, shape (n, d), to be held against uniform data of the same extent (Tibshirani, Walther &
            Hastie 2001, "Estimating the number of clusters in a data set via the gap statistic").
        asked: What is taken in any case, None for what the data say.
        seed: Of the sample and the references.
    """
    bend, best = knee(curves), _best(curves)
    gap, gain = _beyond_uniform(x, bend, best, seed)
    elbow = bend if gap > CLEAR_GAP else None
    silhouette = best if gain > CLEAR_SILHOUETTE else None
    said = _words(bend, best, elbow, silhouette)
    if asked is not None:
        none = elbow is None and silhouette is None
        return Verdict(elbow, silhouette, asked, f"{said}; {asked} as asked for{', all the same' if none else ''}")
    return Verdict(elbow, silhouette, silhouette or elbow, said)


def _words(bend: int, best: int, elbow: int | None, silhouette: int | None) -> str:
    if elbow is None and silhouette is None:
        return (
            f"there are no regimes here: the cost bends at {bend} and the silhouette is best at {best} no more than"
            " they would with values that are spread evenly"
        )
    if elbow is None:
        return f"{silhouette} by the silhouette; the cost has no bend"
    if silhouette is None:
        return f"{elbow} by the bend of the cost; the silhouette says nothing"
    if elbow == silhouette:
        return f"{elbow} by both the bend of the cost and the silhouette"
    return f"the bend of the cost says {elbow}, the silhouette {silhouette}: the latter is taken"


def knee(curves: Curves) -> int:
    """Where the cost bends: the point furthest below the line from one regime to the most (Satopaa et al. 2011)."""
    costs = np.array([curves.whole, *curves.cost])
    logs = np.log(np.maximum(costs, 1e-12 * max(curves.whole, 1e-300)))
    ks = np.array([1, *curves.k], dtype=float)
    x = (ks - ks[0]) / (ks[-1] - ks[0])
    y = (logs - logs[-1]) / max(logs[0] - logs[-1], 1e-300)
    return int(ks[int(np.argmax((1 - x) - y))])


def _best(curves: Curves) -> int:
    """The smallest number whose silhouette is as good as the best one."""
    most = max(curves.silhouette)
    return next(k for k, one in zip(curves.k, curves.silhouette, strict=True) if one >= most - AS_GOOD)


def _beyond_uniform(x: Floats, bend: int, best: int, seed: int) -> tuple[float, float]:
    """How much lower the cost at the bend, and how much higher the silhouette at its best, than with uniform data."""
    rng = np.random.default_rng(seed)
    sample = x[np.linspace(0, len(x) - 1, min(SAMPLE, len(x))).astype(int)]
    low, high = sample.min(axis=0), sample.max(axis=0)
    cost, silhouette = _clustered(sample, bend, seed)[0], _clustered(sample, best, seed)[1]
    whole = _spread(sample)
    others = [rng.uniform(low, high, sample.shape) for _ in range(REFERENCES)]
    costs = [np.log(max(_clustered(one, bend, seed)[0], 1e-300) / _spread(one)) for one in others]
    gap = float(np.mean(costs) - np.log(max(cost, 1e-12 * whole) / whole)) if whole > 0 else 0.0
    return gap, silhouette - max(_clustered(one, best, seed)[1] for one in others)


def _spread(x: Floats) -> float:
    return max(float(((x - x.mean(axis=0)) ** 2).sum()), 1e-300)


def _clustered(x: Floats, k: int, seed: int) -> tuple[float, float]:
    """Cost and silhouette of the best of a few clusterings; of one regime the silhouette is 0."""
    if k < 2:
        return _spread(x), 0.0
    found = []
    for start in range(STARTS):
        centres, labels = kmeans2(x, k, minit="++", seed=seed + start, missing="warn")
        found.append((float(((x - centres[labels]) ** 2).sum()), labels))
    cost, labels = min(found, key=lambda one: one[0])
    return cost, silhouette(x, labels)


def silhouette(x: Floats, labels: Ints) -> float:
    """Mean silhouette by squared distances, as Spark has it; 0 where all lie in one regime.

    The mean squared distance of a point to the points of a cluster follows from the cluster's mean and variance.
    """
    groups = np.unique(labels)
    if groups.size < 2:
        return 0.0
    means = np.array([x[labels == g].mean(axis=0) for g in groups])
    inner = np.array([((x[labels == g] - means[i]) ** 2).sum(axis=1).mean() for i, g in enumerate(groups)])
    sizes = np.array([(labels == g).sum() for g in groups])
    distance = ((x[:, None, :] - means[None]) ** 2).sum(axis=2) + inner
    own = np.searchsorted(groups, labels)
    rows = np.arange(len(x))
    near = distance[rows, own] * sizes[own] / np.maximum(sizes[own] - 1, 1)
    distance[rows, own] = np.inf
    other = distance.min(axis=1)
    score = np.where(sizes[own] > 1, (other - near) / np.maximum(np.maximum(other, near), 1e-300), 0.0)
    return float(score.mean())


def names_of(centres: Floats, before: Mapping[str, Sequence[float]], spread: Floats) -> tuple[str, ...]:
    """Names of regimes: those of the old ones that they are, new ones for others.

    Args:
        centres: New centres in the units of the features, shape (k, d).
        before: Centres of the old regimes by name, in the same units.
        spread: What a difference of each feature is measured in, shape (d,).

    Returns:
        A name for each centre. Without old ones regime-1, regime-2, ... by the first feature, rising.
    """
    names: list[str | None] = [None] * len(centres)
    old = [name for name, centre in before.items() if len(centre) == centres.shape[1]]
    if old:
        there = np.array([before[name] for name in old])
        distance = np.sqrt((((centres[:, None] - there[None]) / spread) ** 2).mean(axis=2))
        for i, j in zip(*linear_sum_assignment(distance), strict=True):
            if distance[i, j] <= FAR:
                names[i] = old[j]
    number = max(
        (int(name.removeprefix("regime-")) for name in before if name.removeprefix("regime-").isdigit()), default=0
    )
    for i in np.lexsort(centres.T[::-1]):
        if names[i] is None:
            number += 1
            names[i] = f"regime-{number}"
    return tuple(str(name) for name in names)


def usual_distance(x: Floats, centres: Floats, labels: Ints) -> Floats:
    """How far the furthest usual values of each regime lie from its centre, in scaled features, shape (k,)."""
    off = np.sqrt(((x - centres[labels]) ** 2).sum(axis=1))
    whole = float(np.quantile(off, USUAL))
    found = [float(np.quantile(off[labels == i], USUAL)) if (labels == i).any() else whole for i in range(len(centres))]
    return np.asarray(np.maximum(np.array(found), 1e-9))


def lasting(labels: Sequence[str], time_ns: Ints, dwell_ns: int, state: "Dwelling") -> tuple[list[str], "Dwelling"]:
    """Regimes that change only once another one has lasted.

    Args:
        labels: Of values, in order of time.
        time_ns: Their times.
        dwell_ns: How long another one must have lasted.
        state: After the values before.

    Returns:
        The regime at each value, and the state after them.
    """
    found = []
    for label, at in zip(labels, time_ns.tolist(), strict=True):
        if label == state.regime:
            state = state._replace(next="", since_ns=0)
        elif label != state.next:
            state = state._replace(next=label, since_ns=at)
        if state.next and (not state.regime or at - state.since_ns >= dwell_ns):
            state = Dwelling(state.next)
        found.append(state.regime)
    return found, state


class Dwelling(NamedTuple):
    """The regime of a machine, and the one that may follow."""

    regime: str = ""
    next: str = ""
    since_ns: int = 0
