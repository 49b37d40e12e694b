"""Rows about the edges of steps are told from all other reasons why steps have none, by generators of each."""

from collections.abc import Callable

import numpy as np
import pytest

from cronocast.timeseries.scatter import counts_take_turns, takes_turns

Rows = Callable[[np.random.Generator, int], np.ndarray]  # times of rows in steps, of so many


def about_edges(rng: np.random.Generator, n: int) -> np.ndarray:
    return np.arange(1, n) + rng.uniform(-1, 1, n - 1) * rng.uniform(0.05, 0.4)


def about_edges_with_an_outage(rng: np.random.Generator, n: int) -> np.ndarray:
    found = about_edges(rng, n)
    return found[(found < n / 3) | (found > n / 3 + n / 20)]


def inside(rng: np.random.Generator, n: int) -> np.ndarray:
    return np.arange(n) + 0.5 + rng.uniform(-0.4, 0.4, n)


def lost(rng: np.random.Generator, n: int) -> np.ndarray:
    return inside(rng, n)[rng.random(n) > rng.uniform(0.02, 0.3)]


def slower(rng: np.random.Generator, n: int) -> np.ndarray:
    return np.arange(0, n, rng.choice([1.02, 1.1, 1.25, 4 / 3, 1.5, 2.0, 5.0]))


def at_random(rng: np.random.Generator, n: int) -> np.ndarray:
    return np.sort(rng.uniform(0, n, int(n * rng.uniform(0.3, 2))))


def by_day(rng: np.random.Generator, n: int) -> np.ndarray:
    found = inside(rng, n)
    return np.asarray(found[np.floor(found) % 24 >= rng.integers(1, 12)])


def counts_of(rows: np.ndarray, n: int) -> np.ndarray:
    return np.bincount(np.floor(rows).astype(np.int64), minlength=n)[:n].astype(np.float64)


def between_the_ends(counts: np.ndarray) -> np.ndarray:
    known = np.flatnonzero(counts)
    return np.asarray(counts[known[0] : known[-1] + 1])


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (about_edges, True),
        (about_edges_with_an_outage, True),
        (inside, False),
        (lost, False),
        (slower, False),
        (at_random, False),
        (by_day, False),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_empty_steps_are_told_by_how_they_lie(rows: Rows, expected: bool) -> None:
    rng = np.random.default_rng(21)
    for i in range(40):
        n = int(rng.integers(300, 5000))
        observed = between_the_ends(counts_of(rows(rng, n), n)) > 0
        assert takes_turns(observed) is expected, i


@pytest.mark.parametrize("per_step", [1, 2, 6])
def test_counts_of_even_rows_about_edges_are_told_from_counts_of_events(per_step: int) -> None:
    rng = np.random.default_rng(22)
    for i in range(40):
        n = int(rng.integers(300, 3000))
        even = counts_of(about_edges(rng, n * per_step) / per_step, n)[1:-1]
        assert counts_take_turns(even), i
        even[n // 3 : n // 3 + n // 20] = 0  # an outage
        assert counts_take_turns(even), i
        assert not counts_take_turns(rng.poisson(per_step, n).astype(float)), i
        assert not counts_take_turns(counts_of(lost(rng, n * per_step) / per_step, n)), i


@pytest.mark.parametrize("counts", [np.empty(0), np.ones(500), np.zeros(500), np.array([1.0, 0.0, 2.0])])
def test_nothing_to_see_is_no_scatter(counts: np.ndarray) -> None:
    assert not counts_take_turns(counts)
    assert not takes_turns(counts > 0)
