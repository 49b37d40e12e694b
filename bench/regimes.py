"""How good regimes are on data whose regimes are known, and how fast a stream tells them.

regimes.py [--messages 100000] [--rate 2000] [--seconds 40] [--seed 5]   needs Java, Maven and ../shared/servers

Quality: 50,000 whole numbers from 40 to 69, spread evenly, with k = 6 asked for, and a network of layers 1-6-8-6 that
learns from 60 % of them in random order; then machines with planted regimes, noise and a level that drifts, and one
regime that was never seen. Speed, on this machine beside Kafka and InfluxDB: messages a second of a topic that is full,
against one consumer that writes one point for each message; then the time from producing a message until a query
returns its point, at a steady rate, and the memory of the driver.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import yaml

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from cronocast.stream import training
from cronocast.stream.clusters import usual_distance, verdict_of
from cronocast.stream.spark import session
from demo.influxd import Influxd
from tests.kafka import Kafka, kafka

MEANS = np.array([[20.0, 1.0], [45.0, 3.0], [70.0, 2.0], [70.0, 8.0]])
UNSEEN = np.array([95.0, 14.0])
SPREAD = np.array([2.0, 0.5])
SLOW_MESSAGES = 3_000  # of the consumer that writes one by one


def pairs(counts: Any) -> float:  # noqa: ANN401 - an array
    """How many pairs there are in groups of these sizes."""
    return float((counts * (counts - 1) / 2).sum())


def rand_index(a: Any, b: Any) -> float:  # noqa: ANN401 - arrays
    """Adjusted Rand index of two labellings (Hubert & Arabie 1985)."""
    table = np.zeros((int(a.max()) + 1, int(b.max()) + 1))
    np.add.at(table, (a, b), 1)
    both, first, second, n = pairs(table), pairs(table.sum(axis=1)), pairs(table.sum(axis=0)), a.size
    expected = first * second / (n * (n - 1) / 2)
    return float((both - expected) / ((first + second) / 2 - expected))


def quality(seed: int) -> None:
    """Print what is found in data with and without regimes."""
    rng = np.random.default_rng(seed)
    spark = session("bench", "local[*]")
    even = rng.integers(40, 70, 50_000).astype(float)[:, None]
    x = (even - even.mean(axis=0)) / even.std(axis=0)
    verdict = verdict_of(training.curves(spark, x, 20, seed), x, 6, seed)
    _, labels = training.clustered(spark, x, 6, seed)
    order = rng.permutation(len(x))
    first, later = order[:30_000], order[30_000:]
    network = training.classifier(spark, even[first], labels[first], 6, "mlp", seed)
    as_s2 = float((training.classes_of(spark, network, even[later])[0] == labels[later]).mean())
    scores = training.judged(spark, x, labels, np.arange(len(x)), training.ORDER, seed)
    print(f"\neven numbers: {verdict.words}\n")
    print("| classifier of the 6 clusters | accuracy on the rest |\n| --- | --- |")
    print(f"| network 1-6-8-6 on bare values, random 60 % | {100 * as_s2:.1f} % |")
    for one in scores:
        print(f"| {one.kind} on scaled values, first 60 % of the time | {100 * one.accuracy:.1f} % |")
    print(
        "\n| planted regimes, 20,000 rows | found | adjusted Rand | unseen called unknown | others |\n|" + " --- |" * 5
    )
    for drift in (0.0, 0.1):
        planted(spark, rng, drift, seed)
    spark.stop()


def planted(spark: Any, rng: np.random.Generator, drift: float, seed: int) -> None:  # noqa: ANN401 - a session
    """Print a row for four regimes whose level drifts by a share of its range."""
    lasts = rng.integers(30, 300, 200)
    truth = np.repeat(rng.integers(4, size=lasts.size), lasts)[:20_000]
    values = MEANS[truth] + rng.normal(size=(truth.size, 2)) * SPREAD
    values[:, 0] += drift * 50 * np.linspace(0, 1, truth.size)
    mean, spread = values.mean(axis=0), values.std(axis=0)
    x = (values - mean) / spread
    verdict = verdict_of(training.curves(spark, x, 20, seed), x, None, seed)
    centres, labels = training.clustered(spark, x, verdict.k or 2, seed)
    usual = usual_distance(x, centres, labels)
    new = (UNSEEN + rng.normal(size=(1000, 2)) * SPREAD - mean) / spread

    def far(rows: Any) -> float:  # noqa: ANN401 - an array
        off = np.sqrt(((rows[:, None] - centres[None]) ** 2).sum(axis=2)) / usual
        return 100 * float((off.min(axis=1) > 2.0).mean())

    name = f"level drifts by {100 * drift:.0f} %" if drift else "level stays"
    print(f"| {name} | {verdict.k} | {rand_index(truth, labels):.3f} | {far(new):.1f} % | {far(x):.2f} % |", flush=True)


@contextmanager
def entry(influxd: Influxd, broker: Kafka, folder: Path, topic: str) -> Iterator[list[str]]:
    """Values of an entry that is trained; words of its commands."""
    password = folder / "password"
    password.write_text(influxd.admin.password)
    password.chmod(0o600)
    user = {"auth": "basic", "username": influxd.admin.name, "password_file": str(password)}
    source = {"url": influxd.url, "database": "bench", "measurement": "engine", "group_by": ["machine"], **user}
    topics = {"servers": broker.servers, "topic": topic, "output": f"{topic}.out", "begin": "earliest"}
    own = {"source": source, "fields": ["temperature"], "tags": ["machine"], "jars": broker.jars, "kafka": topics}
    values = folder / "values.yaml"
    values.write_text(yaml.safe_dump({"regimes": {"engine": {**own, "late": "30d", "lookback": "3d"}}}))
    yield ["-f", str(values), "--root", str(folder / "root")]


def cronocast(*words: str) -> list[str]:
    """A command of ours."""
    return [sys.executable, "-m", "cronocast", "regimes", *words]


def message(i: int, begin: float) -> bytes:
    """The i-th message, a millisecond after the one before."""
    at = datetime.fromtimestamp(begin + i / 1000, UTC).isoformat()
    value = 20 + 25 * (i // 5000 % 3) + i % 7 / 4
    return json.dumps({"time": at, "machine": f"m{i % 50}", "temperature": value}).encode()


def speed(messages: int, rate: int, seconds: int) -> None:
    """Print messages a second, and the time until points can be read."""
    folder = Path(tempfile.mkdtemp(prefix="cronocast-bench-"))
    try:
        with Influxd(folder / "influxdb") as influxd:
            for broker in kafka():
                influxd.create_database("bench")
                minute = int(time.time()) // 60 * 60
                past = [(20 + 25 * (i // 100 % 3) + i % 7 / 4, minute - 60 * (2000 - i)) for i in range(2000)]
                lines = [f"engine,machine=a temperature={value} {at}000000000" for value, at in past]
                influxd.write(lines, "bench")
                with entry(influxd, broker, folder, "full") as words:
                    subprocess.run(cronocast("train", *words), check=True, stdout=subprocess.DEVNULL)
                    full(influxd, broker, words, messages)
                shutil.rmtree(next((folder / "root").iterdir()) / "regimes/checkpoint")
                with entry(influxd, broker, folder, "steady") as words:
                    steady(influxd, broker, words, rate, seconds)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def full(influxd: Influxd, broker: Kafka, words: list[str], messages: int) -> None:
    """A topic that is full when the stream begins; its start is measured by an empty one."""
    begin = time.time()
    broker.send("full", [message(i, begin) for i in range(messages)])
    started = time.monotonic()
    subprocess.run(cronocast("stream", *words, "--once"), check=True, stderr=subprocess.DEVNULL)
    whole = time.monotonic() - started
    count = influxd.query("SELECT count(temperature) FROM engine_regimes", "bench")[0]["count"]
    assert count == messages, f"{count} of {messages} points"
    started = time.monotonic()
    subprocess.run(cronocast("stream", *words, "--once"), check=True, stderr=subprocess.DEVNULL)
    start = time.monotonic() - started
    ours, theirs = messages / (whole - start), one_by_one(influxd, broker)
    print("\n| a full topic | messages a second |\n| --- | --- |")
    print(f"| `regimes stream`, label, point and message each | {ours:,.0f} |")
    print(f"| one consumer, one request for each point, no label | {theirs:,.0f} |")
    print(f"\nratio {ours / theirs:.0f}; start of the stream {start:.1f} s", flush=True)


def one_by_one(influxd: Influxd, broker: Kafka) -> float:
    """Messages a second of a consumer that writes each message as one point."""
    import requests
    from confluent_kafka import Consumer

    consumer = Consumer({"bootstrap.servers": broker.servers, "group.id": "one", "auto.offset.reset": "earliest"})
    consumer.subscribe(["full"])
    web, params = requests.Session(), {"db": "bench"}
    web.auth = (influxd.admin.name, influxd.admin.password)
    done, begin = 0, 0.0
    while done < SLOW_MESSAGES:
        found = consumer.poll(1.0)
        if found is None or found.error():
            continue
        begin = begin or time.monotonic()
        value = json.loads(found.value() or b"")["temperature"]
        web.post(f"{influxd.url}/write", params=params, data=f"one temperature={value}").raise_for_status()
        done += 1
    consumer.close()
    return done / (time.monotonic() - begin)


def steady(influxd: Influxd, broker: Kafka, words: list[str], rate: int, seconds: int) -> None:
    """Messages at a steady rate; a probe twice a second tells how long it takes until its point can be read."""
    from confluent_kafka import Producer

    process = subprocess.Popen(cronocast("stream", *words), stderr=subprocess.DEVNULL)
    producer, begin, waits = Producer({"bootstrap.servers": broker.servers, "linger.ms": 5}), time.time(), list[float]()
    ended = threading.Event()

    def flow() -> None:
        for i in range(rate * (seconds + 30)):
            if ended.is_set():
                return
            time.sleep(max(0.0, begin + i / rate - time.time()))
            producer.produce("steady", message(i, begin))
            producer.poll(0)

    sender = threading.Thread(target=flow)
    sender.start()
    try:
        time.sleep(25)  # start
        while len(waits) < 2 * (seconds - 20):
            sent = time.time()
            probe = f"p{len(waits)}"
            at = datetime.fromtimestamp(sent, UTC).isoformat()
            producer.produce("steady", json.dumps({"time": at, "machine": probe, "temperature": 20}).encode())
            while not influxd.query(f"SELECT temperature FROM engine_regimes WHERE machine = '{probe}'", "bench"):
                time.sleep(0.02)
            waits.append(time.time() - sent)
            time.sleep(max(0.0, 0.5 - waits[-1]))
        memory = sum(map(resident_mb, [process.pid, *children(process.pid)]))
    finally:
        ended.set()
        sender.join()
        process.terminate()
        process.wait(60)
    parts = statistics.quantiles(waits, n=100)
    print("\n| a steady rate | messages a second | p50 s | p99 s | driver MB |\n|" + " --- |" * 5)
    cells = f"{rate:,} | {parts[49]:.2f} | {parts[98]:.2f} | {memory:.0f}"
    print(f"| from produce to readable, {len(waits)} probes | {cells} |")


def children(pid: int) -> list[int]:
    """Processes below a process."""
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False).stdout.split()
    return [one for child in map(int, found) for one in (child, *children(child))]


def resident_mb(pid: int) -> float:
    """Resident memory of a process."""
    path = Path(f"/proc/{pid}/statm")
    return int(path.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20 if path.exists() else 0.0


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--rate", type=int, default=2_000)
    parser.add_argument("--seconds", type=int, default=40)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--only", choices=("quality", "speed"))
    args = parser.parse_args()
    if args.only != "speed":
        quality(args.seed)
    if args.only != "quality":
        speed(args.messages, args.rate, args.seconds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
