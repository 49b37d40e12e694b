"""The part of steps/README.md on settings, made from the definitions of the settings themselves."""

from collections.abc import Iterator

from cronocast.chain.resolve import step_leaves
from cronocast.chain.table import STEPS
from cronocast.commands.markdown import code, table, text, words
from cronocast.commands.meanings import ABOUT_SECRETS, OPTIONS_OF_DARTS
from cronocast.commands.steps import metavar
from cronocast.document.entry import Entry
from cronocast.http.secrets import SCHEMES
from cronocast.models.table import MODELS
from cronocast.registry import attribute_of
from cronocast.settings.containers import ListOf
from cronocast.settings.declare import Leaf, Nested, leaves, plain
from cronocast.settings.one_of import OneOf
from cronocast.stream.settings import Regimes

ABOUT_NOTIFIERS = """\
Where messages go, one item of a list for each place: `{kind: slack, url_file: /etc/cronocast/slack}`. `kind` says which
of these settings it has. Addresses of Slack, Teams and webhooks let anybody post who knows them: they are secrets."""
ABOUT_REGIMES = """\
Settings of an entry of `regimes:` in a values file, see [regimes](../docs/regimes.md). `source` and `sink` are those of
a series, and `defaults:` lends them."""
NOTIFIER_SECRETS = (
    *((kind, "url") for kind in ("slack", "teams", "webhook")),
    ("pagerduty", "key"),
    ("email", "password"),
    ("alertmanager", "password"),
    ("alertmanager", "token"),
)


def settings() -> Iterator[str]:
    """The section on settings."""
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


def notifiers() -> Iterator[str]:
    """The section on notifiers."""
    yield from ("## Notifiers", "", ABOUT_NOTIFIERS, "")
    whole = OneOf("cronocast.notify.table:NOTIFIERS", usual="file")
    rows = ([f"`{leaf.path}`", *_setting(leaf)[2:5]] for leaf in whole.leaves(""))
    yield from table(("Setting", "Default", "Allowed", "Meaning"), rows)


def regimes() -> Iterator[str]:
    """The section on settings of regimes."""
    yield from ("## Regimes", "", ABOUT_REGIMES, "")
    own = [leaf for leaf in leaves(Regimes) if not leaf.path.startswith(("source.", "sink."))]
    yield from table(
        ("Setting", "Default", "Allowed", "Meaning"), ([f"`{leaf.path}`", *_setting(leaf)[2:5]] for leaf in own)
    )


def secrets() -> Iterator[str]:
    """The section on secrets."""
    yield from ("## Secrets", "", ABOUT_SECRETS, "")
    files = sorted({what for what in SCHEMES.values() if what})
    roles = [(role, what) for role in ("source", "sink") for what in files]
    yield from table(
        ("File", "Variable"),
        (
            [f"`{role}.{what}_file`", f"`CRONOCAST_{role.upper()}_{what.upper()}`"]
            for role, what in (*roles, *NOTIFIER_SECRETS)
        ),
    )


def model_options() -> Iterator[str]:
    """The section on model options."""
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
