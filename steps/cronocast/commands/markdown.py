"""Markdown for the reference: tables, code, and what docstrings say."""

import ast
import importlib.util
from collections.abc import Iterable
from pathlib import Path


def table(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    """The lines of a table, with an empty one behind."""
    names = list(columns)
    lines = [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in (names, *rows)]
    return [lines[0], "|" + " --- |" * len(names), *lines[1:], ""]


def code(text: object) -> str:
    """A name or value as code; nothing for nothing."""
    return f"`{text}`" if text not in (None, "") else ""


def words(text: str) -> str:
    """A sentence that Markdown takes as it stands."""
    return text.replace("<", "&lt;")  # else Markdown takes it for HTML


def text(value: object) -> str:
    """A default as a document would write it."""
    return (
        str(value).lower()
        if isinstance(value, bool)
        else ", ".join(map(str, value))
        if isinstance(value, list)
        else ""
        if value is None
        else str(value)
    )


def docstring(path: str) -> str:
    """First sentence of the docstring of `module:Class` or `module:function`.

    Read without importing the libraries that it needs.
    """
    module, _, name = path.partition(":")
    spec = importlib.util.find_spec(module)
    tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8")) if spec and spec.origin else ast.Module([], [])
    found = next(
        (node for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name), tree
    )
    return (ast.get_docstring(found) or ast.get_docstring(tree) or "").split("\n\n")[0].replace("\n", " ")
