"""The metrics of the server itself: requests, the page, the process; by prometheus_client."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    Info,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

from cronocast import __version__
from cronocast.serve.page import Text

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # seconds


class OwnMetrics:
    """Counts of one server, in a registry of their own: two servers in one process do not share them."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        Info("cronocast_serve_build", "Version of the server.", registry=self.registry).info({"version": __version__})
        labels = ("route", "method")
        self._requests = Counter(
            "cronocast_serve_requests", "Requests answered.", (*labels, "code"), registry=self.registry
        )
        self._seconds = Histogram(
            "cronocast_serve_request_duration_seconds", "Time to the answer.", labels, registry=self.registry,
            buckets=BUCKETS,
        )  # fmt: skip
        self._open = Gauge("cronocast_serve_requests_in_progress", "Requests being answered.", registry=self.registry)
        self._made = Gauge(
            "cronocast_serve_refresh_timestamp_seconds",
            "When the page was last held against the volume.",
            registry=self.registry,
        )
        self._took = Gauge("cronocast_serve_refresh_duration_seconds", "How long that took.", registry=self.registry)
        self._series = Gauge("cronocast_serve_series", "Series on the page.", registry=self.registry)
        self._samples = Gauge("cronocast_serve_samples", "Samples of forecasts on the page.", registry=self.registry)
        self._problems = Gauge(
            "cronocast_serve_unreadable_files", "What of the volume can't be read; the log names it.",
            registry=self.registry,
        )  # fmt: skip

    @contextmanager
    def request(self, method: str) -> Iterator[dict[str, str]]:
        """Count a request; the caller fills in its route and the code of its answer."""
        begin, told = time.perf_counter(), {"route": "other", "code": "500"}
        with self._open.track_inprogress():
            try:
                yield told
            finally:
                self._requests.labels(told["route"], method, told["code"]).inc()
                self._seconds.labels(told["route"], method).observe(time.perf_counter() - begin)

    def text(self, page: Text) -> bytes:
        """All of them as text, with those of a page."""
        self._made.set(page.made_s)
        self._took.set(page.took_s)
        self._series.set(page.series)
        self._samples.set(page.samples)
        self._problems.set(len(page.problems))
        return generate_latest(self.registry)
