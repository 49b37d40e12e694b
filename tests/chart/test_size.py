"""A document that Argo can't carry is refused here and by the chart, and one that both take can be carried."""

import json
import random
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from cronocast.document.carried import size_problems
from cronocast.document.entry import MAX_ENTRY_BYTES
from cronocast.document.values import read_values
from tests.chart.rendering import CHART, IDS, MINIMAL, SCENARIOS, filled, helm, kind, render, runs, scenario

MAX_VARIABLE = 128 * 2**10 - 1  # Linux: MAX_ARG_STRLEN, name included, with a NUL at its end
MAX_ANNOTATIONS = 256 * 2**10  # Kubernetes: of an object, names included
MADE_BY_ARGO = 1_000  # an archive location, fields of its own; annotations of its own
LETTERS = ["a", "ü", "\u2028", "📈", '"', "\\", "<", "&", "$", "{{", "\t", "\n", " "]


def document(rng: random.Random, size: int, letters: list[str]) -> dict[str, Any]:
    """A series whose tag values fill about so many bytes."""
    values = [f"{i}{''.join(rng.choices(letters, k=40))}x" for i in range(size // 50)]
    tags = {f"t{i}": values[i * 900 : (i + 1) * 900] for i in range(len(values) // 900 + 1)}
    return {"source": {**MINIMAL["source"], "tags": tags}}


def test_helm_and_this_machine_measure_alike() -> None:
    rng = random.Random(31)
    series = {
        f"s{i}": document(rng, size, letters)
        for i, (size, letters) in enumerate(
            (size, letters)
            for size in (6_000, 20_000, 33_000, 45_000, 60_000, 95_000, 105_000, 120_000)
            for letters in (["a"], LETTERS)
        )
    }
    found = [
        problem for name, own in series.items() for problem in size_problems({**own, "name": name}, f"series.{name}")
    ]
    here = {problem.where: problem.sentence for problem in found}
    done = helm("template", "rel", str(CHART), values={"series": series})
    there = dict(re.findall(r"^E_CONFIG_SIZE (series\.\S+): (.*)$", done.stderr, re.MULTILINE))
    assert here == there
    assert 4 < len(here) < 12


def grown(letters: list[str]) -> dict[str, Any]:
    """The largest document that is taken, to within a kilobyte."""
    size = MAX_ENTRY_BYTES
    while size_problems(made := {**document(random.Random(7), size, letters), "name": "a"}, ""):
        size -= 800
    return made


@pytest.mark.parametrize("letters", [["a"], LETTERS, ["$"], ["{{"]], ids=["letters", "all", "dollars", "marks"])
def test_the_largest_document_fits_into_variable_and_annotations_of_every_pod(letters: list[str]) -> None:
    own = grown(letters)
    own.pop("name")
    [(_, template, parameters)] = runs(render({"series": {"a": own}}))
    known = {f"workflow.parameters.{name}": value for name, value in parameters.items()}
    annotations = filled(template["spec"]["podMetadata"]["annotations"], known)
    assert 95_000 < len(annotations["cronocast.io/entry"].encode()) <= MAX_ENTRY_BYTES
    assert MAX_ENTRY_BYTES + len("CRONOCAST_ENTRY=") < MAX_VARIABLE
    size = sum(len(name.encode()) + len(value.encode()) for name, value in annotations.items())
    assert size + MADE_BY_ARGO < MAX_ANNOTATIONS


@pytest.mark.parametrize("path", SCENARIOS, ids=IDS)
def test_no_template_holds_the_document_so_that_all_its_containers_fit_into_one_variable(path: Path) -> None:
    for template in kind(scenario(path), "WorkflowTemplate"):
        assert template["spec"]["podMetadata"]["annotations"]["cronocast.io/entry"] == "{{workflow.parameters.series}}"
        for part in template["spec"]["templates"]:
            text = json.dumps(part)
            assert "workflow.parameters.series" not in text
            # The list of failures is quoted twice: in JSON that stands in JSON.
            failures = 4 * 12_000 if "CRONOCAST_FAILURES" in text else 0
            assert len(text) + failures + MADE_BY_ARGO < MAX_VARIABLE - 40_000


def test_defaults_count(tmp_path: Path) -> None:
    shared = document(random.Random(1), 110_000, ["a"])
    values = {"defaults": shared, "series": {"a": {"title": "T"}}}
    (tmp_path / "values.yaml").write_text(yaml.safe_dump(values))
    [problem] = read_values(tmp_path / "values.yaml")[1]
    assert (problem.token, problem.where) == ("E_CONFIG_SIZE", "series.a")
    assert "E_CONFIG_SIZE series.a: " in helm("template", "rel", str(CHART), values=values).stderr
