"""What every row of STEPS keeps: it loads, runs under the shell, and shows wherever steps are listed.

A step that is added as one row does the same.
"""

import inspect
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from cronocast import errors, registry
from cronocast.chain.job import Job
from cronocast.chain.resolve import Invocation, make_job, step_leaves
from cronocast.chain.shell import run_step
from cronocast.chain.table import COMMON, FILES, STEPS, Option, Step, chain_steps, steps_before
from cronocast.commands import application as cli
from cronocast.commands.reference import reference
from cronocast.document.chart_pods import Resources
from cronocast.document.entry import Entry
from cronocast.errors import ConfigError, Problem
from cronocast.handoff.files import atomic, read_json
from cronocast.handoff.results import Outcome, result_path
from cronocast.images import IMAGES, PARTS, PODS
from cronocast.settings.declare import leaves
from helm import generate

ROOT = Path(__file__).parents[2]
STEPS_TPL = (ROOT / "helm" / "cronocast" / "templates" / "_steps.tpl").read_text()
DESIGNED = {"history.csv", "profile.json", "forecast.csv", "evaluation.json"}
CODES = {kind.exit_code for kind in vars(errors).values() if inspect.isclass(kind) and hasattr(kind, "exit_code")}
ENTRY: dict[str, Any] = {
    "name": "cpu",
    "source": {
        "url": "http://127.0.0.1:9",
        "database": "d",
        "measurement": "m",
        "field": "v",
        "timeout": "1s",
        "retry_for": "0s",
    },
    "sink": {"timeout": "1s", "retry_for": "0s"},
}


def toy_work(job: Job, outcome: Outcome) -> None:
    """Write what a flag of its own says."""
    with atomic(job.output) as file:
        file.write(job.flags.get("greeting", "none").encode())
    outcome.reason = f"done: {job.entry.horizon}"


TOY = Step(
    f"{__name__}:toy_work",
    about="Greet.",
    reads=("forecast",),
    writes="profile",
    flags=(Option("greeting", "WORD", "What to say."),),
    settings=("horizon",),
    pod="load",
    fact=("members", "member"),
)


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A further step, as one row."""
    monkeypatch.setitem(STEPS, "toy", TOY)
    yield
    step_leaves.cache_clear()


def invocation(step: str, root: Path, **flags: str) -> Invocation:
    return Invocation(step, json.dumps(ENTRY), root, "0", {}, {}, frozenset(), flags=flags)


def command(*words: str, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sys, "argv", ["cronocast", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


@pytest.mark.parametrize("name", STEPS)
def test_work_loads_and_takes_a_job_and_its_outcome(name: str) -> None:
    assert [*inspect.signature(registry.load(STEPS, "step", name)).parameters] == ["job", "outcome"]


@pytest.mark.parametrize("name", STEPS)
def test_it_ends_with_a_code_of_ours_and_a_result_of_its_name(name: str, tmp_path: Path) -> None:
    """In an empty run folder, without a server."""
    job = make_job(invocation(name, tmp_path))
    assert run_step(registry.load(STEPS, "step", name), job) in {0, *CODES} - {1}
    result = read_json(result_path(STEPS[name].publishes_as or name, job.output))
    assert (result["step"], result["series"], result["run"]) == (STEPS[name].publishes_as or name, "cpu", job.run)


@pytest.mark.parametrize("name", STEPS)
def test_its_row_names_what_there_is(name: str) -> None:
    row = STEPS[name]
    assert {file.name for file in FILES.values()} <= DESIGNED
    assert {*row.reads, row.writes} - {""} <= {*FILES}
    assert {*row.optional} <= {*row.reads}
    assert {*row.needs, *row.settings} <= {leaf.path for leaf in leaves(Entry)}
    assert row.settings_of in ("", *STEPS)
    assert row.publishes_as in ("", *STEPS)
    assert not row.pod or (row.pod in PODS and row.extra in ("", *IMAGES[row.image]))
    assert {*row.secrets} <= {"source", "sink", "ca", "notify"}


@pytest.mark.parametrize("name", STEPS)
def test_what_it_reads_is_written_before(name: str) -> None:
    if name in chain_steps():
        assert {*STEPS[name].reads} <= {STEPS[before].writes for before in steps_before(name)}


@pytest.mark.parametrize("name", STEPS)
def test_help_names_every_flag(name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(name, "--help", monkeypatch=monkeypatch) == 0
    out = capsys.readouterr().out
    files = [f"--{file}" for file in STEPS[name].files]
    flags = [option.flag for option in (*COMMON, *STEPS[name].flags)]
    settings = [leaf.flag for leaf in step_leaves(name)]
    assert [flag for flag in (*files, *flags, *settings) if not re.search(rf"{flag}\b", out)] == []


@pytest.mark.parametrize("name", STEPS)
def test_the_chart_has_it(name: str) -> None:
    """`tests/chart` renders the pods; what they are made from is this."""
    assert f'{{"name": "{name}", "pod": "{STEPS[name].pod}", "image": "{STEPS[name].image}"' in STEPS_TPL


def test_pods_and_images_name_each_other() -> None:
    elsewhere = {"forecast-lstm-gpu", "forecast-pretrained", "serve"}  # of profiles, and of the Deployment
    assert {pod.image for pod in PODS.values()} | elsewhere == {*IMAGES}
    assert next(iter(PARTS)) == "light"
    assert [*PODS] == [item.name for item in fields(Resources)]
    project = (ROOT / "pyproject.toml").read_text()
    assert all(re.search(rf"^{extra} = ", project, re.MULTILINE) for extras in IMAGES.values() for extra in extras)


@pytest.mark.usefixtures("toy")
class TestOneRowMore:
    """A step that exists for this test alone."""

    def test_it_is_in_the_chain(self) -> None:
        assert chain_steps()[-1] == "toy"

    def test_it_is_a_command(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        entry = json.dumps(ENTRY)
        words = ["toy", "--entry", entry, "--root", str(tmp_path), "--run", "0", "--greeting", "hello"]
        assert command(*words, "--horizon", "5h", monkeypatch=monkeypatch) == 0
        [written] = tmp_path.rglob("profile.json")
        result = read_json(written.parent / "toy.result.json")
        assert (written.read_text(), result["reason"]) == ("hello", "done: 5h")
        assert "horizon=" in capsys.readouterr().err
        assert command("--help", monkeypatch=monkeypatch) == 0
        assert re.search(r"^ *toy +Greet\.", capsys.readouterr().out, re.MULTILINE)

    def test_files_by_name(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        assert command("toy", "--forecast", "f.csv", "--profile", "p.json", monkeypatch=monkeypatch) == 0
        assert read_json(tmp_path / "toy.result.json")["step"] == "toy"

    def test_what_is_missing_is_named(self) -> None:
        given = Invocation("toy", json.dumps(ENTRY), None, None, {}, {}, frozenset())
        with pytest.raises(ConfigError) as caught:
            make_job(given)
        assert caught.value.problems == [
            Problem("E_CONFIG_MISSING", flag, caught.value.problems[0].sentence) for flag in ("--forecast", "--profile")
        ]

    def test_run_knows_it(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        values = tmp_path / "values.yaml"
        values.write_text(json.dumps({"series": {"cpu": {"source": ENTRY["source"]}}}))
        words = ("run", "-f", str(values), "--only", "toy,nosuch")
        assert command(*words, monkeypatch=monkeypatch) == 78
        err = capsys.readouterr().err
        assert re.search(r"E_CONFIG_CHOICE --only: 'nosuch' .*\btoy\b", err)
        assert "'toy'" not in err

    def test_the_reference_has_it(self) -> None:
        text = reference()
        assert "### cronocast toy\n\nGreet.\n" in text
        assert "`CRONOCAST_GREETING`" in text
        assert re.search(r"^\| `horizon` .* toy \|$", text, re.MULTILINE)

    def test_the_chart_would_have_it(self) -> None:
        assert '"name": "toy", "pod": "load", "image": "load", "chain": true' in generate.steps_tpl()
