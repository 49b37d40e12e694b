from cronocast.frames import backtest as backtest
from cronocast.frames import classify as classify
from cronocast.frames import forecast as forecast

__version__: str
