"""Markdown for the reference: tables, code, words, defaults."""

from collections.abc import Iterable


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
