"""Regimes on real parts: Kafka, Spark, InfluxDB. What arrives has its point and its regime, whatever is killed."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from demo.influxd import Influxd, die_with_parent
from demo.kafka_broker import Broker, jars
from tests import kafka

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(kafka.missing()), reason=kafka.missing() or "there is one")]

MINUTE = 60
END = int(time.time()) // MINUTE * MINUTE
MEANS = (20.0, 45.0, 70.0)
NAMES = ("idle", "load", "regime-3")  # the first two are named by a person
N = 3000


def planted(n: int, seed: int) -> list[tuple[int, float]]:
    """Regime and value of each of n minutes: three levels that last, far apart."""
    dice, found = random.Random(seed), list[tuple[int, float]]()
    while len(found) < n:
        regime = dice.randrange(3)
        found += [(regime, dice.gauss(MEANS[regime], 1.5)) for _ in range(dice.randrange(20, 150))]
    return found[:n]


@dataclass
class Engine:
    """One entry with its folder, trained on the past of machine a."""

    influxd: Influxd
    broker: Broker
    folder: Path
    database: str = "regimes"
    topic: str = ""
    result: dict[str, Any] = field(default_factory=dict)  # of the training
    env: dict[str, str] = field(default_factory=lambda: {**os.environ, "CRONOCAST_SPARK_MEMORY": "512m"})

    def write_values(self, topic: str, **more: Any) -> None:
        """Values with a topic and a measurement of that name; a stream of it begins anew."""
        self.topic = topic
        for name in ("checkpoint", "states"):
            for path in self.folder.glob(f"root/*/regimes/{name}"):
                shutil.rmtree(path)
        password = self.folder / "password"
        if not password.exists():
            password.write_text(self.influxd.admin.password)
            password.chmod(0o400)
        user = {"auth": "basic", "username": self.influxd.admin.name, "password_file": str(password)}
        source = {"url": self.influxd.url, "database": self.database, "measurement": "engine", **user}
        entry = {
            "source": {**source, "group_by": ["machine"]},
            "sink": {"measurement": topic},
            "fields": ["temperature"],
            "tags": ["machine"],
            "lookback": "3d",
            "names": {"regime-1": "idle", "regime-2": "load"},
            "jars": str(jars("connector")),
            "classifier": "logistic",
            "kafka": {"servers": self.broker.servers, "topic": topic, "output": f"{topic}.out", "begin": "earliest"},
        }
        (self.folder / "values.yaml").write_text(yaml.safe_dump({"regimes": {"engine": {**entry, **more}}}))

    def words(self, command: str, *words: str) -> list[str]:
        root = () if command == "replay" else ("--root", str(self.folder / "root"))
        return [
            sys.executable,
            "-m",
            "cronocast",
            "regimes",
            command,
            "-f",
            str(self.folder / "values.yaml"),
            *root,
            *words,
        ]

    def run(self, command: str, *words: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            self.words(command, *words), env=self.env, capture_output=True, text=True, check=False, timeout=300
        )
        print(done.stderr[-3000:])
        return done

    def start(self, *words: str) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            self.words("stream", *words),
            env=self.env,
            stderr=subprocess.DEVNULL,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - calls prctl only
        )

    def points(self) -> dict[tuple[str, int], tuple[float, str]]:
        rows = self.influxd.query(f'SELECT * FROM "{self.topic}"', self.database)
        found = {(row["machine"], int(row["time"])): (row["temperature"], row["regime"]) for row in rows}
        assert len(found) == len(rows)
        return found

    @property
    def own(self) -> Path:
        return next((self.folder / "root").iterdir()) / "regimes"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    folder = tmp_path_factory.mktemp("engine")
    with Influxd(folder / "influxdb") as influxd, Broker(folder / "kafka") as broker:
        yield trained(Engine(influxd, broker, folder))


def trained(found: Engine) -> Engine:
    """Learns from the past of machine a."""
    influxd = found.influxd
    influxd.create_database(found.database)
    past = planted(N, 1)
    influxd.write(
        [f"engine,machine=a temperature={v!r} {END - (N - i) * MINUTE}000000000" for i, (_, v) in enumerate(past)],
        found.database,
    )
    found.write_values("trained")
    done = found.run("train", "--json")
    assert done.returncode == 0, done.stderr
    found.result = json.loads(done.stdout)
    return found


def message(machine: str, at: int, value: float) -> bytes:
    when = datetime.fromtimestamp(at, UTC).isoformat()
    return json.dumps({"time": when, "machine": machine, "temperature": value}).encode()


def test_regimes_are_found_and_told_in_words(engine: Engine) -> None:
    result = engine.result
    assert result["status"] == "ok"
    assert [one["called"] for one in sorted(result["regimes"], key=lambda one: one["name"])] == list(NAMES)
    assert result["scores"][0]["accuracy"] > 0.98
    assert any("3 by" in one for one in result["words"])
    page = (engine.own / "regimes.html").read_text()
    assert all(name in page for name in NAMES)
    assert "Silhouette" in page


def test_every_message_gets_its_point_and_a_message_and_what_can_not_be_read_its_reason(engine: Engine) -> None:
    engine.write_values("plain", late="30d")
    arriving = planted(600, 2)
    good = {("b", END + i): (value, regime) for i, (regime, value) in enumerate(arriving)}
    bad = [b"nonsense", b"{}", message("b", END, 1.0).replace(b"1.0", b'"hot"')]
    given = [message(machine, at, value) for (machine, at), (value, _) in good.items()]
    kafka.send(engine.broker, "plain", [*given[:300], *bad, *given[300:], message("c", END, 1e6)])
    assert engine.run("stream", "--once").returncode == 0
    points = engine.points()
    assert points.pop(("c", END * 10**9)) == (1e6, "unknown")  # far from all that was learnt
    assert {key: value for key, (value, _) in points.items()} == {
        (machine, at * 10**9): value for (machine, at), (value, _) in good.items()
    }
    right = sum(points[machine, at * 10**9][1] == NAMES[regime] for (machine, at), (_, regime) in good.items())
    assert right >= 0.98 * len(good)
    told = [json.loads(one) for one in kafka.read(engine.broker, "plain.out", len(good) + 1)]
    assert len(told) == len(good) + 1
    assert {one["regime"] for one in told} == {*NAMES, "unknown"}
    dead = [json.loads(one) for one in kafka.read(engine.broker, "plain.dead", len(bad))]
    assert sorted(one["message"].encode() for one in dead) == sorted(bad)
    assert all(one["reason"] for one in dead)


def test_a_batch_that_comes_again_after_its_points_were_written_leaves_the_same(engine: Engine) -> None:
    """Killed between the write and the commit: the checkpoint does not know of the batch, the database does."""
    engine.write_values("again", late="30d")
    values = planted(400, 3)
    given = [message("b", END + i, value) for i, (_, value) in enumerate(values)]
    for part in (given[:200], given[200:]):
        kafka.send(engine.broker, "again", part)
        assert engine.run("stream", "--once").returncode == 0
    before = engine.points()
    assert len(before) == 400
    commits = sorted((engine.own / "checkpoint/commits").glob("[0-9]*"), key=lambda path: int(path.name))
    commits[-1].unlink()
    (commits[-1].parent / f".{commits[-1].name}.crc").unlink(missing_ok=True)
    assert engine.run("stream", "--once").returncode == 0
    assert engine.points() == before
    assert len(kafka.read(engine.broker, "again.out", 600)) == 600  # the second batch twice, nothing lost


def test_a_new_model_is_taken_up_without_a_restart_and_only_from_then_on(engine: Engine) -> None:
    engine.write_values("swap", late="30d")
    models = engine.own / "models"
    process = engine.start()
    try:
        kafka.send(engine.broker, "swap", [message("b", END + i, 20.0) for i in range(50)])
        wait_for(engine, 50)
        first = (models / "CURRENT").read_text().strip()
        document = json.loads((models / first / "model.json").read_text())
        document["model"]["names"] = [f"new-{name}" for name in document["model"]["names"]]
        shutil.copytree(models / first, models / "20990101T000000Z")
        (models / "20990101T000000Z/model.json").write_text(json.dumps(document))
        (models / "CURRENT").write_text("20990101T000000Z\n")
        kafka.send(engine.broker, "swap", [message("b", END + i, 20.0) for i in range(50, 100)])
        wait_for(engine, 100)
    finally:
        process.terminate()
        process.wait(60)
        (models / "CURRENT").write_text(f"{first}\n")
        shutil.rmtree(models / "20990101T000000Z")
    told = engine.points()
    assert {told["b", (END + i) * 10**9][1] for i in range(50)} == {"idle"}
    assert {told["b", (END + i) * 10**9][1] for i in range(50, 100)} == {"new-regime-1"}


def test_kills_of_driver_broker_and_database_lose_and_double_nothing(engine: Engine) -> None:
    engine.write_values("killed", late="30d")
    dice, n = random.Random(7), 6000
    values = planted(n, 4)
    machines = [f"m{i % 7}" for i in range(n)]
    bad = [f"bad {i}".encode() for i in range(60)]
    given = [message(machines[i], END + i, value) for i, (_, value) in enumerate(values)]
    given = [one for i, part in enumerate(given) for one in ([part, bad[i // 100]] if i % 100 == 0 else [part])]
    process = engine.start()
    try:
        for turn, at in enumerate(range(0, len(given), 1010)):
            if turn == 2:
                engine.broker.stop()
                time.sleep(2)
                engine.broker.start()
            elif turn == 4:
                engine.influxd.stop()
                time.sleep(3)
                engine.influxd.start()
            elif turn:
                process.send_signal(signal.SIGKILL)
                process.wait(30)
                process = engine.start()
            kafka.send(engine.broker, "killed", given[at : at + 1010])
            time.sleep(dice.uniform(3, 9))
    finally:
        process.kill()
        process.wait(30)
    assert engine.run("stream", "--once").returncode == 0
    points = engine.points()
    assert {key: value for key, (value, _) in points.items()} == {
        (machines[i], (END + i) * 10**9): value for i, (_, value) in enumerate(values)
    }
    told = {(one["machine"], one["time"]) for one in map(json.loads, kafka.read(engine.broker, "killed.out", n))}
    assert len(told) == n
    dead = [json.loads(one)["message"].encode() for one in kafka.read(engine.broker, "killed.dead", len(bad))]
    assert set(dead) == set(bad)


def test_its_progress_is_told_as_metrics(engine: Engine) -> None:
    engine.write_values("counted", late="30d")
    process = engine.start("--port", "29347")
    try:
        kafka.send(engine.broker, "counted", [message("b", END + i, 20.0) for i in range(20)] + [b"bad"])
        wait_for(engine, 20)
        for _ in range(60):
            page = urllib.request.urlopen("http://127.0.0.1:29347/metrics", timeout=10).read().decode()
            if 'cronocast_regimes_points_total{series="engine"} 20.0' in page:
                break
            time.sleep(0.5)
        assert 'cronocast_regimes_messages_total{series="engine"} 21.0' in page
        assert 'cronocast_regimes_points_total{series="engine"} 20.0' in page
        assert 'cronocast_regimes_invalid_total{series="engine"} 1.0' in page
        assert urllib.request.urlopen("http://127.0.0.1:29347/healthz", timeout=10).status == 200
    finally:
        process.terminate()
        assert process.wait(60) == -signal.SIGTERM


def wait_for(engine: Engine, count: int, seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while len(engine.points()) < count:
        assert time.monotonic() < end, f"{len(engine.points())} of {count} points within {seconds} s"
        time.sleep(0.5)
