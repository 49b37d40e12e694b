"""Scores predictions of the accuracy benchmark: those of shared/bench/score.py, CRPS, and coverage along the horizon.

scores.py PREDICTIONS.csv ... [--suite S ...] [--markdown]   needs pandas; with --markdown a row for each file

CRPS is twice the mean pinball loss at the quantiles 0.1, 0.2, ... 0.9, in units of the mean change over one season, as
MASE and MSIS are (Gneiting and Raftery 2007, section 4.2, approximates the integral by such a sum). Predictions without
intervals at several levels get quantiles of a normal distribution on either side of the forecast, as wide as their 95 %
interval. Columns rel... are geometric means of ratios to the seasonal naive forecast, where scores under 0.1 (CRPS:
0.05) count as that. Coverage is of the mean task.
"""

import argparse
import importlib.util
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import NormalDist
from types import ModuleType

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cronocast.handoff.series import level_name

Floats = NDArray[np.float64]
HERE = Path(__file__).resolve().parent
QUANTILES = tuple(i / 10 for i in range(1, 10))
COVERED = (0.5, 0.8, 0.95)
LEVELS = (0.2, 0.4, 0.5, 0.6, 0.8)  # of further intervals beside 0.95: what quantiles and coverage need
FLOORS = {"MSIS": 0.1, "CRPS": 0.05}  # in a ratio: a forecast without any error must not decide a geometric mean
ALLOWED = (2.5, 5, 5, 5)  # points of % off the level: of the horizon, of each third
HEADLINE = ("m4", "nab")
THIRDS = ("first", "second", "last")
COLUMNS = ["n", "MASE", "MSIS", "CRPS", "sMAPE", "relMASE", "relMSIS", "relCRPS", "COV", "sec", "filled"]


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


def bound(forecast: pd.DataFrame, side: str, level: float) -> Floats:
    """One bound of the interval at a level, shape (h,); from the 95 % interval where there is no such interval."""
    column = f"yhat_{side}_{level_name(level)}"
    if column in forecast and forecast[column].notna().all():
        return np.asarray(forecast[column], dtype=float)
    share = NormalDist().inv_cdf((1 + level) / 2) / NormalDist().inv_cdf(0.975)
    yhat = np.asarray(forecast["yhat"], dtype=float)
    return np.asarray(yhat + share * (np.asarray(forecast[f"yhat_{side}"], dtype=float) - yhat))


def crps(actual: Floats, forecast: pd.DataFrame) -> float:
    """Twice the mean pinball loss at QUANTILES, in units of the values; steps whose value is missing are left out."""
    losses = []
    for quantile in QUANTILES:
        error = actual - bound(forecast, "lower" if quantile < 0.5 else "upper", round(abs(2 * quantile - 1), 6))
        losses.append(np.maximum(quantile * error, (quantile - 1) * error))
    return float(2 * np.nanmean(losses))


def covered(actual: Floats, forecast: pd.DataFrame) -> dict[str, float]:
    """Share of values inside each interval in %, by level and by third of the horizon."""
    found = {}
    for level in COVERED:
        inside = (actual >= bound(forecast, "lower", level)) & (actual <= bound(forecast, "upper", level))
        hits = np.where(np.isnan(actual), np.nan, 100.0 * inside)
        for name, part in zip(("all", *THIRDS), (hits, *np.array_split(hits, 3)), strict=True):
            found[f"{level}, {name}"] = float(np.nanmean(part)) if np.isfinite(part).any() else np.nan
    return found


def complete(forecast: pd.DataFrame | None, naive: pd.DataFrame) -> pd.DataFrame:
    """The forecast with what is missing in it taken from the seasonal naive one, as the scorer does."""
    if forecast is None or not np.isfinite(forecast["yhat"].reindex(naive.index)).all():
        return naive
    whole = forecast.reindex(naive.index)
    for side in ("yhat_lower", "yhat_upper"):
        around = whole["yhat"] + naive[side] - naive["yhat"]
        whole[side] = whole[side].fillna(around) if side in whole else around
    return whole


def task_scores(bench: ModuleType, predictions: pd.DataFrame, suites: Sequence[str] | None) -> pd.DataFrame:
    """One row per task: the columns of the scorer (`rI` with a floor), `CRPS`, `rC` and one per level and third."""
    known = bench.score(predictions, suites).drop(columns="rI")
    times = pd.to_datetime(predictions["ds"], utc=True).dt.tz_localize(None)
    by_task = {key: rows.set_index("ds") for key, rows in predictions.assign(ds=times).groupby("unique_id")}
    tasks, series = bench.load(suites)
    rows = []
    for task in tasks[tasks["unique_id"].isin(known["unique_id"])].itertuples():
        train, future = bench.split(task, series)
        more = _more(bench, train, future, task.season, by_task.get(task.unique_id))
        rows.append({"unique_id": task.unique_id, **more})
    return known.merge(pd.DataFrame(rows), on="unique_id")


def _more(
    bench: ModuleType, train: pd.Series, future: pd.Series, season: int, forecast: pd.DataFrame | None
) -> dict[str, float]:
    naive = pd.DataFrame(
        dict(zip(("yhat", "yhat_lower", "yhat_upper"), bench.snaive(train, future, season), strict=True)),
        index=future.index,
    )
    scale = np.nanmean(np.abs(train.to_numpy()[season:] - train.to_numpy()[:-season]))
    actual, whole = future.to_numpy(dtype=float), complete(forecast, naive)
    own = {"MSIS": interval_score(bench, actual, whole, scale), "CRPS": crps(actual, whole) / scale}
    other = {"MSIS": interval_score(bench, actual, naive, scale), "CRPS": crps(actual, naive) / scale}
    ratios = {name: max(own[name], floor) / max(other[name], floor) for name, floor in FLOORS.items()}
    return {"CRPS": own["CRPS"], "rI": ratios["MSIS"], "rC": ratios["CRPS"], **covered(actual, whole)}


def interval_score(bench: ModuleType, actual: Floats, forecast: pd.DataFrame, scale: float) -> float:
    """MSIS of the 95 % interval by the scorer."""
    yhat, lower, upper = (forecast[name].to_numpy() for name in ("yhat", "yhat_lower", "yhat_upper"))
    return float(bench.metrics(actual, yhat, lower, upper, scale)["MSIS"])


def summary(bench: ModuleType, scores: pd.DataFrame) -> pd.DataFrame:
    """One row per suite, and of suites together, each weighing alike: `m4, nab`, and REAL for all of real data."""
    table = _summary(bench, scores)
    if set(HEADLINE) < set(scores["suite"]):
        table.loc[", ".join(HEADLINE)] = _summary(bench, scores[scores["suite"].isin(HEADLINE)]).loc["REAL"]
    return table[COLUMNS]


def _summary(bench: ModuleType, scores: pd.DataFrame) -> pd.DataFrame:
    table = bench.summary(scores)
    groups = scores.groupby("suite", sort=False)
    table["CRPS"], table["relCRPS"] = groups["CRPS"].mean(), groups["rC"].apply(_geometric_mean)
    if "REAL" in table.index:
        real = table.drop(index=["REAL", "disk"], errors="ignore")
        table.loc["REAL", ["CRPS", "relCRPS"]] = real["CRPS"].mean(), _geometric_mean(real["relCRPS"])
    return table


def _geometric_mean(values: pd.Series) -> float:
    return float(np.exp(np.mean(np.log(values))))


def coverage(scores: pd.DataFrame) -> pd.DataFrame:
    """Coverage of the mean task in % by suite and level: of the horizon and its thirds; `*` where it is far off."""
    groups = dict(list(scores.groupby("suite", sort=False)))
    groups |= {"all": scores} if len(groups) > 1 else {}
    cells = {
        suite: {f"{level}: all, thirds": _cell(group, level) for level in COVERED} for suite, group in groups.items()
    }
    return pd.DataFrame.from_dict(cells, orient="index")


def _cell(scores: pd.DataFrame, level: float) -> str:
    found = []
    for name, allowed in zip(("all", *THIRDS), ALLOWED, strict=True):
        share = scores[f"{level}, {name}"].mean()
        found.append(f"{share:.1f}{'*' if abs(share - 100 * level) > allowed else ' '}")
    return "  ".join(found)


def tables(bench: ModuleType, predictions: pd.DataFrame, suites: Sequence[str] | None) -> Iterator[str]:
    """Both tables, as text."""
    scores = task_scores(bench, predictions, suites)
    yield summary(bench, scores).round(3).to_string()
    yield coverage(scores).round(1).to_string()


def row(scores: pd.DataFrame, table: pd.DataFrame) -> str:
    """Cells of a Markdown table, one per suite: relMASE / relMSIS / relCRPS / coverage; then CPU s per task."""
    cells = [f"{r.relMASE:.2f} / {r.relMSIS:.2f} / {r.relCRPS:.2f} / {r.COV:.0f}" for r in table.itertuples()]
    return " | ".join([*cells, f"{scores['seconds'].mean():.2f}"])


def main() -> None:
    """Print the tables of each file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("predictions", nargs="+", type=Path)
    parser.add_argument("--suite", nargs="*")
    parser.add_argument("--markdown", action="store_true")
    given = parser.parse_args()
    bench = scorer()
    for path in given.predictions:
        predictions = pd.read_csv(path)
        if given.markdown:
            scores = task_scores(bench, predictions, given.suite)
            table = summary(bench, scores)
            print(f"| {path.name} ({', '.join(table.index)}) | {row(scores, table)} |")
        else:
            print(f"## {path.name}", *tables(bench, predictions, given.suite), sep="\n\n")


if __name__ == "__main__":
    main()
