"""Which image forecasts which member: models need different libraries, and many members may be split over pods.

Standard library only.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cronocast.chain.told import told
from cronocast.document.entry import Entry
from cronocast.errors import ConfigError, seen
from cronocast.handoff.evaluation import MemberEvaluation
from cronocast.handoff.files import atomic
from cronocast.images import PARTS
from cronocast.models.rules import image_of
from cronocast.models.table import MODELS
from cronocast.registry import row_of

# Classes with so much structure, or so little data, that a heavy model has nothing to add: a light one answers for
# them.
LIGHT_CLASSES = ("constant", "trend", "too_short")


@dataclass(frozen=True)
class ForecastPart:
    """One forecast container: an image and its share of the members, the `index`-th of `count`."""

    image: str
    index: int = 0
    count: int = 1

    @classmethod
    def parse(cls, text: str) -> "ForecastPart":
        """Read `lstm-0/3`.

        Raises:
            ConfigError: anything else, or an unknown image.
        """
        image, _, share = text.rpartition("-")
        index, _, count = share.partition("/")
        if image in PARTS and index.isdecimal() and count.isdecimal() and int(index) < int(count) <= 100:
            return cls(image, int(index), int(count))
        raise ConfigError.one(
            "E_CONFIG_CHOICE",
            "--part",
            f"{seen(text)} is not a part; allowed: IMAGE-INDEX/COUNT such as light-0/3, images {', '.join(PARTS)}",
        )

    def __str__(self) -> str:
        """As `parse` reads it."""
        return f"{self.image}-{self.index}/{self.count}"

    @property
    def name(self) -> str:
        """Names its files: `lstm-0`."""
        return f"{self.image}-{self.index}"

    @property
    def file(self) -> str:
        """Where its forecast lies in the run folder."""
        return f"forecast/{self.name}.csv"


def models_by_image(entry: Entry, series_class: str) -> dict[str, tuple[str, ...]]:
    """Which models each image tries for a member of a class; () means that the image chooses by class.

    A fixed model goes to its image. With `auto` the light image always has a say, and a candidate of another
    image joins where the class leaves it something to learn.
    """
    if entry.model != "auto":
        return {image_of(entry.model): (entry.model,)}
    tries: dict[str, tuple[str, ...]] = {"light": ()}
    for name in entry.candidates:
        image = image_of(name)
        if image == "light" or series_class not in LIGHT_CLASSES:
            tries[image] = (*tries.get(image, ()), name)
    return tries


def parts(entry: Entry, classes: Sequence[str]) -> list[ForecastPart]:
    """Every container needed to forecast members of these classes; a single one writes forecast.csv itself."""
    images = [image for image in PARTS if any(image in models_by_image(entry, c) for c in classes)]
    count = min(entry.shards, max(1, len(classes)))
    return [ForecastPart(image, index, count) for image in images for index in range(count)]


def trains_only(entry: Entry, image: str) -> bool:
    """Tell whether all models of an image need it for training alone, and forecast in the light one."""
    named = entry.candidates if entry.model == "auto" else (entry.model,)
    rows = [row_of(MODELS, name) for name in named if image_of(name) == image]
    return bool(rows) and all(row is not None and row.later for row in rows)


def write_outputs(
    folder: Path,
    entry: Entry,
    classes: Sequence[str],
    found: Collection[MemberEvaluation] = (),
    resting: Collection[str] = (),
) -> None:
    """Write what a workflow engine branches on, one small file per value.

    `parts-<image>` is a JSON list of the image's parts ([] where it has nothing to do; [""] where one container does it
    all), `select` says true where parts are merged afterwards, `work` says true where there is anything to forecast,
    `class` is the commonest class. `verdict` and `crossings` say what evaluate found. Parts of images that are
    `resting`, since nothing is to be trained, go to the light one.
    """
    needed = parts(entry, classes)
    # A container that is told no part tries every candidate, also those of images that no member needs.
    alone = len(needed) == 1 and (
        entry.model != "auto" or all(image_of(name) == needed[0].image for name in entry.candidates)
    )
    runs_in = {image: "light" if image in resting else image for image in PARTS}
    values: dict[str, Any] = {
        f"parts-{image}": json.dumps(["" if alone else str(p) for p in needed if runs_in[p.image] == image])
        for image in PARTS
    }
    values["work"] = "true" if needed else "false"
    values["select"] = "false" if alone or not needed else "true"
    values["class"] = max(sorted(set(classes)), key=list(classes).count, default="none")
    for name, text in {**values, **told(found)}.items():
        with atomic(folder / name) as file:
            file.write(text.encode())
