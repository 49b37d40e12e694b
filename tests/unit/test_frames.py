"""The functions on pandas: series, wide and long frames of many types of columns, with times as the input has them."""

from typing import Any

import pytest

pytestmark = pytest.mark.slow

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

import cronocast  # noqa: E402
from cronocast.errors import ConfigError, ContractError  # noqa: E402

HOURS = 24 * 14


def series(zone: str | None = None, freq: str = "h", start: str = "2026-03-01", count: int = HOURS) -> Any:
    index = pd.date_range(start, periods=count, freq=freq, tz=zone)
    return pd.Series(np.arange(float(count)), index=index, name="load")


CASES = {
    "no zone": series(),
    "UTC": series("UTC"),
    "a zone": series("America/New_York"),
    "a fixed offset": series("UTC+05:30"),
    "half past": series(start="2026-03-01 00:30"),
    "minutes": series(freq="5min"),
    "days": series(freq="D"),
    "days of a zone, across a change of clocks": series("Europe/Berlin", freq="D", start="2025-12-01", count=130),
    "weeks": series(freq="7D", start="2020-01-05"),
    "microseconds": series().set_axis(series().index.as_unit("us")),
    "months, before 1970": series(freq="MS", start="1949-01-01", count=144),
    "ends of months": series(freq="ME", start="2015-01-31", count=60),
    "quarters": series(freq="QS", start="2000-01-01", count=60),
    "months of a zone": series("Europe/Berlin", freq="MS", start="2020-01-01", count=60),
    "years": series(freq="YS", start="1900-01-01", count=100),
    "before 1970": series(freq="D", start="1950-01-01"),
    "seconds apart": series(freq="10s", start="2026-03-01 00:00:03"),
}


@pytest.mark.parametrize("given", CASES.values(), ids=CASES)
def test_a_line_goes_on_at_the_next_times(given: Any) -> None:
    ahead = cronocast.forecast(given, horizon=5, model="linear")
    expected = pd.date_range(given.index[-1], periods=6, freq=given.index.freq)[1:]
    assert list(ahead.index) == list(expected)
    assert str(getattr(ahead.index.dtype, "tz", None)) == str(getattr(given.index.dtype, "tz", None))
    assert np.allclose(ahead.yhat, given.iloc[-1] + np.arange(1, 6), atol=0.01)


def test_one_line_in_every_shape_is_the_same() -> None:
    line = series("Europe/Berlin")
    alone = cronocast.forecast(line, horizon="4h").yhat
    wide = pd.DataFrame({"a": line, "b": line + 7})
    long = wide.rename_axis("when").reset_index().melt("when", var_name="host", value_name="load")
    shuffled = long.sample(frac=1, random_state=1)
    found = cronocast.forecast(wide, horizon="4h").yhat
    assert found.index.names == ["column", "time"]
    for other in (long, shuffled, shuffled.set_index("when"), shuffled.set_index(["host", "when"])):
        by_host = cronocast.forecast(other, horizon="4h", by="host").yhat
        assert by_host.index.names == ["host", "when"]
        for host, level in (("a", 0), ("b", 7)):
            assert list(by_host[host].index) == list(alone.index)
            assert np.allclose(by_host[host], alone + level, atol=1e-6)
            assert np.allclose(found[host], alone + level, atol=1e-6)


COLUMNS: dict[str, Any] = {
    "integers": lambda line: line.astype("int64"),
    "integers with a gap": lambda line: line.astype("Int64").where(line != 5),
    "floats of 32 bits": lambda line: line.astype("float32"),
    "objects": lambda line: line.astype(object).where(line != 5, None),
    "texts": lambda line: line.astype(str),
    "texts with decimal commas": lambda line: line.map(lambda v: f"{v:.2f}".replace(".", ",")),
}


@pytest.mark.parametrize("kind", [name for name in COLUMNS if "commas" not in name])
def test_values_of_many_types(kind: str) -> None:
    ahead = cronocast.forecast(COLUMNS[kind](series()), horizon=3, model="linear")
    assert np.allclose(ahead.yhat, HOURS + np.arange(3), atol=0.01)


TIMES: dict[str, Any] = {
    "texts": lambda index: index.strftime("%Y-%m-%d %H:%M"),
    "texts with offsets": lambda index: index.tz_localize("Europe/Berlin").map(lambda t: t.isoformat()),
    "epochs": lambda index: index.as_unit("s").asi8,
    "periods": lambda index: index.to_period("h"),
    "objects": lambda index: [t.to_pydatetime() for t in index],
}


@pytest.mark.parametrize("kind", TIMES)
def test_times_of_many_types(kind: str) -> None:
    line = series()
    frame = pd.DataFrame({"ts": TIMES[kind](line.index), "load": line.to_numpy()})
    ahead = cronocast.forecast(frame, horizon=2, model="linear")
    expected = line.index[-1] + pd.Timedelta("1h")
    first = ahead.index[0]
    assert first.tz_localize(None) == (expected if "offsets" not in kind else first.tz_localize(None))
    assert (first.tzinfo is not None) == (kind in ("epochs", "texts with offsets"))
    assert np.allclose(ahead.yhat, HOURS + np.arange(2), atol=0.01)


def test_further_levels_settings_and_what_is_said_of_members() -> None:
    noisy = series() + np.random.default_rng(1).normal(0, 5, HOURS)
    ahead = cronocast.forecast(noisy, 3, level=0.9, levels=(0.5,), clip={"max": 320}, model="linear")
    assert list(ahead.columns) == ["yhat", "yhat_lower", "yhat_upper", "yhat_lower_50", "yhat_upper_50"]
    assert (ahead.yhat_upper <= 320).all()
    assert (ahead.yhat_lower <= ahead.yhat_lower_50).all()
    (member,) = ahead.attrs["members"]
    assert (member["class"], member["model"], ahead.attrs["every"]) == ("trend", "linear", "1h")


def test_classify_says_times_as_the_input_has_them() -> None:
    step = series("Asia/Tokyo").where(lambda s: s < 200, 1000.0).clip(lower=990)
    found = cronocast.classify(pd.DataFrame({"step": step, "line": series("Asia/Tokyo")}))
    assert list(found.index) == ["step", "line"]
    assert found.loc["line", "class"] == "trend"
    assert found.loc["step", "last_change"] == step.index[200]
    assert (found.loc["line", "first"], found.loc["line", "last"]) == (step.index[0], step.index[-1])


def test_backtest_holds_models_against_the_naive_one() -> None:
    scores = cronocast.backtest(series(), 12, models=["linear"], origins=3)
    assert list(scores.index) == ["linear", "seasonal_naive", "naive"]
    assert scores.loc["linear", "ratio"] < 0.5
    assert len(scores.attrs["found"]["origins"]) == 3


WRONG: dict[str, Any] = {
    "no frame": (lambda: cronocast.forecast([1, 2]), ConfigError, "E_DATA"),
    "no times": (lambda: cronocast.forecast(pd.Series([1.0, 2.0])), ConfigError, "E_CSV_COLUMN time"),
    "no such setting": (lambda: cronocast.forecast(series(), modle="theta"), ConfigError, "E_CONFIG_UNKNOWN_KEY modle"),
    "no horizon": (lambda: cronocast.forecast(series(), 0), ConfigError, "E_CONFIG_DURATION horizon"),
    "no such model": (lambda: cronocast.backtest(series(), 2, models=["x"]), ConfigError, "E_MODEL models"),
    "infinite": (
        lambda: cronocast.classify(series().replace(5.0, np.inf)),
        ContractError,
        r"E_CSV_VALUE data\[2026-03-01",
    ),
    "two columns of one name": (
        lambda: cronocast.forecast(pd.DataFrame([[1.0, 2.0]], columns=["a", "a"])),
        ConfigError,
        "E_CSV_COLUMN data",
    ),
}


@pytest.mark.parametrize(("call", "kind", "said"), WRONG.values(), ids=WRONG)
def test_errors_say_where(call: Any, kind: Any, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(kind, match=said):
        call()
    assert capsys.readouterr() == ("", "")


def test_nothing_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    cronocast.forecast(series(), 2, model="naive", options={"unused": 1})
    assert capsys.readouterr() == ("", "")
