"""Alerts as tables: of now, by the state that runs keep, and of the past, by a replay."""

import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cronocast.chain.alert import FILE, read_alerts
from cronocast.commands.run import chosen_of
from cronocast.console import say
from cronocast.document.entry import Entry
from cronocast.document.values import load_values
from cronocast.durations import Duration, stamp
from cronocast.errors import ConfigError, Problem, seen
from cronocast.handoff.files import series_id
from cronocast.monitor.vintages import Key, Vintage, read_vintages
from cronocast.notify.message import FIRING, Message, ordered, to_document
from cronocast.notify.state import PENDING, Alert
from cronocast.notify.table import notifier_of

LOG_WIDTH = 160  # where nobody says how wide the reader's screen is
MOST_SHOWN = 40  # messages of a replay; --json has all


def show(values: Path, names: list[str], root: Path, *, dry_run: bool, as_json: bool) -> int:
    """Print what runs keep of the alerts of each series, or what its notifiers would be sent.

    Raises:
        ConfigError: the values file or a name is wrong.
        ContractError: the state of a series can't be read.
    """
    found = [(entry, read_alerts(root / series_id(entry.name) / "state" / FILE)) for entry in _entries(values, names)]
    alerts = [(entry, alert) for entry, kept in found for alert in kept.values()]
    if dry_run:
        for entry, kept in found:
            _render(entry, [alert.message for alert in kept.values() if alert.stage != PENDING])
    elif as_json:
        documents = [{**to_document(a.message), "stage": a.stage, "since": stamp(a.since_ns)} for _, a in alerts]
        print(json.dumps(documents, indent=1))  # noqa: T201 - the answer
    else:
        _print_alerts(alerts)
    return 0


def _entries(values: Path, names: list[str]) -> list[Entry]:
    entries = load_values(values)
    problems: list[Problem] = []
    chosen = chosen_of("--series", names, tuple(entries), problems)
    if problems:
        raise ConfigError(problems)
    return [entries[name] for name in chosen]


def _print_alerts(alerts: list[tuple[Entry, Alert]]) -> None:
    console = _console()
    table = _table("series", "member", "rule", "severity", "stage", "since", "what")
    for entry, alert in alerts:
        message = alert.message
        told = (entry.name, message.member, message.rule, message.severity, alert.stage, stamp(alert.since_ns))
        table.add_row(*map(escape, told), escape(message.text))
    if alerts:
        console.print(table)
    else:
        console.print("nothing fires")


def _render(entry: Entry, messages: list[Message]) -> None:
    """Print what each notifier of a series would be sent, without any secret."""
    for settings in entry.notify:
        texts = notifier_of(settings, say).render(ordered(messages)) if messages else []
        print(f"{entry.name}: {settings.kind}: {len(texts) or 'no'} request{'s' * (len(texts) != 1)}")  # noqa: T201
        for text in texts:
            print(text.rstrip())  # noqa: T201 - the answer


def show_replay(values: Path, names: list[str], root: Path, text: str, *, as_json: bool) -> int:
    """Print what the rules of each series would have told in the past.

    Raises:
        ConfigError: the values file, a name or the duration is wrong.
        DataError: a series has no run to go by.
    """
    from cronocast.chain.replay import LEAST_PAST_NS, replayed
    from cronocast.commands.past_values import past_values

    back = Duration.read(text)
    if back is None:
        raise ConfigError.one("E_CONFIG_TIME", "--replay", f"{seen(text)} is no duration; allowed: 60d, 2w, ...")
    documents: list[dict[str, Any]] = []
    for entry in _entries(values, names):
        folder, since_ns = root / series_id(entry.name), time.time_ns() - back
        members = past_values(entry, folder, since_ns - LEAST_PAST_NS)
        runs, sent = replayed(entry, members, _vintages(entry, folder), since_ns)
        rows = [{"at": stamp(one.run_ns), "right": one.right, **to_document(one.message)} for one in sent]
        documents.append({"series": entry.name, "runs": len(runs), "messages": rows})
        if not as_json:
            _print_replay(entry, runs, rows)
    if as_json:
        print(json.dumps(documents, indent=1))  # noqa: T201 - the answer
    return 0


def _vintages(entry: Entry, folder: Path) -> Mapping[Key, Sequence[Vintage]]:
    """What was forecast of a series; what can't be read is said."""
    vintages, notes = read_vintages(folder / "state", 2**63 - 1)
    for note in notes:
        say(f"{entry.name}: {note}")
    return vintages


def _print_replay(entry: Entry, runs: list[int], rows: list[dict[str, Any]]) -> None:
    console = _console()
    span = f" from {stamp(runs[0])} to {stamp(runs[-1])}" if runs else ""
    console.print(f"{escape(entry.name)}: {len(runs)} runs{span}, {len(rows)} messages")
    if not rows:
        return
    table = _table("at", "member", "rule", "status", "severity", "right", "what")
    for row in rows[:MOST_SHOWN]:
        right = {True: "yes", False: "no", None: ""}[row["right"]]
        told = (row["at"], row["member"], row["rule"], row["status"], row["severity"], right, row["text"])
        table.add_row(*map(escape, told))
    console.print(table)
    for line in _counts(rows):
        console.print(line)


def _counts(rows: list[dict[str, Any]]) -> Iterator[str]:
    """How many messages each rule made, and how many were right as far as that is known."""
    firing = [row for row in rows if row["status"] == FIRING]
    for rule, count in sorted(Counter(row["rule"] for row in firing).items()):
        known = [row["right"] for row in firing if row["rule"] == rule and row["right"] is not None]
        yield f"{rule}: {count}" + (f", {sum(known)} of {len(known)} right" if known else "")


def _console() -> Console:
    return Console(width=None if Console().is_terminal else LOG_WIDTH, highlight=False)


def _table(*columns: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
