"""A real Kafka broker on this machine, by ../shared/servers."""

import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tests.servers import SCRIPTS

SCRIPT = SCRIPTS / "kafka"


def missing() -> str:
    """Why there is no broker here; "" where there can be one."""
    if not SCRIPT.exists():
        return "there is no ../shared/servers/kafka that starts a broker"
    lacking = [program for program in ("java", "mvn") if shutil.which(program) is None]
    return f"Kafka takes {' and '.join(lacking)}" if lacking else ""


@dataclass
class Kafka:
    """A broker, and the jars by which Spark reads it."""

    servers: str
    jars: str

    def stop(self) -> None:
        """End it; topics stay."""
        _said("stop")

    def start(self) -> None:
        """Go on."""
        _said("up")

    def send(self, topic: str, messages: Sequence[bytes]) -> None:
        """Write messages, each acknowledged."""
        from confluent_kafka import Producer

        producer = Producer({"bootstrap.servers": self.servers, "enable.idempotence": True})
        for message in messages:
            producer.produce(topic, message)
            producer.poll(0)
        assert producer.flush(60) == 0

    def read(self, topic: str, least: int = 0) -> list[bytes]:
        """All messages of a topic, at least so many."""
        from confluent_kafka import Consumer

        config: dict[str, Any] = {
            "bootstrap.servers": self.servers,
            "group.id": "tests",
            "auto.offset.reset": "earliest",
        }
        consumer = Consumer({**config, "enable.auto.commit": False, "enable.partition.eof": True})
        consumer.subscribe([topic])
        found: list[bytes] = []
        end = time.monotonic() + 60
        while time.monotonic() < end:
            message = consumer.poll(0.3)
            if message is None:
                continue
            if not message.error():
                found.append(message.value() or b"")
            elif len(found) >= least:  # the end of the topic
                break
        consumer.close()
        return found


def kafka() -> Iterator[Kafka]:
    """A broker for as long as it is used."""
    jars = _said("spark-jars")
    try:
        yield Kafka(_said("up"), jars)
    finally:
        _said("down")


def _said(*words: str) -> str:
    done = subprocess.run([SCRIPT, *words], capture_output=True, text=True, check=True, timeout=300)
    return done.stdout.strip()
