"""What a backtest is asked for: settings checked by the one definition of a series, and where its origins lie.

Standard library only.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cronocast.chain.job import check_paths
from cronocast.chain.standalone import infer_grid, whole_steps
from cronocast.document.cross import cross_problems
from cronocast.document.entry import Entry, read_entry_text
from cronocast.durations import Duration
from cronocast.errors import ConfigError, Problem, seen
from cronocast.models.rules import model_fault
from cronocast.settings.declare import leaves, parse, read_text, with_value
from cronocast.sources.table import NO_DATABASE

NAIVE = ("seasonal_naive", "naive")  # always tried: everything is held against them
Texts = Mapping[str, str | None]  # path of a setting -> text of its flag, None where not given

MOST_ORIGINS, USUAL_ORIGINS = 1000, 10  # ten horizons are judged within minutes; who wants more says so


@dataclass(frozen=True)
class Request:
    """A checked order for a backtest."""

    history: Path
    entry: Entry  # step size, horizon, level, clip and all that shapes a forecast
    models: tuple[str, ...]  # as asked for, then the naive ones
    origins: int | None  # None: one horizon apart
    lookback_ns: int | None  # how much history a run reads; None: all before it

    @property
    def h(self) -> int:
        """Steps of the horizon."""
        return self.entry.horizon // self.entry.every


def make_request(
    history: Path, out: Path | None, entry: str | None, models: str | None, origins: int | None, texts: Texts
) -> Request:
    """Check everything that a backtest was given.

    Args:
        history: File of `name,tags,time,value`.
        out: Page to be written, if any.
        entry: A series document as JSON text, or @FILE; its settings hold where no flag says otherwise.
        models: Names separated by commas; the document's model if not given.
        origins: How many past starts; None for one horizon apart.
        texts: Texts of flags.

    Raises:
        ConfigError: with every problem found.
        DataError, ContractError: the history is missing or is no such file.
    """
    problems: list[Problem] = []
    check_paths(problems, {"--history": history}, {"--out": out} if out else {})
    if problems:
        raise ConfigError(problems)  # before any of these files is opened
    checked = _checked(_document(history, entry, texts), texts, problems)
    names = [name.strip() for name in models.split(",")] if models else [checked.model if checked else "auto"]
    problems += [Problem("E_MODEL", "--models", wrong) for name in names if (wrong := model_fault(name))]
    if origins is not None and not 1 <= origins <= MOST_ORIGINS:
        said = f"{seen(origins)} is out of range; allowed: 1 to {MOST_ORIGINS}"
        problems.append(Problem("E_CONFIG_RANGE", "--origins", said))
    if problems or checked is None:
        raise ConfigError(list(dict.fromkeys(problems)))
    lookback_ns = int(checked.lookback) if texts.get("lookback") or entry else None
    return Request(history, checked, tuple(dict.fromkeys([*names, *NAIVE])), origins, lookback_ns)


def _checked(data: Any, texts: Texts, problems: list[Problem]) -> Entry | None:  # noqa: ANN401 - untrusted
    """Check a document; what is wrong with a setting that a flag gave is said of the flag."""
    found: list[Problem] = []
    checked: Entry | None = parse(Entry, data, "", found)
    found += cross_problems(data, "") if isinstance(data, dict) else []
    flags = {leaf.path: leaf.flag for leaf in leaves(Entry)}
    problems += [Problem(p.token, flags[p.where], p.sentence) if texts.get(p.where) else p for p in found]
    return checked


def _document(history: Path, entry: str | None, texts: Texts) -> Any:  # noqa: ANN401 - untrusted
    """The series document with the flags laid over it, unchecked; without one, the step size is that of the history."""
    if entry:
        where, text = (entry[1:], read_text(Path(entry[1:]))) if entry.startswith("@") else ("--entry", entry)
        own = read_entry_text(text, where)
        if not isinstance(own, dict):
            return own
    else:
        own = {}
    data = {**_of_history(history, texts, own), **own}
    kinds = {leaf.path: leaf.kind for leaf in leaves(Entry)}
    for path, text_given in texts.items():
        if text_given:
            data = with_value(data, path, kinds[path].from_text(text_given))
    return data


def _of_history(history: Path, texts: Texts, own: Mapping[str, Any]) -> dict[str, Any]:
    """What a document without a source leaves open.

    The file stands for the database, its step size and span for the settings.
    """
    if "source" in own:
        return {}
    every_ns, span_ns = infer_grid(history)
    every = texts.get("every") or str(own.get("every") or Duration.of(every_ns))
    # A step that is wrong is said elsewhere.
    return {
        "name": history.stem or "series",
        "source": NO_DATABASE,
        "every": every,
        "lookback": whole_steps(span_ns, Duration.read(every) or every_ns),
    }


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
