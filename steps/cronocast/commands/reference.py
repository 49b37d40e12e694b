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
from cronocast.commands.markdown import code, table, text, words
from cronocast.commands.meanings import (
    ABOUT_SECRETS,
    CLASS_LIMITS,
    CLASS_MEANINGS,
    OPTIONS_OF_DARTS,
    OTHER_EXITS,
    RESULT_KEYS,
    STATUS_MEANINGS,
)
from cronocast.commands.steps import metavar
from cronocast.document.entry import Entry
from cronocast.errors import CronocastError
from cronocast.handoff.classes import CLASSES
from cronocast.handoff.results import STATUSES
from cronocast.http.secrets import SCHEMES
from cronocast.models.table import MODELS
from cronocast.registry import attribute_of
from cronocast.settings.containers import ListOf
from cronocast.settings.declare import Leaf, Nested, leaves, plain
from cronocast.settings.one_of import OneOf

ABOUT_NOTIFIERS = """\
Where messages go, one item of a list for each place: `{kind: slack, url_file: /etc/cronocast/slack}`. `kind` says which
of these settings it has. Addresses of Slack, Teams and webhooks let anybody post who knows them: they are secrets."""
NOTIFIER_SECRETS = (
    *((kind, "url") for kind in ("slack", "teams", "webhook")),
    ("pagerduty", "key"),
    ("email", "password"),
    ("alertmanager", "password"),
    ("alertmanager", "token"),
)


def commands() -> dict[str, Any]:
    """Every command as typer made it, by name."""
    made: dict[str, Any] = typer.main.get_command(application()).commands  # type: ignore[attr-defined]
    return made


COMMANDS = commands()


def reference() -> str:
    """Commands, settings, exit codes, result files and models as Markdown."""
    return "\n".join(
        [
            *_commands(),
            *_settings(),
            *_notifiers(),
            *_secrets(),
            *_exit_codes(),
            *_results(),
            *_classes(),
            *_models(),
            *_model_options(),
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
        ([f"[`cronocast {name}`](#cronocast-{name})", command.help] for name, command in known.items()),
    )
    for name, command in known.items():
        yield from (f"### cronocast {name}", "", command.help, "")
        settings = {leaf.flag for leaf in step_leaves(name)} if name in STEPS else set()
        own = [parameter for parameter in command.params if not settings & set(parameter.opts)]
        yield from table(("Option", "Variable", "Meaning"), map(_option, own))
        if settings:
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


def _settings() -> Iterator[str]:
    yield from ("## Settings", "")
    yield (
        "A setting is taken from the flag, else from the environment variable, else from the series document (an entry"
        " of `series:` in a values file), else the default applies."
    )
    yield from (
        (
            "An empty flag or variable counts as not given. Dots separate the levels of the document: `source.url` is"
            " `url` under `source`."
        ),
        "",
    )
    columns = ("Setting", "Flag and variable", "Default", "Allowed", "Meaning", "Steps")
    yield from table(columns, map(_setting, _all_leaves()))


def _all_leaves() -> Iterator[Leaf]:
    """Every setting of an entry; after a list of documents those of one of them."""
    for leaf in leaves(Entry):
        yield leaf
        if isinstance(leaf.kind, ListOf) and isinstance(leaf.kind.item, Nested):
            yield from leaf.kind.item.leaves(f"{leaf.path}[].")


def _setting(leaf: Leaf) -> list[str]:
    steps = [name for name in STEPS if leaf.path in {mine.path for mine in step_leaves(name)}]
    ways = f"`{leaf.flag} {metavar(leaf)}`<br>`{leaf.env}`" if steps else ""
    default = "required" if leaf.required else code("" if leaf.default in ((), {}) else text(plain(leaf.default)))
    return [f"`{leaf.path}`", ways, default, words(leaf.kind.words()), words(leaf.about), ", ".join(steps)]


def _notifiers() -> Iterator[str]:
    yield from ("## Notifiers", "", ABOUT_NOTIFIERS, "")
    whole = OneOf("cronocast.notify.table:NOTIFIERS", usual="file")
    rows = ([f"`{leaf.path}`", *_setting(leaf)[2:5]] for leaf in whole.leaves(""))
    yield from table(("Setting", "Default", "Allowed", "Meaning"), rows)


def _secrets() -> Iterator[str]:
    yield from ("## Secrets", "", ABOUT_SECRETS, "")
    secrets = sorted({what for what in SCHEMES.values() if what})
    roles = [(role, what) for role in ("source", "sink") for what in secrets]
    yield from table(
        ("File", "Variable"),
        (
            [f"`{role}.{what}_file`", f"`CRONOCAST_{role.upper()}_{what.upper()}`"]
            for role, what in (*roles, *NOTIFIER_SECRETS)
        ),
    )


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


def _model_options() -> Iterator[str]:
    yield from (
        "",
        "### Options",
        "",
        "`options` of an entry go to the model that it names, or to each of its `candidates` that reads options.",
        "",
    )
    yield from table(("Option", "Of", "Default", "Allowed", "Meaning"), _options())
    yield from ("", OPTIONS_OF_DARTS)


def _options() -> Iterator[list[str]]:
    """A row for each option; models that share one, with the same values, share the row."""
    found: dict[tuple[str, str], list[tuple[str, Leaf]]] = {}
    for model, row in MODELS.items():
        for leaf in leaves(attribute_of(row.options)) if row.options else ():
            found.setdefault((leaf.path, leaf.kind.words()), []).append((model, leaf))
    for (name, allowed), uses in found.items():
        first = uses[0][1]
        defaults = {model: text(leaf.default) for model, leaf in uses}
        shown = (
            ", ".join(f"{code(shown_default)} ({model})" for model, shown_default in defaults.items())
            if len({*defaults.values()}) > 1
            else code(text(first.default))
        )
        yield [code(name), ", ".join(map(code, defaults)), shown, words(allowed), words(first.about)]


if __name__ == "__main__":
    sys.stdout.write(page((rooms.ROOT.parent / "README.md").read_text(encoding="utf-8")))
