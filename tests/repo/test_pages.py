"""Pages that show code and its output are run, and show what came out: renewed with UPDATE_GOLDEN=1, else compared."""

import contextlib
import inspect
import io
import math
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cronocast.models import model

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
NO_CODE = ("runbook.md",)  # its commands are for a cluster
PAGES = [ROOT / "README.md", *(page for page in sorted((ROOT / "docs").glob("*.md")) if page.name not in NO_CODE)]
BLOCK = re.compile(r"^```(python|console|text)( [\w.]+)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CONTRACT = re.compile(r"(?<=models/model.py -->\n).*(?=<!-- end of contract -->)", re.DOTALL)
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]\d+)?")
TOOK = re.compile(r"\d+\.\d s\b")  # how long it took here


def as_run(page: str, folder: Path) -> str:
    """The page with the outputs of its code."""
    names: dict[str, object] = {"__name__": "page"}
    said = ""

    def renewed(block: "re.Match[str]") -> str:
        nonlocal said
        kind, name, text = block[1], (block[2] or "").strip(), block[3]
        if name:
            (folder / name).write_text(text)
        elif kind == "python":
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                exec(compile(text, "page", "exec"), names)
            said = out.getvalue()
        elif kind == "console":
            command = text.splitlines()[0].removeprefix("$ ")
            return f"```console\n$ {command}\n{shell(command, folder)}```"
        else:
            return f"```text\n{said.rstrip()}\n```"
        return block[0]

    return BLOCK.sub(renewed, page)


def shell(command: str, folder: Path) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    # one stream for both, in the order in which they are written
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env={**os.environ, "PATH": path, "PYTHONUNBUFFERED": "1", "COLUMNS": "120"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    return done.stdout if done.stdout.endswith("\n") else done.stdout + "\n"


def same(a: str, b: str) -> bool:
    """Whether two texts are the same, but for the last digits of numbers and how long it took."""
    a, b = TOOK.sub("", a), TOOK.sub("", b)
    pairs = list(zip(NUMBER.findall(a), NUMBER.findall(b), strict=False))
    return NUMBER.sub("", a) == NUMBER.sub("", b) and all(
        math.isclose(float(x), float(y), rel_tol=1e-4) for x, y in pairs
    )


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_page_shows_what_comes_out(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "demo").symlink_to(ROOT / "demo")
    for data in (ROOT / "demo" / "data").glob("*.csv"):
        shutil.copy(data, tmp_path)
    page = path.read_text()
    found = as_run(page, tmp_path)
    if os.environ.get("UPDATE_GOLDEN") and not same(page, found):
        path.write_text(found)
        page = found
    assert same(page, found), "run: UPDATE_GOLDEN=1 pytest tests/repo/test_pages.py"
    assert BLOCK.search(page)


def test_the_contract_is_that_of_the_program() -> None:
    path = ROOT / "docs" / "models.md"
    sources = "\n\n".join(inspect.getsource(kind) for kind in (model.Context, model.Model))
    found = CONTRACT.sub(lambda _: f"\n```py\n{sources}```\n\n", path.read_text())
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(found)
    assert path.read_text() == found, "run: UPDATE_GOLDEN=1 pytest tests/repo/test_pages.py"


@pytest.mark.parametrize(
    ("other", "expected"), [("1.00001 x 3.1 s", True), ("1.1 x 2.0 s", False), ("1 y 2.0 s", False)]
)
def test_only_last_digits_and_times_may_differ(other: str, expected: bool) -> None:
    assert same("1.00002 x 0.2 s", other) == expected
