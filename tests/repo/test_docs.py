"""The reference says what the program does and leaves nothing out: renewed with UPDATE_GOLDEN=1, else compared."""

import os
import re
from pathlib import Path
from typing import Any

import pytest

from cronocast import errors
from cronocast.commands.meanings import CLASS_MEANINGS, RESULT_KEYS, STATUS_MEANINGS
from cronocast.commands.reference import COMMANDS, page, reference
from cronocast.document.entry import Entry
from cronocast.handoff.classes import CLASSES
from cronocast.handoff.files import read_json
from cronocast.handoff.results import STATUSES, Outcome, write_result
from cronocast.http import secrets
from cronocast.models.table import MODELS
from cronocast.settings.declare import leaves

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "steps" / "README.md"
TEXT = reference()
README = (ROOT / "README.md").read_text()
PARAMETERS = [
    pytest.param(parameter, id=f"{name} {parameter.name}")
    for name, command in COMMANDS.items()
    for parameter in command.params
]


def test_the_reference_is_up_to_date() -> None:
    if os.environ.get("UPDATE_GOLDEN"):
        PAGE.write_text(page(PAGE.read_text()))
    assert PAGE.read_text() == page(PAGE.read_text()), "run: UPDATE_GOLDEN=1 pytest tests/repo/test_docs.py"


@pytest.mark.parametrize("parameter", PARAMETERS)
def test_every_option_and_variable_is_there_and_explained(parameter: Any) -> None:
    assert parameter.help
    if parameter.param_type_name == "option":
        assert all(re.search(rf"`(-[^`]*)?{re.escape(flag)}[ ,`]", TEXT) for flag in parameter.opts)
        assert parameter.envvar is None or f"`{parameter.envvar}`" in TEXT
    else:
        assert f"`{parameter.metavar}`" in TEXT


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_there_and_on_the_front_page(command: str) -> None:
    assert f"### cronocast {command}\n" in TEXT
    assert COMMANDS[command].help in TEXT
    assert f"cronocast {command}" in README or f"`{command}`" in README


@pytest.mark.parametrize("leaf", list(leaves(Entry)), ids=lambda leaf: leaf.path)
def test_every_setting_is_there(leaf: Any) -> None:
    assert f"| `{leaf.path}` |" in TEXT
    for step in leaf.steps:
        assert {leaf.flag} <= {flag for parameter in COMMANDS[step].params for flag in parameter.opts}


def test_no_flag_and_no_variable_stands_for_two_things() -> None:
    for name, command in COMMANDS.items():
        for values in (
            [flag for p in command.params for flag in p.opts],
            [p.envvar for p in command.params if p.envvar],
        ):
            assert len(values) == len(set(values)), name


def test_every_exit_code_is_there() -> None:
    codes = {
        kind.exit_code
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.CronocastError) and hasattr(kind, "exit_code")
    }
    assert codes == {1, 66, 69, 70, 74, 75, 76, 77, 78, 143}
    assert not {64, 65} & codes
    assert all(f"| {code} | " in TEXT for code in codes)


def test_result_keys_are_those_that_are_written(tmp_path: Path) -> None:
    write_result(tmp_path / "x.json", "extract", "cpu", "now", Outcome(), 0.0, None, {})
    assert set(", ".join(RESULT_KEYS).split(", ")) == set(read_json(tmp_path / "x.json"))


def test_names_are_those_of_the_program() -> None:
    assert tuple(CLASS_MEANINGS) == CLASSES
    assert tuple(STATUS_MEANINGS) == STATUSES
    assert all(re.search(rf"^\\| `{name}` \\| [^|]{{10,}} \\|", TEXT, re.MULTILINE) for name in MODELS)


@pytest.mark.parametrize(
    ("role", "what"), [(role, what) for role in ("source", "sink") for what in ("password", "token")]
)
def test_variables_of_secrets_are_those_that_are_read(role: str, what: str) -> None:
    assert f"`{secrets._variable(role, what)}`" in TEXT


def test_nothing_is_taken_for_html() -> None:
    assert not re.findall(r"<(?!br>)[^`|]*", re.sub(r"`[^`]*`", "", TEXT))
