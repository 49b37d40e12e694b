"""The Python API on pandas: `cronocast.forecast`, `cronocast.classify` and `cronocast.backtest`."""

from cronocast.errors import MissingExtraError, Problem, seen

try:
    from cronocast.frames.api import backtest, classify, forecast
except ModuleNotFoundError as error:
    SENTENCE = f"needs the module {seen(error.name)}, which is not installed here: pip install 'cronocast[pandas]'"
    raise MissingExtraError([Problem("E_MISSING_EXTRA", "cronocast.frames", SENTENCE)]) from error

__all__ = ["backtest", "classify", "forecast"]
