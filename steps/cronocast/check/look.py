"""What the checks of one entry look at: its databases, and answers that several of them need, each asked for once."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from cronocast.chain.extract import window_of
from cronocast.document.entry import Entry
from cronocast.durations import Duration
from cronocast.errors import CronocastError
from cronocast.http.client import client_of
from cronocast.sources.influxql import schema
from cronocast.sources.influxql.asking import Database
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

    @property
    def window(self) -> Window:
        """What a run now would read."""
        return window_of(self.entry, self.now_ns)

    @cached_property
    def source(self) -> Database:
        """The database that is read."""
        settings = self.entry.source
        client = client_of(replace(settings, retry_for=RETRY), "source", _silent)
        return Database(client, settings.database, settings.retention_policy)

    @cached_property
    def sink(self) -> Database:
        """The database that is written to, with the sink's own rights."""
        settings = self.entry.sink_settings()
        server = replace(settings.server, retry_for=RETRY)
        client = client_of(server, "sink", _silent, getattr(settings, "lender", None))
        return Database(client, settings.database or "", settings.retention_policy)

    @cached_property
    def databases(self) -> list[str]:
        """Databases that the source's user may see."""
        return schema.names_of(self.source.ask(schema.DATABASES))

    @cached_property
    def fields(self) -> dict[str, list[str]]:
        """Fields of the measurement and their types; empty where there is no such measurement."""
        name = self.entry.source.measurement
        return schema.field_types(self.source.ask(schema.fields_question(name))).get(name, {})

    @cached_property
    def tag_keys(self) -> list[str]:
        """Keys of the measurement's tags."""
        name = self.entry.source.measurement
        return schema.tag_keys(self.source.ask(schema.tag_keys_question(name))).get(name, [])

    @cached_property
    def points(self) -> list[schema.Found]:
        """How many points of the window each series has."""
        return self._found("count", self.window)

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
    def steps(self) -> list[schema.Found]:
        """In how many steps of the window each member has a point."""
        source = self.entry.source
        question = schema.steps_question(source.measurement, source.field, source.group_by, self.window, source.tags)
        return schema.found(self.source.ask(question))

    @cached_property
    def apart_ns(self) -> int:
        """The usual distance of points, from the newest of some series; 0 where it can't be told."""
        source = self.entry.source
        question = schema.newest_points_question(source.measurement, source.field, self.window)
        return schema.apart_ns(self.source.ask(question))

    @property
    def members(self) -> set[str]:
        """Members in the window, as people read them."""
        return {member_name(found.tags, self.entry.source.group_by) for found in self.points}

    def _found(self, function: str, window: Window) -> list[schema.Found]:
        source = self.entry.source
        question = schema.series_question(source.measurement, source.field, function, window, source.tags)
        return schema.found(self.source.ask(question))


def member_name(tags: schema.Tags, group_by: tuple[str, ...]) -> str:
    """The tags that make a member: `host=a,path=/`; "all" where nothing is grouped."""
    return ",".join(f"{key}={tags.get(key, '')}" for key in group_by) or "all"


def attempt(action: Callable[[], Any]) -> tuple[Any, CronocastError | None]:
    """What an action gives, or the error that it raises."""
    try:
        return action(), None
    except CronocastError as error:
        return None, error


def _silent(_: str) -> None:
    """Tries that fail are not told one by one: the finding says it."""
