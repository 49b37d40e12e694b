"""The command: look at a database, print or write a values file."""

import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from cronocast.charts.words import length_about
from cronocast.console import say
from cronocast.document.entry import parse_entry
from cronocast.durations import Duration
from cronocast.errors import AccessError, ConfigError, DataError, RefusedError, seen
from cronocast.http.client import client_of
from cronocast.propose.inventory import content_of, numeric_fields
from cronocast.propose.proposal import Proposal, chosen_fields, propose
from cronocast.propose.recipes import recipe_of
from cronocast.propose.text import document, values_text
from cronocast.sources.influxql import schema
from cronocast.sources.influxql.asking import Database

MOST_ENTRIES = 100  # that a person looks through; measurements with a recipe go first
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
        given: How to sign in and which policy, as `source` of an entry says it.
        output: File to write, which must not be there yet; stdout if None.

    Raises:
        ConfigError: what was given is wrong, or the file is there.
        DataError: there is nothing to forecast.
        CronocastError: what is wrong with the server.
    """
    if output is not None and output.exists():
        raise ConfigError.one("E_PATH", "--output", f"{seen(str(output))} is there already; name a new file")
    source = _source(url, database, given)
    asked = {**source, "measurement": "m", "field": "f"}
    settings = replace(parse_entry({"name": "init", "source": asked}).source, retry_for=Duration.parse("5s"))
    place = Database(client_of(settings, "source", say), database, settings.retention_policy)
    sink: dict[str, str] = {}
    if policy := _needed_policy(place):
        place, source, sink = replace(place, policy=policy), {**source, **_policy(policy)}, _policy(policy)
    found = look_through(place, int(time.time()) * 10**9)
    if not found.proposals:
        sentence = f"{'; '.join(found.left_out) or 'no measurement with numbers'}; name a database that holds metrics"
        raise DataError("E_NO_DATA", database, sentence)
    text = values_text(source, sink, found.proposals, found.left_out, str(output or "values.yaml"))
    if output is None:
        print(text, end="")  # noqa: T201 - the answer
    else:
        output.write_text(text, encoding="utf-8")
        say(f"{output}: {len(found.proposals)} series; next: cronocast check -f {output} --write")
    return 0


def _source(url: str, database: str, given: Mapping[str, str | None]) -> dict[str, str]:
    """Settings that all entries share; how to sign in follows from what is given, where nobody says it."""
    token = given.get("token_file") or os.environ.get("CRONOCAST_SOURCE_TOKEN")
    auth = given.get("auth") or ("basic" if given.get("username") else "token" if token else "none")
    named = {key: value for key, value in given.items() if value and key != "auth"}
    return {"url": url, "database": database, **({"auth": auth} if auth != "none" else {}), **named}


def _policy(name: str) -> dict[str, str]:
    """The setting of a source or sink that names a policy."""
    return {"retention_policy": name}


def _needed_policy(place: Database) -> str:
    """The policy to name on source and sink, where a database has no default: a bucket x/p of 2.x.

    Raises:
        ConfigError: there are several to choose from.
    """
    try:
        policies = place.read(schema.policies_question(place.name), schema.policies)
    except (AccessError, RefusedError):
        return ""  # what the user may not ask is told by the next question
    if not policies or any(policy.is_default for policy in policies):
        return ""
    names = [policy.name for policy in policies]
    if place.policy is None and len(names) > 1:
        sentence = f"database {place.name} has no default policy; name one of {', '.join(names)}"
        raise ConfigError.one("E_CONFIG_MISSING", "--retention-policy", sentence)
    return place.policy or names[0]


def look_through(database: Database, now_ns: int) -> Found:
    """Entries for every measurement of a database that somebody still writes."""
    found = Found()
    for measurement, fields in sorted(numeric_fields(database).items(), key=_known_first):
        if len(found.proposals) >= MOST_ENTRIES:
            found.left_out.append(f"{measurement}: {MOST_ENTRIES} entries are enough to look through")
            continue
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


def _known_first(item: tuple[str, list[str]]) -> tuple[bool, str]:
    return recipe_of(item[0]) is None, item[0]


def _add(found: Found, database: Database, measurement: str, name: str, now_ns: int, *, alone: bool) -> None:
    content = content_of(database, measurement, name, now_ns)
    if content is None or content.silent(now_ns):
        age = f"for {length_about(now_ns - content.newest_ns)}" if content else "within a year"
        found.left_out.append(f"{measurement}, field {name}: no point {age}")
        return
    proposal = propose(content, measurement if alone else f"{measurement}-{name}")
    entry = document(proposal)
    shared = {"url": database.client.address, "database": database.name}
    try:
        parse_entry({"name": proposal.name, **entry, "source": {**shared, **entry["source"]}})
    except ConfigError as error:  # names that the query language or line protocol can't carry
        found.left_out.append(f"{measurement}, field {name}: {error.problems[0].sentence}")
        return
    found.proposals.append(proposal)
