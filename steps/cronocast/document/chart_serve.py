"""The chart's values of `cronocast serve`."""

from dataclasses import dataclass
from typing import Any

from cronocast.document.shapes import LABELS, NAMES, OBJECTS, QUANTITIES, TEXT
from cronocast.durations import Duration
from cronocast.settings.containers import Anything, ListOf, MapOf
from cronocast.settings.declare import Part, setting
from cronocast.settings.kinds import Flag, Number, Span


@dataclass(frozen=True)
class Monitor:
    """A ServiceMonitor for Prometheus' operator."""

    enabled: bool = setting(Flag(), False, "Create a ServiceMonitor; needs the operator's CRDs.")
    labels: dict[str, str] = setting(LABELS, {}, "Labels by which a Prometheus finds it.")
    interval: Duration = setting(Span(), Duration.parse("30s"), "How often it is scraped.")


@dataclass(frozen=True)
class Actual:
    """Where Prometheus itself has the values of a series."""

    series: str = setting(TEXT, ..., "The series.")
    expr: str = setting(TEXT, ..., "PromQL of its values, such as avg by (host) (node_load1).")
    on: tuple[str, ...] = setting(ListOf(TEXT), (), "Labels by which values and forecasts belong together.")


@dataclass(frozen=True)
class Rules:
    """A PrometheusRule for Prometheus' operator."""

    enabled: bool = setting(
        Flag(), False, "Create a PrometheusRule with the rules of files/rules.yaml; needs the operator's CRDs."
    )
    labels: dict[str, str] = setting(LABELS, {}, "Labels by which a Prometheus finds it.")
    actuals: tuple[Actual, ...] = setting(
        ListOf(Part(Actual)),
        (),
        "Series whose values Prometheus has, each with series, expr (PromQL of them) and on (labels by which they and"
        " forecasts belong together): an alert tells when they leave the interval that was forecast.",
    )


@dataclass(frozen=True)
class ServeResources:
    """Resources of one pod of the server."""

    requests: dict[str, str] = setting(
        QUANTITIES,
        {"cpu": "50m", "memory": "128Mi", "ephemeral-storage": "16Mi"},
        "Resource requests of the container.",
    )
    limits: dict[str, str] = setting(
        QUANTITIES, {"memory": "512Mi", "ephemeral-storage": "64Mi"}, "Resource limits of the container."
    )


@dataclass(frozen=True)
class ServeApi:
    """Series over HTTP, each a CronWorkflow that the server makes."""

    enabled: bool = setting(
        Flag(), False, "Also take series over HTTP; the server then has an account that may change CronWorkflows."
    )
    tokensSecret: str = setting(NAMES, "", "Secret whose key tokens has a line for each token: who may ask.")
    allowedHosts: tuple[str, ...] = setting(
        ListOf(TEXT), (), "Hosts that series may name, *.example.org for all below one."
    )
    requestsPerMinute: int = setting(
        Number(1, 100_000, whole=True), 120, "Requests that each token may make in a minute."
    )


@dataclass(frozen=True)
class Serve:
    """The server of metrics."""

    enabled: bool = setting(Flag(), False, "Create the Deployment, with its Service and what guards it.")
    replicas: int = setting(Number(1, 20, whole=True), 1, "Pods; each serves the whole page.")
    port: int = setting(Number(1024, 65535, whole=True), 9108, "Port of the pods and of the Service.")
    leads: tuple[Duration, ...] = setting(
        ListOf(Span(), 20),
        (Duration.parse("1h"), Duration.parse("24h")),
        "How far ahead forecasts are shown, beside now.",
    )
    refresh: Duration = setting(
        Span(), Duration.parse("15s"), "How often the page is held against the volume and the clock."
    )
    trainPrometheus: str = setting(TEXT, "", "Series that is also shown under the names of train-prometheus.")
    ingress: tuple[Any, ...] = setting(
        OBJECTS, (), "Who may ask, as peers of a NetworkPolicy; any pod of the cluster if empty."
    )
    nodeSelector: dict[str, str] = setting(LABELS, {}, "Labels that a node must have.")
    tolerations: tuple[Any, ...] = setting(OBJECTS, (), "Taints that the pods tolerate.")
    affinity: dict[str, Any] = setting(MapOf(TEXT, Anything()), {}, "Affinity, as in a pod.")
    resources: ServeResources = setting(Part(ServeResources), ServeResources(), "Resources of a pod.")
    serviceMonitor: Monitor = setting(Part(Monitor), Monitor(), "How Prometheus' operator finds it.")
    rules: Rules = setting(Part(Rules), Rules(), "Recording and alert rules.")
    api: ServeApi = setting(Part(ServeApi), ServeApi(), "Series over HTTP.")
