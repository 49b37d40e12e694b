"""Models by name, each loaded on choice."""

from collections.abc import Mapping

from cronocast.registry import Row

MODELS: Mapping[str, Row] = {
    "naive": Row("cronocast.models.naive:Naive", extra="linear"),
    "seasonal_naive": Row("cronocast.models.naive:SeasonalNaive", extra="linear"),
    "constant": Row("cronocast.models.naive:Constant", extra="linear"),
    "linear": Row("cronocast.models.linear:Linear", extra="linear"),
    "theta": Row("cronocast.models.theta:Theta", extra="linear"),
    "arima": Row("cronocast.models.arima:Arima", extra="linear"),
    "fourier": Row("cronocast.models.fourier:Fourier", extra="linear"),
    "holt_winters": Row("cronocast.models.holt_winters:HoltWinters", extra="linear"),
    "var": Row("cronocast.models.var:Var", extra="linear"),
    "mstl": Row("cronocast.models.mstl:Mstl", extra="stats"),
    "lstm": Row("cronocast.models.lstm.lstm:Lstm", extra="lstm", later="keras", options=True),
    "nbeats": Row("cronocast.models.lstm.nbeats:Nbeats", extra="lstm", later="keras", options=True),
    "prophet": Row("cronocast.models.prophet:Prophet", extra="prophet", options=True),
    "darts:<Model>": Row("cronocast.models.darts_model:named", extra="darts", options=True),
}
