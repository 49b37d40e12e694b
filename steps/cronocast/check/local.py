"""What this machine has: libraries of the models, files of secrets, and variables that change an entry."""

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from cronocast.chain.resolve import step_leaves
from cronocast.chain.table import chain_steps
from cronocast.check.finding import Finding, doubtful, of_error
from cronocast.document.entry import Entry
from cronocast.errors import ConfigError, seen
from cronocast.forecast.candidates import named, option_problems
from cronocast.models.table import MODELS
from cronocast.registry import load
from cronocast.settings.declare import Leaf

SECRETS = ("password_file", "token_file")
OTHERS = stat.S_IRWXG | stat.S_IRWXO


def variables(entry: Entry, env: Mapping[str, str] = os.environ) -> Iterator[Finding]:
    """Variables that lie over what the file says, for steps that are started here."""
    leaves = {leaf.path: leaf for step in chain_steps() for leaf in step_leaves(step)}
    for leaf in leaves.values():
        text = env.get(leaf.env)
        if text and not _same(entry, leaf, text):
            said = f"{leaf.env}={seen(text)[1:-1]} lies over {leaf.path}: {_shown(entry, leaf)}"
            fix = f"unset {leaf.env}, or write {leaf.path}: {seen(text)[1:-1]} into the file"
            yield doubtful("variables", leaf.path, said, fix)


def _same(entry: Entry, leaf: Leaf, text: str) -> bool:
    return str(leaf.kind.from_text(text)) == _shown(entry, leaf)


def _shown(entry: Entry, leaf: Leaf) -> str:
    """What an entry says of a setting; "not given" where its kind of source or sink has no such setting."""
    value: object = entry
    for name in leaf.path.split("."):
        value = getattr(value, name, None)
    return "not given" if value is None else str(list(value) if isinstance(value, tuple) else value)


def models(entry: Entry) -> Iterator[Finding]:
    """Models whose libraries are not installed here, and options that they do not take."""
    for problem in option_problems(entry, "entry"):
        at = problem.where.removeprefix("entry.")
        yield from of_error("models", at, ConfigError([replace(problem, where=at)]))
    setting = "model" if entry.model != "auto" else "candidates"
    for name in named(entry.model, entry.candidates) or ("naive",):
        try:
            load(MODELS, setting, name)
        except ConfigError as error:
            yield from of_error("models", setting, error)


def secrets(entry: Entry) -> Iterator[Finding]:
    """Files of secrets that more than their owner may read; what everybody may read is refused elsewhere."""
    for role, settings in (("source", entry.source), ("sink", entry.sink)):
        for name in SECRETS:
            if (path := getattr(settings, name, None)) and (mode := _mode(path)) & OTHERS and not mode & stat.S_IROTH:
                text = f"{path} may be used by others of its group (mode {mode:04o})"
                yield doubtful("secrets", f"{role}.{name}", text, f"chmod 0400 {path}")


def _mode(path: str) -> int:
    try:
        return stat.S_IMODE(Path(path).stat().st_mode)
    except OSError:
        return 0  # reading it says what is wrong
