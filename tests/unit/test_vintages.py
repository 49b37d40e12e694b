"""Vintages and what they are worth: kept whole, thinned, joined with what came, scored by lead."""

import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cronocast.durations import UNIT_NS
from cronocast.handoff.files import run_name, write_json
from cronocast.monitor import accuracy as scores
from cronocast.monitor.vintages import (
    Batch,
    Vintage,
    file_name,
    kept_runs,
    naive_forecast,
    naive_scale,
    read_vintages,
    thin,
)

HOUR, DAY = UNIT_NS["h"], UNIT_NS["d"]
START = 20_000 * DAY
KEY = ("cpu", "host=a")
LEVELS = (0.95, 0.5)
Z95, Z50 = 1.959964, 0.674490


def batch(run_ns: int, value: float = 1.0, key: tuple[str, str] = KEY, horizon: int = 4) -> Batch:
    """A run that forecast one member."""
    made = Batch(run_ns, LEVELS)
    yhat = np.full(horizon, value)
    columns = (yhat, yhat - 2, yhat + 2, yhat - 1, yhat + 1)
    made.add(key, run_ns, HOUR, columns, yhat + 0.5, 1.5, "ok")
    return made


def test_what_is_kept_comes_back(tmp_path: Path) -> None:
    batch(START).write(tmp_path)
    batch(START + HOUR, 2.0).write(tmp_path)
    found, notes = read_vintages(tmp_path, START + DAY)
    assert notes == []
    first, second = found[KEY]
    assert (first.run_ns, first.first_ns, first.step_ns, first.levels, first.scale, first.status) == (
        START,
        START,
        HOUR,
        LEVELS,
        1.5,
        "ok",
    )
    assert second.yhat.tolist() == [2.0] * 4
    assert first.bounds.tolist() == [[[-1.0] * 4, [3.0] * 4], [[0.0] * 4, [2.0] * 4]]
    assert first.naive.tolist() == [1.5] * 4
    assert first.time_ns.tolist() == [START + i * HOUR for i in range(4)]


def test_a_run_knows_nothing_of_itself_and_of_later_ones(tmp_path: Path) -> None:
    for i in range(3):
        batch(START + i * HOUR).write(tmp_path)
    found, _ = read_vintages(tmp_path, START + HOUR)
    assert [one.run_ns for one in found[KEY]] == [START]


def test_of_several_parts_that_forecast_a_member_the_chosen_one_counts(tmp_path: Path) -> None:
    batch(START, 1.0).write(tmp_path, "light-0")
    batch(START, 2.0).write(tmp_path, "lstm-0")
    batch(START, 3.0, ("cpu", "host=b")).write(tmp_path, "light-1")
    write_json(tmp_path / f"vintages/{run_name(START)}.chosen.json", [[*KEY, "lstm-0"]])
    found, notes = read_vintages(tmp_path, START + DAY)
    assert {key: one[0].yhat[0] for key, one in found.items()} == {KEY: 2.0, ("cpu", "host=b"): 3.0}
    assert notes == []


@pytest.mark.parametrize("size", [0, 1, 100, -1])
def test_a_file_that_was_cut_is_a_note(tmp_path: Path, size: int) -> None:
    batch(START).write(tmp_path)
    batch(START + HOUR).write(tmp_path)
    path = tmp_path / "vintages" / file_name(START)
    path.write_bytes(path.read_bytes()[:size])
    found, notes = read_vintages(tmp_path, START + DAY)
    assert [one.run_ns for one in found[KEY]] == [START + HOUR]
    assert len(notes) == 1
    assert path.name in notes[0]


@pytest.mark.parametrize(
    ("every", "horizon", "runs", "most"),
    [(HOUR, DAY, 24 * 90, 24 + 60 + 1), (HOUR // 12, DAY, 12 * 24 * 10, 48 + 9 + 3), (DAY, 7 * DAY, 200, 61)],
)
def test_vintages_are_thinned_by_age(every: int, horizon: int, runs: int, most: int) -> None:
    times: list[int] = []
    for i in range(runs):  # as each run does it
        times = sorted(kept_runs([*times, START + i * every], START + i * every, horizon, 60 * DAY, 200))
    now = START + (runs - 1) * every
    assert len(times) <= most
    assert times[-3:] == [now - 2 * every, now - every, now]
    assert {t // DAY for t in times} >= set(range(max(START, now - 58 * DAY) // DAY, now // DAY + 1))


def test_what_is_kept_of_a_long_horizon_stays_spread_over_all_of_it() -> None:
    times: list[int] = []
    for i in range(24 * 30):
        times = sorted(kept_runs([*times, START + i * HOUR], START + i * HOUR, 7 * DAY, 60 * DAY, 200))
    newest = [t for t in times if t > times[-1] - 7 * DAY]
    assert 42 <= len(newest) <= 52
    assert max(b - a for a, b in pairwise(newest)) <= 4 * HOUR


def test_the_count_and_later_runs() -> None:
    runs = [START + i * DAY for i in range(50)]
    assert kept_runs(runs, runs[40], DAY, 60 * DAY, 10) == {*runs[31:41], *runs[41:]}


def test_thinning_leaves_what_is_no_vintage(tmp_path: Path) -> None:
    batch(START).write(tmp_path)
    newest = [START + 100 * DAY + i * HOUR for i in range(3)]
    for run_ns in newest:
        batch(run_ns).write(tmp_path)
    write_json(tmp_path / f"vintages/{run_name(START)}.chosen.json", [])
    (tmp_path / "vintages" / "notes.txt").write_text("x")
    thin(tmp_path, newest[-1], DAY, 60 * DAY, 200)
    assert sorted(path.name for path in (tmp_path / "vintages").iterdir()) == sorted(
        [*map(file_name, newest), "notes.txt"]
    )


@pytest.mark.parametrize(
    ("season", "expected"), [(None, [5.0] * 5), (3, [3.0, 4.0, 5.0, 3.0, 4.0]), (4, [2.0, 3.0, 4.0, 5.0, 2.0])]
)
def test_the_naive_forecast_repeats(season: int | None, expected: list[float]) -> None:
    y, gaps = np.array([0.0, 1, 2, 3, 4, 5]), np.arange(6, 0, -1)
    assert naive_forecast(y, gaps, season, 5).tolist() == expected
    assert naive_scale(y, gaps, season) == (season or 1)


def test_the_naive_forecast_goes_back_over_what_is_missing() -> None:
    y, gaps = np.array([7.0, 8.0, 5.0]), np.array([6, 5, 1])  # of seasons of three steps the newest lacks two
    assert naive_forecast(y, gaps, 3, 3).tolist() == [7.0, 8.0, 5.0]
    assert np.isnan(naive_forecast(np.empty(0), np.empty(0, np.int64), 3, 2)).all()


def simulated(days: int, phi: float, seed: int, wide: float = 1.0) -> tuple[list[Vintage], np.ndarray, np.ndarray]:
    """An AR(1) process that is forecast each day by its own law; the naive forecast repeats the last value."""
    rng = np.random.default_rng(seed)
    n = 24 * days
    y = np.zeros(n)
    for i in range(1, n):
        y[i] = phi * y[i - 1] + rng.normal()
    time_ns = START + HOUR * np.arange(n, dtype=np.int64)
    lead = np.arange(1, 25)
    spread = wide * np.sqrt((1 - phi ** (2 * lead)) / (1 - phi**2))
    vintages = []
    for first in range(24, n - 24, 24):
        yhat = phi**lead * y[first - 1]
        bounds = np.array([[yhat - z * spread, yhat + z * spread] for z in (Z95, Z50)])
        naive = np.full(24, y[first - 1])
        at = int(time_ns[first])
        vintages.append(Vintage(at, at, HOUR, LEVELS, yhat, bounds, naive, 1.0, "ok"))
    return vintages, time_ns, y


def scored(vintages: list[Vintage], time_ns: np.ndarray, y: np.ndarray) -> Any:
    pairs = scores.pairs_of(vintages, time_ns, y, LEVELS)
    assert pairs is not None
    return scores.accuracy(pairs, LEVELS, 24)


def test_scores_are_those_of_the_process() -> None:
    phi = 0.8
    found = scored(*simulated(2000, phi, 1))
    assert [one.lead for one in found.leads] == [1, 4, 8, 24]
    first = found.leads[0]
    assert first.mae == pytest.approx(math.sqrt(2 / math.pi), rel=0.06)
    assert first.bias == pytest.approx(0, abs=0.06)
    assert first.coverage["95"] == pytest.approx(0.95, abs=0.02)
    assert first.coverage["50"] == pytest.approx(0.5, abs=0.04)
    # naive: y[t] - y[t-1] has the variance 2 / (1 + phi)
    assert first.skill == pytest.approx(1 - math.sqrt((1 + phi) / 2), abs=0.03)
    last = found.leads[-1]
    assert last.mae == pytest.approx(math.sqrt(2 / math.pi / (1 - phi**2)), rel=0.06)
    # of a normal variable the CRPS is 0.234 spreads; of five quantiles a bit more
    assert first.crps == pytest.approx(0.234 * 2, rel=0.5) or first.crps == pytest.approx(0.564, rel=0.1)
    assert found.useful_steps == 24
    assert sum(found.pit) == sum(one.n for one in found.leads)
    assert min(found.pit[3:7]) > 0.07 * sum(found.pit)


@pytest.mark.parametrize("phi", [0.0, 0.95])
def test_the_range_of_a_coverage_holds_the_true_one(phi: float) -> None:
    """With errors that remember, few points are worth still fewer, and the range says so."""
    inside, worth = [], []
    for seed in range(60):
        one = scored(*simulated(40, phi, seed)).leads[-1]
        inside.append(one.coverage_low["95"] <= 0.95 <= one.coverage_high["95"])
        worth.append(one.worth / one.n)
    assert np.mean(inside) >= 0.8
    assert (np.mean(worth) < 0.5) == (phi > 0)


def test_too_narrow_intervals_are_found_out() -> None:
    one = scored(*simulated(60, 0.5, 3, wide=0.4)).leads[-1]
    assert one.coverage_high["95"] < 0.8


def test_without_skill_no_lead_is_useful() -> None:
    vintages, time_ns, y = simulated(100, 0.9, 4)
    swapped = [one._replace(yhat=one.naive + 3, bounds=one.bounds + 3) for one in vintages]
    assert scored(swapped, time_ns, y).useful_steps is None


def test_only_common_cases_count() -> None:
    vintages, time_ns, y = simulated(10, 0.5, 5)
    vintages[0].naive[:] = np.nan
    vintages[1].yhat[3:] = np.nan
    y[time_ns == vintages[2].time_ns[0]] = np.nan
    some = slice(0, 24 * 6)
    pairs = scores.pairs_of([*vintages[:4], vintages[4]._replace(levels=(0.9,))], time_ns[some], y[some], LEVELS)
    assert pairs is not None
    assert pairs.actual.size == 0 + 3 + 23 + 24
    assert scores.pairs_of([], time_ns, y, LEVELS) is None


def test_a_point_is_judged_by_the_newest_forecast_made_before_it() -> None:
    """A forecast knows nothing from its first step on, so that none of the steps before that are its own."""
    vintages, time_ns, _ = simulated(6, 0.5, 6)
    yhat, lower, upper = scores.newest_before(vintages, time_ns, 0.95)
    assert np.isnan(yhat[:24]).all()
    for one in vintages:
        own = (time_ns >= one.first_ns) & (time_ns < one.first_ns + DAY)
        assert yhat[own].tolist() == one.yhat.tolist()
    assert (lower[24:-24] < upper[24:-24]).all()
    # later, more of it: the newest wins on what both reach
    late = vintages[0]._replace(first_ns=vintages[0].first_ns + 12 * HOUR, yhat=vintages[0].yhat + 100)
    yhat, _, _ = scores.newest_before([vintages[0], late], time_ns, 0.95)
    assert (yhat[24:36] < 50).all()
    assert (yhat[36:60] > 50).all()
