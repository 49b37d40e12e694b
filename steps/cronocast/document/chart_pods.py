"""Where the pods of a series run, and what they get: a part of the chart's values."""

from dataclasses import dataclass, make_dataclass
from typing import Any

from cronocast.document.shapes import KEY, LABELS, OBJECTS, QUANTITIES, TEXT
from cronocast.images import IMAGES, PODS, Pod
from cronocast.settings.containers import Anything, MapOf
from cronocast.settings.declare import Part, setting
from cronocast.settings.kinds import Number, Text


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
