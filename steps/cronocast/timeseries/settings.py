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

    min: float | None = setting(
        Number(), None, "Smallest possible value; forecasts and intervals are clipped to it.", "forecast"
    )
    max: float | None = setting(
        Number(), None, "Largest possible value; forecasts and intervals are clipped to it.", "forecast"
    )


@dataclass(frozen=True)
class Prepare:
    """What is done with values before they are classified and forecast, in this order.

    The forecast is one of what comes out, so of a rate it is a rate.
    """

    resample: str | None = setting(
        Text(RESAMPLE),
        None,
        "How rows of one step are aggregated into one value, where the source does not do so already; if not given,"
        " the mean; rows scattered around a time of each step go to the nearest.",
        "classify forecast",
    )
    rate: bool = setting(
        Flag(),
        False,
        "Treat the values as a counter and forecast its per-second rate, which is never below zero. A large decrease"
        " is a reset to zero, or a wrap at 2^32 or 2^64; a small one is a correction.",
        "classify forecast",
    )
    outliers: float | None = setting(
        Number(3, 1000),
        None,
        "Remove outliers: up to four consecutive values this many robust standard deviations away from their"
        " neighbours and from the daily and weekly pattern; where these are exact, any that are off.",
        "classify forecast",
    )
    smooth: Duration | None = setting(Span(), None, "Trailing moving average over this window.", "classify forecast")
    fill_limit: Duration | None = setting(
        Span(),
        None,
        "Do not interpolate gaps longer than this; use only the history after the latest one. Regular closing hours"
        " are not gaps.",
        "forecast",
    )
    transform: str = setting(
        Text(TRANSFORMS),
        "none",
        "Variance-stabilising transform (log, square root, Box-Cox); results are transformed back, so the point"
        " forecast is a median.",
        "forecast",
    )


@dataclass(frozen=True)
class Calendar:
    """The clock and the holidays of the people behind the values."""

    timezone: str = setting(
        Text(fault=rules.zone_fault, token="E_TZ", about="an IANA zone"),
        "UTC",
        "Time zone of the daily pattern, which then stays in place when daylight saving time begins or ends.",
        "classify forecast",
    )
    holidays: str | None = setting(
        Text(
            fault=rules.place_fault,
            token="E_CONFIG_CHOICE",
            about="a country code such as DE, or a part of one such as DE-BY",
        ),
        None,
        "Country, or part of one, whose public holidays are excluded from training; upcoming ones are forecast from"
        " past holidays or from Sundays. `validate` says what parts of the country have otherwise.",
        "classify forecast",
    )
