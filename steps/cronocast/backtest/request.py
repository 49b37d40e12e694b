"""What a backtest is asked for: settings checked by the one definition of a series, and where its origins lie.

Standard library only.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cronocast.chain.job import check_paths
from cronocast.chain.own_table import document_of, step_named, zone_of
from cronocast.document.cross import cross_problems
from cronocast.document.entry import Entry, read_entry_text
from cronocast.errors import ConfigError, Problem, seen
from cronocast.models.rules import model_fault
from cronocast.settings.declare import leaves, parse, read_text, with_value
from cronocast.tables.layout import Named
from cronocast.tables.read import read_table
from cronocast.tables.table import Table

NAIVE = ("seasonal_naive", "naive")  # always tried: everything is held against them
Texts = Mapping[str, str | None]  # path of a setting -> text of its flag, None where not given

MOST_ORIGINS, USUAL_ORIGINS = 1000, 10  # ten horizons are judged within minutes; who wants more says so


@dataclass(frozen=True)
class Request:
    """A checked order for a backtest."""

    name: str  # of the table
    table: Table
    entry: Entry  # step size, horizon, level, clip and all that shapes a forecast
    models: tuple[str, ...]  # as asked for, then the naive ones
    origins: int | None  # None: one horizon apart
    lookback_ns: int | None  # how much history a run reads; None: all before it

    @property
    def h(self) -> int:
        """Steps of the horizon."""
        return self.entry.horizon // self.entry.every


def make_request(
    data: Path,
    out: Path | None,
    entry: str | None,
    models: str | None,
    origins: int | None,
    texts: Texts,
    named: Named | None = None,
) -> Request:
    """Check everything that a backtest was given.

    Args:
        data: A table.
        out: Page to be written, if any.
        entry: A series document as JSON text, or @FILE; its settings hold where no flag says otherwise.
        models: Names separated by commas; the document's model if not given.
        origins: How many past starts; None for one horizon apart.
        texts: Texts of flags.
        named: What is said of the columns of the table.

    Raises:
        ConfigError: with every problem found.
        DataError, ContractError, StorageError: as `read_table`.
    """
    problems: list[Problem] = []
    check_paths(problems, {"DATA": data.resolve()} if data.is_file() else {}, {"--out": out} if out else {})
    if problems:
        raise ConfigError(problems)  # before any of these files is opened
    own = _own(entry) if entry else {}
    zone, every_ns = zone_of(None, own), step_named(texts.get("every"), own)
    table = read_table(data, named or Named(), zone, every_ns)
    if table.on_wall:
        texts = {**texts, "calendar.timezone": "UTC"}
    checked = _checked(_document(table, data.stem, own, texts), texts, problems)
    names = [name.strip() for name in models.split(",")] if models else [checked.model if checked else "auto"]
    problems += choice_problems(names, origins, "--")
    if problems or checked is None:
        raise ConfigError(list(dict.fromkeys(problems)))
    lookback_ns = int(checked.lookback) if texts.get("lookback") or entry else None
    return Request(data.name, table, checked, with_naive(names), origins, lookback_ns)


def with_naive(models: Iterable[str]) -> tuple[str, ...]:
    """The models as asked for, each once, and those that they are held against."""
    return tuple(dict.fromkeys([*models, *NAIVE]))


def choice_problems(models: Iterable[str], origins: int | None, flag: str) -> list[Problem]:
    """What is wrong with the models and the number of origins; messages name them with `flag` before."""
    problems = [Problem("E_MODEL", f"{flag}models", wrong) for name in models if (wrong := model_fault(name))]
    if origins is not None and not 1 <= origins <= MOST_ORIGINS:
        said = f"{seen(origins)} is out of range; allowed: 1 to {MOST_ORIGINS}"
        problems.append(Problem("E_CONFIG_RANGE", f"{flag}origins", said))
    return problems


def _checked(data: Any, texts: Texts, problems: list[Problem]) -> Entry | None:  # noqa: ANN401 - untrusted
    """Check a document; what is wrong with a setting that a flag gave is said of the flag."""
    found: list[Problem] = []
    checked: Entry | None = parse(Entry, data, "", found)
    found += cross_problems(data, "") if isinstance(data, dict) else []
    flags = {leaf.path: leaf.flag for leaf in leaves(Entry)}
    problems += [Problem(p.token, flags[p.where], p.sentence) if texts.get(p.where) else p for p in found]
    return checked


def _own(entry: str) -> Any:  # noqa: ANN401 - untrusted
    """The series document that was given, unchecked."""
    where, text = (entry[1:], read_text(Path(entry[1:]))) if entry.startswith("@") else ("--entry", entry)
    return read_entry_text(text, where)


def _document(table: Table, name: str, own: Any, texts: Texts) -> Any:  # noqa: ANN401 - untrusted
    """The series document with the flags laid over it, unchecked; what it leaves open is that of the table."""
    data = document_of(table, name, own)
    if not isinstance(data, dict):
        return data
    kinds = {leaf.path: leaf.kind for leaf in leaves(Entry)}
    for path, text in texts.items():
        if text:
            data = with_value(data, path, kinds[path].from_text(text))
    return data


def origin_steps(n: int, h: int, wanted: int | None) -> list[int]:
    """Choose where past forecasts begin: indices of their first steps, ascending.

    At least two thirds of the history lie before the first of them, and all h steps behind the last.

    Args:
        n: Steps of the history.
        h: Steps of the horizon, >= 1.
        wanted: How many, spread evenly, fewer where there are not so many steps; None takes the newest ten at most, one
            horizon apart.
    """
    first, last = -(-2 * n // 3), n - h
    if last < first:
        return []
    if wanted is None:
        return [last - h * i for i in reversed(range(min(USUAL_ORIGINS, 1 + (last - first) // h)))]
    count = min(wanted, last - first + 1)
    return [last - round((last - first) * i / max(1, count - 1)) for i in reversed(range(count))]
