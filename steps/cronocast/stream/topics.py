"""Writing to topics: every message acknowledged by all replicas, or an error."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from cronocast.durations import stamp
from cronocast.errors import TemporaryError, seen
from cronocast.handoff.series import parse_tags
from cronocast.stream.batch import Dead, Labelled

FLUSH_S = 60.0  # for the last message of a batch to be acknowledged


class Producer:
    """Writes to the topics of some brokers."""

    def __init__(self, servers: str) -> None:
        import confluent_kafka

        self._servers = servers
        self._failed: list[str] = []
        # in order and once each, as far as a producer can tell; who starts anew writes the last batch again
        config = {
            "bootstrap.servers": servers,
            "enable.idempotence": True,
            "compression.type": "lz4",
            "linger.ms": 5,
            "log_level": 0,
        }
        self._producer: Any = confluent_kafka.Producer(config, logger=_silent())
        self._full = BufferError

    def send(self, topic: str, messages: Iterable[tuple[bytes | None, bytes]]) -> int:
        """Write messages, key and value each, and wait until all are acknowledged; their number.

        Raises:
            TemporaryError: some were not.
        """
        count = 0
        for key, value in messages:
            while True:
                try:
                    self._producer.produce(topic, value, key, on_delivery=self._told)
                    break
                except self._full:
                    self._producer.poll(0.1)
            count += 1
            if count % 1000 == 0:
                self._producer.poll(0)
        left = self._producer.flush(FLUSH_S) if count else 0
        failed, self._failed = self._failed, []
        if left or failed:
            why = failed[0] if failed else f"no answer within {FLUSH_S:g} s"
            sentence = f"{left + len(failed)} of {count} messages were not acknowledged: {seen(why)}"
            raise TemporaryError("E_KAFKA", f"{self._servers}/{topic}", sentence)
        return count

    def _told(self, error: Any, _: Any) -> None:  # noqa: ANN401 - of a library without types
        if error is not None:
            self._failed.append(str(error))


def _silent() -> Any:  # noqa: ANN401
    import logging

    logger = logging.getLogger("cronocast.kafka")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    return logger


def labelled_messages(
    fields: tuple[str, ...], time_key: str, labelled: Iterable[Labelled]
) -> Iterator[tuple[bytes, bytes]]:
    """What the output topic gets: each value with its regime, keyed by its machine."""
    for one in labelled:
        tags = dict(parse_tags(one.tags))
        rows = zip(
            one.time_ns.tolist(), one.values.tolist(), one.regime, one.label, one.probability.tolist(), strict=True
        )
        for time_ns, values, regime, label, probability in rows:
            document = {
                time_key: stamp(time_ns),
                **tags,
                **dict(zip(fields, values, strict=True)),
                "regime": regime,
                "label": label,
                "probability": round(probability, 6),
            }
            yield one.tags.encode(), json.dumps(document).encode()


def dead_letters(dead: Iterable[Dead]) -> Iterator[tuple[None, bytes]]:
    """What the topic of dead letters gets: the reason, and the message as text."""
    for one in dead:
        text = one.message.decode("utf-8", "backslashreplace")
        yield None, json.dumps({"reason": one.reason, "late": one.late, "message": text}).encode()
