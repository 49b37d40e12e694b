"""What a start of the command loads: light steps no numerical library, a help page next to nothing.

How long that takes is measured by `make bench`.
"""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from cronocast.chain.job import run_folder
from cronocast.chain.table import STEPS
from cronocast.handoff.results import Outcome, write_result
from cronocast.sinks.table import SINKS
from cronocast.sources.table import SOURCES

ROOT = Path(__file__).parents[2]
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
# What the linter finds where it is written; here it is found however it comes.
HEAVY = next(contract["forbidden_modules"] for contract in CONTRACTS if "Light" in contract["name"])


def loaded_by(code: str) -> set[str]:
    """Names of the modules that a fresh process holds after running the code."""
    program = (
        f"import contextlib, sys\nwith contextlib.suppress(SystemExit):\n    {code}\nprint('\\nmodules', *sys.modules)"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    return set(ended.stdout.splitlines()[-1].split())


LOAD = "from cronocast import registry; from {module} import {table}; registry.load({table}, 'kind', {name!r})"
LIGHT = {
    **{
        f"{table} {name}": LOAD.format(module=module, table=table, name=name)
        for module, table, rows in (
            ("cronocast.chain.table", "STEPS", STEPS),
            ("cronocast.sources.table", "SOURCES", SOURCES),
            ("cronocast.sinks.table", "SINKS", SINKS),
        )
        for name, row in rows.items()
        if not row.extra
    },
    "http": "import cronocast.http.client, requests",
    "run": "import cronocast.commands.run, cronocast.commands.display",
    "report": "import cronocast.report",
    "validate": "import cronocast.chain.resolve; from cronocast.document.values_schema import *; values_schema()",
    "model table": (
        "from cronocast.models.table import MODELS; from cronocast.models.rules import model_fault; model_fault('x')"
    ),
}


@pytest.mark.parametrize("code", LIGHT.values(), ids=LIGHT)
def test_light_steps_load_nothing_heavy(code: str) -> None:
    assert loaded_by(code).isdisjoint(HEAVY)


@pytest.mark.parametrize(
    "command", ["extract", "classify", "forecast", "load", "run", "validate", "report", "backtest"]
)
def test_help_loads_neither_http_nor_yaml_nor_rich(command: str) -> None:
    modules = loaded_by(
        f"sys.argv[1:] = ['{command}', '--help']; from cronocast.commands.application import main; main()"
    )
    assert "cronocast.commands.application" in modules
    assert modules.isdisjoint({*HEAVY, "requests", "urllib3", "rich", "yaml", "ssl", "asyncio"})
    assert len(modules) < 250  # 180 of them, and each costs time before the first word


def test_a_step_makes_the_options_of_no_other_command() -> None:
    names = loaded_by(
        "sys.argv[1:] = ['load', '--help']; from cronocast.commands import application; application.main()"
    )
    assert "cronocast.commands.steps" in names
    assert "cronocast.commands.people" not in names


def test_a_step_with_nothing_to_do_loads_neither_http_nor_threads(tmp_path: Path) -> None:
    """As after a forecast that was skipped: no database is asked."""
    ended = Outcome(status="skipped", reason="no_data: none")
    forecast = run_folder(tmp_path, "a", 0) / "forecast.result.json"
    forecast.parent.mkdir(parents=True)
    write_result(forecast, "forecast", "a", "1970-01-01T00:00:00Z", ended, 0.0, None, {})
    entry = {"name": "a", "source": {"url": "http://h", "database": "d", "measurement": "m", "field": "v"}}
    words = ["load", "--entry", json.dumps(entry), "--root", str(tmp_path), "--run", "0"]
    modules = loaded_by(f"sys.argv[1:] = {words!r}; from cronocast.commands import application; application.main()")
    assert "cronocast.chain.load" in modules
    assert modules.isdisjoint({*HEAVY, "requests", "urllib3", "ssl", "logging", "concurrent.futures"})


def test_the_guard_sees_what_is_loaded() -> None:
    assert "numpy" in loaded_by("import cronocast.models.naive")


@pytest.mark.slow
def test_the_quick_loop_is_collected_without_a_heavy_library() -> None:
    """They take seconds to load, in each process of it."""
    words = ["-q", "--collect-only", "-m", "not slow", "tests/unit", "tests/conformance", "tests/repo"]
    modules = loaded_by(f"import pytest; pytest.main({words!r})")
    assert "numpy" in modules
    assert modules.isdisjoint(set(HEAVY) - {"numpy"})
