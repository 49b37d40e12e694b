"""Is the server there, may we read, and is there such a database, policy and measurement?"""

from collections.abc import Iterator
from dataclasses import replace

from cronocast.charts.words import length_about
from cronocast.check.finding import Finding, doubtful, fine, instead, listed, meant, of_error, wrong
from cronocast.check.look import Look, attempt
from cronocast.errors import AccessError, DataError, RefusedError, seen
from cronocast.formats.influx_names import quoted
from cronocast.sources.influxql import schema
from cronocast.sources.influxql.asking import Database

CLOCK = "this machine's clock is"  # of the client's warning, see `Client.send`


def server(look: Look) -> Iterator[Finding]:
    """Whether the source's server answers, and lets this user in."""
    version, error = attempt(look.source.version)
    if not error:
        _, error = attempt(lambda: look.databases)
    if error:
        found = of_error("server", "source.url", error)
        yield from (replace(one, fix=one.fix or "is that the address of an InfluxDB?") for one in found)
        return
    says = f", InfluxDB {version}" if version else ""
    yield fine("server", "source.url", f"{look.source.client.where} answers{says}")
    for line in dict.fromkeys(line for line in look.said if CLOCK in line):
        text, _, fix = line.partition(": ")[2].partition("; ")
        yield doubtful("clock", "source.url", text, fix)


def database(look: Look) -> Iterator[Finding]:
    """Whether the source's database is there, and may be read."""
    name, known = look.source.name, look.databases
    measurements, error = attempt(lambda: look.source.read(schema.MEASUREMENTS, schema.names_of))
    policies = attempt(lambda: policies_of(look.source))[0] or []
    if policies and policy_of(look.source, policies) is None:
        yield no_policy("source", look.source, policies)
    elif error is None and (measurements or name in known):
        yield fine("database", "source.database", f"{name}, which may be read")
        yield from _policy(look, policies)
    elif isinstance(error, AccessError) and (name in known or not meant(name, known)):
        user = look.entry.source.username or "the user"
        fix = (
            f"GRANT READ ON {quoted(name)} TO {quoted(user)}, or another user; it may see: {listed(known) or 'nothing'}"
        )
        yield wrong("rights", "source.username", error.problem.partition("; ")[0], fix, AccessError)
    else:
        yield no_database("source", name, known)


def no_database(role: str, name: str, known: list[str]) -> Finding:
    """A database that is not there, or that this user may not see: servers tell the two alike."""
    others = [other for other in known if other != "_internal"]
    text = f"there is no database {seen(name)} that this user may see"
    fix = instead(f"{role}.database", name, others)
    if not meant(name, others):
        fix = f"CREATE DATABASE {quoted(name)}, or rights on it; or {fix}"
    return wrong("database", f"{role}.database", text, fix, RefusedError)


def _policy(look: Look, policies: list[schema.Policy]) -> Iterator[Finding]:
    """Whether the source's retention policy keeps as much as is read."""
    policy = policy_of(look.source, policies)
    if policy and 0 < policy.keeps_ns < look.entry.lookback:
        keeps = length_about(policy.keeps_ns)
        text = f"policy {policy.name} keeps {keeps}, lookback asks for {look.entry.lookback}"
        fix = f"lookback: at most {keeps}, or a policy that keeps more"
        yield doubtful("policy", "source.retention_policy", text, fix)


def policies_of(database: Database) -> list[schema.Policy]:
    """The policies of a database."""
    return database.read(schema.policies_question(database.name), schema.policies)


def policy_of(database: Database, policies: list[schema.Policy]) -> schema.Policy | None:
    """The policy that is meant: the one that is named, or the default."""
    name = database.policy
    return next((p for p in policies if (p.is_default if name is None else p.name == name)), None)


def no_policy(role: str, database: Database, policies: list[schema.Policy]) -> Finding:
    """A policy that is not there."""
    setting, names = f"{role}.retention_policy", [policy.name for policy in policies]
    if database.policy is None:
        text = f"database {database.name} has no default policy"
        return wrong("policy", setting, text, f"{setting}: {listed_first(names)}", RefusedError)
    text = f"database {database.name} has no policy {seen(database.policy)}"
    return wrong("policy", setting, text, instead(setting, database.policy, names), RefusedError)


def listed_first(names: list[str]) -> str:
    """The only name, or all to choose from."""
    return names[0] if len(names) == 1 else f"one of {', '.join(names)}"


def measurement(look: Look) -> Iterator[Finding]:
    """Whether the measurement is there."""
    name = look.entry.source.measurement
    if look.fields:
        yield fine("measurement", "source.measurement", name)
        return
    known = list(look.source.read(schema.fields_question(), schema.field_types))
    if others := elsewhere(look):
        yield in_other_policy(f"no points of measurement {seen(name)} in this policy", others)
        return
    text = f"there is no measurement {seen(name)} in database {look.source.name}"
    yield wrong("measurement", "source.measurement", text, instead("source.measurement", name, known), DataError)


def elsewhere(look: Look) -> list[str]:
    """Other policies that have points such as the entry reads."""
    policies = attempt(lambda: policies_of(look.source))[0] or []
    read = policy_of(look.source, policies)
    return [policy.name for policy in policies if policy != read and look.is_in(policy.name)]


def in_other_policy(text: str, policies: list[str]) -> Finding:
    """Points that are where the entry does not look."""
    setting = "source.retention_policy"
    text = f"{text}: they are in policy {listed(policies)}"
    return wrong("points", setting, text, f"{setting}: {policies[0]}", DataError)
