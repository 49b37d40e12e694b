"""The classes of series. A module of its own, since every start of a step reads them."""

CLASSES = ("constant", "trend", "seasonal", "trend_seasonal", "irregular", "too_short")
