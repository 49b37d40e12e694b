"""`python -m cronocast.commands.rooms`: the packages, what each is for, and what each imports."""

import ast
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
Arrows = dict[str, set[str]]  # module -> modules that it imports, at its top or anywhere inside


def imports(root: Path) -> Arrows:
    """Every import between modules of the package below a folder; those for type checkers and in functions count."""
    paths = {_name(path, root): path for path in sorted(root.rglob("*.py"))}
    return {name: {*_imported(name, path, paths)} - {name} for name, path in paths.items()}


def _name(path: Path, root: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(("cronocast", *(part for part in parts if part != "__init__")))


def _imported(name: str, path: Path, known: Mapping[str, Path]) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom):
            levels = node.level - (path.name == "__init__.py")
            beside = [] if not node.level else name.split(".")[: -levels or None]
            base = ".".join([*beside, *([node.module] if node.module else [])])
            for alias in node.names:
                whole = f"{base}.{alias.name}"
                yield from (found for found in [whole if whole in known else base] if found in known)


def circles(arrows: Arrows) -> list[list[str]]:
    """Groups of modules that import each other, directly or by way of others, sorted."""
    reached = {name: _reached(name, arrows) for name in arrows}
    groups = {tuple(sorted(other for other in reached[name] if name in reached[other])) for name in arrows}
    return [list(group) for group in sorted(groups) if group]


def _reached(start: str, arrows: Arrows) -> set[str]:
    found, waiting = set[str](), [*arrows[start]]
    while waiting:
        if (name := waiting.pop()) not in found:
            found.add(name)
            waiting += arrows[name]
    return found


def packages(root: Path) -> dict[str, str]:
    """Packages and modules right below the root -> the first sentence of their docstring."""
    paths = [path for path in sorted(root.iterdir()) if path.suffix == ".py" or (path / "__init__.py").exists()]
    return {
        path.stem: _about(path if path.is_file() else path / "__init__.py")
        for path in paths
        if path.name not in ("__init__.py", "__main__.py")
    }


def floors() -> list[list[str]]:
    """Who may import whom, as pyproject.toml says it to the linter: packages by floor, the top one first."""
    project = tomllib.loads((ROOT.parents[1] / "pyproject.toml").read_text(encoding="utf-8"))
    layers = project["tool"]["importlinter"]["contracts"][0]["layers"]
    return [[name.strip().removeprefix("cronocast.") for name in layer.split("|")] for layer in layers]


def _about(path: Path) -> str:
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return " ".join(text.split("\n\n")[0].split())


def between_packages(arrows: Arrows) -> dict[str, set[str]]:
    """Package -> packages that it imports."""
    found: dict[str, set[str]] = {}
    for name, others in arrows.items():
        mine = found.setdefault(_package(name), set())
        mine |= {_package(other) for other in others if _package(other) not in (_package(name), "cronocast")}
    return {name: others for name, others in found.items() if name not in ("cronocast", "__main__")}


def _package(module: str) -> str:
    return [*module.split("."), "cronocast"][1]


def listed() -> list[str]:
    """One line per package: what it imports."""
    found = between_packages(imports(ROOT))
    return [f"{name}: {', '.join(sorted(others)) or 'nothing'}" for name, others in sorted(found.items())]


if __name__ == "__main__":
    sys.stdout.write("\n".join(listed()) + "\n")
