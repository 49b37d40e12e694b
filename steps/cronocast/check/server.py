"""Is the server there, may we read, and is there such a database, policy and measurement?"""

from collections.abc import Iterator

from cronocast.charts.words import length_about
from cronocast.check.finding import Finding, doubtful, fine, instead, of_error, wrong
from cronocast.check.look import Look, attempt
from cronocast.errors import AccessError, DataError, RefusedError, seen
from cronocast.sources.influxql import schema
from cronocast.sources.influxql.asking import Database


def server(look: Look) -> Iterator[Finding]:
    """Whether the source's server answers, and lets this user in."""
    version, error = attempt(look.source.version)
    if not error:
        _, error = attempt(lambda: look.databases)
    if error:
        yield from of_error("server", "source.url", error)
        return
    says = f", InfluxDB {version}" if version else ""
    yield fine("server", "source.url", f"{look.source.client.where} answers{says}")


def database(look: Look) -> Iterator[Finding]:
    """Whether the source's database is there, and may be read."""
    known, error = attempt(lambda: schema.names_of(look.source.ask(schema.MEASUREMENTS)))
    there = look.source.name in look.databases
    if error is None and (known or there):
        yield fine("database", "source.database", f"{look.source.name}, which may be read")
        yield from _policy(look)
    elif isinstance(error, AccessError) and there:
        text = f"{error.problem.partition('; ')[0]}"
        fix = f"GRANT READ ON {look.source.name} TO {look.entry.source.username or 'the user'}, or another user"
        yield wrong("rights", "source.username", text, fix, AccessError)
    else:
        yield no_database("source", look.source.name, look.databases)


def no_database(role: str, name: str, known: list[str]) -> Finding:
    """A database that is not there, or that this user may not see: servers tell the two alike."""
    others = [other for other in known if other != "_internal"]
    text = f"there is no database {seen(name)} that this user may see"
    return wrong("database", f"{role}.database", text, instead(f"{role}.database", name, others), RefusedError)


def _policy(look: Look) -> Iterator[Finding]:
    """Whether the source's retention policy is there and keeps as much as is read."""
    policies, error = attempt(lambda: policies_of(look.source))
    if error or not policies:
        return  # no right to look; the points themselves tell
    policy = policy_of(look.source, policies)
    if policy is None:
        yield no_policy("source", look.source, policies)
    elif 0 < policy.keeps_ns < look.entry.lookback:
        text = f"policy {policy.name} keeps {length_about(policy.keeps_ns)}, lookback asks for {look.entry.lookback}"
        fix = f"lookback: at most {length_about(policy.keeps_ns)}, or a policy that keeps more"
        yield doubtful("policy", "source.retention_policy", text, fix)


def policies_of(database: Database) -> list[schema.Policy]:
    """The policies of a database."""
    return schema.policies(database.ask(schema.policies_question(database.name)))


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
    known = schema.names_of(look.source.ask(schema.MEASUREMENTS))
    text = f"there is no measurement {seen(name)} in database {look.source.name}"
    yield wrong("measurement", "source.measurement", text, instead("source.measurement", name, known), DataError)
