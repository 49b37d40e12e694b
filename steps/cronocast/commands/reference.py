"""`python -m cronocast.commands.reference`.

The reference in steps/README.md, written from the definitions that the program itself uses.
"""

import ast
import importlib.util
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import typer

from cronocast.commands.adding import adding_a_source
from cronocast.commands.application import application
from cronocast.commands.steps import metavar
from cronocast.document.entry import Entry
from cronocast.errors import CronocastError
from cronocast.handoff.profile import CLASSES
from cronocast.handoff.results import STATUSES
from cronocast.http.secrets import SCHEMES
from cronocast.models.options import OPTIONS
from cronocast.models.table import MODELS
from cronocast.settings.declare import Leaf, leaves, plain

COMMANDS: dict[str, Any] = typer.main.get_command(application()).commands  # type: ignore[attr-defined]

# What a class means; the names stand in entry.CLASSES, a test holds both together.
CLASS_MEANINGS = {
    "constant": "one value, up to noise or not at all changing",
    "trend": "a level that rises or falls, no pattern that repeats",
    "seasonal": "one or several patterns that repeat, no trend",
    "trend_seasonal": "both",
    "irregular": "enough data, but neither a trend nor a pattern that repeats",
    "too_short": "fewer finished points than `min_points`",
}
OPTIONS_OF_DARTS = (
    "A name in `options` that a model of darts does not take is exit 78: `cronocast validate` says so where darts is"
    " installed, and the forecast step before any work. `cronocast validate` without darts can't know the names and"
    " says nothing about them. Models that hand arguments on to another library say when they are fitted what it takes."
)
CLASS_LIMITS = (
    "A pattern must have been seen in two whole cycles, and under noise in three: of three weeks with one missing, a"
    " weekly pattern is often not found. Of a month or two of daily values a weak trend and a random walk under noise"
    " look alike, and either class may come out. Periods are whole numbers of steps: a pattern by calendar months,"
    " which are of 28 to 31 days, shows as one of 61 days or as none."
)
STATUS_MEANINGS = {
    "ok": "done",
    "skipped": "nothing to do, `reason` says why; exit code 0",
    "fallback": (
        "done, but some member got a simpler model than asked for; `reason` and the members say why; exit code 0"
    ),
    "superseded": "a newer run of the series has done the work; exit code 0",
    "failed": "not done; `exit`, `token` and `message` say why",
}
# What the keys of a result file mean; a test holds them against a result that is really written.
RESULT_KEYS = {
    "schema": "version of this form",
    "step, series, run": "what ran: step, exact name of the series, scheduled time",
    "status, reason": "how it ended, and a code with a few words",
    "exit, token, message": "exit code, `E_` token and the one error line; 0 and empty when all went well",
    "rows_in, rows_kept, rows_dropped": "rows read, rows used, and rows left out by reason",
    "expected, acked": "rows to be written; for load the points to be written and those the server acknowledged",
    "bytes, attempts": "size of what was transferred; requests tried for the slowest one",
    "inputs, outputs": "checksum of each file read; checksum and rows of each file published",
    "members": "one mapping per member: class, model, why, errors and coverage of the backtest",
    "window": "start, end and step size of the history in ns",
    "notes": "warnings",
    "duration_s, versions, settings": "time taken, versions, and each setting with its value and where it came from",
}


def reference() -> str:
    """The whole page as Markdown."""
    sections = [*_head(), *_commands(), *_settings(), *_secrets(), *_exit_codes(), *_results(), *_models()]
    return "\n".join([*sections, *adding_a_source()])


def _table(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    names = list(columns)
    lines = [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in (names, *rows)]
    return [lines[0], "|" + " --- |" * len(names), *lines[1:], ""]


def _code(text: object) -> str:
    return f"`{text}`" if text not in (None, "") else ""


def _words(text: str) -> str:
    return text.replace("<", "&lt;")  # else Markdown takes it for HTML


def _head() -> Iterator[str]:
    yield from ("# Reference of the `cronocast` package", "")
    yield from (
        (
            "Written by `python -m cronocast.commands.reference` from the program's own definitions;"
            " `UPDATE_GOLDEN=1 pytest tests/repo/test_docs.py` renews it."
        ),
        "",
    )


def _commands() -> Iterator[str]:
    yield from ("## Commands", "")
    yield from _table(
        ("Command", "What it does"),
        ([f"[`cronocast {name}`](#cronocast-{name})", command.help] for name, command in COMMANDS.items()),
    )
    for name, command in COMMANDS.items():
        yield from (f"### cronocast {name}", "", command.help, "")
        settings = {leaf.flag for leaf in leaves(Entry) if name in leaf.steps}
        own = [parameter for parameter in command.params if not settings & set(parameter.opts)]
        yield from _table(("Option", "Variable", "Meaning"), map(_option, own))
        if settings:
            yield from (
                f"And every [setting](#settings) with `{name}` in its last column, as a flag or as an env variable.",
                "",
            )


def _option(parameter: Any) -> list[str]:  # noqa: ANN401 - typer has its class in different modules by version
    flags = [] if parameter.param_type_name == "argument" else sorted(parameter.opts, key=len, reverse=True)
    names = " ".join(filter(None, (", ".join(flags), parameter.metavar)))
    required = " Required." if parameter.required else ""
    default = (
        f" Default: `{parameter.default}`."
        if isinstance(parameter.default, str | Path) and str(parameter.default)
        else ""
    )
    return [_code(names), _code(parameter.envvar), _words(parameter.help) + required + default]


def _settings() -> Iterator[str]:
    yield from ("## Settings", "")
    yield (
        "A setting is taken from the flag, else from the env variable, else from the series document (an entry of"
        " `series:` in a values file), else it is the default."
    )
    yield from (
        (
            "An empty flag or variable counts as not given. A dot is a level of the document: `source.url` is `url`"
            " under `source`."
        ),
        "",
    )
    columns = ("Setting", "Flag and variable", "Default", "Allowed", "Meaning", "Steps")
    yield from _table(columns, map(_setting, leaves(Entry)))


def _setting(leaf: Leaf) -> list[str]:
    ways = f"`{leaf.flag} {metavar(leaf)}`<br>`{leaf.env}`" if leaf.steps else ""
    default = "required" if leaf.required else _code("" if leaf.default in ((), {}) else _text(plain(leaf.default)))
    return [f"`{leaf.path}`", ways, default, _words(leaf.kind.words()), _words(leaf.about), ", ".join(leaf.steps)]


def _text(value: object) -> str:
    return (
        str(value).lower()
        if isinstance(value, bool)
        else ", ".join(map(str, value))
        if isinstance(value, list)
        else ""
        if value is None
        else str(value)
    )


def _secrets() -> Iterator[str]:
    yield from ("## Secrets", "")
    yield (
        "Passwords and tokens never stand in values, flags or addresses. A setting names the file that holds one; on a"
        " laptop a variable may carry it instead."
    )
    yield from (
        (
            "Where both are given, the file is read. It may end in a newline, holds at most 4 kB, and must not be"
            " readable by everybody."
        ),
        "",
    )
    roles = [
        (role, what) for role in ("source", "sink") for what in sorted({what for what in SCHEMES.values() if what})
    ]
    yield from _table(
        ("File", "Variable"),
        ([f"`{role}.{what}_file`", f"`CRONOCAST_{role.upper()}_{what.upper()}`"] for role, what in roles),
    )


def _exit_codes() -> Iterator[str]:
    yield from (
        "## Exit codes",
        "",
        "The last line on stderr is `error: E_NAME subject: sentence`; `--debug` adds where it was raised.",
        "",
    )
    known = {
        0: ("", "done: ok, skipped, fallback or superseded, with a reason in the result file"),
        2: ("", "wrong use of the command line"),
        130: ("", "stopped by Ctrl-C"),
    }
    for kind in _subclasses(CronocastError):
        if "exit_code" in vars(kind):
            known[kind.exit_code] = (kind.__name__, " ".join((kind.__doc__ or "").split()))
    yield from _table(
        ("Code", "Class", "Meaning"),
        ([str(code), _code(name), meaning] for code, (name, meaning) in sorted(known.items())),
    )


def _subclasses(kind: type[CronocastError]) -> Iterator[type[CronocastError]]:
    for below in kind.__subclasses__():
        yield below
        yield from _subclasses(below)


def _results() -> Iterator[str]:
    yield from (
        "## Result files",
        "",
        (
            "Every step writes `<step>.result.json` last, also after an error. The next step refuses files that do not"
            " fit it."
        ),
        "",
    )
    yield from _table(
        ("Keys", "Meaning"),
        ([", ".join(_code(key) for key in keys.split(", ")), meaning] for keys, meaning in RESULT_KEYS.items()),
    )
    yield from _table(("Status", "Meaning"), ([_code(status), STATUS_MEANINGS[status]] for status in STATUSES))


def _models() -> Iterator[str]:
    yield from ("## Classes", "")
    yield from _table(("Class", "Meaning"), ([_code(name), CLASS_MEANINGS[name]] for name in CLASSES))
    yield from (CLASS_LIMITS, "")
    yield from (
        "## Models",
        "",
        (
            "`model: auto` chooses among the candidates of the class by backtest. Your own: `module:Class` with `fit(y,"
            " context)` and `predict(h)`."
        ),
        "",
    )
    yield from _table(
        ("Model", "What it is", "Installed by"),
        (
            [_code(name), _docstring(row.path), f"`pip install 'cronocast[{row.extra}]'`"]
            for name, row in MODELS.items()
        ),
    )
    yield from (
        "",
        "### Options",
        "",
        "`options` of an entry go to the model that it names, or to every one among its `candidates` that reads any.",
        "",
    )
    yield from _table(("Option", "Of", "Default", "Allowed", "Meaning"), _options())
    yield from ("", OPTIONS_OF_DARTS)


def _options() -> Iterator[list[str]]:
    """A row for each option; models that share one share the row."""
    found: dict[str, list[tuple[str, Leaf]]] = {}
    for model, document in OPTIONS.items():
        for leaf in leaves(document):
            found.setdefault(leaf.path, []).append((model, leaf))
    for name, uses in found.items():
        first = uses[0][1]
        defaults = {model: _text(leaf.default) for model, leaf in uses}
        shown = (
            ", ".join(f"{_code(text)} ({model})" for model, text in defaults.items())
            if len({*defaults.values()}) > 1
            else _code(_text(first.default))
        )
        yield [_code(name), ", ".join(map(_code, defaults)), shown, _words(first.kind.words()), _words(first.about)]


def _docstring(path: str) -> str:
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


if __name__ == "__main__":
    sys.stdout.write(reference())
