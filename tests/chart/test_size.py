"""A document that Argo can't carry is refused here and by the chart, and one that both take can be carried."""

import json
import random
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from cronocast.chain.table import chain_steps
from cronocast.document.carried import MAX_CARRIED_BYTES, MAX_CARRIED_ONE, size_problems
from cronocast.document.values import read_values
from tests.chart.rendering import CHART, IDS, MINIMAL, SCENARIOS, containers, filled, helm, kind, render, runs, scenario

MAX_VARIABLE = 128 * 2**10 - 1 - len("ARGO_TEMPLATE=")  # Linux: MAX_ARG_STRLEN, with a NUL at its end
MADE_BY_ARGO = 1_000  # an archive location, fields of its own
LETTERS = ["a", "ü", "\u2028", "📈", '"', "\\", "<", "&", "$", "{{", "\t", "\n", " "]


def document(rng: random.Random, size: int, letters: list[str], *, single: bool) -> dict[str, Any]:
    """A series whose tag values fill about so many bytes."""
    values = [f"{i}{''.join(rng.choices(letters, k=40))}x" for i in range(size // 50)]
    tags = {f"t{i}": values[i * 900 : (i + 1) * 900] for i in range(len(values) // 900 + 1)}
    return {"source": {**MINIMAL["source"], "tags": tags}, "pods": "one" if single else "many"}


def test_helm_and_this_machine_measure_alike() -> None:
    rng = random.Random(31)
    series = {
        f"s{i}": document(rng, size, letters, single=single)
        for i, (size, letters, single) in enumerate(
            (size, letters, single)
            for size in (6_000, 12_000, 20_000, 33_000, 60_000, 95_000, 120_000)
            for letters in (["a"], LETTERS)
            for single in (True, False)
        )
    }
    found = [
        problem for name, own in series.items() for problem in size_problems({**own, "name": name}, f"series.{name}")
    ]
    here = {problem.where: problem.sentence for problem in found}
    done = helm("template", "rel", str(CHART), values={"series": series})
    there = dict(re.findall(r"^E_CONFIG_SIZE (series\.\S+): (.*)$", done.stderr, re.MULTILINE))
    assert here == there
    assert 8 < len(here) < 24
    assert {"17000", "100000"} <= {number for text in here.values() for number in re.findall(r"at most (\d+)", text)}


def grown(most: int, letters: list[str], *, single: bool) -> dict[str, Any]:
    """The largest document that is taken, to within a kilobyte."""
    size = most
    while size_problems(made := {**document(random.Random(7), size, letters, single=single), "name": "a"}, ""):
        size -= 800
    return made


@pytest.mark.parametrize("letters", [["a"], LETTERS], ids=["letters", "all that is escaped"])
@pytest.mark.parametrize("single", [True, False], ids=["one pod", "pods"])
def test_every_template_with_the_largest_document_fits_into_one_variable(single: bool, letters: list[str]) -> None:
    own = grown(MAX_CARRIED_ONE if single else MAX_CARRIED_BYTES, letters, single=single)
    own.pop("name")
    [(_, template, parameters)] = runs(render({"series": {"a": own}}))
    known = {f"workflow.parameters.{name}": value for name, value in parameters.items()}
    failures = '"' * 12_000
    for part in template["spec"]["templates"]:
        if single or part["name"] != "chain":
            made = filled(part, known)
            for container in containers(made):
                for item in container["env"]:
                    item["value"] = failures if item["name"] == "CRONOCAST_FAILURES" else item["value"]
                    assert len(item["name"]) + len(item["value"].encode()) < 128 * 2**10 - 2
            text = json.dumps(made, ensure_ascii=False, separators=(",", ":"))
            text = re.sub("[<>&\u2028\u2029]", "uuuuuu", text)
            assert len(text.encode()) + MADE_BY_ARGO < MAX_VARIABLE, part["name"]


@pytest.mark.parametrize("path", SCENARIOS, ids=IDS)
def test_the_rest_of_a_template_leaves_room(path: Path) -> None:
    for template in kind(scenario(path), "WorkflowTemplate"):
        sizes = {part["name"]: len(json.dumps(part)) for part in template["spec"]["templates"]}
        count = len(chain_steps())
        assert count * MAX_CARRIED_ONE + sizes["chain"] + MADE_BY_ARGO < MAX_VARIABLE - 8_000
        chain = next(part for part in template["spec"]["templates"] if part["name"] == "chain")
        assert len(containers(chain)) == count


def test_defaults_count(tmp_path: Path) -> None:
    shared = document(random.Random(1), 40_000, ["a"], single=True)
    values = {"defaults": shared, "series": {"a": {"title": "T"}}}
    (tmp_path / "values.yaml").write_text(yaml.safe_dump(values))
    [problem] = read_values(tmp_path / "values.yaml")[1]
    assert (problem.token, problem.where) == ("E_CONFIG_SIZE", "series.a")
    assert "E_CONFIG_SIZE series.a: " in helm("template", "rel", str(CHART), values=values).stderr
