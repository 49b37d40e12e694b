"""cronocast turns a metric in a time-series database into a forecast in that database.

From Python: `cronocast.forecast`, `cronocast.classify` and `cronocast.backtest` on pandas, see `cronocast.frames`.
"""

import sys

__version__ = "0.1.0"


class _Room(type(sys)):
    """A package of this one with the name of a function for users: called, it is that function."""

    def __call__(self, *args: object, **settings: object) -> object:
        from importlib import import_module  # on the first call; a step that starts needs none of it

        return getattr(import_module("cronocast.frames"), self.__name__.rpartition(".")[2])(*args, **settings)

    @property
    def __signature__(self) -> object:
        from importlib import import_module
        from inspect import signature

        return signature(getattr(import_module("cronocast.frames"), self.__name__.rpartition(".")[2]))


class _Package(type(sys)):
    """This package: its functions for users are packages that can be called, imported where they are used."""

    def __getattr__(self, name: str) -> object:
        if name not in ("backtest", "classify", "forecast"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}", name=name, obj=self)
        from importlib import import_module

        return import_module(f"{self.__name__}.{name}")

    def __setattr__(self, name: str, value: object) -> None:
        if name in ("backtest", "classify", "forecast"):
            value.__class__ = _Room  # Python sets what it has imported here
        super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), "backtest", "classify", "forecast"})


sys.modules[__name__].__class__ = _Package
