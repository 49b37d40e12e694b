"""A member always gets an answer: a good forecast, a simpler one with its reason, or the reason why there is none."""

import json
import re
import time
import warnings
from typing import Any, Self

import numpy as np
import pytest

from cronocast.errors import ConfigError
from cronocast.forecast.answer import MemberForecast, Settings
from cronocast.forecast.backtest import MOST_ORIGINS
from cronocast.forecast.engine import forecast_member
from cronocast.handoff.profile import Profile
from cronocast.models.linear import Linear
from cronocast.models.table import MODELS, ModelRow

HOUR_NS = 3600 * 10**9
START_NS = 1_700_000_400 * 10**9 // HOUR_NS * HOUR_NS
NAN = float("nan")
RNG = np.random.default_rng(13)
T = np.arange(672.0)
WAVE = 100 + 10 * np.sin(T / 24 * 2 * np.pi) + RNG.normal(0, 1, 672)
RAMP = 10 + 0.1 * T + RNG.normal(0, 0.3, 672)
SAWTOOTH = (T % 200) * 0.2


class Broken:
    def fit(self, y: Any, context: Any) -> Self:
        raise RuntimeError("out of luck")

    def predict(self, h: int) -> Any:
        raise NotImplementedError


class Flat(Broken):
    def fit(self, y: Any, context: Any) -> Self:
        return self

    def predict(self, h: int) -> Any:
        return np.full(h, 1.0)


class Again(Broken):
    def fit(self, y: Any, context: Any) -> Self:
        self.cycle = y[-24:]
        return self

    def predict(self, h: int) -> Any:
        return np.resize(self.cycle, h)


class Diverging(Broken):
    def fit(self, y: Any, context: Any) -> Self:
        return self

    def predict(self, h: int) -> Any:
        return np.full(h, NAN)


class Late(Linear):
    """Good on the past, fails on the whole of a history of 672."""

    def fit(self, y: Any, context: Any) -> Self:
        if y.size >= T.size:
            raise RuntimeError("out of luck")
        return super().fit(y, context)


class Slow(Linear):
    """Takes a twentieth of a second for every fit."""

    def fit(self, y: Any, context: Any) -> Self:
        began = time.process_time()
        while time.process_time() < began + 0.05:
            pass
        return super().fit(y, context)


def profile(y: Any, series_class: str = "irregular", **known: Any) -> Profile:
    return Profile("cpu", "host=a", series_class, "", HOUR_NS, len(y), START_NS, START_NS + HOUR_NS * len(y), **known)


def run(
    y: Any, series_class: str = "irregular", known: dict[str, Any] | None = None, **settings: Any
) -> MemberForecast:
    values = np.asarray(y, dtype=float)
    times = START_NS + HOUR_NS * np.arange(values.size, dtype=np.int64)
    seen = np.isfinite(values) | np.isinf(values)
    given = Settings(**{"horizon": 24, "end_ns": START_NS + HOUR_NS * values.size, **settings})
    return forecast_member(profile(values, series_class, **(known or {})), times[seen], values[seen], given)


def check(result: MemberForecast, h: int = 24) -> None:
    assert result.yhat.shape == result.lower.shape == result.upper.shape == result.time_ns.shape == (h,)
    assert np.isfinite([result.lower, result.yhat, result.upper]).all()
    assert (result.lower <= result.yhat).all()
    assert (result.yhat <= result.upper).all()
    assert (np.diff(result.time_ns) == HOUR_NS).all()
    json.dumps(result.backtest, allow_nan=False)


ODD = {
    "constant": (np.full(100, 5.0), "constant"),
    "all zero": (np.zeros(100), "constant"),
    "one point": ([3.0], "too_short"),
    "two points": ([3.0, 4.0], "too_short"),
    "five points": ([3.0, 4.0, 1.0, 2.0, 9.0], "too_short"),
    "gap of one": (np.where(T == 300, NAN, WAVE), "seasonal"),
    "gap of 90 %": (np.where((T > 30) & (T < 640), NAN, WAVE), "irregular"),
    "only the last point": (np.where(T < 671, NAN, 7.0), "too_short"),
    "step at the last row": (np.where(T < 671, 0.0, 1.0), "irregular"),
    "spike 1e300": (np.where(T == 400, 1e300, WAVE), "irregular"),
    "values 1e-300": (WAVE * 1e-300, "seasonal"),
    "alternating 1e308": (np.resize([1e308, -1e308], 100), "irregular"),
    "period over half the window": (WAVE[:40], "seasonal"),
    "counter with reset": ((T * 7) % 3000, "trend"),
    "largest double": (np.full(50, 1.7976931348623157e308), "constant"),
    "smallest double": (np.resize([0.0, 5e-324], 60), "irregular"),
    "walk": (np.cumsum(RNG.normal(size=672)), "irregular"),
    "ends with an outage": (np.where(T > 600, NAN, WAVE), "seasonal"),
}


@pytest.mark.parametrize(("y", "series_class"), ODD.values(), ids=ODD)
def test_odd_history_gets_a_finite_ordered_forecast(y: Any, series_class: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check(run(y, series_class))


@pytest.mark.parametrize("share", [0.3, 0.5])
def test_a_season_of_which_few_values_came_is_forecast(share: float) -> None:
    rng = np.random.default_rng(7)
    result = run(np.where(rng.random(672) < share, WAVE, NAN), "seasonal", {"periods": (24,)})
    wave = 100 + 10 * np.sin((T[-1] + 1 + np.arange(result.yhat.size)) / 24 * 2 * np.pi)
    assert np.abs(result.yhat - wave).mean() < 3  # repeating the last value is off by 6


@pytest.mark.parametrize(("silent", "said"), [(0, None), (23, None), (24, "1d"), (168, "1w")])
def test_a_member_that_went_silent_says_so(silent: int, said: str | None) -> None:
    y = np.append(WAVE[: WAVE.size - silent], np.full(silent, np.nan))
    result = run(y, "seasonal", {"periods": (24,)})
    assert result.status == "ok"
    assert re.fullmatch(rf"silent: .*\b{said}\b.*" if said else "", result.reason)


@pytest.mark.parametrize("y", [[], [NAN] * 5, [float("inf")] * 5], ids=["empty", "all missing", "infinite"])
def test_nothing_to_forecast_from_is_skipped_with_a_reason(y: list[float]) -> None:
    result = run(y, "too_short")
    assert (result.status, result.yhat.size) == ("skipped", 0)
    assert result.reason.startswith("no_values: ")


@pytest.mark.parametrize(("wanted", "status"), [("forecast", "fallback"), ("skip", "skipped"), ("fail", "failed")])
def test_too_short_is_answered_as_set(wanted: str, status: str) -> None:
    result = run([1.0, 2.0], "too_short", on_too_short=wanted)
    assert result.status == status
    assert re.match(r"too_short: .*\b2 points\b", result.reason)
    assert result.yhat.size == (24 if wanted == "forecast" else 0)


def test_a_short_line_goes_on_only_with_a_model_for_it_among_the_candidates() -> None:
    line = 10.0 + 0.5 * np.arange(12)
    assert run(line, "too_short").model == "linear"
    other = run(line, "too_short", candidates=("theta",))
    assert other.model != "linear"
    assert "model_failed" not in other.reason


def test_one_point_is_said_as_one() -> None:
    assert re.match(r"too_short: .*\b1 point\b.*\bnaive\b", run([1.0], "too_short").reason)


def test_first_stamp_is_the_first_step_not_the_last_observation() -> None:
    result = run(WAVE, "seasonal", {"periods": (24,)})
    assert result.time_ns[0] == START_NS + 672 * HOUR_NS


CONSTANTS = {
    "never left": ([], 0.0),
    "at the end as often before": ([100, 671], 0.0),
    "left as long as before": ([100, 101, 102, 669, 670, 671], 0.0),
    "one odd newest value": ([671], 0.0),
    "two of them": ([670, 671], 0.0),
    "left for longer than ever": ([100, 669, 670, 671], 80.0),
    "came back": ([100, 669], 0.0),
}


@pytest.mark.parametrize(("away", "expected"), CONSTANTS.values(), ids=CONSTANTS)
def test_a_constant_is_forecast_where_it_came_back_from_as_much_before(away: list[int], expected: float) -> None:
    y = np.zeros(672)
    y[away] = 80.0
    result = run(y, "constant")
    assert set(result.yhat.tolist()) == {expected}
    assert result.model == "constant"


@pytest.mark.parametrize("transform", ["none", "sqrt"])
def test_values_that_are_left_out_have_no_say_in_the_figures(transform: str) -> None:
    newest = np.where(T >= 130, WAVE, NAN)
    larger = np.where(T < 100, 1000 * WAVE, newest)
    without, with_ = (
        run(y, "seasonal", {"periods": (24,)}, fill_limit=12, transform=transform).backtest for y in (newest, larger)
    )
    assert with_["scale"] == pytest.approx(without["scale"], rel=0.01)
    assert with_["chosen"]["mase"] == pytest.approx(without["chosen"]["mase"], rel=0.3)


def test_no_interval_is_measured_across_a_gap_that_is_too_long_to_fill() -> None:
    noisy = WAVE + np.random.default_rng(7).normal(size=T.size)
    level = np.where(T < 360, noisy + 500, np.where(T < 408, NAN, noisy))
    limited, without = (
        run(y, "seasonal", {"periods": (24,)}, fill_limit=12) for y in (level, np.where(T < 408, NAN, noisy))
    )
    assert limited.prepared == {"left_out_before_outage": 360}
    assert limited.backtest["origins"] == without.backtest["origins"]
    assert limited.upper - limited.lower == pytest.approx(without.upper - without.lower, rel=0.1)


def test_soon_after_a_gap_too_long_to_fill_what_was_before_says_how_wide_an_interval_is() -> None:
    result = run(np.where((T < 600) | (T >= 670), WAVE, NAN), "seasonal", {"periods": (24,)}, fill_limit=12)
    assert result.prepared == {"left_out_before_outage": 600}
    assert (result.upper - result.lower > 2).all()


@pytest.mark.parametrize(("y", "better"), [(RAMP, "naive"), (WAVE, "seasonal_naive")])
def test_the_naive_forecast_that_was_better_stands_in_for_a_model_that_fails(y: Any, better: str) -> None:
    result = run(y, "trend", {"periods": (24,)}, model=f"{__name__}:Broken")
    assert (result.status, result.model, result.backtest["chosen"]["ratio"]) == ("fallback", better, 1.0)


@pytest.mark.parametrize("minutes", [10, 30, 50, 59.99])
def test_rows_within_steps_are_forecast_as_if_they_stood_at_their_beginnings(minutes: float) -> None:
    times = START_NS + HOUR_NS * np.arange(672)
    settings = Settings(horizon=24, end_ns=START_NS + 672 * HOUR_NS)
    found, plain = (
        forecast_member(profile(SAWTOOTH), times + int(after * 60 * 10**9), SAWTOOTH, settings)
        for after in (minutes, 0)
    )
    assert found.yhat.tobytes() == plain.yhat.tobytes()
    assert found.prepared == plain.prepared == {}


def test_late_data_are_forecast_across_and_cut() -> None:
    late = run(RAMP[:600], "trend", model="linear", end_ns=START_NS + 672 * HOUR_NS)
    assert late.time_ns[0] == START_NS + 672 * HOUR_NS
    assert late.yhat == pytest.approx(10 + 0.1 * np.arange(672, 696), abs=2)


def test_late_data_make_the_interval_as_wide_as_the_time_since_the_last_value() -> None:
    walk = np.cumsum(np.random.default_rng(3).normal(size=672))
    prompt, late = (run(walk, end_ns=START_NS + n * HOUR_NS) for n in (672, 712))
    assert late.upper[0] - late.lower[0] > 2 * (prompt.upper[0] - prompt.lower[0])
    assert (late.prepared["missing_at_end"], late.backtest["steps"]) == (40, 64)


def test_values_from_the_future_do_not_count() -> None:
    now = START_NS + 500 * HOUR_NS
    assert run(RAMP, "trend", end_ns=now).yhat.tobytes() == run(RAMP[:500], "trend", end_ns=now).yhat.tobytes()


def test_season_is_forecast_better_than_by_the_last_value() -> None:
    result = run(WAVE, "seasonal", {"periods": (24,)})
    ahead = 100 + 10 * np.sin(np.arange(672, 696) / 24 * 2 * np.pi)
    assert np.mean(np.abs(result.yhat - ahead)) < 1.5
    assert ((ahead >= result.lower) & (ahead <= result.upper)).mean() > 0.9
    assert result.status == "ok"


def test_daily_and_weekly_seasons_are_tried_where_none_was_found() -> None:
    assert run(WAVE, "irregular").backtest["season"] == 24


WEEKS = np.where(T // 24 % 7 >= 5, 3.0, 1.0) * 20 + WAVE
REPEATED: dict[str, tuple[Any, tuple[int, ...], list[int] | None]] = {
    "one period": (WAVE, (24,), [24]),
    "the one that repeats best": (WEEKS, (24, 168), [168]),
    "now one, now the other": (WAVE, (), [24, 168]),
    "the last value is better": (RAMP, (24,), None),
}


@pytest.mark.parametrize(("y", "periods", "seasons"), REPEATED.values(), ids=REPEATED)
def test_the_seasons_that_the_naive_forecast_repeated_are_told(
    y: Any, periods: tuple[int, ...], seasons: list[int] | None
) -> None:
    assert (
        run(y, "seasonal" if periods else "irregular", {"periods": periods}, model="naive")
        .backtest["naive"]
        .get("seasons")
        == seasons
    )


@pytest.mark.parametrize("season", [0, 10], ids=["noise", "wave"])
def test_new_level_of_today_is_kept(season: float) -> None:
    y = (
        50
        + season * np.sin(T / 24 * 2 * np.pi)
        + np.random.default_rng(13).normal(0, 1, 672)
        + np.where(T >= 652, 30, 0)
    )
    known = {"change_points_ns": (START_NS + 652 * HOUR_NS,), "periods": (24,) if season else ()}
    result = run(y, "seasonal" if season else "irregular", known)
    assert np.mean(np.abs(result.yhat - 80 - season * np.sin(np.arange(672, 696) / 24 * 2 * np.pi))) < 10


def test_trend_is_extended() -> None:
    result = run(RAMP, "trend", horizon=48)
    assert result.yhat == pytest.approx(10 + 0.1 * np.arange(672, 720), abs=1.5)
    assert "linear" in result.model


def test_same_input_gives_the_same_bytes() -> None:
    first, second = (run(SAWTOOTH + WAVE, "trend_seasonal", {"periods": (24,)}) for _ in range(2))
    assert (first.yhat.tobytes(), first.lower.tobytes(), first.upper.tobytes()) == (
        second.yhat.tobytes(),
        second.lower.tobytes(),
        second.upper.tobytes(),
    )
    assert (first.model, first.why, first.backtest) == (second.model, second.why, second.backtest)


def test_unit_does_not_matter() -> None:
    plain, bits = (run(WAVE * k, "seasonal", {"periods": (24,)}) for k in (1, 1024))
    assert (plain.yhat * 1024).tobytes() == bits.yhat.tobytes()


FAILING = {"bug": (Broken, "RuntimeError"), "not finite": (Diverging, "24")}


@pytest.mark.parametrize(("model", "sentence"), FAILING.values(), ids=FAILING)
def test_failing_model_is_replaced_and_says_why(model: type, sentence: str) -> None:
    result = run(WAVE, "seasonal", {"periods": (24,)}, model=f"{__name__}:{model.__name__}")
    check(result)
    assert (result.status, result.model) == ("fallback", "seasonal_naive")
    assert result.reason.startswith("model_failed: ")
    assert sentence in result.reason


def test_a_model_that_failed_does_not_stand_in_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MODELS, "seasonal_naive", ModelRow(f"{__name__}:Broken"))
    result = run(WAVE, "seasonal", {"periods": (24,)}, model="seasonal_naive")
    check(result)
    assert result.status == "fallback"
    assert re.findall(r"\w*naive", result.reason) == ["seasonal_naive", "naive"]  # what failed, what stands in


def test_failing_candidate_does_not_hurt_auto() -> None:
    result = run(WAVE, "seasonal", {"periods": (24,)}, candidates=("linear", f"{__name__}:Broken"))
    check(result)
    assert result.status == "ok"
    assert list(result.backtest["failed"]) == [f"{__name__}:Broken"]


def test_unknown_model_is_a_configuration_error_that_lists_the_known_ones() -> None:
    with pytest.raises(
        ConfigError,
        match=r"E_MODEL model: 'lstn' .*naive, seasonal_naive, seasonal_median, level, tsb, constant, linear",
    ):
        run(WAVE, model="lstn")


def test_set_model_that_is_worse_than_naive_is_used_and_says_so() -> None:
    y = np.cumsum(np.random.default_rng(13).normal(size=672))
    result = run(y, "irregular", model="seasonal_naive", known={"periods": (24,)})
    assert result.model == "seasonal_naive"
    result = run(WAVE * np.where(T % 24 < 3, 5, 1), "seasonal", {"periods": (24,)}, model="linear", candidates=())
    assert result.model == "linear"
    assert re.search(r"\d+ %.*\bseasonal_naive\b", result.why)


def test_no_share_of_an_error_that_is_none() -> None:
    """Of a history that repeats itself, to the last digit or but for rounding."""
    wave = 100 + 10 * np.sin(T / 24 * 2 * np.pi)
    why = {}
    for name, y, model in (("exact", T % 24, "Flat"), ("rounded", wave, "Flat"), ("as good", wave, "Again")):
        said = run(y, "seasonal", {"periods": (24,)}, model=f"{__name__}:{model}").why
        assert said.startswith(f"{__name__}:{model}: ")
        assert "seasonal_naive" in said
        assert "%" not in said
        why[name] = said.removeprefix(f"{__name__}:{model}: ")
    assert why["exact"] == why["rounded"] != why["as good"]


CLIPS = {"both": (0.0, 100.0), "low": (95.0, None), "high": (None, 105.0), "outside of all": (1000.0, 2000.0)}


@pytest.mark.parametrize("clip", CLIPS.values(), ids=CLIPS)
def test_clip_bounds_all_three(clip: tuple[float | None, float | None]) -> None:
    result = run(WAVE, "seasonal", {"periods": (24,)}, clip=clip)
    check(result)
    low, high = clip
    assert result.lower.min() >= (low if low is not None else -np.inf)
    assert result.upper.max() <= (high if high is not None else np.inf)


def test_higher_level_is_wider() -> None:
    narrow, wide = (run(WAVE, "seasonal", {"periods": (24,)}, level=level) for level in (0.8, 0.99))
    assert ((wide.upper - wide.lower) > (narrow.upper - narrow.lower)).all()


def test_budget_leaves_out_what_it_can_not_pay_and_records_it() -> None:
    result = run(WAVE, "trend_seasonal", {"periods": (24,)}, budget=1e-9)
    assert "linear" in result.backtest["not_tried"]
    assert result.status == "ok"


def test_a_slow_model_is_stopped_between_past_starts_when_the_budget_is_used_up() -> None:
    slow = f"{__name__}:Slow"
    result = run(RAMP, "trend", candidates=("linear", slow, "theta"), budget=0.3)
    assert result.backtest["not_tried"] == [slow, "theta"]
    assert {"naive", "seasonal_naive", "linear"} == set(result.backtest["models"])
    assert slow not in result.model
    assert (result.status, result.backtest["failed"]) == ("ok", {})


def test_a_model_that_was_set_has_all_the_time_it_takes() -> None:
    result = run(RAMP, "trend", model=f"{__name__}:Slow", budget=0.1)
    assert result.backtest["not_tried"] == []
    assert f"{__name__}:Slow" in result.backtest["models"]


def test_report_holds_models_steps_and_coverage() -> None:
    result = run(np.where((T > 300) & (T < 320), NAN, WAVE), "trend_seasonal", {"periods": (24,)})
    report = result.backtest
    assert report["origins"] == MOST_ORIGINS
    assert {"naive", "seasonal_naive", "linear"} <= set(report["models"])
    assert {"ratio", "mase", "rmse", "smape", "bias"} == set(report["models"]["naive"])
    assert len(report["chosen"]["by_step"]) == len(report["naive"]["by_step"]) == 24
    assert 0.8 < report["chosen"]["coverage"] <= 1
    assert result.prepared == {"filled_by_season": 19}


@pytest.mark.parametrize(
    "settings", [{}, {"model": "theta"}, {"candidates": ("linear",)}, {"transform": "log"}], ids=str
)
@pytest.mark.parametrize(
    ("y", "series_class"),
    [(WAVE, "seasonal"), (RAMP, "trend"), (WAVE + RAMP, "trend_seasonal")],
    ids=["wave", "ramp", "both"],
)
def test_why_says_the_figure_that_the_result_holds(y: Any, series_class: str, settings: dict[str, Any]) -> None:
    result = run(y, series_class, {"periods": (24,)}, **settings)
    assert f"{100 * result.backtest['chosen']['ratio']:.0f} %" in result.why
    assert result.backtest["naive"]["model"] in result.why


def test_why_names_what_is_left_where_one_of_the_chosen_fails_in_the_end() -> None:
    late = f"{__name__}:Late"
    result = run(RAMP, "irregular", candidates=("linear", late))
    left = result.model.removeprefix("median(").removesuffix(")").split(",")
    assert "linear" in left
    assert late not in left
    head, _, rest = result.why.partition(": ")
    assert all(name in head for name in left)
    assert late not in head
    assert late in rest
    assert f"{100 * result.backtest['chosen']['ratio']:.0f} %" in rest


@pytest.mark.parametrize(
    "settings", [{"candidates": (f"{__name__}:Late",)}, {"model": f"{__name__}:Late"}], ids=["chosen", "set"]
)
def test_why_names_what_stands_in(settings: dict[str, Any]) -> None:
    result = run(10 * RAMP + WAVE, "trend", {"periods": (24,)}, **settings)
    assert (result.status, result.model) == ("fallback", "naive")
    assert re.match(f"naive.*{__name__}:Late", result.why)


def test_long_horizon_on_a_short_history_widens() -> None:
    result = run(np.cumsum(np.random.default_rng(13).normal(size=60)), horizon=600)
    check(result, 600)
    width = result.upper - result.lower
    assert width[-1] > 3 * width[0]
