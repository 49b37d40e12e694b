"""Forecasts the tasks of the accuracy benchmark with the engine and prints the scores.

accuracy.py [OUT.csv] [--suite S ...] [--model NAME] [--candidates NAME ...] [--levels 0.5 0.8] [--workers N]   needs
pandas beside cronocast[linear]

The second table is the coverage at each level, in % of the mean task.
"""

import argparse
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd

from cronocast.classify import classify_member
from cronocast.forecast.answer import MemberForecast, Settings
from cronocast.forecast.members import MemberJob, forecast_members
from cronocast.handoff.series import forecast_columns, level_name

HERE = Path(__file__).resolve().parent


def scorer() -> ModuleType:
    """Load score.py, which lies beside the repository or in it.

    Raises:
        SystemExit: it lies in neither.
    """
    for folder in (HERE.parent / "shared", HERE.parent.parent / "shared"):
        path = folder / "bench" / "score.py"
        spec = importlib.util.spec_from_file_location("score", path)
        if path.exists() and spec and spec.loader:
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            return module
    raise SystemExit("no shared/bench/score.py beside the repository or in it")


def jobs(
    bench: ModuleType,
    suites: list[str] | None,
    model: str,
    levels: tuple[float, ...] = (),
    candidates: tuple[str, ...] = (),
) -> Iterator[tuple[Any, Any, MemberJob]]:
    """One job per task, from its training rows only."""
    tasks, series = bench.load(suites)
    for task in tasks.itertuples():
        train, future = bench.split(task, series)
        known = train.dropna()
        time_ns = known.index.to_numpy().astype("datetime64[ns]").astype(np.int64)
        step_ns = (
            int(pd.Timedelta(1, unit="h") / pd.Timedelta(1, unit="ns"))
            if task.freq == "h"
            else pd.Timedelta(task.freq).value
        )
        end_ns = int(np.datetime64(future.index[0], "ns").astype(np.int64))
        y = known.to_numpy(dtype=float)
        profile = classify_member(task.unique_id, "", time_ns, y, step_ns, 24, None, None)
        yield (
            task,
            future,
            MemberJob(
                profile,
                time_ns,
                y,
                Settings(horizon=len(future), end_ns=end_ns, model=model, candidates=candidates, levels=levels),
            ),
        )


def rows(result: MemberForecast, future: pd.Series, levels: tuple[float, ...]) -> pd.DataFrame:
    """The forecast in the benchmark's columns."""
    bounds = (result.yhat, result.lower, result.upper, *(bound for band in result.further for bound in band))
    columns = {"ds": future.index, **dict(zip(forecast_columns(levels), bounds, strict=False))}
    return pd.DataFrame({"unique_id": result.name, **columns, "seconds": result.cpu_s})


def coverage(found: list[tuple[Any, pd.Series, pd.DataFrame]], levels: tuple[float, ...]) -> pd.DataFrame:
    """Share of values inside each interval, in % of the mean task, by suite and of all: one row per level."""
    shares = []
    for task, future, forecast in found:
        actual = future.to_numpy(dtype=float)
        for level, suffix in ((0.95, ""), *((level, f"_{level_name(level)}") for level in levels)):
            low, high = (forecast[f"yhat_{side}{suffix}"].to_numpy() for side in ("lower", "upper"))
            inside = ((actual >= low) & (actual <= high))[np.isfinite(actual)]
            shares += [(level, suite, 100 * inside.mean()) for suite in (task.suite, "all")]
    return (
        pd.DataFrame(shares, columns=["level", "suite", "share"])
        .pivot_table(index="level", columns="suite", values="share", sort=False)
        .sort_index()
    )


def main() -> None:
    """Forecast all tasks, write the predictions, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, nargs="?", default=HERE / "out" / "accuracy.csv")
    parser.add_argument("--suite", nargs="*")
    parser.add_argument("--model", default="auto")
    parser.add_argument(
        "--candidates", nargs="*", default=[], help="models that auto may choose from; by class if empty"
    )
    parser.add_argument("--levels", type=float, nargs="*", default=[0.5, 0.8], help="further levels beside 0.95")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--why", action="store_true", help="print what was chosen for each task")
    given = parser.parse_args()
    bench = scorer()
    levels = tuple(sorted(given.levels))
    todo = list(jobs(bench, given.suite, given.model, levels, tuple(given.candidates)))
    found = []
    for (task, future, _), result in zip(todo, forecast_members([job for *_, job in todo], given.workers), strict=True):
        found.append((task, future, rows(result, future, levels)))
        if given.why or result.status != "ok":
            chosen = result.backtest.get("chosen", {})
            print(
                result.name,
                result.status,
                result.model,
                result.reason,
                chosen.get("mase"),
                chosen.get("coverage"),
                f"{result.cpu_s:.2f}s",
            )
    predictions = pd.concat([forecast for *_, forecast in found])
    given.out.parent.mkdir(parents=True, exist_ok=True)
    predictions.to_csv(given.out, index=False)
    print(bench.summary(bench.score(predictions, given.suite)).round(3).to_string())
    print(coverage(found, levels).round(1).to_string())


if __name__ == "__main__":
    main()
