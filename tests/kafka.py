"""A real Kafka broker on this machine, and its topics."""

import shutil
import time
from collections.abc import Sequence
from typing import Any

from demo.kafka_broker import Broker


def missing() -> str:
    """Why there is no broker here; "" where there can be one."""
    lacking = [program for program in ("java", "mvn") if shutil.which(program) is None]
    return f"Kafka takes Java and Maven; there is no {' and no '.join(lacking)}" if lacking else ""


def send(broker: Broker, topic: str, messages: Sequence[bytes]) -> None:
    """Write messages, each acknowledged."""
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": broker.servers, "enable.idempotence": True, "log_level": 0})
    for message in messages:
        producer.produce(topic, message)
        producer.poll(0)
    assert producer.flush(60) == 0


def read(broker: Broker, topic: str, least: int = 0) -> list[bytes]:
    """All messages of a topic, at least so many."""
    from confluent_kafka import Consumer

    config: dict[str, Any] = {"bootstrap.servers": broker.servers, "group.id": "tests", "enable.auto.commit": False}
    consumer = Consumer({**config, "auto.offset.reset": "earliest", "enable.partition.eof": True})
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
