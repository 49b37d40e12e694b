"""Is there room for the forecast: database, policy and its limits, and the measurement that it goes to?"""

from collections.abc import Iterator
from dataclasses import replace

from cronocast.charts.words import length_about
from cronocast.check.finding import Finding, doubtful, fine, of_error, wrong
from cronocast.check.look import Look, attempt
from cronocast.check.server import no_database, no_policy, policies_of, policy_of
from cronocast.errors import AccessError, RefusedError
from cronocast.formats.influx_names import quoted
from cronocast.sources.influxql import schema
from cronocast.sources.influxql.asking import Database

WRITTEN = {"yhat": "float", "yhat_lower": "float", "yhat_upper": "float", "run": "integer"}


def sink(look: Look) -> Iterator[Finding]:
    """Whether the sink's database and policy take the whole forecast."""
    reader, error = attempt(lambda: may_read(look))
    if error:
        yield from of_error("sink", "sink.database", error)
        return
    known = schema.names_of(reader.ask(schema.DATABASES))
    policies, error = attempt(lambda: policies_of(reader))
    if look.sink.name not in known and (error or not policies):
        yield no_database("sink", look.sink.name, known)
    elif error or not policies:
        text = f"database {look.sink.name} can't be looked at"
        fix = "a user that may read it as well, or check --write"
        yield doubtful("sink", "sink.username", text, fix)
    else:
        yield fine("sink", "sink.database", f"database {look.sink.name}, measurement {look.entry.sink_measurement()}")
        yield from _policy(look, policies)
        yield from _types(look, reader)


def may_read(look: Look) -> Database:
    """The sink's database, asked by whoever may read it: the sink's own user, or on the same server the source's."""
    _, error = attempt(lambda: look.sink.ask(schema.policies_question(look.sink.name)))
    same = look.sink.client.address.rstrip("/") == look.source.client.address.rstrip("/")
    if isinstance(error, AccessError) and same:
        other = replace(look.sink, client=look.source.client)
        return look.sink if attempt(lambda: policies_of(other))[1] else other
    if error and not isinstance(error, AccessError | RefusedError):
        raise error
    return look.sink


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
    types, error = attempt(lambda: schema.field_types(reader.ask(schema.fields_question(measurement))))
    if error:
        return
    for name, kinds in types.get(measurement, {}).items():
        if (sent := WRITTEN.get(name)) and sent not in kinds:
            text = f"field {name} of measurement {measurement} is stored as {kinds[0]}, a forecast sends {sent}"
            yield wrong("sink", "sink.measurement", text, "sink.measurement: another name", RefusedError)
