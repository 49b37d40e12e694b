"""What the checks of one entry look at: its databases, and answers that several of them need, each asked for once."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from cronocast.chain.extract import window_of
from cronocast.document.entry import Entry
from cronocast.durations import Duration
from cronocast.errors import CronocastError
from cronocast.http.client import client_of
from cronocast.sources.influxql import schema
from cronocast.sources.influxql.asking import Database
from cronocast.sources.influxql.newest import Newest, newest, newest_question
from cronocast.sources.influxql.query import unread_query
from cronocast.sources.influxql.schema import NUMERIC
from cronocast.sources.reading import Window

RETRY = Duration.parse("1s")  # somebody waits: a server that is down is told at once


@dataclass(frozen=True)
class Look:
    """One entry and a time; every property is asked for when a check first needs it.

    Raises, each of them:
        CronocastError: whatever is wrong with the secret, the server or its answer.
    """

    entry: Entry
    now_ns: int
    said: list[str] = field(default_factory=list)  # lines of the clients: tries that failed, clocks that differ

    @property
    def window(self) -> Window:
        """What a run now would read."""
        return window_of(self.entry, self.now_ns)

    @cached_property
    def source(self) -> Database:
        """The database that is read."""
        settings = self.entry.source
        client = client_of(replace(settings, retry_for=RETRY), "source", self.said.append)
        return Database(client, settings.database, settings.retention_policy)

    @cached_property
    def sink(self) -> Database:
        """The database that is written to, with the sink's own rights."""
        settings = self.entry.sink_settings()
        server = replace(settings.server, retry_for=RETRY)
        client = client_of(server, "sink", self.said.append, getattr(settings, "lender", None))
        return Database(client, settings.database or "", settings.retention_policy)

    @cached_property
    def sink_is_victoria(self) -> bool:
        """Whether what is written to is VictoriaMetrics: to every question it answers with its one database."""
        answer, _ = attempt(lambda: self.sink.ask(("SHOW RETENTION POLICIES", {})))
        return [one["columns"] for one in answer or ()] == [["name"]]

    @cached_property
    def databases(self) -> list[str]:
        """Databases that the source's user may see."""
        return self.source.read(schema.DATABASES, schema.names_of)

    @cached_property
    def fields(self) -> dict[str, list[str]]:
        """Fields of the measurement and their types; empty where there is no such measurement."""
        name = self.entry.source.measurement
        return self.source.read(schema.fields_question(name), schema.field_types).get(name, {})

    @cached_property
    def tag_keys(self) -> list[str]:
        """Keys of the measurement's tags."""
        name = self.entry.source.measurement
        keys, error = attempt(lambda: self.source.read(schema.tag_keys_question(name), schema.tag_keys))
        return sorted(self._tags_of_points) if error else keys.get(name, [])

    def tag_values(self, keys: list[str]) -> dict[str, list[str]]:
        """Values of some of the measurement's tags."""
        question = schema.tag_values_question(self.entry.source.measurement, keys)
        values, error = attempt(lambda: self.source.read(question, schema.tag_values))
        return self._tags_of_points if error else values

    @cached_property
    def _tags_of_points(self) -> dict[str, list[str]]:
        """Tags of points of the field, where the server answers no other question: 2.x without a default policy."""
        source, window = self.entry.source, replace(self.window, start_ns=0, end_ns=self.now_ns)
        question = schema.series_question(source.measurement, source.field, "last", window, {})
        values: dict[str, set[str]] = {}
        for found in self.source.read(question, schema.found):
            for key, value in found.tags.items():
                values.setdefault(key, set()).add(value)
        return {key: sorted(some) for key, some in values.items()}

    @cached_property
    def points(self) -> list[tuple[dict[str, str], int]]:
        """How many points of the window each series has, by its tags."""
        source = self.entry.source
        question = schema.series_question(source.measurement, source.field, "count", self.window, source.tags)
        return self.source.read(question, schema.counts)

    @cached_property
    def oldest(self) -> list[schema.Found]:
        """The oldest point of the window of each series."""
        return self._found("first", self.window)

    @cached_property
    def newest(self) -> list[schema.Found]:
        """The newest point of each series from the window's beginning until now."""
        return self._found("last", replace(self.window, end_ns=self.now_ns))

    @cached_property
    def newest_ever(self) -> list[schema.Found]:
        """The newest point of each series, however old."""
        return self._found("last", replace(self.window, start_ns=0, end_ns=self.now_ns))

    @cached_property
    def steps(self) -> list[tuple[dict[str, str], int]]:
        """In how many steps of the window each member has a point, by its tags."""
        source = self.entry.source
        question = schema.steps_question(source.measurement, source.field, source.group_by, self.window, source.tags)
        return self.source.read(question, schema.counts)

    @cached_property
    def recent(self) -> Newest:
        """What the newest points of some series say; of a field that holds no numbers, nothing."""
        source = self.entry.source
        if not NUMERIC.issuperset(self.fields.get(source.field, ())):
            return newest(())
        return self.source.read(newest_question(source.measurement, source.field, self.window), newest)

    @property
    def members(self) -> set[str]:
        """Members in the window, as users read them."""
        return {member_name(tags, self.entry.source.group_by) for tags, _ in self.points}

    def unread(self, kind: str) -> int:
        """Points of the window whose type a query does not read."""
        question = unread_query(self.entry.source, self.window, kind)
        return sum(count for _, count in self.source.read(question, schema.counts))

    def is_in(self, policy: str) -> bool:
        """Whether another policy has points of the entry, however old."""
        window = replace(self.window, start_ns=0, end_ns=self.now_ns)
        return bool(attempt(lambda: self._found("last", window, replace(self.source, policy=policy)))[0])

    def _found(self, function: str, window: Window, database: Database | None = None) -> list[schema.Found]:
        source = self.entry.source
        question = schema.series_question(source.measurement, source.field, function, window, source.tags)
        return (database or self.source).read(question, schema.found)


def member_name(tags: schema.Tags, group_by: tuple[str, ...]) -> str:
    """The tags that make a member: `host=a,path=/`; "all" where nothing is grouped."""
    return ",".join(f"{key}={tags.get(key, '')}" for key in group_by) or "all"


def attempt(action: Callable[[], Any]) -> tuple[Any, CronocastError | None]:
    """What an action gives, or the error that it raises."""
    try:
        return action(), None
    except CronocastError as error:
        return None, error
