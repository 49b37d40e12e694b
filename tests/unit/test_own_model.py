"""The model of docs/models.md, named as module:Class: in a run of a values file, and among the candidates of auto."""

import json
import os
import re
import subprocess
import sys
from array import array
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cronocast.chain.job import run_folder
from cronocast.durations import stamp
from cronocast.handoff.results import Outcome, read_result, write_result
from cronocast.handoff.series import FORECAST_COLUMNS, HISTORY_COLUMNS, Member, header, rows
from cronocast.handoff.strict import read_members
from cronocast.models.model import Context

PAGE = (Path(__file__).parents[2] / "docs" / "models.md").read_text()
HOUR_NS = 3600 * 10**9
NOW_NS = 1_750_000_000 * 10**9 // HOUR_NS * HOUR_NS
SOURCE = {"url": "http://localhost:1", "database": "d", "measurement": "cpu", "field": "v"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the model of the page, and a run with its history: a day that repeats, with noise."""
    found = re.search(r"^```python medians.py\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None
    (tmp_path / "medians.py").write_text(found[1])
    noise = np.random.default_rng(3).normal(0, 1, 24 * 21)
    y = array("d", (10.0 * (i % 24 > 7) + noise[i] for i in range(24 * 21)))
    times = array("q", (NOW_NS - (24 * 21 - i) * HOUR_NS for i in range(24 * 21)))
    history = run_folder(tmp_path / "data", "power", NOW_NS) / "history.csv"
    history.parent.mkdir(parents=True)
    history.write_bytes(header(HISTORY_COLUMNS) + rows(Member("cpu", "host=a", times, (y,))))
    outcome = Outcome(rows_kept=len(y), window={"start_ns": times[0], "end_ns": NOW_NS, "every_ns": HOUR_NS})
    outcome.add_output(history, len(y))
    write_result(history.with_name("extract.result.json"), "extract", "power", stamp(NOW_NS), outcome, 0.0, None, {})
    return tmp_path


def run(folder: Path, **settings: Any) -> tuple[dict[str, Any], list[Member]]:
    """Classify and forecast the run; the result of forecast, and its members."""
    values = {"series": {"power": {"source": SOURCE, "lookback": "3w", "horizon": "24h", **settings}}}
    (folder / "values.yaml").write_text(json.dumps(values))
    words = ["run", "-f", "values.yaml", "--root", "data", "--run", str(NOW_NS // 10**9), "--only", "classify,forecast"]
    env = {**os.environ, "PYTHONPATH": str(folder)}
    command = [sys.executable, "-m", "cronocast", *words]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    result = run_folder(folder / "data", "power", NOW_NS) / "forecast.result.json"
    return read_result(result, "forecast"), list(read_members(result.with_name("forecast.csv"), FORECAST_COLUMNS))


def test_it_forecasts_a_run_and_reads_its_options(folder: Path) -> None:
    result, (member,) = run(folder, model="medians:Medians", options={"cycles": 5})
    y = np.array(
        next(iter(read_members(run_folder(folder / "data", "power", NOW_NS) / "history.csv", ("value",)))).columns[0]
    )
    assert result["members"][0]["model"] == "medians:Medians"
    assert member.columns[0].tolist() == pytest.approx(np.median(y[-120:].reshape(5, 24), axis=0).tolist())
    assert all(low <= yhat <= high for yhat, low, high in zip(*member.columns, strict=True))


def test_auto_tries_it_among_its_candidates(folder: Path) -> None:
    result, _ = run(folder, candidates=["medians:Medians", "linear"])
    assert "medians:Medians" in result["members"][0]["backtest"]["models"]
    assert "medians:Medians" in result["members"][0]["model"]


@pytest.mark.parametrize("periods", [(), (24,), (24, 168)])
def test_it_keeps_the_rules_of_the_page(
    folder: Path, periods: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(folder))
    import medians  # type: ignore[import-not-found]

    y = np.random.default_rng(1).normal(size=500)
    model = medians.Medians().fit(y.copy(), Context(HOUR_NS, 0, periods=periods))
    assert np.isfinite(model.predict(100)).all()
    assert model.predict(100)[:7].tolist() == model.predict(7).tolist()
