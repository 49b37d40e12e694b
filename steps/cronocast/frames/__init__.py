"""The Python API on pandas: `cronocast.forecast`, `cronocast.classify` and `cronocast.backtest`."""

from cronocast.frames.api import backtest, classify, forecast

__all__ = ["backtest", "classify", "forecast"]
