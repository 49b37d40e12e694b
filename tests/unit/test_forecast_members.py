"""Many members: in order, alike for any number of processes, and none hurts another."""

import os
import signal
from typing import Any, Self

import numpy as np
import pytest

from cronocast.chain.forecast import _nothing
from cronocast.errors import ConfigError, CronocastError, DataError, InvariantError
from cronocast.forecast.answer import Settings
from cronocast.forecast.members import MemberJob, forecast_members
from cronocast.handoff.profile import Profile

HOUR_NS = 3600 * 10**9


class Killer:
    """Ends its process as the kernel does when memory is short."""

    def fit(self, y: Any, context: Any) -> Self:
        os.kill(os.getpid(), signal.SIGKILL)
        return self

    def predict(self, h: int) -> Any:
        return np.zeros(h)


def job(i: int, **settings: Any) -> MemberJob:
    y = 10 + np.sin(np.arange(200) / 24 * 2 * np.pi) + np.random.default_rng(i).normal(0, 0.1, 200)
    given = Settings(**{"horizon": 12, "end_ns": 200 * HOUR_NS, **settings})
    profile = Profile("m", f"host={i}", "trend_seasonal", "", HOUR_NS, 200, 0, 199 * HOUR_NS, (24,))
    return MemberJob(profile, HOUR_NS * np.arange(200, dtype=np.int64), y, given)


@pytest.mark.slow
def test_numbers_and_order_do_not_depend_on_the_number_of_processes() -> None:
    jobs = [job(i) for i in range(6)]
    one, two = (list(forecast_members(jobs, workers)) for workers in (1, 2))
    assert [r.tags for r in two] == [f"host={i}" for i in range(6)]
    assert [(r.yhat.tobytes(), r.lower.tobytes(), r.upper.tobytes(), r.model, r.backtest) for r in one] == [
        (r.yhat.tobytes(), r.lower.tobytes(), r.upper.tobytes(), r.model, r.backtest) for r in two
    ]


def test_progress_counts_members() -> None:
    calls: list[tuple[int, int]] = []
    list(forecast_members([job(i) for i in range(3)], 1, lambda done, of: calls.append((done, of))))
    assert calls == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.slow
def test_killed_process_costs_only_its_own_member() -> None:
    jobs = [job(0), job(1, model=f"{__name__}:Killer"), job(2)]
    results = list(forecast_members(jobs, 2))
    assert [r.status for r in results] == ["ok", "failed", "ok"]
    assert results[1].reason.startswith("process_died: ")


def test_bug_in_one_member_is_its_own() -> None:
    jobs = [job(0), MemberJob(job(1).profile, np.zeros(3, dtype=np.int64), np.zeros(2), job(1).settings), job(2)]
    results = list(forecast_members(jobs, 1))
    assert [r.status for r in results] == ["ok", "failed", "ok"]


def test_unknown_model_shows_before_any_work() -> None:
    with pytest.raises(ConfigError, match="'nope' is not known"):
        next(iter(forecast_members([job(0), job(1, model="nope")], 1)))


def test_no_members_no_results() -> None:
    assert list(forecast_members([], 4)) == []


STOPPED: dict[str, tuple[dict[str, Any], type[CronocastError], str]] = {
    "too short": ({"on_too_short": "fail", "end_ns": 2 * HOUR_NS}, DataError, "E_TOO_SHORT"),
    "nothing to see": ({"end_ns": 0}, InvariantError, "E_NO_FORECAST"),
    "no such place": ({"holidays": "XX"}, ConfigError, "E_CONFIG_CHOICE"),
}


@pytest.mark.parametrize(("settings", "kind", "token"), STOPPED.values(), ids=STOPPED)
def test_what_stopped_the_first_member_ends_the_step(
    settings: dict[str, Any], kind: type[CronocastError], token: str
) -> None:
    error = _nothing(next(forecast_members([job(0, **settings)])))
    assert (type(error), error.token, error.where) == (kind, token, "m{host=0}")
