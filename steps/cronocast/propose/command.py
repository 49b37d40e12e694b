"""The command: look at a database, print or write a values file."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from cronocast.charts.words import length_about
from cronocast.console import say
from cronocast.document.entry import parse_entry
from cronocast.durations import Duration
from cronocast.errors import ConfigError, DataError, seen
from cronocast.http.client import client_of
from cronocast.propose.inventory import content_of, numeric_fields
from cronocast.propose.proposal import Proposal, chosen_fields, propose
from cronocast.propose.recipes import recipe_of
from cronocast.propose.text import values_text
from cronocast.sources.influxql.asking import Database

MOST_NAMED = 8  # further fields that a comment names


@dataclass
class Found:
    """Entries, and why other measurements have none."""

    proposals: list[Proposal] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def run_init(url: str, database: str, given: Mapping[str, str | None], output: Path | None) -> int:
    """Propose entries for what a database holds.

    Args:
        url: Of the server.
        database: To look into.
        given: How to sign in, as `source` of an entry says it.
        output: File to write, which must not be there yet; stdout if None.

    Raises:
        ConfigError: what was given is wrong, or the file is there.
        DataError: there is nothing to forecast.
        CronocastError: what is wrong with the server.
    """
    if output is not None and output.exists():
        raise ConfigError.one("E_PATH", "--output", f"{seen(str(output))} is there already; name a new file")
    source = _source(url, database, given)
    document = {**source, "measurement": "m", "field": "f"}
    settings = replace(parse_entry({"name": "init", "source": document}).source, retry_for=Duration.parse("5s"))
    found = look_through(Database(client_of(settings, "source", say), database), int(time.time()) * 10**9)
    if not found.proposals:
        sentence = f"{'; '.join(found.left_out) or 'no measurement with numbers'}; name a database that holds metrics"
        raise DataError("E_NO_DATA", database, sentence)
    text = values_text(source, found.proposals, found.left_out, str(output or "values.yaml"))
    if output is None:
        print(text, end="")  # noqa: T201 - the answer
    else:
        output.write_text(text, encoding="utf-8")
        say(f"{output}: {len(found.proposals)} series; next: cronocast check -f {output} --write")
    return 0


def _source(url: str, database: str, given: Mapping[str, str | None]) -> dict[str, str]:
    """Settings that all entries share; how to sign in follows from what is given, where nobody says it."""
    auth = given["auth"] or ("basic" if given["username"] else "token" if given["token_file"] else "none")
    named = {key: value for key, value in given.items() if value and key != "auth"}
    return {"url": url, "database": database, **({"auth": auth} if auth != "none" else {}), **named}


def look_through(database: Database, now_ns: int) -> Found:
    """Entries for every measurement of a database that somebody still writes."""
    found = Found()
    for measurement, fields in sorted(numeric_fields(database).items()):
        chosen = chosen_fields(measurement, fields)
        if not chosen:
            found.left_out.append(f"{measurement}: none of the fields {', '.join(recipe_fields(measurement))}")
        for name in chosen:
            _add(found, database, measurement, name, now_ns, alone=len(chosen) == 1)
        if recipe_of(measurement) is None and len(fields) > len(chosen):
            others = [name for name in fields if name not in chosen]
            more = f" and {len(others) - MOST_NAMED} more" if len(others) > MOST_NAMED else ""
            found.left_out.append(f"{measurement}: further fields {', '.join(others[:MOST_NAMED])}{more}")
    return found


def recipe_fields(measurement: str) -> Iterator[str]:
    """Fields that the recipe of a measurement knows."""
    recipe = recipe_of(measurement)
    yield from recipe.fields if recipe else ()


def _add(found: Found, database: Database, measurement: str, name: str, now_ns: int, *, alone: bool) -> None:
    content = content_of(database, measurement, name, now_ns)
    if content is None or content.silent(now_ns):
        age = f"for {length_about(now_ns - content.newest_ns)}" if content else "within a year"
        found.left_out.append(f"{measurement}, field {name}: no point {age}")
        return
    found.proposals.append(propose(content, measurement if alone else f"{measurement}-{name}"))
