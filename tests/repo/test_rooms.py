"""Who imports whom: no circle between modules, none hidden under TYPE_CHECKING or inside a function."""

import re
from pathlib import Path

import pytest

from cronocast.commands.rooms import ROOT, circles, floors, imports, packages


def test_no_circle() -> None:
    assert circles(imports(ROOT)) == []


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        ("", []),
        ("from cronocast import a", [["cronocast.a", "cronocast.b"]]),
        ("from cronocast.a import x", [["cronocast.a", "cronocast.b"]]),
        ("from . import a", [["cronocast.a", "cronocast.b"]]),
        ("def f():\n    import cronocast.a", [["cronocast.a", "cronocast.b"]]),
        ("if TYPE_CHECKING:\n    from cronocast.a import x", [["cronocast.a", "cronocast.b"]]),
    ],
)
def test_a_circle_is_seen_wherever_it_hides(second: str, expected: list[list[str]], tmp_path: Path) -> None:
    for name, text in (("__init__", ""), ("a", "from cronocast.b import y"), ("b", second)):
        (tmp_path / f"{name}.py").write_text(text)
    assert circles(imports(tmp_path)) == expected


def test_every_package_has_a_floor_and_says_what_it_is() -> None:
    found = packages(ROOT)
    assert {name for floor in floors() for name in floor} == {*found, "__main__"}
    assert [name for name, about in found.items() if not re.fullmatch(r"[A-Z`].{15,200}\.", about)] == []
