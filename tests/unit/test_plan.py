"""Which image forecasts which member, in how many pods, and what a workflow engine is told."""

import json
from pathlib import Path
from typing import Any

import pytest

from cronocast.chain.parts import LIGHT_CLASSES, ForecastPart, models_by_image, parts, write_outputs
from cronocast.document.entry import Entry, parse_entry
from cronocast.errors import ConfigError
from cronocast.handoff.classes import CLASSES
from cronocast.images import IMAGES, PARTS
from cronocast.models.rules import image_of
from cronocast.models.table import MODELS


def entry(**settings: Any) -> Entry:
    return parse_entry(
        {"name": "a", "source": {"url": "http://h:1", "database": "d", "measurement": "m", "field": "f"}, **settings}
    )


@pytest.mark.parametrize("model", MODELS)
def test_every_model_runs_in_an_image_that_has_its_libraries(model: str) -> None:
    extra, image = MODELS[model].extra, image_of(model)
    carried = any(extra in IMAGES[pod.image] for pod in PARTS.values())
    assert (
        extra in IMAGES[PARTS[image].image] if carried else image == "light"
    )  # no image of ours has it: a person's own takes the place of the light one


@pytest.mark.parametrize(
    ("model", "image"),
    [
        ("lstm", "lstm"),
        ("linear", "light"),
        ("mstl", "stats"),
        ("prophet", "stats"),
        ("darts:Theta", "darts"),
        ("my.module:Model", "light"),
        ("auto", "light"),
    ],
)
def test_image_of(model: str, image: str) -> None:
    assert image_of(model) == image


TRIES: dict[str, tuple[dict[str, Any], str, dict[str, tuple[str, ...]]]] = {
    "auto chooses by class in the light image": ({}, "seasonal", {"light": ()}),
    "a fixed light model": ({"model": "theta"}, "seasonal", {"light": ("theta",)}),
    "a fixed heavy model, whatever the class": ({"model": "lstm"}, "constant", {"lstm": ("lstm",)}),
    "a heavy candidate joins": (
        {"candidates": ["lstm", "naive"]},
        "seasonal",
        {"light": ("naive",), "lstm": ("lstm",)},
    ),
    "a heavy candidate alone leaves the light image its choice": (
        {"candidates": ["lstm"]},
        "irregular",
        {"light": (), "lstm": ("lstm",)},
    ),
    "a heavy candidate has nothing to add": ({"candidates": ["lstm", "naive"]}, "constant", {"light": ("naive",)}),
}


@pytest.mark.parametrize(("settings", "series_class", "expected"), TRIES.values(), ids=TRIES)
def test_models_by_image(settings: dict[str, Any], series_class: str, expected: dict[str, tuple[str, ...]]) -> None:
    assert models_by_image(entry(**settings), series_class) == expected


@pytest.mark.parametrize("series_class", CLASSES)
@pytest.mark.parametrize("settings", [{}, {"candidates": ["lstm"]}, {"model": "lstm"}, {"model": "linear"}])
def test_every_member_has_an_image(series_class: str, settings: dict[str, Any]) -> None:
    assert models_by_image(entry(**settings), series_class)


PLANS: dict[str, tuple[dict[str, Any], list[str], list[str]]] = {
    "nothing to do": ({"shards": 3}, [], []),
    "one": ({}, ["trend"], ["light-0/1"]),
    "no more shards than members": ({"shards": 5}, ["trend", "seasonal"], ["light-0/2", "light-1/2"]),
    "shards": ({"shards": 3}, ["trend"] * 7, ["light-0/3", "light-1/3", "light-2/3"]),
    "an image nobody needs has no part": ({"candidates": ["lstm"]}, ["constant"], ["light-0/1"]),
    "an image that one member needs": ({"candidates": ["lstm"]}, ["constant", "seasonal"], ["light-0/1", "lstm-0/1"]),
    "both images in shards": (
        {"candidates": ["lstm"], "shards": 2},
        ["seasonal"] * 3,
        ["light-0/2", "light-1/2", "lstm-0/2", "lstm-1/2"],
    ),
    "each candidate in its image": (
        {"candidates": ["theta", "mstl", "prophet", "lstm"]},
        ["seasonal"],
        ["light-0/1", "lstm-0/1", "stats-0/1"],
    ),
    "only heavy": ({"model": "lstm"}, ["seasonal"], ["lstm-0/1"]),
}


@pytest.mark.parametrize(("settings", "classes", "expected"), PLANS.values(), ids=PLANS)
def test_parts(settings: dict[str, Any], classes: list[str], expected: list[str]) -> None:
    assert [str(part) for part in parts(entry(**settings), classes)] == expected


@pytest.mark.parametrize(("settings", "classes", "expected"), PLANS.values(), ids=PLANS)
def test_what_the_engine_reads_agrees_with_the_plan(
    settings: dict[str, Any], classes: list[str], expected: list[str], tmp_path: Path
) -> None:
    write_outputs(tmp_path, entry(**settings), classes)
    told = {path.name: path.read_text() for path in tmp_path.iterdir()}
    listed = [part for image in PARTS for part in json.loads(told[f"parts-{image}"])]
    whole = len(expected) == 1 and expected[0].startswith("lstm") == (
        "lstm" in settings.get("model", settings.get("candidates", ""))
    )
    assert listed == ([""] if whole else expected)
    assert told["select"] == str(bool(expected) and not whole).lower()
    assert told["work"] == str(bool(expected)).lower()
    assert told["class"] == max(sorted(set(classes)), key=classes.count, default="none")
    assert told.keys() == {"select", "work", "class", "verdict", "crossings", *(f"parts-{image}" for image in PARTS)}


def test_a_container_of_its_own_is_told_to_leave_out_candidates_of_other_images(tmp_path: Path) -> None:
    mixed = entry(candidates=["theta", "lstm"])
    write_outputs(tmp_path, mixed, ["trend", "constant"])
    [told] = json.loads((tmp_path / "parts-light").read_text())
    assert models_by_image(mixed, "trend")[ForecastPart.parse(told).image] == ("theta",)


def test_light_classes_are_classes() -> None:
    assert set(LIGHT_CLASSES) < set(CLASSES)


@pytest.mark.parametrize("text", ["light-0/1", "lstm-99/100", "light-2/3"])
def test_a_part_reads_what_it_writes(text: str) -> None:
    assert str(ForecastPart.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "light",
        "light-0",
        "light-0/0",
        "light-3/3",
        "light-0/101",
        "heavy-0/1",
        "light--1/2",
        "light-a/2",
        "../x-0/1",
        "light-0/1/2",
        "light-0/1\n",
    ],
)
def test_anything_else_is_no_part(text: str) -> None:
    with pytest.raises(ConfigError, match="E_CONFIG_CHOICE --part"):
        ForecastPart.parse(text)
