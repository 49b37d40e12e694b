"""Progress of a stream as Prometheus metrics, and whether it is alive."""

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, make_wsgi_app

STALE_S = 120.0  # Spark tells of its progress every ten seconds at least
BUCKETS = (0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60)


class Metrics:
    """What a stream counts; every metric carries the entry as label `series`."""

    def __init__(self, series: str) -> None:
        self.registry, label = CollectorRegistry(), ("series",)

        def counter(name: str, about: str) -> Any:  # noqa: ANN401 - a child of a counter
            return Counter(f"cronocast_regimes_{name}", about, label, registry=self.registry).labels(series)

        def gauge(name: str, about: str) -> Any:  # noqa: ANN401
            return Gauge(f"cronocast_regimes_{name}", about, label, registry=self.registry).labels(series)

        self.messages = counter("messages", "Messages read from the topic.")
        self.points = counter("points", "Values that the sink acknowledged with their regimes.")
        self.invalid = counter("invalid", "Messages that can't be read: dead letters.")
        self.late = counter("late", "Messages that came too late: dead letters.")
        self.refused = counter("refused", "Values that the sink refused: dead letters.")
        self.unknown = counter("unknown", "Values that belong to no regime.")
        self.changes = counter("changes", "Changes from one regime to another.")
        self.restarts = counter("restarts", "Starts of the query after a failure.")
        self.lag = gauge("lag_messages", "Messages that wait on the topic.")
        self.newest = gauge("newest_timestamp_seconds", "Time of the newest value, as its message says.")
        self.model = gauge("model_timestamp_seconds", "When the model in use was trained.")
        self.progress = gauge("progress_timestamp_seconds", "When the stream last told of its progress.")
        self.seconds = Histogram(
            "cronocast_regimes_batch_seconds",
            "Time that a batch takes.",
            label,
            registry=self.registry,
            buckets=BUCKETS,
        ).labels(series)
        self.alive_ns = time.monotonic_ns()

    def alive(self) -> None:
        """Note that the stream makes progress, if only by waiting."""
        self.alive_ns = time.monotonic_ns()
        self.progress.set_to_current_time()

    def healthy(self) -> bool:
        """Whether it made progress lately."""
        return time.monotonic_ns() - self.alive_ns < STALE_S * 1e9


def serve(metrics: Metrics, address: str, port: int) -> Callable[[], None]:
    """Answer `/metrics` and `/healthz` in a thread; returns what ends it.

    Raises:
        OSError: the port is taken.
    """
    of_metrics = make_wsgi_app(metrics.registry)

    def app(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if environ.get("PATH_INFO") != "/healthz":
            return of_metrics(environ, start)  # type: ignore[no-any-return]
        healthy = metrics.healthy()
        start("200 OK" if healthy else "503 Service Unavailable", [("Content-Type", "text/plain; charset=utf-8")])
        return [b"ok\n" if healthy else b"no progress\n"]

    server = make_server(address, port, app, server_class=WSGIServer, handler_class=_Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def end() -> None:
        server.shutdown()
        server.server_close()

    return end


class _Quiet(WSGIRequestHandler):
    """Says nothing of each scrape."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, ANN401 - as in the base class
        pass
