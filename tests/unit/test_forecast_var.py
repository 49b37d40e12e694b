"""VAR: what one member tells of another is used, the future of none is, and each reason to refuse is said."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from cronocast.errors import DataError
from cronocast.forecast.answer import MemberForecast, Settings
from cronocast.forecast.members import MemberJob, forecast_members
from cronocast.handoff.profile import Profile
from cronocast.models.model import Context
from cronocast.models.var import MOST_OTHERS, Var, VarMany
from tests.messages import numbers

Floats = NDArray[np.float64]
HOUR_NS = 3600 * 10**9
N, LEAD = 400, 3


def noise(seed: int, n: int = N) -> Floats:
    return np.random.default_rng(seed).normal(size=n)


def walk(seed: int, n: int = N) -> Floats:
    """Returns to its mean, slowly."""
    out = noise(seed, n)
    for k in range(1, n):
        out[k] += 0.9 * out[k - 1]
    return out


def context(name: str, **more: object) -> Context:
    return replace(Context(HOUR_NS, 0, member=name), **more)  # type: ignore[arg-type]


UPSTREAM = walk(0, N + LEAD)
LEADER = UPSTREAM[LEAD:]
FOLLOWER = 50 + 10 * UPSTREAM[:-LEAD] + 0.1 * noise(1)  # what the leader was three steps ago, on another scale


def pair(n: int = N, *more: Floats) -> VarMany:
    ys = [FOLLOWER[:n], LEADER[:n], *(y[:n] for y in more)]
    return Var.fit_many(ys, [context(f"m{i}") for i in range(len(ys))])


def test_a_member_is_forecast_from_the_one_that_leads_it() -> None:
    errors, alone = [], []
    for end in range(300, N - LEAD, 5):
        yhat = pair().predict_after(FOLLOWER[:end], LEAD, context("m0"))
        errors.append(np.abs(yhat - FOLLOWER[end : end + LEAD]).mean())
        alone.append(np.abs(FOLLOWER[end - 1] - FOLLOWER[end : end + LEAD]).mean())
    assert np.mean(errors) < 0.25 * np.mean(alone)


def test_the_leader_is_found_among_many() -> None:
    crowd = [walk(seed) for seed in range(10, 40)]
    end = 380
    yhat = pair(N, *crowd).predict_after(FOLLOWER[:end], LEAD, context("m0"))
    assert (
        np.abs(yhat - FOLLOWER[end : end + LEAD]).mean()
        < 0.3 * np.abs(FOLLOWER[end - 1] - FOLLOWER[end : end + LEAD]).mean()
    )
    assert len(pair(N, *crowd)._others(FOLLOWER[:end], context("m0"))) == MOST_OTHERS


@pytest.mark.parametrize("end", [100, 301, 399])
def test_nothing_after_the_end_of_the_history_changes_a_forecast(end: int) -> None:
    """The values of the others from `end` on, and which of them were observed there, are unknown at that time."""
    ys = [FOLLOWER, LEADER, *(walk(seed) for seed in range(10, 16))]
    observed = np.ones(N, dtype=np.bool_)
    observed[end - 5 : end + 5] = False  # a gap that was filled from both of its sides
    contexts = [context(f"m{i}", periods=(24,), observed=observed if i % 2 else None) for i in range(8)]
    later = [np.where(np.arange(N) < end, y, 1e6 * noise(99)) for y in ys]
    later = [np.where(observed, y, 7.0) if i % 2 else y for i, y in enumerate(later)]
    yhat, other = (Var.fit_many(v, contexts).predict_after(FOLLOWER[:end], 12, contexts[0]) for v in (ys, later))
    assert yhat.tobytes() == other.tobytes()
    before = [np.where(np.arange(N) == end - 6, y + 5, y) for y in ys]
    assert Var.fit_many(before, contexts).predict_after(FOLLOWER[:end], 12, contexts[0]).tobytes() != yhat.tobytes()


def test_times_count_and_not_positions() -> None:
    """The leader begins 100 steps later and has a gap; the follower's history is cut at its start."""
    seen = np.ones(N - 100, dtype=np.bool_)
    seen[50:60] = False
    leader = np.where(seen, LEADER[100:], 1e9)
    model = Var.fit_many([FOLLOWER, leader], [context("m0"), context("m1", start_ns=100 * HOUR_NS, observed=seen)])
    yhat = model.predict_after(FOLLOWER[120:390], LEAD, context("m0", start_ns=120 * HOUR_NS))
    assert (
        np.abs(yhat - FOLLOWER[390 : 390 + LEAD]).mean()
        < 0.3 * np.abs(FOLLOWER[389] - FOLLOWER[390 : 390 + LEAD]).mean()
    )


def test_seasons_of_each_are_added_again() -> None:
    wave = 30 * np.sin(2 * np.pi * np.arange(N) / 24)
    ys = [FOLLOWER + wave, LEADER + np.roll(wave, 7)]
    model = Var.fit_many(ys, [context("m0", periods=(24,)), context("m1", periods=(24,))])
    yhat = model.predict_after(ys[0][:-24], 24, context("m0", periods=(24,)))
    assert np.abs(yhat - ys[0][-24:]).mean() < 1.5 * np.abs(FOLLOWER[-24:] - FOLLOWER.mean()).mean()


def test_one_member_alone_is_refused() -> None:
    with pytest.raises(DataError, match=r"E_ALONE var: .*group_by"):
        Var().fit(FOLLOWER, context("m0"))


def test_no_common_times_are_refused() -> None:
    model = Var.fit_many([FOLLOWER, LEADER], [context("m0"), context("m1", start_ns=N * HOUR_NS)])
    with pytest.raises(DataError, match="E_NO_OVERLAP var: "):
        model.predict_after(FOLLOWER, 3, context("m0"))


def test_a_member_that_ended_long_ago_is_no_help() -> None:
    model = Var.fit_many([FOLLOWER, LEADER[:-20]], [context("m0"), context("m1")])
    with pytest.raises(DataError, match="E_NO_OVERLAP"):
        model.predict_after(FOLLOWER, 3, context("m0"))


def test_too_short_is_refused() -> None:
    with pytest.raises(DataError, match=r"E_SHORT var: .*\b23\b.*\b24\b.*\bextract\b"):
        pair(23).predict_after(FOLLOWER[:23], 3, context("m0"))


def test_members_that_drive_each_other_up_are_refused() -> None:
    a, b = 1.15 ** np.arange(60.0), 1.15 ** np.arange(2.0, 62.0)
    with pytest.raises(DataError, match="E_UNSTABLE"):
        Var.fit_many([a, b], [context("a"), context("b")]).predict_after(a, 3, context("a"))


def results(ys: list[Floats], model: str = "var") -> list[MemberForecast]:
    settings = Settings(horizon=LEAD, end_ns=N * HOUR_NS, model=model, series="s")
    profiles = [
        Profile("m", f"host={i}", "irregular", "as given", HOUR_NS, y.size, (N - y.size) * HOUR_NS, (N - 1) * HOUR_NS)
        for i, y in enumerate(ys)
    ]
    times = [HOUR_NS * np.arange(N - y.size, N, dtype=np.int64) for y in ys]
    return list(forecast_members([MemberJob(p, t, y, settings) for p, t, y in zip(profiles, times, ys, strict=True)]))


def test_in_the_engine_backtests_read_the_others_up_to_each_origin_and_fallbacks_say_why() -> None:
    follower, leader, short = results([FOLLOWER, LEADER, FOLLOWER[-20:]])
    assert (follower.status, follower.model) == ("ok", "var")
    assert follower.backtest["chosen"]["ratio"] < 0.4
    assert leader.status == "ok"
    assert short.status == "fallback"
    assert short.reason.startswith("model_failed: var ")
    assert numbers(short.reason) == ["20", "24"]
    (alone,) = results([FOLLOWER])
    assert alone.status == "fallback"
    assert alone.reason.startswith("model_failed: var ")
    assert "group_by" in alone.reason
