"""What a person writes arrives in the process byte by byte, through YAML, helm, Argo and Kubernetes."""

import json
import random
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from cronocast.document.entry import Entry, parse_entry_text
from cronocast.document.values import load_values
from cronocast.settings.declare import plain
from tests.chart.rendering import (
    IDS,
    MINIMAL,
    SCENARIOS,
    containers,
    expanded,
    filled,
    kind,
    render,
    runs,
    scenario,
    tags,
)

# A run that ended because a pod of it never started.
WAITED = "workflow.status != 'Succeeded' && workflow.failures matches 'exceeded its deadline|shutdown with strategy'"
FAILURES = "=sprig.trunc(12000, sprig.regexReplaceAll('[{]+', workflow.failures, '{'))"
WORKFLOW = {
    "workflow.name": "run-1",
    "workflow.scheduledTime": "2026-01-31T12:00:00Z",
    "workflow.parameters.model": "",
    "item": "x",
    "=1+1": "2",
    "inputs.parameters.part": "",
}


def arrived(objects: Any) -> dict[str, Entry]:
    """Each series as the process of its extract step reads it."""
    found: dict[str, Entry] = {}
    for cron, template, parameters in runs(objects):
        known = {
            **WORKFLOW,
            "workflow.name": cron["metadata"]["name"],
            **{f"workflow.parameters.{k}": v for k, v in parameters.items()},
        }
        annotations = filled(template["spec"]["podMetadata"]["annotations"], known)
        for part in template["spec"]["templates"]:
            for container in containers(part):
                env: dict[str, str] = {"HOME": "/tmp", "ID": "0"}
                for item in filled(container, known)["env"]:
                    # Kubernetes puts an annotation in as it is.
                    field = item.get("valueFrom", {}).get("fieldRef", {}).get("fieldPath", "")
                    name = field.removeprefix("metadata.annotations['").removesuffix("']")
                    env[item["name"]] = annotations[name] if field else expanded(item["value"], env)
                entry = parse_entry_text(env["CRONOCAST_ENTRY"], "CRONOCAST_ENTRY")
                assert found.setdefault(entry.name, entry) == entry
    return found


@pytest.mark.parametrize("path", SCENARIOS, ids=IDS)
def test_each_series_arrives_as_a_run_on_one_machine_reads_it(path: Path) -> None:
    if not yaml.safe_load(path.read_text()).get("series"):
        assert kind(scenario(path), "CronWorkflow") == []
    else:
        assert arrived(scenario(path)) == load_values(path)


def test_text_of_any_kind_arrives_unchanged() -> None:
    pieces = [
        "{{",
        "}}",
        "{",
        "{{=",
        "$(",
        "$$",
        "$",
        ")",
        "\\",
        '"',
        "'",
        "\n",
        "\t",
        "\r\n",
        "%s",
        "`id`",
        "$(id)",
        "yes",
        "0755",
        "1e3",
        "null",
        "~",
        ": ",
        " #",
        "- ",
        "|",
        ">",
        "&a",
        "*a",
        "!!x",
    ]
    pieces += [
        "ü",
        "\u2028",
        "\ufeff",
        "📈",
        "\u0000".replace("\u0000", "\x7f"),
        "<b>",
        "&amp;",
        "{{workflow.name}}",
        "{{ .Values.image }}",
        "$(CRONOCAST_ROOT)",
        "\\u0024",
        "\\n",
    ]
    rng = random.Random(1)
    texts = [*pieces, *("".join(rng.choices(pieces, k=rng.randint(2, 9))) for _ in range(300))]
    series = {f"s{i}": {**MINIMAL, "title": text, "options": {"text": text}} for i, text in enumerate(texts)}
    found = {}
    for _cron, _template, parameters in runs(render({"series": series})):
        known = {**WORKFLOW, "workflow.parameters.series": parameters["series"]}
        env = filled({"value": "{{workflow.parameters.series}}"}, known)["value"]
        document = json.loads(expanded(env, {"CRONOCAST_ROOT": "/data", "id": "0"}))
        found[document["name"]] = document
    assert {name: (d["title"], d["options"]["text"]) for name, d in found.items()} == {
        f"s{i}": (text, text) for i, text in enumerate(texts)
    }


def test_numbers_keep_their_value() -> None:
    source = {**MINIMAL["source"], "max_bytes": 2**40, "max_rows": 5_000_001}
    series = {"a": {"source": source, "level": 0.8, "budget": 10.0, "clip": {"min": -1e-7, "max": 1e21}, "shards": 100}}
    entry = arrived(render({"series": series}))["a"]
    assert (
        entry.source.max_bytes,
        entry.source.max_rows,
        entry.level,
        entry.budget,
        entry.clip.min,
        entry.clip.max,
        entry.shards,
    ) == (
        2**40,
        5_000_001,
        0.8,
        10.0,
        -1e-7,
        1e21,
        100,
    )
    assert plain(entry)["clip"] == {"min": -1e-7, "max": 1e21}


@pytest.mark.parametrize("path", SCENARIOS, ids=IDS)
def test_argo_knows_every_mark_that_it_is_asked_to_fill_in(path: Path) -> None:
    known = {
        "workflow.scheduledTime",
        "workflow.status",
        "workflow.name",
        "workflow.duration",
        "workflow.creationTimestamp.s",
        "status",
        "outputs.parameters.status",
        "inputs.parameters.part",
        "inputs.parameters.class",
        "item",
        FAILURES,
    }
    for _cron, template, parameters in runs(scenario(path)):
        names = {f"workflow.parameters.{p['name']}" for p in template["spec"]["arguments"]["parameters"]}
        used = {tag for tag in tags(json.dumps(template)) if not re.search(r"tasks\.(classify|chain)\.", tag)}
        used -= {f"={WAITED}", f"=!({WAITED})", "=workflow.status != 'Succeeded'"}
        used = {re.sub(r"^=(!\()?(workflow\.parameters\.model) matches '[^']*'\)?$", r"\2", tag) for tag in used}
        assert used <= known | names
        assert parameters.keys() == {p["name"] for p in template["spec"]["arguments"]["parameters"]}
        assert all(tags(value) == [] for value in parameters.values())
