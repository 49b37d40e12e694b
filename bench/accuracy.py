"""Forecasts the tasks of the accuracy benchmark with the engine and prints the scores.

accuracy.py [OUT.csv] [--suite S ...] [--model NAME] [--candidates NAME ...] [--jobs N]   needs pandas beside
cronocast[linear]

The tables are those of scores.py: scores by suite, then coverage by level and by third of the horizon.
`BENCH_DATA=FOLDER` takes the tasks of another folder.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd

from bench.scores import HERE, LEVELS, scorer, tables
from cronocast.classify import classify_member
from cronocast.forecast.answer import MemberForecast, Settings
from cronocast.forecast.members import MemberJob, forecast_members
from cronocast.handoff.series import forecast_columns


def jobs(
    bench: ModuleType,
    suites: list[str] | None,
    model: str,
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
                Settings(horizon=len(future), end_ns=end_ns, model=model, candidates=candidates, levels=LEVELS),
            ),
        )


def rows(result: MemberForecast, future: pd.Series) -> pd.DataFrame:
    """The forecast in the benchmark's columns; no rows where there is none."""
    bounds = (result.yhat, result.lower, result.upper, *(bound for band in result.further for bound in band))
    columns = dict(zip(forecast_columns(LEVELS), bounds, strict=False))
    times = future.index[: result.yhat.size]
    return pd.DataFrame({"unique_id": result.name, "ds": times, **columns, "seconds": result.cpu_s})


def main() -> None:
    """Forecast all tasks, write the predictions, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, nargs="?", default=HERE / "out" / "accuracy.csv")
    parser.add_argument("--suite", nargs="*")
    parser.add_argument("--model", default="auto")
    parser.add_argument(
        "--candidates", nargs="*", default=[], help="models that auto may choose from; by class if empty"
    )
    parser.add_argument("--jobs", type=int, default=1, help="tasks forecast at once")
    parser.add_argument("--why", action="store_true", help="print what was chosen for each task")
    given = parser.parse_args()
    bench = scorer()
    todo = list(jobs(bench, given.suite, given.model, tuple(given.candidates)))
    found = []
    for (_, future, _), result in zip(todo, forecast_members([job for *_, job in todo], given.jobs), strict=True):
        found.append(rows(result, future))
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
    predictions = pd.concat(found)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    predictions.to_csv(given.out, index=False)
    print(*tables(bench, predictions, given.suite), sep="\n\n")


if __name__ == "__main__":
    main()
