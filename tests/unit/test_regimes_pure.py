"""Regimes without Spark or Kafka: features, clusters, names, dwell, messages, batches, models on disk."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cronocast.document.values import load_values
from cronocast.durations import UNIT_NS, Duration
from cronocast.errors import ConfigError, ContractError, DataError
from cronocast.stream import batch as batches
from cronocast.stream.clusters import Curves, Dwelling, knee, lasting, names_of, silhouette, usual_distance, verdict_of
from cronocast.stream.features import feature_names, features
from cronocast.stream.message import reader, time_of
from cronocast.stream.settings import Regimes, load_regimes
from cronocast.stream.store import CURRENT, Model, current, generations, publish, read_model

pytestmark = pytest.mark.slow

S = UNIT_NS["s"]
VALUES = """
defaults:
  source: {url: "http://localhost:8086", database: metrics}
regimes:
  engine:
    source: {measurement: engine, group_by: [machine]}
    fields: [temperature, load]
    tags: [machine]
    windows: [10s]
    kafka: {servers: "localhost:9092", topic: engine}
"""


@pytest.fixture(scope="module")
def entry(tmp_path_factory: pytest.TempPathFactory) -> Regimes:
    path = tmp_path_factory.mktemp("values") / "values.yaml"
    path.write_text(VALUES)
    return load_regimes(path)["engine"]


def test_an_entry_has_source_sink_and_topics(entry: Regimes) -> None:
    assert entry.measurement() == "engine_regimes"
    assert entry.kafka.dead == "engine.dead"
    assert [entry.source_of(field).field for field in entry.fields] == ["temperature", "load"]
    assert entry.sink_settings().database == "metrics"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("topic: engine", "topic: a b"), "regimes.engine.kafka.topic: 'a b' is no name of a topic"),
        (('"localhost:9092"', "localhost"), "regimes.engine.kafka.servers: 'localhost' names no brokers"),
        (("    tags: [machine]\n", "    k: 1\n"), "regimes.engine.k: 1 is out of range"),
        (("windows: [10s]", "windows: [ten]"), "regimes.engine.windows[0]: 'ten' is not a duration"),
        (("fields: [temperature, load]", "fields: x"), "regimes.engine.fields: 'x' is not a list"),
        (("  engine:\n", "  engine: 3\n  other:\n"), "regimes.engine: 3 is not a mapping"),
        (("regimes:", "series:"), "regimes: None is no map of regimes"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, change: tuple[str, str], words: str) -> None:
    path = tmp_path / "values.yaml"
    path.write_text(VALUES.replace(*change))
    with pytest.raises(ConfigError) as error:
        load_regimes(path)
    assert words in " ".join(f"{one.where}: {one.sentence}" for one in error.value.problems)


def test_features_by_hand() -> None:
    time_ns = np.array([0, 10, 20, 30]) * S
    found = features(time_ns, np.array([[1.0], [2.0], [4.0], [0.0]]), [20 * S])
    assert feature_names(("t",), (Duration.parse("20s"),)) == ("t", "t mean 20s", "t spread 20s", "t slope 20s")
    # the window of a row holds it and the one before: what lies 20 s back is out
    assert found[:, 1].tolist() == [1.0, 1.5, 3.0, 2.0]
    assert found[:, 2].tolist() == [0.0, 0.5, 1.0, 2.0]
    assert found[:, 3] == pytest.approx([0.0, 360.0, 720.0, -1440.0])  # per hour


@pytest.mark.parametrize("parts", [1, 3, 50])
def test_values_that_come_in_parts_get_the_same_features(parts: int) -> None:
    rng = np.random.default_rng(0)
    time_ns = np.sort(rng.choice(5000, 200, replace=False)).astype(np.int64) * S
    values, windows = rng.normal(size=(200, 2)), [60 * S, 600 * S]
    whole = features(time_ns, values, windows)
    found = []
    for rows in np.array_split(np.arange(200), parts):
        first = max(0, int(np.searchsorted(time_ns, time_ns[rows[0]] - 600 * S)))
        part = slice(first, rows[-1] + 1)
        found.append(features(time_ns[part], values[part], windows, int(rows[0]) - first))
    assert np.vstack(found).tobytes() == whole.tobytes()


@pytest.mark.parametrize(("k", "spread"), [(2, 0.3), (3, 0.5), (5, 0.5)])
def test_regimes_that_are_apart_are_counted(k: int, spread: float) -> None:
    x = scaled(np.concatenate([np.random.default_rng(i).normal(6 * i, spread, 400) for i in range(k)])[:, None])
    assert verdict_of(curves_of(x), x, None, 1).k == k


@pytest.mark.parametrize("kind", ["uniform", "integers", "normal"])
def test_where_there_are_none_it_is_said(kind: str) -> None:
    rng = np.random.default_rng(2)
    values = {
        "uniform": rng.random(2000),
        "integers": rng.integers(40, 70, 2000) * 1.0,
        "normal": rng.normal(size=2000),
    }
    x = scaled(values[kind][:, None])
    found = verdict_of(curves_of(x), x, None, 1)
    assert found.k is None
    assert "there are no regimes here" in found.words
    asked = verdict_of(curves_of(x), x, 6, 1)
    assert asked.k == 6
    assert "6 as asked for, all the same" in asked.words


def scaled(x: Any) -> Any:
    return (x - x.mean(axis=0)) / x.std(axis=0)


def curves_of(x: Any) -> Curves:
    """Curves without Spark."""
    from scipy.cluster.vq import kmeans2

    costs, silhouettes = [], []
    for k in range(2, 10):
        tries = [kmeans2(x, k, minit="++", seed=seed) for seed in range(4)]
        cost, labels = min(((float(((x - c[i]) ** 2).sum()), i) for c, i in tries), key=lambda one: one[0])
        costs.append(cost)
        silhouettes.append(silhouette(x, labels))
    return Curves(tuple(range(2, 10)), tuple(costs), tuple(silhouettes), float(((x - x.mean(axis=0)) ** 2).sum()))


def test_the_bend_of_a_cost() -> None:
    assert knee(Curves((2, 3, 4, 5, 6), (50.0, 2.0, 1.8, 1.6, 1.5), (0.0,) * 5, 100.0)) == 3


def test_the_silhouette_is_that_of_all_pairs() -> None:
    rng = np.random.default_rng(3)
    x, labels = rng.normal(size=(40, 2)), rng.integers(3, size=40)
    square = ((x[:, None] - x[None]) ** 2).sum(axis=2)
    scores = []
    for i in range(40):
        own = [square[i, j] for j in range(40) if labels[j] == labels[i] and j != i]
        others = [square[i, labels == g].mean() for g in set(labels.tolist()) - {int(labels[i])}]
        a, b = float(np.mean(own)), float(min(others))
        scores.append((b - a) / max(a, b))
    assert silhouette(x, labels) == pytest.approx(np.mean(scores))


def test_names_survive_a_retraining() -> None:
    spread = np.array([1.0])
    first = names_of(np.array([[30.0], [10.0], [20.0]]), {}, spread)
    assert first == ("regime-3", "regime-1", "regime-2")
    before = dict(zip(first, [(30.0,), (10.0,), (20.0,)], strict=True))
    assert names_of(np.array([[10.5], [21.0], [29.0]]), before, spread) == ("regime-1", "regime-2", "regime-3")
    # one has gone, another has come: no name is used twice
    assert names_of(np.array([[20.2], [90.0], [9.0]]), before, spread) == ("regime-2", "regime-4", "regime-1")


def test_a_regime_changes_once_another_one_has_lasted() -> None:
    labels, times = list("aabaabbbb"), np.arange(9) * S
    assert lasting(labels, times, 0, Dwelling())[0] == labels
    whole, state = lasting(labels, times, 2 * S, Dwelling())
    assert "".join(whole) == "aaaaaaabb"
    part, between = lasting(labels[:6], times[:6], 2 * S, Dwelling())
    rest, end = lasting(labels[6:], times[6:], 2 * S, between)
    assert (part + rest, end) == (whole, state)


def test_usual_distances_are_of_each_regime() -> None:
    x = np.concatenate([np.random.default_rng(0).normal(0, 1, 5000), np.random.default_rng(1).normal(100, 5, 5000)])
    found = usual_distance(x[:, None], np.array([[0.0], [100.0]]), np.repeat([0, 1], 5000))
    assert 2.9 < found[0] < 3.8
    assert 14 < found[1] < 19


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        ("2026-01-02T03:04:05.5Z", "iso", 1767323045500000000),
        ("2026-01-02T04:04:05.5+01:00", "iso", 1767323045500000000),
        ("2026-01-02", "iso", 1767312000000000000),
        (1767323045.5, "s", 1767323045500000000),
        (1767323045500, "ms", 1767323045500000000),
        (1767323045500000123, "ns", 1767323045500000123),
        (1767323045500, "iso", "is not text"),
        ("yesterday", "iso", "no time in ISO 8601"),
        ("1767323045500", "ms", "is not a number"),
        (True, "ms", "is not a number"),
        (1767323045500, "s", "lies outside 1970 to 2262"),
        (-1, "s", "lies outside"),
        (None, "iso", "None is not text"),
    ],
)
def test_times_of_messages(value: Any, unit: str, expected: int | str) -> None:
    found = time_of(value, unit)
    assert found == expected if isinstance(expected, int) else str(expected) in str(found)


GOOD = {"time": "2026-01-02T03:04:05Z", "machine": "a", "temperature": 20, "load": 0.5}


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (None, "it is empty"),
        (b"", "it is no JSON"),
        (b"\xff{}", "it is no JSON"),
        (b"[1]", "is no JSON object"),
        (b'{"a":' * 100_000, "it is no JSON"),
        (GOOD | {"time": 5}, "time: 5 is not text"),
        (GOOD | {"temperature": "20"}, "temperature: '20' is not a finite number"),
        (GOOD | {"temperature": None}, "temperature: None"),
        (GOOD | {"load": True}, "load: True"),
        ({key: value for key, value in GOOD.items() if key != "load"}, "load: None"),
        (GOOD | {"machine": ""}, "machine: '' names no machine"),
        (GOOD | {"machine": ["a"]}, "names no machine"),
        (b'{"time": "2026-01-02T03:04:05Z", "machine": "a", "temperature": NaN, "load": 1}', "temperature: nan"),
    ],
)
def test_messages_that_can_not_be_read_say_why(entry: Regimes, message: Any, words: str) -> None:
    found = reader(entry)(json.dumps(message).encode() if isinstance(message, dict) else message)
    assert isinstance(found, str)
    assert words in found


def messages(seconds: list[float], machine: str = "a", value: float = 20.0) -> list[bytes]:
    found = []
    for s in seconds:
        at = f"2026-01-02T03:{int(s) // 60:02d}:{s % 60:06.3f}Z"
        found.append(json.dumps({"time": at, "machine": machine, "temperature": value + s, "load": 1}).encode())
    return found


def run(entry: Regimes, given: list[bytes], before: dict[str, batches.Machine]) -> batches.Batch:
    return batches.begin(given, reader(entry), before, [10 * S], 30 * S)


def test_messages_of_two_machines_in_any_order(entry: Regimes) -> None:
    given = messages([3, 1, 2]) + messages([5], "b") + [b"no"]
    found = run(entry, given, {})
    assert [one.tags for one in found.fresh] == ["machine=a", "machine=b"]
    assert np.diff(found.fresh[0].time_ns).tolist() == [S, S]
    assert found.fresh[0].values[:, 0].tolist() == [21, 22, 23]
    assert [(one.message, one.late) for one in found.dead] == [(b"no", False)]


def test_what_is_late_by_too_much_is_a_dead_letter(entry: Regimes) -> None:
    first = run(entry, messages([100]), {})
    found = run(entry, messages([69.9, 70.1]), first.machines)
    assert [one.values[:, 0].tolist() for one in found.fresh] == [[90.1]]
    assert [one.late for one in found.dead] == [True]
    assert "late: 2026-01-02T03:01:09.9" in found.dead[0].reason


@pytest.mark.parametrize("cut", [1, 7, 19])
def test_batches_of_any_size_give_the_same_features(entry: Regimes, cut: int) -> None:
    given = messages([i * 1.5 for i in range(40)])
    whole = run(entry, given, {}).fresh[0].x
    first = run(entry, given[:cut], {})
    kept = batches.from_document(json.loads(json.dumps(batches.to_document(first.machines))), 2)
    second = run(entry, given[cut:], kept)
    assert np.vstack((first.fresh[0].x, second.fresh[0].x)).tobytes() == whole.tobytes()


def test_a_value_that_comes_again_replaces_the_one_before(entry: Regimes) -> None:
    first = run(entry, messages([1, 2]), {})
    again = run(entry, messages([2], value=100.0), first.machines)
    assert again.fresh[0].values[:, 0].tolist() == [102]
    assert again.machines["machine=a"].values[:, 0].tolist() == [21, 102]


MODEL = Model(1, ("t",), (), ("t",), (0.0,), (1.0,), ("regime-1",), ((1.0,),), (3.0,), {})


def save(text: str) -> Any:
    def write(folder: Path) -> None:
        folder.mkdir()
        (folder / "weights").write_text(text)

    return write


def test_generations_are_whole_and_the_newest_ones_stay(tmp_path: Path) -> None:
    for i in range(5):
        publish(tmp_path, f"g{i}", MODEL, save(str(i)), 3)
    assert generations(tmp_path) == ["g2", "g3", "g4"]
    assert current(tmp_path) == "g4"
    assert read_model(tmp_path, "g4") == MODEL
    publish(tmp_path, "g4", MODEL, save("again"), 1)
    assert generations(tmp_path) == ["g4"]
    assert (tmp_path / "g4" / "spark" / "weights").read_text() == "again"
    assert sorted(path.name for path in tmp_path.iterdir()) == [CURRENT, "g4"]


def test_a_training_that_fails_leaves_the_model_in_use(tmp_path: Path) -> None:
    publish(tmp_path, "g1", MODEL, save("1"), 3)

    def fails(folder: Path) -> None:
        folder.mkdir()
        raise RuntimeError("the optimiser failed")

    with pytest.raises(RuntimeError):
        publish(tmp_path, "g2", MODEL, fails, 3)
    assert current(tmp_path) == "g1"
    assert generations(tmp_path) == ["g1"]


def test_a_damaged_model_is_refused(tmp_path: Path) -> None:
    publish(tmp_path, "g1", MODEL, save("1"), 3)
    (tmp_path / "g1" / "spark" / "weights").write_text("2")
    with pytest.raises(ContractError, match="damaged"):
        read_model(tmp_path, "g1")
    with pytest.raises(DataError, match="no such generation"):
        read_model(tmp_path, "g2")
    (tmp_path / CURRENT).write_text("../g1\n")
    with pytest.raises(ContractError, match="names no generation"):
        current(tmp_path)


def test_a_port_that_is_taken_is_named(entry: Regimes, tmp_path: Path) -> None:
    import socket

    from cronocast.stream.running import stream

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"E_PORT 127.0.0.1:{port}: Address already in use"):
            stream(entry, tmp_path, port=port)


@pytest.mark.parametrize("name", ["train", "stream", "replay"])
def test_a_library_that_is_missing_is_named_with_the_extra(
    name: str, tmp_path: Path, command: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import importlib.util

    there = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "pyspark" else there(name))
    (tmp_path / "values.yaml").write_text(VALUES)
    code, _, err = command("regimes", name, "-f", str(tmp_path / "values.yaml"))
    assert code == 78
    assert "E_MISSING_EXTRA regimes: pyspark not installed; regimes need: pip install 'cronocast[stream]'" in err


def test_one_file_may_have_series_and_regimes(tmp_path: Path) -> None:
    path = tmp_path / "values.yaml"
    path.write_text(VALUES + "series:\n  disk: {source: {measurement: disk, field: used}}\n")
    assert [*load_values(path)] == ["disk"]
    assert [*load_regimes(path)] == ["engine"]
