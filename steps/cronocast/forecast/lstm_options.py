"""What `options` of an entry may say for the models `lstm` and `nbeats`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cronocast.errors import ConfigError, Problem, seen


@dataclass(frozen=True)
class Options:
    """What `options` of an entry may say for this model."""

    horizon: int | None = None  # steps, set by the engine
    key: str = ""  # whose weights these are, set by the engine
    epochs: int = 40  # at most; training stops when the held-out error no longer falls
    units: int = 32  # of each layer
    layers: int = 1  # of nbeats: blocks
    lookback: int | None = None  # steps in a window; two of the shortest season if not given
    batch_size: int | None = None
    learning_rate: float = 0.0005  # larger steps overtake the held-out minimum within an epoch
    seed: int | None = None


_RANGES: Mapping[str, tuple[float, float, type, str]] = {
    "horizon": (1, 1_000_000, int, "E_CONFIG_RANGE"),
    "epochs": (1, 1000, int, "E_CONFIG_RANGE"),
    "units": (1, 512, int, "E_MODEL"),
    "layers": (1, 3, int, "E_MODEL"),  # each one costs a third more and the second rarely helps on one metric
    "lookback": (6, 100_000, int, "E_CONFIG_RANGE"),
    "batch_size": (1, 4096, int, "E_CONFIG_RANGE"),
    "learning_rate": (1e-6, 1.0, float, "E_CONFIG_RANGE"),
    "seed": (0, 2**31 - 1, int, "E_CONFIG_RANGE"),
}


def read_options(given: Mapping[str, Any], model: str = "lstm", defaults: Mapping[str, Any] | None = None) -> Options:
    """Check the options of an entry.

    Args:
        given: The options.
        model: Which one is asked for.
        defaults: Its own, where they differ from those of `Options`.

    Raises:
        ConfigError: with every option that is unknown, of the wrong type or out of range.
    """
    problems = []
    for name, value in given.items():
        where = f"options.{name}"
        if name == "key":
            continue
        if name not in _RANGES:
            problems.append(Problem("E_CONFIG_UNKNOWN", where, f"{model} has no such option; allowed: {', '.join(_RANGES)}"))
            continue
        low, high, kind, token = _RANGES[name]
        right = isinstance(value, int | float) if kind is float else isinstance(value, int)
        if isinstance(value, bool) or not right or not low <= value <= high:
            problems.append(Problem(token, where, f"{seen(value)} is not allowed; right: {'a whole number' if kind is int else 'a number'} from {low:g} to {high:g}"))
    if problems:
        raise ConfigError(problems)
    return Options(**{**(defaults or {}), **given})
