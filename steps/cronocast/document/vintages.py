"""What is kept of the forecasts of past runs: the setting `vintages` of an entry."""

from dataclasses import dataclass

from cronocast.durations import Duration
from cronocast.settings.declare import setting
from cronocast.settings.kinds import Flag, Number, Span


@dataclass(frozen=True)
class Vintages:
    """How long forecasts are kept to be held against what comes, and whether the database gets them."""

    keep: Duration = setting(
        Span(),
        Duration.parse("60d"),
        "How long forecasts are kept on the volume: all of the newest horizon (48 at most), of older ones the first of"
        " each day.",
        "forecast",
    )
    count: int = setting(
        Number(3, 1000, whole=True), 200, "How many forecasts are kept at most, whatever their age.", "forecast"
    )
    write: bool = setting(
        Flag(),
        False,
        "Write past forecasts beside what came, to `<measurement>_vintage`, with the lead as a tag of few values.",
        "evaluate",
    )
