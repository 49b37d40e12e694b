"""Backtest as a command.

Nothing of the future is seen, each forecast is that of a run at that time, origins lie where they should.
"""

from array import array
from pathlib import Path

import numpy as np
import pytest

from cronocast.backtest.history import on_one_grid
from cronocast.backtest.request import origin_steps
from cronocast.backtest.study import Study, past, run_study
from cronocast.classify import classify_member
from cronocast.errors import ConfigError, DataError
from cronocast.forecast.answer import Settings
from cronocast.forecast.engine import forecast_member
from cronocast.handoff.series import Member
from tests.backtest_sample import HOUR, START, member, request, wave, write

ORIGINS = {
    "one horizon apart": (100, 10, None, [70, 80, 90]),
    "ten at most": (1000, 10, None, list(range(900, 1000, 10))),
    "two thirds before the first": (100, 11, None, [67, 78, 89]),
    "just room for one": (30, 10, None, [20]),
    "too short": (29, 10, None, []),
    "spread evenly": (300, 20, 5, [200, 220, 240, 260, 280]),
    "one is the newest": (300, 20, 1, [280]),
    "closer than the horizon": (30, 8, 100, [20, 21, 22]),
}


@pytest.mark.parametrize(("n", "h", "wanted", "expected"), ORIGINS.values(), ids=ORIGINS)
def test_origins(n: int, h: int, wanted: int | None, expected: list[int]) -> None:
    assert origin_steps(n, h, wanted) == expected


@pytest.mark.parametrize("n", range(3, 200, 7))
@pytest.mark.parametrize("wanted", [None, 1, 2, 7, 50])
def test_every_origin_has_its_future_and_two_thirds_of_the_past(n: int, wanted: int | None) -> None:
    for h in range(1, n):
        found = origin_steps(n, h, wanted)
        assert found == sorted(set(found))
        assert all(3 * o >= 2 * n and o + h <= n for o in found)


def noisy(tmp_path: Path, steps: int = 240) -> tuple[Path, list[Member]]:
    members = [member(wave, steps, "host=a", noise=2), member(lambda i: 0.2 * i, steps, "host=bb", noise=1)]
    return write(tmp_path / "h.csv", members), members


def forecasts(study: Study, model: str, upto: int) -> list[np.ndarray]:
    rows = study.models[model]
    return [v[:, :upto] for v in (rows.yhat, rows.lower, rows.upper, study.scale)]


@pytest.mark.slow
def test_what_comes_after_an_origin_changes_nothing_of_its_forecast(tmp_path: Path) -> None:
    path, members = noisy(tmp_path)
    order = request(path, "auto,theta", origins=4)
    honest = run_study(order, members)
    for k, origin in enumerate(honest.origins):
        spoiled = []
        for m in members:
            nonsense = array("d", m.columns[0])
            for i in range(origin, len(nonsense)):
                nonsense[i] = (-1.0) ** i * 1e6 * (i + 1)
            spoiled.append(Member(m.name, m.tags, m.time_ns, (nonsense,)))
        found = run_study(order, spoiled)
        assert found.season == honest.season
        assert [c[: k + 1] for c in found.classes] == [c[: k + 1] for c in honest.classes]
        for model in honest.models:
            for one, other in zip(forecasts(found, model, k + 1), forecasts(honest, model, k + 1), strict=True):
                np.testing.assert_array_equal(one, other)
        assert not np.allclose(found.actual[:, k], honest.actual[:, k])
    assert np.isfinite(honest.models["auto"].yhat).all()


def test_a_past_forecast_is_that_of_a_run_at_that_time(tmp_path: Path) -> None:
    path, members = noisy(tmp_path)
    study = run_study(request(path, "auto", origins=2, level="0.8"), members)
    for m, o in np.ndindex(2, 2):
        time_ns, y = np.array(members[m].time_ns), np.array(members[m].columns[0])
        before = time_ns < study.origin_ns(o)
        assert before.sum() == study.origins[o]
        profile = classify_member(*members[m].key, time_ns[before], y[before], HOUR, 24, None, None)
        run = forecast_member(
            profile, time_ns[before], y[before], Settings(horizon=12, end_ns=study.origin_ns(o), level=0.8)
        )
        rows = study.models["auto"]
        assert (rows.used[m][o], study.classes[m][o]) == (run.model, profile.series_class)
        np.testing.assert_array_equal(
            [rows.yhat[m, o], rows.lower[m, o], rows.upper[m, o]], [run.yhat, run.lower, run.upper]
        )
        np.testing.assert_array_equal(study.actual[m, o], y[study.origins[o] : study.origins[o] + 12])


@pytest.mark.parametrize("minutes", [10, 50])
def test_rows_within_steps_are_those_of_their_steps(minutes: int, tmp_path: Path) -> None:
    plain = [member(wave, 120, "host=a", noise=2), member(wave, 120, "host=b", noise=1)]
    moved = [
        plain[0],
        Member("cpu", "host=b", array("q", [t + minutes * HOUR // 60 for t in plain[1].time_ns]), plain[1].columns),
    ]
    order = request(write(tmp_path / "h.csv", plain), "theta", origins=2)
    found, expected = run_study(order, moved), run_study(order, plain)
    assert (found.history.start_ns, found.origins) == (START, expected.origins)
    np.testing.assert_array_equal(found.actual, expected.actual)
    np.testing.assert_array_equal(found.models["theta"].yhat, expected.models["theta"].yhat)


@pytest.mark.slow
def test_processes_change_no_number(tmp_path: Path) -> None:
    path, members = noisy(tmp_path)
    told: list[tuple[int, int]] = []
    alone = run_study(request(path, "theta", origins=2), members, lambda done, total: told.append((done, total)))
    together = run_study(request(path, "theta", origins=2, jobs="2"), members)
    np.testing.assert_array_equal(alone.models["theta"].yhat, together.models["theta"].yhat)
    assert told == [(i, 12) for i in range(1, 13)]


def test_a_run_reads_its_lookback_and_no_more() -> None:
    whole = member(wave, 100)
    assert past(whole, START + 60 * HOUR, None).y.tolist() == [wave(i) for i in range(60)]
    cut = past(whole, START + 60 * HOUR, 24 * HOUR)
    assert cut.y.tolist() == [wave(i) for i in range(36, 60)]
    assert (cut.time_ns[0], cut.time_ns[-1]) == (START + 36 * HOUR, START + 59 * HOUR)


def test_values_are_prepared_as_a_run_would_and_odd_ones_count_as_they_are(tmp_path: Path) -> None:
    from dataclasses import replace

    counter = member(lambda i: 3600.0 * i * (1 + (i == 230)), 240)
    order = request(write(tmp_path / "h.csv", [counter]), "linear", origins=1)
    order = replace(order, entry=replace(order.entry, prepare=replace(order.entry.prepare, rate=True, outliers=5.0)))
    study = run_study(order, [counter])
    np.testing.assert_allclose(study.models["linear"].yhat, 1.0)  # a rate per second
    assert np.nanmax(study.actual) > 200  # what was measured after the start stays, odd or not


def test_members_that_begin_later_or_have_gaps_share_the_grid() -> None:
    late = member(wave, 50, "host=b", first=30)
    gaps = Member("cpu", "host=c", array("q", [START, START + 49 * HOUR]), (array("d", [1.0, 2.0]),))
    history = on_one_grid(
        [member(wave, 50, "host=a"), late, gaps, Member("cpu", "host=none", array("q"), (array("d"),))], HOUR
    )
    assert history.y.shape == (3, 50)
    assert np.isnan(history.y[1, :30]).all()
    assert history.y[1, 30] == wave(30)
    assert np.flatnonzero(np.isfinite(history.y[2])).tolist() == [0, 49]
    assert past(late, START + 30 * HOUR, None).y.size == 0


def test_a_member_without_a_past_is_skipped_not_invented(tmp_path: Path) -> None:
    members = [member(wave, 240, "host=a"), member(wave, 240, "host=b", first=239)]
    study = run_study(request(write(tmp_path / "h.csv", members), "theta", origins=2), members)
    assert np.isnan(study.models["theta"].yhat[1]).all()
    assert study.models["theta"].status[1] == ["skipped", "skipped"]


@pytest.mark.parametrize(
    ("members", "token"),
    [([member(wave, 30)], "E_TOO_SHORT"), ([Member("cpu", "", array("q"), (array("d"),))], "E_INPUT_MISSING")],
    ids=["short", "empty"],
)
def test_too_little_history_is_said(members: list[Member], token: str, tmp_path: Path) -> None:
    path = write(tmp_path / "h.csv", members)
    with pytest.raises(DataError) as caught:
        run_study(request(path, "theta", horizon="24h"), members)
    assert caught.value.token == token


BAD = {
    "unknown model": ({"models": "auto,linaer"}, "--models", "E_MODEL"),
    "no duration": ({"horizon": "1 day"}, "--horizon", "E_CONFIG_DURATION"),
    "no multiple of the step": ({"horizon": "90m"}, "horizon", "E_CONFIG_DURATION"),
    "level": ({"level": "95"}, "--level", "E_CONFIG_RANGE"),
    "origins": ({"origins": 0}, "--origins", "E_CONFIG_RANGE"),
    "jobs": ({"jobs": "0"}, "--jobs", "E_CONFIG_RANGE"),
    "step": ({"every": "0s"}, "--every", "E_CONFIG_DURATION"),
}


@pytest.mark.parametrize(("given", "where", "token"), BAD.values(), ids=BAD)
def test_bad_options_name_their_flag(given: dict[str, object], where: str, token: str, tmp_path: Path) -> None:
    path = write(tmp_path / "h.csv", [member(wave, 100)])
    with pytest.raises(ConfigError) as caught:
        request(path, **given)  # type: ignore[arg-type]
    assert [(p.token, p.where.removeprefix("--")) for p in caught.value.problems] == [(token, where.removeprefix("--"))]


def test_settings_come_from_the_entry_and_flags_win(tmp_path: Path) -> None:
    from cronocast.backtest.request import make_request

    path = write(tmp_path / "h.csv", [member(wave, 100)])
    entry = (
        '{"name":"x","every":"2h","horizon":"8h","lookback":"2w","level":0.9,"model":"linear","clip":{"min":0},'
        '"source":{"url":"http://h:1","database":"d","measurement":"m","field":"f"}}'
    )
    order = make_request(path, None, entry, None, None, {"horizon": "12h", "level": None})
    assert (order.h, order.entry.level, order.entry.clip.min, order.lookback_ns) == (6, 0.9, 0, 14 * 24 * HOUR)
    assert order.models == ("linear", "seasonal_naive", "naive")
