"""What an entry says of its values: how they are prepared, whose calendar they follow, where they end."""

from dataclasses import dataclass

from cronocast.durations import Duration
from cronocast.settings import rules
from cronocast.settings.declare import setting
from cronocast.settings.kinds import Flag, Number, Span, Text

RESAMPLE = ("mean", "median", "sum", "min", "max", "last")


TRANSFORMS = ("none", "log", "sqrt", "power")


@dataclass(frozen=True)
class Clip:
    """The range that values of the series can physically have."""

    min: float | None = setting(Number(), None, "No forecast below this.", "forecast")
    max: float | None = setting(Number(), None, "No forecast above this.", "forecast")


@dataclass(frozen=True)
class Prepare:
    """What is done with values before they are classified and forecast, in this order.

    The forecast is one of what comes out, so of a rate it is a rate.
    """

    resample: str | None = setting(
        Text(RESAMPLE),
        None,
        "How rows of one step become one value, where the source does not group them already; if not given, the mean;"
        " rows scattered about a time of each step go to the nearest.",
        "classify forecast",
    )
    rate: bool = setting(
        Flag(),
        False,
        "The values are a counter: forecast its growth per second. Where it falls it began anew at zero.",
        "classify forecast",
    )
    outliers: float | None = setting(
        Number(3, 1000),
        None,
        "Leave out up to four values in a row that are this many robust standard deviations from what the time of day"
        " and their neighbours suggest.",
        "classify forecast",
    )
    smooth: Duration | None = setting(
        Span(), None, "Moving average: each value becomes the mean of this long up to it.", "classify forecast"
    )
    fill_limit: Duration | None = setting(
        Span(),
        None,
        "Longer gaps are not filled: history begins after the newest of them. Hours always silent do not count.",
        "forecast",
    )
    transform: str = setting(
        Text(TRANSFORMS),
        "none",
        "Forecast the logarithm, the root or the power that makes values most even, and bring forecast (then a median)"
        " and interval back.",
        "forecast",
    )


@dataclass(frozen=True)
class Calendar:
    """The clock and the holidays of the people behind the values."""

    timezone: str = setting(
        Text(fault=rules.zone_fault, token="E_TZ", about="an IANA zone"),
        "UTC",
        "Time zone whose clock the pattern of a day follows: it stays in place where daylight saving begins or ends.",
        "classify forecast",
    )
    holidays: str | None = setting(
        Text(
            fault=rules.place_fault,
            token="E_CONFIG_CHOICE",
            about="a country code such as DE, or a part of one such as DE-BY",
        ),
        None,
        "Country, or part of one, whose public holidays are no ordinary days: they are not learnt as such, and those"
        " ahead follow past ones or Sundays.",
        "classify forecast",
    )
