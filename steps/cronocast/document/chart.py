"""The chart's own values, beside `defaults` and `series`.

One typed definition gives the checks and the chart's JSON schema.
"""

from dataclasses import dataclass
from typing import Any

from cronocast.document.chart_pods import PodProfile, Resources
from cronocast.document.chart_serve import Serve
from cronocast.document.chart_watch import Janitor, Monitoring, Tend
from cronocast.document.shapes import FULL_NAME, KEY, LABELS, NAME, NAMES, OBJECTS, SIZE, TEXT, Shaped
from cronocast.images import IMAGES
from cronocast.settings.containers import ListOf, MapOf
from cronocast.settings.declare import Part, setting
from cronocast.settings.kinds import Flag, Number, Text


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
