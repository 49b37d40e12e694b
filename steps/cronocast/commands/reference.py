"""`python -m cronocast.commands.reference`: steps/README.md with what follows from the program's own definitions.

What stands between two marks of the page is written here, the rest by hand.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from cronocast.chain.resolve import step_leaves
from cronocast.chain.table import STEPS
from cronocast.commands import rooms
from cronocast.commands.adding import adding_a_source
from cronocast.commands.application import application
from cronocast.commands.markdown import code, table, words
from cronocast.commands.meanings import (
    CLASS_LIMITS,
    CLASS_MEANINGS,
    OTHER_EXITS,
    RESULT_KEYS,
    STATUS_MEANINGS,
)
from cronocast.commands.reference_settings import model_options, notifiers, regimes, secrets, settings
from cronocast.errors import CronocastError
from cronocast.handoff.classes import CLASSES
from cronocast.handoff.results import STATUSES
from cronocast.models.table import MODELS


def commands() -> dict[str, Any]:
    """Every command as typer made it, by name."""
    made: dict[str, Any] = typer.main.get_command(application()).commands  # type: ignore[attr-defined]
    groups = {name: getattr(command, "commands", None) for name, command in made.items()}
    found: dict[str, Any] = {}
    for name, command in made.items():
        found |= {f"{name} {part}": one for part, one in (groups[name] or {}).items()} or {name: command}
    return found


COMMANDS = commands()


def reference() -> str:
    """Commands, settings, exit codes, result files and models as Markdown."""
    return "\n".join(
        [
            *_commands(),
            *settings(),
            *notifiers(),
            *regimes(),
            *secrets(),
            *_exit_codes(),
            *_results(),
            *_classes(),
            *_models(),
            *model_options(),
        ]
    )


def page(present: str) -> str:
    """The whole page, from its present text: every part between its marks is written anew."""
    parts = {
        "rooms": "\n".join(_rooms()),
        "imports": _imports(),
        "adding": "\n".join(adding_a_source()),
        "reference": reference(),
    }
    for name, part in parts.items():
        begin, end = f"<!-- {name}: made by python -m cronocast.commands.reference -->", f"<!-- end of {name} -->"
        before, _, rest = present.partition(begin)
        present = f"{before}{begin}\n\n{part.strip()}\n\n{end}{rest.partition(end)[2]}"
    return present


def _rooms() -> list[str]:
    about = rooms.packages(rooms.ROOT)
    floors = [(floor, names) for floor, names in enumerate(reversed(rooms.floors())) if "__main__" not in names]
    return table(
        ("Floor", "Package", "What is in it"),
        ([str(floor), code(name), about[name]] for floor, names in reversed(floors) for name in names),
    )


def _imports() -> str:
    return "\n".join(["```", *rooms.listed(), "```"])


def _commands() -> Iterator[str]:
    known = commands()
    yield from ("## Commands", "")
    yield from table(
        ("Command", "What it does"),
        (
            [f"[`cronocast {name}`](#cronocast-{name.replace(' ', '-')})", command.help]
            for name, command in known.items()
        ),
    )
    for name, command in known.items():
        yield from (f"### cronocast {name}", "", command.help, "")
        taken = {leaf.flag for leaf in step_leaves(name)} if name in STEPS else set()
        own = [parameter for parameter in command.params if not taken & set(parameter.opts)]
        yield from table(("Option", "Variable", "Meaning"), map(_option, own))
        if taken:
            yield from (
                f"And every [setting](#settings) with `{name}` in its last column, as a flag or environment variable.",
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
    return [code(names), code(parameter.envvar), words(parameter.help) + required + default]


def _exit_codes() -> Iterator[str]:
    yield from (
        "## Exit codes",
        "",
        "The last line on stderr is `error: E_NAME subject: sentence`; `--debug` adds where it was raised.",
        "",
    )
    known = {number: ("", meaning) for number, meaning in OTHER_EXITS.items()}
    for kind in _subclasses(CronocastError):
        if "exit_code" in vars(kind):
            known[kind.exit_code] = (kind.__name__, " ".join((kind.__doc__ or "").split()))
    yield from table(
        ("Code", "Class", "Meaning"),
        ([str(number), code(name), meaning] for number, (name, meaning) in sorted(known.items())),
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
            "Every step writes `<step>.result.json` last, even after an error. The next step refuses files that do not"
            " match it."
        ),
        "",
    )
    yield from table(
        ("Keys", "Meaning"),
        ([", ".join(code(key) for key in keys.split(", ")), meaning] for keys, meaning in RESULT_KEYS.items()),
    )
    yield from table(("Status", "Meaning"), ([code(status), STATUS_MEANINGS[status]] for status in STATUSES))


def _classes() -> Iterator[str]:
    yield from ("## Classes", "")
    yield from table(("Class", "Meaning"), ([code(name), CLASS_MEANINGS[name]] for name in CLASSES))
    yield from (CLASS_LIMITS, "")


def _models() -> Iterator[str]:
    yield from (
        "## Models",
        "",
        (
            "`model: auto` chooses among the candidates of the class by backtest. Your own: `module:Class` with `fit(y,"
            " context)` and `predict(h)`."
        ),
        "",
    )
    yield from table(
        ("Model", "What it is", "Installed by"),
        ([code(name), row.about, f"`pip install 'cronocast[{row.extra}]'`"] for name, row in MODELS.items()),
    )


if __name__ == "__main__":
    sys.stdout.write(page((rooms.ROOT.parent / "README.md").read_text(encoding="utf-8")))
