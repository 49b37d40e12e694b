"""The chart rendered by the real helm, and what Argo and Kubernetes make of the rendering."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm" / "cronocast"
SCENARIOS = sorted((CHART / "ci").glob("*-values.yaml"))
IDS = [path.name.removesuffix("-values.yaml") for path in SCENARIOS]
MINIMAL = {"source": {"url": "http://influxdb:8086", "database": "metrics", "measurement": "m", "field": "f"}}


def need(what: str, there: object) -> None:
    """Skip a test whose tool or file is not here, and say which.

    It fails instead where tools are required (CRONOCAST_REQUIRE_TOOLS=1).
    """
    if there:
        return
    reason = f"{what} is not here"
    if os.environ.get("CRONOCAST_REQUIRE_TOOLS") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


def tool(name: str) -> str:
    """Path of a program."""
    need(f"{name} on PATH", shutil.which(name))
    return shutil.which(name) or ""


def helm(*arguments: str, values: Mapping[str, Any] | None = None) -> "subprocess.CompletedProcess[str]":
    """Run helm; values go in by stdin as `-f -`."""
    command = [tool("helm"), *arguments, *(["-f", "-"] if values is not None else [])]
    return subprocess.run(
        command,
        input=json.dumps(values, ensure_ascii=False).replace("\x7f", "\\u007f").replace("\u2028", "\\u2028")
        if values is not None
        else None,
        capture_output=True,
        text=True,
        check=False,
    )


def render(values: Mapping[str, Any] | Path) -> list[dict[str, Any]]:
    """Every object that the chart makes of some values; the items of a list one by one."""
    arguments = ("template", "rel", str(CHART), "--namespace", "space", "--skip-tests")
    done = helm(*arguments, "-f", str(values)) if isinstance(values, Path) else helm(*arguments, values=values)
    assert done.returncode == 0, done.stderr
    found = [document for document in yaml.load_all(done.stdout, Loader=yaml.CSafeLoader) if document]
    return [item for document in found for item in (document["items"] if document["kind"] == "List" else [document])]


@cache
def rendered(text: str) -> tuple[dict[str, Any], ...]:
    """The objects of some values given as JSON text, rendered once for all tests."""
    return tuple(render(json.loads(text)))


@cache
def scenario(path: Path) -> tuple[dict[str, Any], ...]:
    """The objects of one scenario, rendered once for all tests."""
    return tuple(render(path))


def problems(values: Mapping[str, Any]) -> str:
    """What helm says of values that it refuses."""
    done = helm("template", "rel", str(CHART), values=values)
    assert done.returncode != 0, "helm took the values"
    return done.stderr


def kind(objects: Any, name: str) -> list[dict[str, Any]]:
    """The objects of one kind."""
    return [item for item in objects if item["kind"] == name]


def tags(text: str) -> list[str]:
    """What stands between Argo's marks."""
    return re.findall(r"\{\{(.*?)\}\}", text)


def filled(part: Any, known: Mapping[str, str]) -> Any:
    """A template as Argo fills it in: marks in its JSON text are replaced by values escaped for JSON.

    That is done twice, since Argo fills in some fields twice.
    """
    text = json.dumps(part, ensure_ascii=False)
    for _ in range(2):
        text = re.sub(
            r"\{\{(=?)(.*?)\}\}",
            lambda m: (
                m[0] if m[1] or m[2].strip() not in known else json.dumps(known[m[2].strip()], ensure_ascii=False)[1:-1]
            ),
            text,
        )
    return json.loads(text)


def expanded(text: str, env: Mapping[str, str]) -> str:
    """An env value as Kubernetes hands it to a process: $(NAME) is replaced where NAME is known, $$ becomes $."""
    return re.sub(r"\$(\$|\(([^)]*)\))", lambda m: "$" if m[1] == "$" else env.get(m[2], m[0]), text)


def runs(objects: Any) -> Iterator[tuple[dict[str, Any], dict[str, Any], dict[str, str]]]:
    """Each CronWorkflow with its WorkflowTemplate and the parameters that its runs get."""
    templates = {item["metadata"]["name"]: item for item in kind(objects, "WorkflowTemplate")}
    for cron in kind(objects, "CronWorkflow"):
        spec = cron["spec"]["workflowSpec"]
        template = templates[spec["workflowTemplateRef"]["name"]]
        listed = [*template["spec"]["arguments"]["parameters"], *spec["arguments"]["parameters"]]
        yield cron, template, {p["name"]: p["value"] for p in listed if "value" in p}


def containers(template: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The containers of one of Argo's templates."""
    return (
        template["containerSet"]["containers"]
        if "containerSet" in template
        else [template["container"]]
        if "container" in template
        else []
    )


def pod(workflow: Mapping[str, Any], template: Mapping[str, Any]) -> dict[str, Any]:
    """The pod that Argo makes of a template.

    Its own containers beside ours, patched as the workflow and the template say.

    Argo patches a resource itself in the main container, and starts none that waits for it.
    """
    spec = workflow["spec"]
    ours = containers(template)
    own = (
        [{"name": "wait"}, *({"name": "main", **c} if "name" not in c else c for c in ours)]
        if ours
        else [{"name": "main"}]
    )
    made = {
        "securityContext": spec["securityContext"],
        "automountServiceAccountToken": spec["automountServiceAccountToken"],
    }
    made |= {"containers": own, "initContainers": [{"name": "init"}]}
    volumes = [*spec["volumes"], *template.get("volumes", [])]
    argo = [
        {"name": "var-run-argo", "emptyDir": {}},
        {"name": "tmp-dir-argo", "emptyDir": {}},
        {"name": "exec-sa-token", "secret": {}},
    ]
    made["volumes"] = [*volumes, *argo]
    for patch in (yaml.safe_load(part.get("podSpecPatch", "{}")) for part in (spec, template)):
        for group, changes in patch.items():
            by_name = {c["name"]: dict(c) for c in made[group]}
            for change in changes:  # as strategic merge does it: by name, added where there is none
                by_name[change["name"]] = {**by_name.get(change["name"], {}), **change}
            made[group] = [c for c in by_name.values() if c.get("$patch") != "delete"]
    return made
