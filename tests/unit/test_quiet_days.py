"""Networks on quiet days: weights as they are, without a deep-learning library; a few epochs or all anew where due."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cronocast.chain.parts import write_outputs
from cronocast.document.entry import parse_entry
from cronocast.handoff.evaluation import FULL, PREDICT, WARM
from cronocast.images import PARTS
from cronocast.models.lstm.forward import Architecture, Blocks
from cronocast.models.lstm.lstm import WARM_EPOCHS, Lstm
from cronocast.models.model import Context

HOUR_NS = 3600 * 10**9
TINY = {"units": 4, "epochs": 6, "lookback": 24}
SOURCE = {"url": "http://127.0.0.1:1", "database": "d", "measurement": "cpu", "field": "v"}


def series(n: int = 340) -> Any:
    rng, t = np.random.default_rng(1), np.arange(n)
    return 50 + 5 * np.sin(2 * np.pi * t / 24) + np.cumsum(rng.normal(0, 0.2, n))


def context(state: Path, run: int, anew: str = "") -> Context:
    end_ns = run * HOUR_NS
    return Context(HOUR_NS, 0, periods=(24,), options=TINY, horizon=12, state=state, end_ns=end_ns, anew=anew)


@pytest.mark.parametrize(
    "shape", [Architecture(48, 24, 4, 1), Architecture(48, 24, 8, 3), Blocks(48, 24, 4, 1), Blocks(48, 24, 8, 3)]
)
def test_shapes_are_those_of_the_network(shape: Any) -> None:
    network = pytest.importorskip("cronocast.models.lstm.network")
    made = network.Network(shape, 0, 0.001)
    assert made.shapes() == shape.shapes()
    assert [(name, array.shape) for name, array in made.weights().items()] == list(shape.shapes().items())


@pytest.mark.slow
def test_what_is_due_decides_how_much_is_learnt(tmp_path: Path) -> None:
    y = series()
    first = Lstm.fit_many([y[:-24]], [context(tmp_path, 1)])
    kept = Lstm.fit_many([y], [context(tmp_path, 2, PREDICT)])
    assert (kept.epochs, kept.notes) == (0, ["weights_kept"])
    np.testing.assert_array_equal(
        kept.predict_after(y, 12, context(tmp_path, 2)), first.predict_after(y, 12, context(tmp_path, 2))
    )
    warm = Lstm.fit_many([y], [context(tmp_path, 3, WARM)])
    assert warm.notes == ["warm_start"]
    assert warm.epochs <= WARM_EPOCHS
    assert Lstm.fit_many([y], [context(tmp_path, 4, FULL)]).notes == []


def test_without_weights_a_quiet_day_trains(tmp_path: Path) -> None:
    pytest.importorskip("keras")
    assert Lstm.fit_many([series()], [context(tmp_path, 1, PREDICT)]).epochs > 0


CODE = """
import json, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from tests.unit import test_kept as chain
root = Path({root!r})
entry = chain.entry_of(model="lstm", options={{"units": 4, "epochs": 2, "lookback": 24}})
found = chain.chain(root, chain.RUN_NS + {hours} * chain.HOUR_NS, entry=entry)
heavy = [name for name in ("keras", "tensorflow") if name in sys.modules]
print(json.dumps([heavy, chain.verdicts(found), [member["model"] for member in found[:-1]]]))
"""


@pytest.mark.slow
def test_a_run_in_which_nothing_is_due_loads_no_deep_learning_library(tmp_path: Path) -> None:
    pytest.importorskip("keras")

    def run(hours: int) -> Any:
        code = CODE.format(tests=str(Path(__file__).parents[2]), root=str(tmp_path), hours=hours)
        ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=300)
        assert ran.returncode == 0, ran.stderr
        return json.loads(ran.stdout.splitlines()[-1])

    heavy, kinds, models = run(0)
    assert heavy
    assert [kind for kind, _ in kinds] == ["full"] * 2
    assert run(1) == [[], [["predict", ""]] * 2, models]
    heavy, kinds, _ = run(24)
    assert heavy
    assert [kind for kind, _ in kinds] == ["warm"] * 2


@pytest.mark.parametrize(
    ("given", "resting", "where"),
    [
        ({"model": "lstm"}, (), {"lstm": [""]}),
        ({"model": "lstm"}, ("lstm",), {"light": [""]}),
        ({"candidates": ["theta", "lstm"]}, (), {"light": ["light-0/1"], "lstm": ["lstm-0/1"]}),
        ({"candidates": ["theta", "lstm"]}, ("lstm",), {"light": ["light-0/1", "lstm-0/1"]}),
    ],
)
def test_parts_that_learn_nothing_run_in_the_light_image(
    tmp_path: Path, given: dict[str, Any], resting: tuple[str, ...], where: dict[str, list[str]]
) -> None:
    entry = parse_entry({"name": "load", "every": "1h", "horizon": "1d", "source": SOURCE, "sink": {}, **given})
    write_outputs(tmp_path, entry, ["seasonal"], (), resting)
    told = {image: json.loads((tmp_path / f"parts-{image}").read_text()) for image in PARTS}
    assert {image: parts for image, parts in told.items() if parts} == where
