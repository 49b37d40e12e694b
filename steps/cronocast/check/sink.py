"""Is there room for the forecast: database, policy and its limits, and the measurement that it goes to?"""

from collections.abc import Iterator
from dataclasses import replace

from cronocast.charts.words import length_about
from cronocast.check.finding import NOTE, Finding, doubtful, fine, of_error, wrong
from cronocast.check.look import Look, attempt
from cronocast.check.server import no_database, no_policy, policies_of, policy_of
from cronocast.errors import AccessError, RefusedError
from cronocast.formats.influx_names import quoted
from cronocast.sources.influxql import schema
from cronocast.sources.influxql.asking import Database

WRITTEN = {"yhat": "float", "yhat_lower": "float", "yhat_upper": "float", "run": "integer"}


def sink(look: Look) -> Iterator[Finding]:
    """Whether the sink's user is let in, and its database and policy take the whole forecast."""
    _, error = attempt(lambda: look.sink.ask(schema.DATABASES))
    if error:
        yield from of_error("sink", "sink.username" if isinstance(error, AccessError) else "sink.url", error)
        return
    if look.sink_is_victoria:
        text = f"{look.sink.client.where} is VictoriaMetrics, which drops points beyond its limits without a word"
        fix = f"-futureRetention={look.entry.horizon} or more; check --write shows what it keeps"
        yield doubtful("sink", "sink.url", text, fix)
        return
    reader = may_read(look)
    known = reader.read(schema.DATABASES, schema.names_of)
    policies = _policies(reader)
    if policies:
        yield fine("sink", "sink.database", f"database {look.sink.name}, measurement {look.entry.sink_measurement()}")
        yield from _policy(look, policies)
        yield from _types(look, reader)
        if look.entry.sink.read_back and not _policies(look.sink):
            text = f"read_back counts what was written, and the sink's user may not read {look.sink.name}"
            fix = f"GRANT READ ON {quoted(look.sink.name)}, or leave sink.read_back out"
            yield wrong("rights", "sink.read_back", text, fix, AccessError)
    elif known and look.sink.name not in known:
        yield no_database("sink", look.sink.name, known)
    else:
        text = f"neither user may look at database {look.sink.name}"
        yield Finding("sink", NOTE, "sink.username", text, "check --write tells whether forecasts can be written")


def may_read(look: Look) -> Database:
    """The sink's database, asked by whoever may read it: the sink's own user, or on the same server the source's.

    Raises:
        CronocastError: the server does not answer the sink's user at all.
    """
    same = look.sink.client.address.rstrip("/") == look.source.client.address.rstrip("/")
    if _policies(look.sink) or not same:
        return look.sink
    other = replace(look.sink, client=look.source.client)
    return other if _policies(other) else look.sink


def _policies(database: Database) -> list[schema.Policy]:
    """The policies of a database; none where there is no such database, or no right to read it."""
    policies, error = attempt(lambda: policies_of(database))
    if error and not isinstance(error, AccessError | RefusedError):
        raise error
    return policies or []


def _policy(look: Look, policies: list[schema.Policy]) -> Iterator[Finding]:
    policy = policy_of(look.sink, policies)
    horizon = look.entry.horizon
    if policy is None:
        yield no_policy("sink", look.sink, policies)
        return
    if 0 < policy.ahead_ns < horizon:
        name = f"{quoted(policy.name)} ON {quoted(look.sink.name)}"
        text = f"policy {policy.name} takes points up to {length_about(policy.ahead_ns)} ahead, horizon is {horizon}"
        fix = f"ALTER RETENTION POLICY {name} FUTURE LIMIT INF, or horizon: {length_about(policy.ahead_ns)}"
        yield wrong("policy", "horizon", text, fix.replace(" h", "h"), RefusedError)
    if 0 < policy.keeps_ns < horizon:
        text = f"policy {policy.name} keeps {length_about(policy.keeps_ns)}, horizon is {horizon}"
        fix = "a policy that keeps longer: forecasts are gone before what they foresaw can be compared"
        yield doubtful("policy", "sink.retention_policy", text, fix)


def _types(look: Look, reader: Database) -> Iterator[Finding]:
    """Fields of the sink's measurement that are stored in another type than forecasts have."""
    measurement = look.entry.sink_measurement()
    types, error = attempt(lambda: reader.read(schema.fields_question(measurement), schema.field_types))
    if error:
        return
    for name, kinds in types.get(measurement, {}).items():
        if (sent := WRITTEN.get(name)) and sent not in kinds:
            text = f"field {name} of measurement {measurement} is stored as {kinds[0]}, a forecast sends {sent}"
            yield wrong("sink", "sink.measurement", text, "sink.measurement: another name", RefusedError)
