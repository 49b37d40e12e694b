"""The classify and forecast steps on files.

Preparation reaches both and is told, and a person's own model gets its options.
"""

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

HOUR_NS = 3600 * 10**9
START_NS = 1_736_121_600 * 10**9
N = 24 * 21
MODEL = '''
import numpy as np

class Times:
    """Repeats the last value as many times as its options say."""

    def fit(self, y, context):
        self.value = float(y[-1]) * context.options["times"]
        return self

    def predict(self, h):
        return np.full(h, self.value)
'''


def history(path: Path, values: list[float]) -> Path:
    lines = [f"requests,host=a,{START_NS + i * HOUR_NS},{value!r}" for i, value in enumerate(values)]
    path.write_text("\n".join(["name,tags,time,value", *lines, ""]))
    return path


def step(folder: Path, name: str, *words: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "cronocast", name, *words],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr


def member(folder: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((folder / "forecast.result.json").read_text())["members"][0]
    return found


def forecast(folder: Path) -> list[list[float]]:
    return [
        [float(cell) for cell in line.split(",")[-3:]]
        for line in (folder / "forecast.csv").read_text().splitlines()[1:]
    ]


def test_a_counter_is_classified_and_forecast_as_its_rate(tmp_path: Path) -> None:
    counter, values = 0.0, []
    for i in range(N):
        counter += 3600 * (10 + 5 * math.sin(2 * math.pi * i / 24) + 0.1 * math.sin(i * i))
        counter = 0.0 if i == 300 else counter
        values.append(counter)
    wanted = ["--prepare-rate", "true", "--prepare-outliers", "8"]
    path = history(tmp_path / "history.csv", values)
    step(tmp_path, "classify", "--history", str(path), "--profile", "profile.json", "--every", "1h", *wanted)
    profile = json.loads((tmp_path / "profile.json").read_text())["members"][0]
    assert (profile["class"], profile["periods"]) == ("seasonal", [24])
    step(
        tmp_path,
        "forecast",
        "--history",
        str(path),
        "--profile",
        "profile.json",
        "--forecast",
        "forecast.csv",
        "--every",
        "1h",
        "--horizon",
        "24h",
        *wanted,
    )
    told = member(tmp_path)["prepared"]
    assert isinstance(told, dict)
    assert (told["counter_resets"], told["outliers"]) == (1, 1)
    for i, (middle, low, high) in enumerate(forecast(tmp_path), start=N):
        assert low <= middle <= high
        assert middle == pytest.approx(10 + 5 * math.sin(2 * math.pi * i / 24), abs=0.6)


def test_a_model_of_ones_own_gets_its_options(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(MODEL)
    path = history(tmp_path / "history.csv", [10 + math.sin(i) for i in range(N)])
    words = ["--model", "mine:Times", "--options", '{"times": 2}', "--every", "1h", "--horizon", "6h"]
    step(tmp_path, "forecast", "--history", str(path), "--forecast", "forecast.csv", *words)
    twice = 2 * (10 + math.sin(N - 1))
    assert [row[0] for row in forecast(tmp_path)] == [twice] * 6
    assert member(tmp_path)["model"] == "mine:Times"
    assert all(low < twice < high for _, low, high in forecast(tmp_path))


def test_options_that_nobody_reads_are_told(tmp_path: Path) -> None:
    path = history(tmp_path / "history.csv", [10 + math.sin(i) for i in range(N)])
    step(
        tmp_path,
        "forecast",
        "--history",
        str(path),
        "--forecast",
        "forecast.csv",
        "--options",
        '{"lags": 2}',
        "--horizon",
        "6h",
        "--model",
        "linear",
    )
    [note] = json.loads((tmp_path / "forecast.result.json").read_text())["notes"]
    assert note.startswith("options_unused: lags; ")
    assert "linear" in note
