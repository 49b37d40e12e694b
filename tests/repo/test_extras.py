"""Each model runs with what its extra brings and nothing else.

Packages that the lock has for other extras can't be imported.
"""

import importlib.metadata
import json
import subprocess
import sys
from pathlib import Path

import pytest

import requirements
from cronocast.models.table import MODELS

pytestmark = pytest.mark.slow

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
LOCK, PROJECT = (ROOT / "requirements.lock").read_text(), (ROOT / "pyproject.toml").read_text()
EXAMPLES = {**{name: name for name in MODELS if ":" not in name}, "darts:<Model>": "darts:ExponentialSmoothing"}
PROGRAM = """
import importlib.abc, json, sys

class Refuse(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in refused:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

refused = set(json.loads(sys.argv[1]))
sys.meta_path.insert(0, Refuse())
import numpy as np
from cronocast.models.model import Context
from cronocast.models.table import MODELS, abilities
from cronocast.registry import load

y = np.sin(np.arange(400) / 24 * 2 * np.pi) + np.arange(400) / 100
options = {"units": 4, "epochs": 1, "lookback": 24} if sys.argv[2] in ("lstm", "nbeats") else {}
contexts = [Context(3600 * 10**9, 0, periods=(24,), options=options, horizon=12, member=name) for name in "ab"]
model = load(MODELS, "model", sys.argv[2])
if abilities(sys.argv[2]).together:
    yhat = model.fit_many([y, y[::-1].copy()], contexts).predict_after(y, 12, contexts[0])
else:
    yhat = model().fit(y, contexts[0]).predict(12)
assert yhat.shape == (12,) and np.isfinite(yhat).all(), yhat
"""


def modules_of_others(extra: str) -> list[str]:
    """Top-level modules of locked packages that an extra does not bring."""
    mine = {requirements.normal(block) for block in _blocks(requirements.part(LOCK, PROJECT, ["core", extra]))}
    others = {requirements.normal(block) for block in _blocks(LOCK)} - mine
    found = importlib.metadata.packages_distributions()
    return sorted(
        module for module, packages in found.items() if {requirements.normal(name) for name in packages} <= others
    )


def _blocks(lock: str) -> list[str]:
    return [line for line in lock.splitlines() if line and line[0].isalnum()]


def run(model: str, refused: list[str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(refused), model],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_model_runs_with_its_extra_alone(name: str) -> None:
    done = run(EXAMPLES[name], modules_of_others(MODELS[name].extra))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["mstl", "ets", "sarimax", "prophet", "darts:<Model>", "lstm", "nbeats"])
def test_without_its_extra_the_error_names_it(name: str) -> None:
    done = run(EXAMPLES[name], modules_of_others("linear"))
    assert "E_MISSING_EXTRA" in done.stderr
    assert f"pip install 'cronocast[{MODELS[name].extra}]'" in done.stderr
