"""What `bench.telegraf` finds right and wrong, on forecasts that are the truth and on the same ones spoiled."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bench.telegraf import APART_H, NOW_S, RUNS
from bench.telegraf_judge import CHECKS, DATA, LEAK, NEW_S, data, hourly, judged, leak, leak_known, new
from bench.telegraf_runs import HOUR_S, Curve, Floats, Member, rate

LOOK_S, AHEAD_S = 48 * HOUR_S, 72 * HOUR_S


def steady(time_s: Floats, now_s: int) -> Floats:
    # for /data before now, where its formula begins
    return 97.4 - 0.05 * (now_s - time_s) / HOUR_S


def member(tags: str, run_s: int) -> Member:
    end = run_s // HOUR_S * HOUR_S
    past, ahead = (np.arange(a, b, HOUR_S, dtype=float) for a, b in ((end - LOOK_S, end), (end, end + AHEAD_S)))
    truths = {
        LEAK: leak,
        DATA: lambda t, now: np.where(t < now, steady(t, now), data(np.maximum(t, now), now)),
        "host=new-1,path=/": new,
        "host=old-1,path=/": steady,
    }
    truth = truths[tags]
    if tags.startswith("host=new-1"):
        past = past[past >= NOW_S - NEW_S]
    yhat = hourly(truth, ahead, NOW_S).values
    curve = Curve(ahead, np.column_stack((yhat, yhat - 0.1, yhat + 0.1)))
    if tags.startswith("host=old-1"):
        curve = Curve(ahead[:0], curve.values[:0])
    return Member("disk", tags, run_s, hourly(truth, past, NOW_S), curve)


def runs() -> list[Member]:
    times = [NOW_S - round(i * APART_H * HOUR_S) for i in reversed(range(RUNS))]
    tags = (LEAK, DATA, "host=new-1,path=/", "host=old-1,path=/")
    found = [member(one, run_s) for run_s in times for one in tags if one != LEAK or run_s >= leak_known(NOW_S)]
    return [m for m in found if m.history.time_s.size]


def failed(members: list[Member]) -> set[str]:
    return {finding.check for finding in judged(members, NOW_S) if not finding.fine}


def spoiled(tags: str, **change: Any) -> list[Member]:
    """The forecasts of a member later by hours, raised, with a spike, or gone."""
    return [spoil(m, **change) if m.tags == tags else m for m in runs()]


def spoil(m: Member, late: int = 0, up: float = 0, spike: float = 0, gone: bool = False) -> Member:
    values = m.forecast.values.copy()
    if late:
        values = np.concatenate((np.repeat(values[:1], late, axis=0), values[:-late]))
    values[len(values) // 2] += spike
    values += np.array([0, up, up])
    return replace(m, forecast=Curve(m.forecast.time_s[: 0 if gone else None], values[: 0 if gone else None]))


def test_the_truth_passes_every_check() -> None:
    found = judged(runs(), NOW_S)
    assert {f.check for f in found} == set(CHECKS)
    assert failed(runs()) == set()


@pytest.mark.parametrize(
    ("members", "check"),
    [
        (spoiled(LEAK, late=3), "leak"),
        (spoiled(LEAK, gone=True), "leak"),
        (spoiled(DATA, late=7), "/data"),
        (spoiled("host=new-1,path=/", spike=30), "jump"),
        (spoiled("host=new-1,path=/", up=1), "new-1"),
        (spoiled(LEAK, up=0.2), "coverage"),
        ([replace(m, tags=m.tags.replace("new-1", "old-1")) for m in runs()], "old-1"),
    ],
)
def test_a_fault_fails_its_check(members: list[Member], check: str) -> None:
    assert check in failed(members)


def test_an_error_within_what_is_allowed_passes() -> None:
    assert "leak" not in failed(spoiled(LEAK, late=1)) - {"coverage"}
    assert "/data" not in failed(spoiled(DATA, late=4))


def test_a_reset_is_no_rate() -> None:
    found = rate(Curve(np.arange(0.0, 50.0, 10.0), np.array([0.0, 50, 100, 20, 70])))
    assert found.time_s.tolist() == [10, 20, 40]
    assert found.values.tolist() == [5, 5, 5]
