"""Limits whose crossing is foretold: the setting `thresholds` of an entry."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cronocast.durations import Duration
from cronocast.errors import Problem, seen
from cronocast.settings.declare import setting
from cronocast.settings.kinds import Number, Span, Text

OF = ("value", "daily_mean", "daily_peak")
MOST = 10  # of one entry: each costs as much as a forecast


@dataclass(frozen=True)
class Threshold:
    """A limit, on which side of it trouble lies, and how long beforehand somebody must act."""

    above: float | None = setting(Number(), None, "The event is to reach this value from below.")
    below: float | None = setting(Number(), None, "The event is to reach this value from above.")
    name: str | None = setting(
        Text(longest=60, about="a word or two", data=True),
        None,
        "Name of the threshold in tables, messages and the tag `threshold`; above_90 or below_5 if not given.",
    )
    lead: Duration | None = setting(
        Span(), None, "How long what prevents it takes: act_by is so long before the earliest date."
    )
    of: str = setting(
        Text(OF),
        "value",
        "What reaches the limit: each value, the mean of the last 24 h, or the highest value of the last 24 h (the"
        " lowest, of below).",
    )
    for_: int = setting(
        Number(1, 1000, whole=True), 1, "For so many steps in a row, so that a single value beyond the limit is none."
    )

    @property
    def limit(self) -> float:
        """The value that is reached."""
        return self.above if self.above is not None else self.below or 0.0

    @property
    def label(self) -> str:
        """Its name, or one made from its limit."""
        return self.name or f"{'above' if self.above is not None else 'below'}_{self.limit:g}"


def threshold_problems(data: Any, where: str) -> Iterator[Problem]:  # noqa: ANN401 - untrusted JSON
    """What is wrong with a list of thresholds beyond single settings."""
    labels: dict[str, int] = {}
    for i, item in enumerate(data if isinstance(data, list) else ()):
        if not isinstance(item, dict):
            continue
        sides = [side for side in ("above", "below") if item.get(side) is not None]
        if len(sides) != 1:
            said = "neither above nor below" if not sides else "above and below"
            yield Problem("E_CONFIG_CROSS", f"{where}[{i}]", f"{said} is given; give one of them, such as above: 90")
            continue
        if isinstance(limit := item[sides[0]], int | float):
            label = item.get("name") or f"{sides[0]}_{limit:g}"
            if label in labels:
                sentence = f"{seen(label)} is also the name of thresholds[{labels[label]}]; give each its own"
                yield Problem("E_CONFIG_DUPLICATE", f"{where}[{i}].name", sentence)
            labels[label] = i
