"""What a reader should know before trusting the figures: sentences made from the document. Standard library only."""

from collections.abc import Iterator
from typing import Any

from cronocast.charts.words import counted

FEW_ORIGINS = 5  # an interval over fewer says little
FEW_VALUES = 100  # a coverage of 95 % leaves five of them outside


def notes(document: dict[str, Any]) -> list[str]:
    """Plain sentences, the weightiest first."""
    origins, values = len(document["origins"]), document["values"]
    said = []
    if origins < FEW_ORIGINS:
        said.append(
            f"Only {counted(origins, 'forecast origin')}: the figures may differ considerably on other days. Give more"
            " history, or a shorter horizon."
        )
    if values < FEW_VALUES:
        said.append(f"Only {counted(values, 'value')} to compare with: too few to judge the intervals.")
    if document["overlap"]:
        said.append(
            "Forecast origins overlap: they are less than one horizon apart, so the same values are forecast more than"
            " once and the confidence ranges are too narrow."
        )
    return said + [note for name, found in document["models"].items() for note in _of_model(name, found)]


def _of_model(name: str, found: dict[str, Any]) -> Iterator[str]:
    """What to know of the forecasts of one model."""
    bad = {status: count for status, count in found["statuses"].items() if status != "ok"}
    if bad:
        counts = ", ".join(f"{count} {status}" for status, count in bad.items())
        reasons = "; ".join(found["reasons"][:2])
        yield f"{name}: {counts} of {sum(found['statuses'].values())} forecasts ({reasons})."
    if found["not_tried"]:
        yield (
            f"{name}: the CPU budget for trying models ran out at {counted(found['not_tried'], 'forecast')}; results"
            " may differ on a faster machine."
        )
