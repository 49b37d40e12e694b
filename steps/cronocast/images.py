"""The images and the pods that they run in: the one list that builds, chart, settings and steps read.

It stands on the lowest floor, since the chart's settings (`document`) and the steps (`chain`) need it, and it imports
nothing of the package, so that images/build.py reads it on a machine where nothing is installed. Standard library only.
"""

from collections.abc import Mapping
from dataclasses import dataclass

# Image -> the extras of pyproject.toml that it carries beside the core.
IMAGES: Mapping[str, tuple[str, ...]] = {
    "extract": (),
    "classify": ("linear",),
    "forecast": ("linear",),
    "forecast-lstm": ("linear", "lstm"),
    "forecast-lstm-gpu": ("linear", "lstm-gpu"),
    "forecast-stats": ("linear", "stats", "prophet"),
    "forecast-darts": ("linear", "darts"),
    "forecast-pretrained": ("linear", "pretrained"),
    "load": (),
    "serve": ("run", "serve"),
}


@dataclass(frozen=True)
class Pod:
    """A kind of pod: its image, and what the chart's `resources.KIND` sets for it unless a user says otherwise."""

    image: str
    cpu: str  # set aside
    memory: str  # set aside
    most_memory: str
    deadline_s: int
    about: str
    part: str = ""  # of forecast pods: the name of their share of the members


PODS: Mapping[str, Pod] = {
    "extract": Pod("extract", "50m", "64Mi", "256Mi", 600, "The extract pod."),
    "classify": Pod("classify", "100m", "128Mi", "512Mi", 600, "The classify pod."),
    "forecast": Pod("forecast", "250m", "256Mi", "1Gi", 1200, "Pods of light models.", part="light"),
    "heavy": Pod("forecast-lstm", "500m", "768Mi", "3Gi", 2400, "Pods of forecast-lstm.", part="lstm"),
    "stats": Pod("forecast-stats", "250m", "384Mi", "2Gi", 1200, "Pods of forecast-stats.", part="stats"),
    "darts": Pod("forecast-darts", "250m", "512Mi", "2Gi", 2400, "Pods of forecast-darts.", part="darts"),
    "select": Pod("load", "50m", "64Mi", "256Mi", 300, "The select pod."),
    "load": Pod("load", "50m", "64Mi", "256Mi", 600, "The load pod, and the one that writes the run's record."),
}
# Forecast pods by the name of their part. The light one comes first: what no image carries (a user's own class) runs
# there.
PARTS: Mapping[str, Pod] = {pod.part: pod for pod in PODS.values() if pod.part}
