"""What `options` of an entry may say, by model: the one definition for checks and documentation.

Rows of the table of models name these classes. Options of `darts:<Model>` are the arguments of its class.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from cronocast.errors import ConfigError, Problem, seen
from cronocast.settings.declare import parse, setting
from cronocast.settings.kinds import Flag, Number, Text

Options = TypeVar("Options")
SHAPE = ("options.units", "options.layers")  # of a network: what is wrong with them is wrong with the model


@dataclass(frozen=True)
class Orders:
    """Three whole numbers: of autoregression, differences and moving average."""

    most: int

    def check(self, value: Any, where: str, problems: list[Problem]) -> tuple[int, ...] | None:  # noqa: ANN401, D102
        if isinstance(value, list | tuple) and len(value) == 3 and all(self._right(item) for item in value):
            return tuple(value)
        problems.append(Problem("E_CONFIG_TYPE", where, f"{seen(value)} does not fit; allowed: {self.words()}"))
        return None

    def _right(self, item: object) -> bool:
        return isinstance(item, int) and not isinstance(item, bool) and 0 <= item <= self.most

    def from_text(self, text: str) -> Any:  # noqa: ANN401, D102
        return [int(part) if part.strip().isdigit() else part for part in text.split(",")]

    def schema(self) -> dict[str, Any]:  # noqa: D102
        item = {"type": "integer", "minimum": 0, "maximum": self.most}
        return {"type": "array", "items": item, "minItems": 3, "maxItems": 3}

    def words(self) -> str:  # noqa: D102
        return f"three whole numbers from 0 to {self.most}, such as [1, 1, 1]"


@dataclass(frozen=True)
class LstmOptions:
    """Options of `lstm`."""

    epochs: int = setting(
        Number(1, 1000, whole=True),
        40,
        "Maximum number of epochs; training stops when the error on held-out windows no longer falls.",
    )
    units: int = setting(Number(1, 512, whole=True), 32, "Units per layer.")
    # a third more cost each, the second rarely helps
    layers: int = setting(Number(1, 3, whole=True), 1, "Number of stacked layers; for `nbeats`, of blocks.")
    lookback: int | None = setting(
        Number(6, 100_000, whole=True),
        None,
        "Steps per window; if not given, whole cycles of the shortest season, at least 48 steps.",
    )
    batch_size: int | None = setting(
        Number(1, 4096, whole=True), None, "Windows per batch; if not given, 64, or 256 where there are many."
    )
    learning_rate: float = setting(
        Number(1e-6, 1.0), 0.0005, "Adam learning rate; larger values overshoot within one epoch."
    )
    seed: int | None = setting(
        Number(0, 999_999, whole=True), None, "Random seed of the initial weights and the order of windows."
    )


@dataclass(frozen=True)
class NbeatsOptions(LstmOptions):
    """Options of `nbeats`."""

    units: int = setting(Number(1, 512, whole=True), 64, "Units per layer.")
    layers: int = setting(Number(1, 3, whole=True), 3, "Blocks.")  # the paper's 30 blocks of 512 are for 100,000 series


@dataclass(frozen=True)
class ProphetOptions:
    """Options of `prophet`; the names are Prophet's."""

    growth: str = setting(Text(("linear", "flat")), "linear", "Whether the level has a slope (linear) or not (flat).")
    n_changepoints: int = setting(Number(0, 200, whole=True), 25, "Number of potential changepoints of the slope.")
    changepoint_range: float = setting(
        Number(0, 1, open_low=True), 0.8, "Share of the history that may hold changepoints."
    )
    changepoint_prior_scale: float = setting(
        Number(0, 100, open_low=True), 0.05, "How freely the slope changes at changepoints."
    )
    seasonality_mode: str = setting(
        Text(("additive", "multiplicative")), "additive", "Whether seasons grow with the level."
    )
    seasonality_prior_scale: float = setting(
        Number(0, 1000, open_low=True), 10.0, "How closely seasons follow the values."
    )


@dataclass(frozen=True)
class EtsOptions:
    """Options of `ets`."""

    error: str = setting(Text(("add", "mul")), "add", "Whether errors add to the level or multiply it.")
    trend: str = setting(Text(("none", "add", "mul")), "add", "Kind of trend.")
    damped: bool = setting(Flag(), True, "Whether the trend fades with the horizon.")
    seasonal: str = setting(Text(("none", "add", "mul")), "add", "Kind of season, where classify finds one.")


@dataclass(frozen=True)
class SarimaxOptions:
    """Options of `sarimax`."""

    order: tuple[int, ...] = setting(Orders(5), (1, 1, 1), "AR terms, differences, MA terms: p, d, q.")
    seasonal_order: tuple[int, ...] = setting(
        Orders(2),
        (0, 1, 1),
        "The same for the shortest season, where that has 26 steps or fewer: P, D, Q.",
    )
    trend: str = setting(
        Text(("none", "constant", "linear")), "none", "What is added to the differences: with one, constant is a slope."
    )


def read_options(declared: type[Options], given: Mapping[str, Any]) -> Options:
    """The options of an entry as a model declares them.

    Raises:
        ConfigError: with every option that is unknown or not allowed.
    """
    problems: list[Problem] = []
    options: Options | None = parse(declared, dict(given), "options", problems)
    if options is None:
        raise ConfigError(
            [replace(problem, token="E_MODEL") if problem.where in SHAPE else problem for problem in problems]
        )
    return options
