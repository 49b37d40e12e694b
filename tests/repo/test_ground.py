"""The ground that everything stands on: make targets, the lock, the workflow, the demo's data and values."""

import re
import string
import subprocess
import tomllib
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

import requirements
from cronocast.document.values import load_values
from demo import demo

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / "requirements.lock").read_text()
PROJECT_TEXT = (ROOT / "pyproject.toml").read_text()
PROJECT: dict[str, Any] = tomllib.loads(PROJECT_TEXT)
BLOCKS = [block for block in re.split(r"^(?=\S)", LOCK, flags=re.MULTILINE) if block and not block.startswith("#")]
EXTRAS = ["core", *PROJECT["project"]["optional-dependencies"], *PROJECT["dependency-groups"]]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def names(part: str) -> set[str]:
    return set(re.findall(r"^([a-z0-9-]+)==", part, flags=re.MULTILINE))


def test_make_help_lists_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^\.PHONY: (.*)$", makefile, flags=re.MULTILINE)[0].split())
    answer = subprocess.run(["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert {line.split(":")[0] for line in answer.splitlines()} == targets
    assert targets >= {"help", "demo", "test", "lint", "bench", "lock"}


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.split(" ")[0])
def test_every_locked_package_is_pinned_with_hashes(block: str) -> None:
    assert re.match(r"[a-z0-9-]+==[0-9][^ ]* ", block)
    assert re.search(r"--hash=sha256:[0-9a-f]{64}\b", block)


def test_the_lock_names_no_host() -> None:
    assert not re.search(r"https?:|--(index|find)|\b[a-z0-9-]+\.(org|com|io|net)\b", LOCK)


@pytest.mark.parametrize("extra", EXTRAS)
def test_each_extra_is_in_the_lock(extra: str) -> None:
    assert names(requirements.part(LOCK, PROJECT_TEXT, [extra])) >= requirements.roots(PROJECT, [extra])


CLOSURES = {
    "core": (["core"], {"requests", "urllib3", "typer"}, {"numpy", "pytest", "tensorflow-cpu"}),
    "linear is light": (["linear"], {"numpy"}, {"requests", "tensorflow-cpu"}),
    "an extra within an extra": (["lstm"], {"numpy", "tensorflow-cpu", "keras", "h5py"}, {"pytest"}),
    "nothing": ([], set(), names(LOCK)),
}


@pytest.mark.parametrize(("wanted", "there", "absent"), CLOSURES.values(), ids=CLOSURES)
def test_a_part_of_the_lock_is_what_the_extras_need(wanted: list[str], there: set[str], absent: set[str]) -> None:
    found = names(requirements.part(LOCK, PROJECT_TEXT, wanted))
    assert found >= there
    assert not found & absent


def test_a_package_that_the_lock_lacks_is_an_error() -> None:
    with pytest.raises(KeyError, match="requests"):
        requirements.part(LOCK.replace("\nrequests==", "\nrequests-two=="), PROJECT_TEXT, ["core"])


def test_pip_is_told_to_check_hashes_and_nothing_is_built_from_unlocked_tools() -> None:
    installs = re.findall(r"pip install .*", (ROOT / "Makefile").read_text())
    assert installs
    assert all(
        "--require-hashes" in line or ("--no-deps" in line and "--no-build-isolation" in line) for line in installs
    )
    assert PROJECT["dependency-groups"]["build"] == PROJECT["build-system"]["requires"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_pin_actions_and_start_without_rights(path: Path) -> None:
    text = path.read_text()
    document = yaml.safe_load(text)
    assert document["permissions"] == {}
    used = re.findall(r"uses: *(\S+)(.*)", text)
    assert used
    for action, comment in used:
        assert re.fullmatch(r"[\w/.-]+@[0-9a-f]{40}", action), action
        assert re.search(r"# v\d+\.\d+\.\d+", comment), action


def test_the_demo_values_are_valid_and_agree_with_what_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "values.yaml"
    files = {f"{user}_password_file": str(tmp_path / user) for user in ("reader", "writer")}
    path.write_text(
        string.Template((ROOT / "demo" / "values.yaml").read_text()).substitute(
            files, url="http://127.0.0.1:8086", model="auto", full="90", messages=tmp_path / "messages"
        )
    )
    entries = load_values(path)
    assert list(entries) == [series.name for series in demo.SERIES]
    for series in demo.SERIES:
        entry = entries[series.name]
        assert (entry.source.measurement, entry.source.field, entry.source.group_by) == (
            series.name,
            series.field,
            (series.tag,) if series.tag else (),
        )
        assert (int(entry.every), int(entry.horizon)) == (
            series.step_min * demo.MINUTE_NS,
            series.horizon_h * demo.HOUR_NS,
        )
        assert (
            series.aggregate([1.0, 5.0, 3.0])
            == {"mean": 3.0, "max": 5.0, "last": 3.0}[entry.source_settings().aggregate]
        )


@pytest.mark.parametrize("series", demo.SERIES, ids=lambda series: series.name)
def test_demo_data_is_small_described_and_ascending(series: demo.Series) -> None:
    path = ROOT / "demo" / "data" / f"{series.name}.csv"
    assert path.stat().st_size < 100_000
    assert f"`{path.name}`" in (path.parent / "README.md").read_text()
    times = [datetime.fromisoformat(line.split(",")[0]) for line in path.read_text().splitlines()[1:]]
    assert times == sorted(set(times))
    assert len(dict(demo.read(series))) >= len(times)
