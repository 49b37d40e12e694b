"""cronocast turns a metric in a time-series database into a forecast in that database."""

__version__ = "0.1.0"
