"""A step on a table of one's own: the files between steps lie in a folder that goes away, the result is printed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cronocast import registry
from cronocast.chain.job import Job
from cronocast.chain.own_table import document_of, step_named, zone_of
from cronocast.chain.resolve import Invocation, make_job, read_entry, step_leaves
from cronocast.chain.shell import run_step
from cronocast.chain.table import FILES, STEPS
from cronocast.commands.print_table import print_result, say_found
from cronocast.errors import ConfigError, Problem
from cronocast.tables.layout import Named
from cronocast.tables.read import read_table
from cronocast.tables.table import Table


@dataclass(frozen=True)
class Asked:
    """What was said of a table on the command line."""

    data: str | None
    time: str | None = None
    value: str | None = None
    by: str | None = None
    json: bool = False

    @property
    def named(self) -> Named:
        """What was said of its columns."""
        return Named(self.time, self.value, self.by)


def run_on_table(given: Invocation, asked: Asked, *, debug: bool) -> int:
    """Run one step on a table and print what came of it; what was found in the table goes to stderr.

    Raises:
        ConfigError: a flag says something of files between steps or of a run folder, or a setting is wrong.
        DataError, ContractError, StorageError: the table can't be read.
    """
    path = _checked(given, asked)
    own = read_entry(given.entry) if given.entry else {}
    every_ns = step_named(given.texts.get("every"), own)
    table = read_table(path, asked.named, zone_of(given.texts.get("calendar.timezone"), own), every_ns)
    say_found(table, path, guessed=every_ns is None)
    with TemporaryDirectory(prefix="cronocast-") as folder:
        files = {name: Path(folder) / FILES[name].name for name in ("history", STEPS[given.step].writes)}
        table.write_history(files["history"])
        job = _job(given, files, document_of(table, path.stem, own), has_entry=bool(given.entry), table=table)
        code = run_step(registry.load(STEPS, given.step, given.step), job, debug=debug)
        if not code:
            print_result(table, job, as_json=asked.json)
    return code


def _checked(given: Invocation, asked: Asked) -> Path:
    """The table's path.

    Raises:
        ConfigError: no table is named, or also files between steps.
    """
    if not asked.data:
        flag = next(f"--{name}" for name in ("time", "value", "by", "json") if getattr(asked, name))
        raise ConfigError.one("E_CONFIG_CROSS", flag, "it says something of a table; name one, such as data.csv")
    beside = {f"--{name}": path for name, path in given.files.items()} | {
        "--root": given.root,
        "--part": given.part,
        "--outputs": given.outputs,
    }
    if flags := [flag for flag, said in beside.items() if said]:
        sentence = f"it names files between steps, and {asked.data} is a table of your own: give one of both"
        raise ConfigError([Problem("E_CONFIG_CROSS", flag, sentence) for flag in flags])
    return Path(asked.data)


def _job(
    given: Invocation, files: Mapping[str, Path], document: Mapping[str, Any], *, has_entry: bool, table: Table
) -> Job:
    """The job of a step on files made of a table; what is wrong with a setting is said of its flag.

    Raises:
        ConfigError: with every problem found.
    """
    texts = {
        **given.texts,
        **({"calendar.timezone": "UTC"} if table.on_wall and "calendar.timezone" in given.texts else {}),
    }
    try:
        return make_job(replace(given, entry=json.dumps(document), files=files, texts=texts))
    except ConfigError as error:
        flags = {} if has_entry else {leaf.path: leaf.flag for leaf in step_leaves(given.step)}
        raise ConfigError([replace(p, where=flags.get(p.where, p.where)) for p in error.problems]) from error
