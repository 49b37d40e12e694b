"""Renders the chart without a release: plain YAML for `kubectl apply` and `argo cron create`."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from cronocast.document.values import load_values
from cronocast.errors import ConfigError
from cronocast.handoff.files import atomic

# Beside the package in a wheel, in the checkout otherwise.
PLACES = (Path(__file__).parents[1] / "chart", Path(__file__).parents[3] / "helm" / "cronocast")
COMMON = "cronocast"  # file of everything that is not one series


def render(values: Path, out: Path | None, release: str, namespace: str) -> int:
    """Write the objects that the chart makes of a values file: to stdout, or one file per series and one for the rest.

    Raises:
        ConfigError: the values have problems, helm refuses them, or is not installed.
    """
    load_values(values)  # says more than the chart's schema
    files = split(helm_template(values, release, namespace))
    if out is None:
        sys.stdout.write("".join(files.values()))
        return 0
    out.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        with atomic(out / f"{name}.yaml") as file:
            file.write(text.encode())
    return 0


def helm_template(values: Path, release: str, namespace: str) -> str:
    """What `helm template` prints.

    Raises:
        ConfigError: as `render`.
    """
    chart = next((place for place in PLACES if (place / "Chart.yaml").is_file()), None)
    helm = shutil.which("helm")
    if helm is None:
        raise _not_here("the program helm is not on PATH; install it from https://helm.sh")
    if chart is None:
        raise _not_here("the chart is not in this installation; use a released wheel or the checkout")
    done = subprocess.run(  # noqa: S603
        [helm, "template", release, str(chart), "--namespace", namespace, "--skip-tests", "--values", str(values)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise ConfigError.one("E_CHART", str(values), " ".join(done.stderr.split()))
    return done.stdout


def _not_here(what: str) -> ConfigError:
    """The error that something is missing for rendering, and the way that needs nothing."""
    return ConfigError.one(
        "E_NO_HELM",
        "helm",
        f"{what}. The files in the repository's folder workflows/ need neither: copy one and change its parameter"
        " `series`",
    )


def split(rendered: str) -> dict[str, str]:
    """File name -> YAML: each series on its own, under the name of its CronWorkflow, and what they share."""
    documents = [re.sub(r"^# Source: .*\n", "", part) for part in re.split(r"^---\n", rendered, flags=re.MULTILINE)]
    items = [item for document in documents for item in _items(document) if re.search(r"^kind:", item, re.MULTILINE)]
    files: dict[str, str] = {COMMON: ""}
    for item in items:
        name = re.search(r'^kind: CronWorkflow\nmetadata:\n  name: "([^"]*)"', item, re.MULTILINE)
        key = name[1] if name else COMMON
        files[key] = f"{files.get(key, '')}---\n{item.strip()}\n"
    return files


def _items(document: str) -> list[str]:
    """The items of a list, which the chart indents by four; any other document as it is."""
    head, mark, body = document.partition("\nitems:\n")
    if not mark or "kind: List" not in head:
        return [document]
    return [
        re.sub("^ {4}", "", item, flags=re.MULTILINE)
        for item in re.split(r"^  -\n", body, flags=re.MULTILINE)
        if item.strip()
    ]
