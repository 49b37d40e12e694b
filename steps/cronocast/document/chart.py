"""The chart's own values, beside `defaults` and `series`.

One typed definition gives the checks and the chart's JSON schema.
"""

from dataclasses import dataclass, make_dataclass
from typing import Any

from cronocast.document.chart_serve import Serve
from cronocast.document.shapes import CRON, FULL_NAME, KEY, LABELS, NAME, NAMES, OBJECTS, QUANTITIES, SIZE, TEXT, Shaped
from cronocast.durations import Duration
from cronocast.images import IMAGES, PODS, Pod
from cronocast.settings.containers import Anything, ListOf, MapOf
from cronocast.settings.declare import Part, setting
from cronocast.settings.kinds import Flag, Number, Span, Text


@dataclass(frozen=True)
class Image:
    """Where the images come from: REGISTRY/NAME:TAG, or @DIGEST where one is given."""

    registry: str = setting(
        Shaped(about="HOST/PATH without a scheme", pattern=r"[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9._-]+)*/?"),
        "ghcr.io/cronocast",
        "Registry and path in front of the name of an image.",
    )
    tag: str = setting(
        Shaped(about="a tag, or empty", pattern=r"([A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?"),
        "",
        "Tag of every image; the chart's appVersion if empty.",
    )
    digests: dict[str, str] = setting(
        MapOf(Text(tuple(IMAGES)), Shaped(about="sha256: and 64 digits", pattern="sha256:[0-9a-f]{64}")),
        {},
        f"Digest by image name ({', '.join(IMAGES)}), used instead of the tag.",
    )
    pullPolicy: str = setting(Text(("IfNotPresent", "Always", "Never")), "IfNotPresent", "When nodes pull an image.")
    pullSecrets: tuple[str, ...] = setting(ListOf(FULL_NAME), (), "Pull secrets for the registry.")


@dataclass(frozen=True)
class Volume:
    """The claim that run folders and saved models lie on. It is kept when the release is removed."""

    enabled: bool = setting(
        Flag(),
        True,
        "Keep runs and models on a claim. Without it a run has its own folder, which ends with its one pod: all is made"
        " anew each time, alerts remember nothing, and series of several pods are refused.",
    )
    existingClaim: str = setting(NAMES, "", "Use this claim instead of creating one.")
    storageClass: str = setting(NAMES, "", "Storage class; the cluster's default if empty.")
    size: str = setting(SIZE, "5Gi", "Size of the claim.")
    accessMode: str = setting(
        Text(("ReadWriteOnce", "ReadWriteMany")),
        "ReadWriteOnce",
        "With ReadWriteOnce all pods need the same node; ReadWriteMany, which few storage classes have, lets them use"
        " several.",
    )
    weights: str = setting(
        NAMES, "", "Claim with the weights of pretrained models, mounted read-only at /weights in pods of darts models."
    )


@dataclass(frozen=True)
class Secrets:
    """Secrets by name; each is mounted as files, never put into env variables or arguments."""

    source: str = setting(
        NAMES, "", "Secret mounted at /secrets/source in extract and load, such as keys password or token."
    )
    sink: str = setting(NAMES, "", "Secret mounted at /secrets/sink in load.")
    ca: str = setting(NAMES, "", "Secret with certificates, mounted at /secrets/ca in extract and load.")
    notify: str = setting(
        NAMES,
        "",
        "Secret mounted at /secrets/notify in what sends alerts (alert and record), with a key for each address,"
        " password or token of the notifiers.",
    )
    more: dict[str, str] = setting(
        MapOf(NAME, FULL_NAME),
        {},
        "Further Secrets for series with servers of their own: {db2: influxdb-db2} is at /secrets/db2 in extract,"
        " load and record.",
    )


@dataclass(frozen=True)
class Placement:
    """Where pods run and what they may use."""

    nodeSelector: dict[str, str] = setting(LABELS, {}, "Labels that a node must have.")
    tolerations: tuple[Any, ...] = setting(OBJECTS, (), "Taints that the pods tolerate.")
    affinity: dict[str, Any] = setting(MapOf(TEXT, Anything()), {}, "Affinity, as in a pod.")


@dataclass(frozen=True)
class Heavy(Placement):
    """Pods of the heavy images (lstm and the like)."""

    image: str = setting(
        Text(tuple(name for name in IMAGES if name.startswith("forecast-lstm"))),
        "forecast-lstm",
        "Image that carries TensorFlow.",
    )
    gpus: int = setting(
        Number(0, 16, whole=True),
        0,
        "GPUs per pod. They need the image forecast-lstm-gpu: forecast-lstm computes on the CPU.",
    )
    gpuResource: str = setting(KEY, "nvidia.com/gpu", "Resource name of a GPU.")


@dataclass(frozen=True)
class DartsPods(Placement):
    """Pods of forecast-darts, or of what carries torch beside it."""

    image: str = setting(
        Text(("forecast-darts", "forecast-pretrained")),
        "forecast-darts",
        "forecast-pretrained carries torch, which pretrained models need.",
    )
    gpus: int = setting(
        Number(0, 16, whole=True), 0, "GPUs per pod. They need the image forecast-pretrained, which does without too."
    )
    gpuResource: str = setting(KEY, "nvidia.com/gpu", "Resource name of a GPU.")


@dataclass(frozen=True)
class PodProfile:
    """One WorkflowTemplate: series choose it by their `profile`."""

    light: Placement = setting(Part(Placement), Placement(), "Pods of every image except those under heavy and darts.")
    heavy: Heavy = setting(
        Part(Heavy), Heavy(), "Pods of forecast-lstm; what is set here overrides what is set under light."
    )
    darts: DartsPods = setting(
        Part(DartsPods), DartsPods(), "Pods of darts models; what is set here overrides what is set under light."
    )


@dataclass(frozen=True)
class Schedule:
    """Settings shared by all CronWorkflows."""

    concurrencyPolicy: str = setting(
        Text(("Forbid", "Replace")),
        "Forbid",
        "Forbid skips a start while a run is in progress; Replace ends the old run, which then leaves no record.",
    )
    startingDeadlineSeconds: int = setting(
        Number(1, 86400, whole=True),
        600,
        "After an outage the latest missed start is made up for if it is less than this late. Ignored with Replace,"
        " where Argo could end the late run again and again.",
    )
    successfulRuns: int = setting(Number(0, 1000, whole=True), 3, "Successful runs that Argo keeps per series.")
    failedRuns: int = setting(Number(0, 1000, whole=True), 3, "Failed runs that Argo keeps per series.")
    deadlineSeconds: int = setting(Number(10, 604800, whole=True), 3300, "A whole run is stopped after this time.")
    parallel: int = setting(
        Number(0, 100_000, whole=True),
        0,
        "Runs of the release that work at the same time, at most; others wait without a pod. 0: no limit.",
    )
    priorityClass: str = setting(NAMES, "", "Priority class of the pods of a run.")
    topologySpread: tuple[Any, ...] = setting(
        OBJECTS, (), "Topology spread constraints of the pods of a run, as in a pod."
    )
    labelClass: bool = setting(
        Flag(),
        False,
        "Also label runs with the most common class among their members, so that Argo can filter by it: one more pod"
        " per run, under an account of its own that may change workflows.",
    )


@dataclass(frozen=True)
class Retry:
    """How Argo repeats a step whose exit code says that it may pass."""

    limit: int = setting(Number(0, 20, whole=True), 3, "Retries of one step.")
    seconds: int = setting(
        Number(1, 3600, whole=True),
        20,
        "Initial back-off, doubled per retry, plus per-series jitter of up to the same amount.",
    )
    capSeconds: int = setting(Number(1, 86400, whole=True), 300, "Longest back-off.")


@dataclass(frozen=True)
class StepResources:
    """Resources and deadline of one kind of pod."""

    requests: dict[str, str] = setting(QUANTITIES, {}, "Resource requests of the container.")
    limits: dict[str, str] = setting(QUANTITIES, {}, "Resource limits of the container.")
    deadlineSeconds: int = setting(
        Number(1, 604800, whole=True), 600, "The step is stopped after this time; Argo retries it."
    )


def _resources(pod: Pod) -> StepResources:
    return StepResources(
        {"cpu": pod.cpu, "memory": pod.memory, "ephemeral-storage": "64Mi"},
        {"memory": pod.most_memory, "ephemeral-storage": "256Mi"},
        pod.deadline_s,
    )


# By kind of pod, as images.py lists them.
Resources = make_dataclass(
    "Resources",
    [(kind, StepResources, setting(Part(StepResources), _resources(pod), pod.about)) for kind, pod in PODS.items()],
    frozen=True,
)


@dataclass(frozen=True)
class Security:
    """The user that every pod runs as. Root, privileges and a writable root file system are not on offer."""

    runAsUser: int = setting(
        Number(1, 2**31 - 1, whole=True), 10001, "User id; null leaves it to the cluster, as OpenShift requires."
    )
    runAsGroup: int = setting(
        Number(1, 2**31 - 1, whole=True), 10001, "Group id; null leaves it to the cluster, as OpenShift requires."
    )
    fsGroup: int = setting(
        Number(1, 2**31 - 1, whole=True),
        10001,
        "Group that owns the files of the volume; null leaves it to the cluster, as OpenShift requires.",
    )
    patchArgo: bool = setting(
        Flag(), True, "Also restrict Argo's own containers; not needed where the controller's configuration does it."
    )


@dataclass(frozen=True)
class ServiceAccount:
    """The account that the pods of a run use."""

    create: bool = setting(Flag(), True, "Create the service account, its role and the binding.")
    name: str = setting(NAMES, "", "Its name; the release's name if empty.")
    annotations: dict[str, str] = setting(
        MapOf(KEY, TEXT), {}, "Annotations of the account of runs, such as those of a cloud's workload identity."
    )


@dataclass(frozen=True)
class NetworkPolicy:
    """What the pods may reach."""

    enabled: bool = setting(
        Flag(), True, "Create a NetworkPolicy: no ingress, and egress only to DNS, the API server and what is listed."
    )
    egress: tuple[Any, ...] = setting(
        OBJECTS,
        (),
        "Egress rules for the databases, as in a NetworkPolicy; if empty, the ports in the URLs of the series, at any"
        " address. A policy applies to the port of the pods: where a Service maps another port to it, name that of the"
        " pods here.",
    )
    apiServerPorts: tuple[int, ...] = setting(
        ListOf(Number(1, 65535, whole=True)),
        (443, 6443),
        "Ports on which the API server itself listens, for Argo's container, which reports to it: 8443 on minikube,"
        " 16443 on MicroK8s.",
    )


@dataclass(frozen=True)
class Janitor:
    """The job that removes old run folders."""

    enabled: bool = setting(Flag(), True, "Create the job.")
    schedule: str = setting(CRON, "23 3 * * *", "When it runs, in UTC.")
    keep: Duration = setting(
        Span(),
        Duration.parse("7d"),
        "Run folders that changed within this time are kept; the newest of each series is always kept.",
    )
    runs: int = setting(
        Number(1, 100_000, whole=True),
        100,
        "Runs of a series that are kept, at most; each run removes what is more, and the history of those before it.",
    )
    gone: Duration = setting(
        Span(), Duration.parse("90d"), "All of a series in whose folder nothing changed for this time is removed."
    )


@dataclass(frozen=True)
class Tend:
    """The job that ends runs whose pods do not start, and has Argo take up schedules that it missed."""

    enabled: bool = setting(
        Flag(), True, "Create the job. Its account may list and change workflows and schedules in the namespace."
    )
    schedule: str = setting(CRON, "*/5 * * * *", "When it runs, in UTC.")
    pendingSeconds: int = setting(
        Number(1, 86400, whole=True),
        900,
        "A run is stopped where a pod waits longer than this for a node, a claim or an image; it leaves its record.",
    )


@dataclass(frozen=True)
class Rules:
    """Alerts for Prometheus, as an object of its operator."""

    enabled: bool = setting(Flag(), False, "Create a PrometheusRule; the cluster must have the Prometheus operator.")
    labels: dict[str, str] = setting(LABELS, {}, "Labels by which Prometheus finds its rules, such as release.")
    periods: int = setting(
        Number(1, 1000, whole=True), 3, "A series is alarmed on after this many of its periods without a success."
    )
    runbook: str = setting(
        Shaped(about="https://HOST/PATH#, without the name", pattern=r"https?://[^\s{}]+"),
        "https://github.com/cronocast/cronocast/blob/main/docs/runbook.md#",
        "Address of the runbook; the name of the alert, in small letters, comes behind it.",
    )


@dataclass(frozen=True)
class Monitoring:
    """What is told about runs to those who watch the cluster."""

    metrics: bool = setting(
        Flag(), True, "Have Argo's controller count runs by series and status: argo_workflows_cronocast_..."
    )
    rules: Rules = setting(Part(Rules), Rules(), "Alerts on what these metrics and those of the cluster say.")


@dataclass(frozen=True)
class Chart:
    """Every value of the chart but `defaults` and `series`."""

    nameOverride: str = setting(NAMES, "", "Name of the objects; the release's name if empty.")
    labels: dict[str, str] = setting(LABELS, {}, "Labels for every object and pod.")
    annotations: dict[str, str] = setting(MapOf(KEY, TEXT), {}, "Annotations for every object and pod.")
    image: Image = setting(Part(Image), Image(), "Where the images come from.")
    volume: Volume = setting(Part(Volume), Volume(), "The claim that the steps share.")
    secrets: Secrets = setting(Part(Secrets), Secrets(), "Secrets by name.")
    profiles: dict[str, PodProfile] = setting(
        MapOf(NAME, Part(PodProfile)),
        {"cpu": PodProfile()},
        "WorkflowTemplates by name; series choose one by their profile.",
    )
    schedule: Schedule = setting(Part(Schedule), Schedule(), "Settings shared by all CronWorkflows.")
    retry: Retry = setting(Part(Retry), Retry(), "How Argo retries a step.")
    resources: Any = setting(Part(Resources), Resources(), "Resources and deadlines by step.")
    security: Security = setting(Part(Security), Security(), "The user that every pod runs as.")
    serviceAccount: ServiceAccount = setting(Part(ServiceAccount), ServiceAccount(), "The account that the pods use.")
    networkPolicy: NetworkPolicy = setting(Part(NetworkPolicy), NetworkPolicy(), "What the pods may reach.")
    janitor: Janitor = setting(Part(Janitor), Janitor(), "The job that removes old run folders.")
    serve: Serve = setting(Part(Serve), Serve(), "The server of metrics.")
    tend: Tend = setting(
        Part(Tend),
        Tend(),
        "The job that stops runs which wait for ever, and has Argo take up schedules that it missed.",
    )
    monitoring: Monitoring = setting(
        Part(Monitoring), Monitoring(), "What is told about runs to those who watch the cluster."
    )
