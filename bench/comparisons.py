"""Runs the methods of other pipelines over the tasks of the accuracy benchmark, one thread, CPU seconds per task.

python -m bench.comparisons METHOD OUT.csv [--suite S ...] [--epochs N]   needs pandas, statsmodels, scikit-learn, torch
(s1) and darts (s3_fft, s3_nbeats)

s1: autocorrelation at lags 2 to 59; a line through it with R^2 > 0.8 makes the series linear, else three networks take
its trend, season and rest.
s3_fft, s3_nbeats: darts with the settings of a published Argo workflow, which has no interval: the scorer puts that of
the seasonal naive forecast around it.
"""

import argparse
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from bench.scores import scorer, tables

Floats = NDArray[np.float64]
Answer = tuple[Floats, Floats, Floats]  # forecast, lower, upper

R2_LINEAR = 0.8
LOOK_BACK = 168  # one week of hours
PERIODS = (169, 25)  # of the article; its code's batch form for what is shorter than two of the first
EPOCHS = {"trend": 7, "season": 1, "rest": 2}  # times the given number
BATCH = 100


def s1(train: pd.Series, h: int, epochs: int) -> Answer:
    """Classify by the autocorrelation, then a line after the last jump or the three networks."""
    y = train.to_numpy(dtype=float)
    if linearity(y) > R2_LINEAR:
        yhat = last_line(y, h)
        return yhat, yhat, yhat
    return networks(y, h, epochs)


def linearity(y: Floats) -> float:
    """R^2 of a line through the autocorrelation at lags 2 to 59."""
    around = y - y.mean()
    likeness = np.array([around[lag:] @ around[:-lag] for lag in range(2, 60)]) / (around @ around)
    return float(np.corrcoef(np.arange(58), likeness)[0, 1] ** 2)


def last_line(y: Floats, h: int, severity: int = 1) -> Floats:
    """Least squares after the last peak of |change|.

    Peaks must rise above `severity` and more % of the range until they are at most a tenth of the points.
    """
    from scipy.signal import find_peaks

    change, percent = np.abs(np.diff(y)), severity
    while (peaks := find_peaks(change, height=percent / 100 * np.ptp(y))[0]).size > 0.1 * y.size:
        percent += 1
    # one of the newest three points would leave no line
    start = int(peaks[-1]) + 1 if peaks.size and peaks[-1] < y.size - 3 else 0
    t = np.arange(start, y.size)
    slope, level = np.polyfit(t, y[start:], 1)
    return np.asarray(level + slope * (y.size + np.arange(h)))


def networks(y: Floats, h: int, epochs: int) -> Answer:
    """Trend, season and rest of the transformed values, each extended by its own network.

    An interval of constant width comes from the rest.

    In favour of the method, trends reach the ends of the series, where the original loses half a period on either side.
    """
    from sklearn.preprocessing import PowerTransformer
    from statsmodels.tsa.seasonal import seasonal_decompose

    period = next(p for p in PERIODS if 2 * p <= y.size)
    transform = PowerTransformer()
    z = transform.fit_transform(y[:, None]).ravel()
    parts = seasonal_decompose(z, period=period, extrapolate_trend="freq")
    named = {"trend": parts.trend, "season": parts.seasonal, "rest": parts.resid}
    look_back = min(LOOK_BACK, y.size // 2)
    ahead = np.sum(
        [extend(np.asarray(part), h, look_back, epochs * EPOCHS[name]) for name, part in named.items()], axis=0
    )
    margin = -parts.resid.mean() + 1.96 * parts.resid.std()
    yhat, lower, upper = (
        transform.inverse_transform(v[:, None]).ravel() for v in (ahead, ahead - margin, ahead + margin)
    )
    return yhat, lower, upper


def extend(part: Floats, h: int, look_back: int, epochs: int) -> Floats:
    """Train one network on windows of a part and forecast it step by step on its own output.

    Windows stand as one time step of `look_back` features, as in the original: an LSTM layer is then its input, cell
    and output gates alone.
    """
    import torch

    torch.manual_seed(0)
    torch.set_num_threads(1)
    windows = torch.tensor(np.lib.stride_tricks.sliding_window_view(part, look_back + 1).copy(), dtype=torch.float32)
    x, target = windows[:, :-1], windows[:, -1]
    gates = [torch.nn.Linear(look_back, 150), torch.nn.Linear(50, 150)]
    dense, last, dropout = torch.nn.Linear(50, 25), torch.nn.Linear(25, 1), torch.nn.Dropout(0.2)
    network = torch.nn.ModuleList([*gates, dense, last])
    for layer in (*gates, dense, last):
        torch.nn.init.xavier_uniform_(layer.weight)
        torch.nn.init.zeros_(layer.bias)

    def forward(v: torch.Tensor) -> torch.Tensor:
        for gate in gates:
            enter, cell, leave = gate(v).chunk(3, dim=1)
            v = dropout(torch.sigmoid(leave) * torch.relu(torch.sigmoid(enter) * torch.relu(cell)))
        return last(torch.relu(dense(v))).ravel()

    optimizer = torch.optim.Adamax(network.parameters(), lr=1e-3)
    for _ in range(epochs):
        for rows in torch.randperm(len(x)).split(BATCH):
            optimizer.zero_grad()
            loss = ((forward(x[rows]) - target[rows]).abs() / target[rows].abs().clamp(min=1e-7)).mean()
            loss.backward()
            optimizer.step()
    dropout.eval()
    window = torch.tensor(part[-look_back:].copy(), dtype=torch.float32)
    with torch.no_grad():
        for _ in range(h):
            window = torch.cat((window, forward(window[None, -look_back:])))
    return np.asarray(window[-h:].double().numpy())


def s3_fft(train: pd.Series, h: int, epochs: int) -> Answer:  # noqa: ARG001 - every method is called alike
    """Fourier extrapolation with its 100 strongest frequencies, hours matched."""
    from darts import TimeSeries
    from darts.models import FFT

    model = FFT(nr_freqs_to_keep=100, required_matches={"hour"})
    model.fit(TimeSeries.from_series(train))
    return without_interval(model.predict(h).values().ravel())


def s3_nbeats(train: pd.Series, h: int, epochs: int) -> Answer:
    """Generic N-BEATS, chunks of 30, values as they are."""
    from darts import TimeSeries
    from darts.models import NBEATSModel

    quiet = {
        "accelerator": "cpu",
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "logger": False,
        "enable_checkpointing": False,
    }
    shape = {"generic_architecture": True, "num_stacks": 10, "num_blocks": 1, "num_layers": 4, "layer_widths": 512}
    model = NBEATSModel(30, 30, **shape, batch_size=800, n_epochs=epochs, random_state=0, pl_trainer_kwargs=quiet)
    model.fit(TimeSeries.from_series(train.astype(np.float32)))
    return without_interval(model.predict(h).values().ravel().astype(float))


def without_interval(yhat: Floats) -> Answer:
    """What the scorer fills in."""
    return yhat, np.full(yhat.size, np.nan), np.full(yhat.size, np.nan)


METHODS: Mapping[str, tuple[Callable[[pd.Series, int, int], Answer], int]] = {
    "s1": (s1, 300),
    "s3_fft": (s3_fft, 0),
    "s3_nbeats": (s3_nbeats, 30),
}


def main() -> None:
    """Forecast all tasks with one method.

    A task that fails is left out, so that the scorer counts the seasonal naive forecast for it.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("method", choices=METHODS)
    parser.add_argument("out", type=Path)
    parser.add_argument("--suite", nargs="*")
    parser.add_argument("--epochs", type=int, help="default: as published")
    given = parser.parse_args()
    method, epochs = METHODS[given.method]
    warnings.filterwarnings("ignore")
    bench = scorer()
    tasks, series = bench.load(given.suite)
    found = []
    for task in tasks.itertuples():
        train, future = bench.split(task, series)
        began = time.process_time()
        try:
            yhat, lower, upper = method(
                train.interpolate(limit_direction="both").astype(float),
                len(future),
                epochs if given.epochs is None else given.epochs,
            )
        except Exception as error:  # noqa: BLE001 - whatever fails there is an outcome of the comparison
            print(f"{task.unique_id}: {type(error).__name__}: {error}", file=sys.stderr)
            continue
        columns = {
            "ds": future.index,
            "yhat": yhat,
            "yhat_lower": lower,
            "yhat_upper": upper,
            "seconds": time.process_time() - began,
        }
        found.append(pd.DataFrame({"unique_id": task.unique_id, **columns}))
        pd.concat(found).to_csv(given.out, index=False)
    print(*tables(bench, pd.concat(found), given.suite), sep="\n\n")


if __name__ == "__main__":
    with threadpool_limits(limits=1):
        main()
