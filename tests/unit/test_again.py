"""Runs that go on from what an earlier one kept: predict and warm beside full."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cronocast.classify import classify_member
from cronocast.forecast.again import champion
from cronocast.forecast.answer import MemberForecast, Settings
from cronocast.forecast.backtest import Backtest
from cronocast.forecast.choose import Choice
from cronocast.forecast.engine import forecast_member
from cronocast.forecast.kept import Kept
from cronocast.handoff.evaluation import FULL, PREDICT, WARM, Verdict

HOUR_NS = 3600 * 10**9
START_NS = 1_764_547_200 * 10**9
N, H, DAY = 672, 24, 24


def made(seed: int, kind: str = "season") -> Any:
    rng = np.random.default_rng(seed)
    t = np.arange(N + 5 * DAY)
    day = 3 * np.sin(2 * np.pi * t / DAY) if kind != "walk" else 0 * t
    walk = np.cumsum(rng.normal(0, 0.3, t.size))
    y = 50 + day + walk + rng.normal(0, 1, t.size)
    if kind == "gaps":
        y[rng.random(t.size) < 0.05] = np.nan
    return y


def kept_of(y: Any, end: int, **given: Any) -> Kept:
    found = run(y, end, **given).kept
    assert found is not None
    return found


def run(y: Any, end: int, first: int = 0, **given: Any) -> MemberForecast:
    settings = {key: given.pop(key) for key in ("model", "transform", "levels") if key in given}
    there = first + np.flatnonzero(np.isfinite(y[first:end]))
    time_ns = START_NS + HOUR_NS * there.astype(np.int64)
    kept = given.get("kept")
    profile = kept.profile if kept else classify_member("m", "", time_ns, y[there], HOUR_NS, H, None, None)
    how = Settings(horizon=H, end_ns=START_NS + HOUR_NS * end, budget=1e6, **settings)
    return forecast_member(profile, time_ns, y[there], how, Path("state"), **given)


@pytest.mark.parametrize("kind", ["season", "walk", "gaps"])
@pytest.mark.parametrize("transform", ["none", "log"])
@pytest.mark.parametrize("seed", range(3))
def test_predict_is_the_full_forecast_where_nothing_changed(kind: str, transform: str, seed: int) -> None:
    y = made(seed, kind) + 50
    full = run(y, N, transform=transform, levels=(0.5, 0.8))
    again = run(y, N, transform=transform, levels=(0.5, 0.8), verdict=Verdict(PREDICT), kept=full.kept)
    assert (full.done, again.done, again.model) == (FULL, PREDICT, full.model)
    np.testing.assert_array_equal(again.yhat, full.yhat)
    for a, b in (
        (again.lower, full.lower),
        (again.upper, full.upper),
        *zip(again.further[0], full.further[0], strict=True),
    ):
        np.testing.assert_allclose(a, b, rtol=1e-9)
    assert again.backtest["models"] == full.backtest["models"]
    assert again.kept is not None
    assert full.kept is not None
    assert again.kept.origins_ns == full.kept.origins_ns


@pytest.mark.parametrize("kind", ["season", "walk"])
@pytest.mark.parametrize("seed", range(3))
def test_the_table_of_warm_is_that_of_full_at_the_same_origins(kind: str, seed: int) -> None:
    y = made(seed, kind)
    kept = kept_of(y, N)
    warm = run(y, N + DAY, verdict=Verdict(WARM), kept=kept)
    full = run(y, N + DAY, kept=kept)  # classified the same
    assert warm.kept is not None
    assert full.kept is not None
    assert (warm.done, full.done) == (WARM, FULL)
    shared = sorted(set(warm.kept.origins_ns) & set(full.kept.origins_ns))
    assert len(shared) >= 12
    assert warm.kept.origins_ns[-1] == full.kept.origins_ns[-1] > kept.origins_ns[-1]
    rows = [[one.origins_ns.index(time) for time in shared] for one in (warm.kept, full.kept)]
    assert set(warm.kept.forecasts) == set(full.kept.forecasts)
    for name, table in full.kept.forecasts.items():
        np.testing.assert_allclose(warm.kept.forecasts[name][rows[0]], table[rows[1]], rtol=1e-9, err_msg=name)
    np.testing.assert_allclose(warm.kept.actual[rows[0]], full.kept.actual[rows[1]], rtol=1e-12)


def test_warm_days_keep_twenty_origins_and_a_second_run_of_a_day_adds_none() -> None:
    y, kept, newest = made(1), kept_of(made(1), N), list[int]()
    for day in range(1, 5):
        kept = kept_of(y, N + day * DAY, first=day * DAY, verdict=Verdict(WARM), kept=kept)
        newest.append(kept.origins_ns[-1])
        assert len(kept.origins_ns) <= 20
        assert sorted(set(kept.origins_ns)) == list(kept.origins_ns)
    assert np.diff(newest).tolist() == [DAY * HOUR_NS] * 3
    twice = run(y, N + 4 * DAY + 1, first=4 * DAY, verdict=Verdict(WARM), kept=kept).kept
    assert twice is not None
    assert twice.origins_ns == kept.origins_ns


def test_a_suspect_day_adds_near_origins_that_the_next_warm_run_drops() -> None:
    y = made(2)
    kept = kept_of(y, N)
    warm = run(y, N + DAY, verdict=Verdict(WARM, suspect=True), kept=kept).kept
    assert warm is not None
    assert warm.near == 2
    end_ns = START_NS + HOUR_NS * (N + DAY)
    assert warm.origins_ns[-2:] == (end_ns - H // 2 * HOUR_NS, end_ns - H // 4 * HOUR_NS)
    after = run(y, N + 2 * DAY, verdict=Verdict(WARM), kept=warm).kept
    assert after is not None
    assert after.near == 0
    assert not set(warm.origins_ns[-2:]) & set(after.origins_ns)


def test_hours_between_use_what_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    y = made(3)
    kept = kept_of(y, N)
    for hour in range(1, 24, 5):
        found = run(y, N + hour, first=hour, verdict=Verdict(PREDICT), kept=kept)
        assert found.done == PREDICT
        assert found.kept is not None
        assert found.kept.origins_ns == kept.origins_ns
        assert np.all(found.lower <= found.yhat)
        assert np.all(found.yhat <= found.upper)
        assert found.backtest["since"]


@pytest.mark.parametrize("change", ["step", "model"])
def test_what_no_longer_fits_is_made_anew(change: str) -> None:
    y = made(1)
    kept = kept_of(y, N)
    if change == "model":
        found = run(y, N, model="level", verdict=Verdict(PREDICT), kept=run(y, N, model="linear").kept)
    else:
        there = np.arange(0, N, 2)
        time_ns = START_NS + HOUR_NS * there
        profile = classify_member("m", "", time_ns, y[there], 2 * HOUR_NS, H, None, None)
        how = Settings(horizon=12, end_ns=START_NS + HOUR_NS * N)
        found = forecast_member(profile, time_ns, y[there], how, None, None, Verdict(PREDICT), kept)
    assert found.done == FULL
    assert found.status == "ok"


@pytest.mark.parametrize(("errors", "wins"), [((1.0, 0.5), True), ((0.5, 1.0), False), ((1.0, 1.0), False)])
def test_a_new_choice_must_be_better_than_the_old_one(errors: tuple[float, float], wins: bool) -> None:
    actual = np.random.default_rng(1).normal(size=(8, 4))
    rows = {"naive": actual + 2, "old": actual + errors[0], "new": actual + errors[1]}
    test = Backtest(actual, [], forecasts=rows)
    found = champion(test, ("old",), Choice(("new",), "new: best", {}))
    assert found.names == (("new",) if wins else ("old",))
