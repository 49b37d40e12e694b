"""Models by name, each loaded on choice, with what each of them can."""

from collections.abc import Mapping
from dataclasses import dataclass

from cronocast.registry import Row, load, row_of


@dataclass(frozen=True)
class ModelRow(Row):
    """One model: where it is, and what the engine may ask of it."""

    about: str = ""  # one sentence for the reference
    together: bool = False  # it learns from many members at once: its class has `fit_many`, see `FitMany`
    # what `fit_many` gives looks at nothing beyond the end of y, so that it serves for backtests as well
    past_only: bool = False
    options: str = ""  # `module:Class` of what `options` of an entry may say, see `read_options`
    check: str = ""  # `module:function` that checks options which a library defines, see `CheckOptions`

    @property
    def reads_options(self) -> bool:
        """Whether `options` of an entry mean anything to it."""
        return bool(self.options or self.check)


def abilities(name: str) -> ModelRow:
    """What a model can: what its row says.

    A user's own `module:Class` has no row, and this is the only place that looks at its class: a method `fit_many`
    there says that it learns from many members at once, and an attribute `past_only = True` what the field of that
    name says. Its options are not checked; it finds them in `context.options`.

    Raises:
        ConfigError, MissingExtraError: as `load`.
    """
    row = row_of(MODELS, name)
    if row is not None:
        return row
    own = load(MODELS, "model", name)
    return ModelRow(name, together=hasattr(own, "fit_many"), past_only=bool(getattr(own, "past_only", False)))


MODELS: Mapping[str, ModelRow] = {
    "naive": ModelRow(
        "cronocast.models.naive:Naive",
        extra="linear",
        about="Repeats the last value (Hyndman & Athanasopoulos, Forecasting: Principles and Practice, 3rd ed., 5.2).",
    ),
    "seasonal_naive": ModelRow(
        "cronocast.models.naive:SeasonalNaive",
        extra="linear",
        about="Repeats the last season; of several periods, the one that repeats best (ibid., 5.2).",
    ),
    "seasonal_median": ModelRow(
        "cronocast.models.naive:SeasonalMedian",
        extra="linear",
        about="Repeats the usual season: the median of the newest seven at each step, which one odd day does not move.",
    ),
    "level": ModelRow(
        "cronocast.models.naive:Level",
        extra="linear",
        about="Repeats the median of the newest eighth of a season, of at least three values.",
    ),
    "tsb": ModelRow(
        "cronocast.models.tsb:Tsb",
        extra="linear",
        about="For rare events: how likely one is times how large they are, both smoothed (Teunter, Syntetos & Babai).",
    ),
    "constant": ModelRow(
        "cronocast.models.naive:Constant",
        extra="linear",
        about="Repeats the median, or the last value where the series has left its median for longer than ever before.",
    ),
    "linear": ModelRow(
        "cronocast.models.linear:Linear",
        extra="linear",
        about="Extends the line through the last segment of constant slope; a known season is removed first and added"
        " back.",
    ),
    "theta": ModelRow(
        "cronocast.models.theta:Theta",
        extra="linear",
        about="Classic theta method; its smoothing parameter is the one that was best a season ahead at past origins.",
    ),
    "arima": ModelRow(
        "cronocast.models.arima:Arima",
        extra="linear",
        about=(
            "Mean of an ARIMA(p,1,q) and a seasonal ARIMA(p,0,q)(P,1,Q): the first follows levels, the second repeats"
            " seasons."
        ),
    ),
    "fourier": ModelRow(
        "cronocast.models.fourier:Fourier",
        extra="linear",
        about=(
            "Least squares on sines and cosines; how many, and whether with a slope, is chosen by the error on"
            " held-out data."
        ),
    ),
    "holt_winters": ModelRow(
        "cronocast.models.holt_winters:HoltWinters",
        extra="linear",
        about=(
            "Additive Holt-Winters with a damped trend; a grid of smoothing parameters is tried and the best one"
            " forecasts."
        ),
    ),
    "var": ModelRow(
        "cronocast.models.var:Var",
        extra="linear",
        about="Vector autoregression of the members of an entry; it needs at least two of them.",
        together=True,
        past_only=True,
    ),
    "mstl": ModelRow(
        "cronocast.models.mstl:Mstl",
        extra="stats",
        about="MSTL of statsmodels, then this project's own theta method on the seasonally adjusted values.",
    ),
    "ets": ModelRow(
        "cronocast.models.ets:Ets",
        extra="stats",
        about="ETS of statsmodels: error, trend and the shortest season, each additive, multiplicative or none.",
        options="cronocast.models.options:EtsOptions",
    ),
    "sarimax": ModelRow(
        "cronocast.models.sarimax:Sarimax",
        extra="stats",
        about="SARIMAX of statsmodels on the newest 500 steps; seasons longer than 26 steps are waves beside it.",
        options="cronocast.models.options:SarimaxOptions",
    ),
    "lstm": ModelRow(
        "cronocast.models.lstm.lstm:Lstm",
        extra="lstm",
        later="keras",
        about=(
            "LSTM on what trend and season leave over, once for all members; of the error of a seasonal naive forecast"
            " it takes 1 % more than its closed-form parts alone."
        ),
        together=True,
        options="cronocast.models.options:LstmOptions",
    ),
    "nbeats": ModelRow(
        "cronocast.models.lstm.nbeats:Nbeats",
        extra="lstm",
        later="keras",
        about=(
            "N-BEATS (generic blocks, doubly residual) on what trend and season leave over, once for all members, as"
            " `lstm` with another network."
        ),
        together=True,
        options="cronocast.models.options:NbeatsOptions",
    ),
    "prophet": ModelRow(
        "cronocast.models.prophet:Prophet",
        extra="prophet",
        about="Prophet's additive model with the periods that classify finds.",
        options="cronocast.models.options:ProphetOptions",
    ),
    "darts:<Model>": ModelRow(
        "cronocast.models.darts_model:named",
        extra="darts",
        about=(
            "Any model of [darts](https://unit8co.github.io/darts/) by its class name, with `options` as its arguments;"
            " those on torch, XGBoost or others need these libraries too, and pretrained ones, such as"
            " `darts:Chronos2Model`, read their weights once from the folder `local_dir`, never from the network."
        ),
        check="cronocast.models.darts_model:check_options",
    ),
}
