"""The backtest part of forecast.result.json, read with patience: every key is optional. Standard library only."""

import re
from dataclasses import dataclass, field
from typing import Any

FURTHER = re.compile(r"coverage_([0-9]{1,2}(?:_[0-9]{1,12})?)")

MOST_STEPS = 10**9  # of a season; more than any history has


@dataclass(frozen=True)
class Score:
    """Scores of one model. Errors are scaled by the in-sample naive error (MASE's unit); None where not known."""

    model: str
    ratio: float | None = None  # error over that of the naive forecast, as models are chosen by it; below 1 is better
    mase: float | None = None
    smape: float | None = None  # percent, 0..200
    rmse: float | None = None
    coverage: float | None = None  # 0..1
    bias: float | None = None


@dataclass(frozen=True)
class BacktestView:
    """Rolling-origin backtest of one member.

    It says what the chosen answer and the naive forecast got wrong, by model and by step ahead.
    """

    origins: int = 0
    ratio: float | None = None  # see Score
    mase: float | None = None
    naive_model: str = ""
    seasons: tuple[
        int, ...
    ] = ()  # steps that the seasonal naive forecast repeated, now these, now those; none where that is not known
    coverage: float | None = None
    level: float | None = None
    further: tuple[tuple[float, float], ...] = ()  # level and coverage of further intervals, ascending
    scores: tuple[Score, ...] = ()
    failed: dict[str, str] = field(default_factory=dict)  # model -> why it has no score at some or all origins
    not_tried: tuple[str, ...] = ()
    steps: tuple[int, ...] = ()
    chosen: tuple[float | None, ...] = ()  # mean absolute error per step ahead, in the unit of the member
    naive: tuple[float | None, ...] = ()
    measured: int | None = None  # steps of the forecast that past errors were measured for; None where not known


def backtest_of(data: Any) -> BacktestView | None:  # noqa: ANN401 - untrusted JSON
    """The one place that knows the keys of a backtest; None where there is none."""
    if not isinstance(data, dict) or not data:
        return None
    chosen, naive = dict_of(data.get("chosen")), dict_of(data.get("naive"))
    own, base, steps = _by_step(data, chosen, naive)
    return BacktestView(
        origins=int(number_of(data.get("origins")) or 0),
        **{name: _first(data.get(name), chosen.get(name)) for name in ("ratio", "mase", "coverage", "level")},
        naive_model=str(naive.get("model") or data.get("naive_model") or ""),
        seasons=_seasons(naive.get("seasons")),
        further=_further({**chosen, **data}),
        scores=_scores(dict_of(data.get("models"))),
        failed={str(name): str(why) for name, why in dict_of(data.get("failed")).items()},
        not_tried=tuple(str(name) for name in list_of(data.get("not_tried")) if isinstance(name, str)),
        steps=steps,
        chosen=own,
        naive=base,
        measured=_steps(data.get("measured_steps")),
    )


def _scores(models: dict[str, Any]) -> tuple[Score, ...]:
    """The scores of all models, the best first."""
    names = ("ratio", "mase", "smape", "rmse", "coverage", "bias")
    scores = [Score(str(model), **{n: number_of(dict_of(row).get(n)) for n in names}) for model, row in models.items()]
    return tuple(sorted(scores, key=lambda s: (s.ratio is None, s.ratio or 0.0, s.mase is None, s.mase or 0.0)))


def _steps(value: Any) -> int | None:  # noqa: ANN401 - untrusted JSON
    steps = number_of(value)
    return int(steps) if steps is not None and 0 <= steps <= MOST_STEPS else None


def _seasons(values: Any) -> tuple[int, ...]:  # noqa: ANN401 - untrusted JSON
    return tuple(int(n) for v in list_of(values) if (n := number_of(v) or 0.0).is_integer() and 1 <= n <= MOST_STEPS)


def _further(data: dict[str, Any]) -> tuple[tuple[float, float], ...]:
    """Level and coverage of further intervals, which stand there as coverage_50, coverage_97_5."""
    found = []
    for name, value in data.items():
        coverage, digits = number_of(value), FURTHER.fullmatch(str(name))
        if digits and coverage is not None:
            found.append((float(digits[1].replace("_", ".")) / 100, coverage))
    return tuple(sorted(found))


Column = tuple[float | None, ...]


def _by_step(
    data: dict[str, Any], chosen: dict[str, Any], naive: dict[str, Any]
) -> tuple[Column, Column, tuple[int, ...]]:
    """Errors by step ahead in the unit of the member: they are kept in units of `scale` where one is given."""
    table = dict_of(data.get("by_step"))
    scale = number_of(data.get("scale")) or 1.0
    own, base = (
        [None if (n := number_of(v)) is None else n * scale for v in list_of(values)]
        for values in (table.get("chosen", chosen.get("by_step")), table.get("naive", naive.get("by_step")))
    )
    steps = [int(n) for s in list_of(table.get("steps")) if (n := number_of(s)) is not None] or list(
        range(1, len(own) + 1)
    )
    size = min(len(steps), len(own))
    return tuple(own[:size]), tuple((base + [None] * size)[:size]), tuple(steps[:size])


def _first(*values: Any) -> float | None:  # noqa: ANN401 - untrusted JSON
    return next((n for v in values if (n := number_of(v)) is not None), None)


def list_of(value: Any) -> list[Any]:  # noqa: ANN401 - untrusted JSON
    """A list, or an empty one."""
    return value if isinstance(value, list) else []


def dict_of(value: Any) -> dict[str, Any]:  # noqa: ANN401 - untrusted JSON
    """A mapping, or an empty one."""
    return value if isinstance(value, dict) else {}


def number_of(value: Any) -> float | None:  # noqa: ANN401 - untrusted JSON
    """A finite number, or None."""
    return (
        float(value)
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= 1.7e308
        else None
    )
