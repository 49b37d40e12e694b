"""Whatever the series, `auto` answers with numbers that hold together or a reason, and is quiet about it.

NASTY=10000 tries that many instead of some hundreds.
"""

import json
import os
import warnings

import numpy as np
import pytest

from cronocast.classify import classify_member
from cronocast.forecast.answer import MemberForecast, Settings
from cronocast.forecast.engine import forecast_member
from tests.series_nasty import SHAPES, Nasty, nasty

COUNT = int(os.environ.get("NASTY", "240"))
CHUNK = 40


def answer(case: Nasty) -> MemberForecast:
    """Classify and forecast as the steps do; any warning is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        profile = classify_member(case.name, "", case.time_ns, case.y, case.step_ns, 24, None, None)
        assert "classify_failed" not in profile.notes, profile.why
        return forecast_member(profile, case.time_ns, case.y, Settings(**case.settings))


def wrong(case: Nasty, result: MemberForecast) -> str:
    """What is wrong with an answer, "" if nothing."""
    low, high = (
        bound if bound is not None else edge
        for bound, edge in zip(case.settings["clip"], (-np.inf, np.inf), strict=True)
    )
    columns = np.array([result.lower, result.yhat, result.upper])
    checks = {
        "no reason why": bool(result.why),
        "status without a reason": result.status == "ok" or bool(result.reason),
        "a bug": "bug:" not in result.reason and "Error" not in result.reason,
        "no forecast though there are values": result.status in ("ok", "fallback") or not np.isfinite(case.y).any(),
        "wrong number of rows": result.yhat.size
        == (case.settings["horizon"] if result.status in ("ok", "fallback") else 0),
        "not finite": bool(np.isfinite(columns).all()),
        "bounds cross": bool((columns[0] <= columns[1]).all() and (columns[1] <= columns[2]).all()),
        "outside the clip range": bool(((columns >= low) & (columns <= high)).all()),
        "times": bool((np.diff(result.time_ns) == case.step_ns).all())
        and (not result.time_ns.size or result.time_ns[0] == case.settings["end_ns"]),
    }
    json.dumps(result.backtest, allow_nan=False)
    return ", ".join(name for name, good in checks.items() if not good)


@pytest.mark.parametrize("first", range(0, COUNT, CHUNK))
def test_nasty_series_get_an_answer_that_holds_together(first: int, capfd: pytest.CaptureFixture[str]) -> None:
    bad = []
    for number in range(first, min(first + CHUNK, COUNT)):
        case = nasty(number)
        try:
            said = wrong(case, answer(case))
        except Exception as error:
            said = f"{type(error).__name__}: {error}"
        if said:
            bad.append(f"{case.name}: {said}")
    assert not bad, "\n".join(bad)
    assert capfd.readouterr() == ("", "")


def test_every_shape_is_among_the_first_few_hundred() -> None:
    names = [nasty(number).name for number in range(240)]
    assert all(any(f"of {shape}" in name for name in names) for shape in SHAPES)
