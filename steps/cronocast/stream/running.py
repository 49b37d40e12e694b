"""Keeps the stream of an entry running: starts its query again after what passes by itself; its progress."""

import time
from pathlib import Path
from typing import Any

from cronocast.console import say
from cronocast.errors import ConfigError, CronocastError, DataError, TemporaryError, seen
from cronocast.handoff.files import series_lock
from cronocast.stream.job import Stream
from cronocast.stream.metrics import Metrics, serve
from cronocast.stream.settings import Regimes
from cronocast.stream.train import folder_of

POLL_S = 2.0  # between two looks at the query
LONGEST_WAIT_S = 30.0  # before the query is started again


def stream(
    entry: Regimes, root: Path, *, once: bool = False, address: str = "127.0.0.1", port: int | None = None
) -> int:
    """Label what arrives until the process is ended, or with `once` until what lies there now is done.

    Args:
        entry: Its settings.
        root: Folder that holds the folders of all series.
        once: Whether to end then.
        address: Where metrics are served.
        port: Of it; None to serve none.

    Raises:
        CronocastError: what can't be mended by waiting.
    """
    from cronocast.stream.spark import session

    metrics = Metrics(entry.name)
    folder = folder_of(root, entry.name)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        stop = serve(metrics, address, port) if port is not None else None
    except OSError as error:
        sentence = f"{error.strerror or error}; allowed: a free port of this machine"
        raise ConfigError.one("E_PORT", f"{address}:{port}", sentence) from error
    try:
        with series_lock(folder / "stream"):
            spark = session(f"regimes {entry.name}", entry.master, entry.jars, topics=True)
            try:
                _forever(Stream(entry, root, spark, metrics), once=once)
            finally:
                spark.stop()
    finally:
        if stop:
            stop()
    return 0


def _forever(running: Stream, *, once: bool) -> None:
    """Run the query, and start it again after what passes by itself."""
    wait, name = 1.0, running.entry.name
    say(f"{name}: from {running.entry.kafka.topic} at {running.entry.kafka.servers}")
    while True:
        began = time.monotonic()
        failed = _until_it_fails(running, once=once)
        if failed is None:
            return
        if once or not isinstance(failed, TemporaryError):
            raise failed
        wait = 1.0 if time.monotonic() - began > 10 * LONGEST_WAIT_S else min(2 * wait, LONGEST_WAIT_S)
        say(f"{name}: {failed}; again in {wait:g} s")
        running.metrics.restarts.inc()
        time.sleep(wait)


def _until_it_fails(running: Stream, *, once: bool) -> CronocastError | None:
    """Run the query; why it ended, None where all is done."""
    running.failed = None
    try:
        query = running.query(once=once)
        while not query.awaitTermination(POLL_S):
            _look(running, query)
    except Exception as error:  # noqa: BLE001 - Spark and Java have many; ours is kept
        text = str(error)
        if running.failed is not None:
            return running.failed
        if "failOnDataLoss" in text or "offset was changed" in text:
            sentence = (
                "the brokers have forgotten messages before they were read; what is left is read once the folder"
                " checkpoint is removed"
            )
            return DataError("E_DATA_LOSS", "kafka.topic", sentence)
        return TemporaryError("E_KAFKA", running.entry.kafka.servers, seen(" ".join(text.split())[:200]))
    return None


def _look(running: Stream, query: Any) -> None:  # noqa: ANN401
    """Take over what Spark tells of its progress."""
    progress = query.lastProgress
    if progress is None or not query.isActive:
        return
    running.metrics.alive()
    behind = (progress["sources"] or [{}])[0].get("metrics") or {}
    if (lag := behind.get("maxOffsetsBehindLatest")) is not None:
        running.metrics.lag.set(float(lag))
