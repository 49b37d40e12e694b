"""InfluxDB 1.x, and 2.x and 3.x through their 1.x-compatible `/query`: the way to sign in is the only difference."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from cronocast.errors import ContractError, DataError
from cronocast.http.client import blocks, client_of
from cronocast.sources.influxql import rules
from cronocast.sources.influxql.answer import Answer
from cronocast.sources.influxql.asking import HEADERS, STATUSES, Database, refuse_400
from cronocast.sources.influxql.beside import Beside
from cronocast.sources.influxql.expected import Expected
from cronocast.sources.influxql.extremes import Extremes, Found, merge
from cronocast.sources.influxql.messages import messages
from cronocast.sources.influxql.percentiles import Part, Percentiles, least_points, parts_of
from cronocast.sources.influxql.query import history_query, points_query, slices, thin_query
from cronocast.sources.influxql.settings import Settings
from cronocast.sources.influxql.standing import as_read
from cronocast.sources.reading import Reading, Window
from cronocast.sources.spool import Spool

if TYPE_CHECKING:
    import requests


class Taken(NamedTuple):
    """What one answer gave."""

    rows: int
    dropped: dict[str, int]
    bytes: int
    warnings: list[str]
    extremes: Found
    lowest: int = 0  # values that are the lowest point of a step, since the server would pick none


class InfluxQL:
    """Reads one value per step and member with one streamed request per slice."""

    def read(self, settings: Settings, window: Window, spool: Spool, say: Callable[[str], None]) -> Reading:
        """Put the history of a window into the spool.

        Raises:
            CronocastError: the server refuses, fails or lies; see the table of exit codes.
        """
        client = client_of(settings, "source", say)
        settings, window = as_read(_settled(settings, window), window)
        beside = Beside(Database(client, settings.database, settings.retention_policy), settings, window)
        reading, found, lowest = Reading(single=settings.query is None and settings.empty != "previous"), Found(), 0
        for part in _parts(beside):
            spool.commit()
            taken = _read_part(beside, part, spool, reading)
            _add(reading, taken)
            merge(found, taken.extremes)
            lowest += taken.lowest
            _pass_on(map(client.masked, taken.warnings), client.where, reading.notes, say)
        heard = len(reading.notes)
        if lowest:
            reading.notes.append(_thin(settings, lowest))
        if settings.query is None:
            beside.tell(reading, found)
        else:
            beside.tell_own(settings.query, reading, found)
        for note in reading.notes[heard:]:
            say(f"extract: {note}")
        reading.attempts = client.attempts
        client.close()
        return reading


def expected(source: Settings, part: Part, max_rows: int) -> Expected:
    """What the answer must look like; for a query of one's own any name and tags."""
    start, end, _ = part.window.start_ns, part.window.end_ns, part.window.every_ns
    if source.query is not None:
        grouped, zone = rules.grouped_ns(source.query), rules.zone_of(source.query)
        return Expected(start_ns=start, end_ns=end, max_rows=max_rows, grouped_ns=grouped, zone=zone)
    column = source.field if part.points else source.aggregate
    return Expected(source.measurement, column, frozenset(source.group_by), source.tags, start, end, max_rows)


def _settled(settings: Settings, window: Window) -> Settings:
    """With a query of one's own in a form that servers compute rightly."""
    if settings.query is None:
        return settings
    from cronocast.sources.influxql.zones import settled  # and time zones, which few need

    return replace(settings, query=settled(settings.query, window))


def _parts(beside: Beside) -> Iterator[Part]:
    """What is asked for one by one: slices, and in them stretches where a percentile needs the points."""
    source = beside.source
    needed = least_points(source.percentile) if source.query is None and source.aggregate == "percentile" else 1
    for window in slices(beside.window, source.slice):
        if needed > 1:
            answer = beside.database.ask(thin_query(source, window, needed))
            yield from parts_of(window, [int(row[0]) for one in answer for row in one.get("values") or ()])
        else:
            yield Part(window, points=False)


def _read_part(beside: Beside, part: Part, spool: Spool, so_far: Reading) -> Taken:
    query = (points_query if part.points else history_query)(beside.source, part.window)
    client = beside.database.client
    checked = beside.source.query is None or beside.own is not None
    take = partial(_take, beside.source, part, spool, so_far, client.where, checked=checked)
    form = query.form(beside.source)
    try:
        return client.send("POST", "/query", body=form, headers=HEADERS, accept=STATUSES, consume=take)
    except ContractError as error:
        if error.token != "E_NOT_FINITE" or beside.source.query is not None:
            raise
        raise ContractError(error.token, error.where, f"{error.problem}; {beside.where_huge()}") from error


def _add(reading: Reading, taken: Taken) -> None:
    reading.rows, reading.bytes = reading.rows + taken.rows, reading.bytes + taken.bytes
    for reason, rows in taken.dropped.items():
        reading.dropped[reason] = reading.dropped.get(reason, 0) + rows


def _thin(source: Settings, lowest: int) -> str:
    """The note on steps in which the server would pick no point."""
    needed = f"percentile {source.percentile:g} needs {least_points(source.percentile)} points per step"
    return f"{needed}; in {lowest} steps with fewer the lowest point stands"


def _pass_on(warnings: Iterable[str], where: str, notes: list[str], say: Callable[[str], None]) -> None:
    """Say and keep what the server warns of, each warning once."""
    for warning in warnings:
        if warning not in notes:
            say(f"{where} reports: {warning}")
            notes.append(warning)


def _take(
    source: Settings,
    part: Part,
    spool: Spool,
    so_far: Reading,
    where: str,
    response: "requests.Response",
    *,
    checked: bool,
) -> Taken:
    """Read one answer into the spool, and its extremes where they are checked; runs once per try."""
    spool.rewind()
    refuse_400(response, where)
    extremes = Extremes(spool)
    picked = Percentiles(extremes, part.window.every_ns, source.percentile, where)
    rows = picked if part.points else extremes if checked else spool
    answer = Answer(expected(source, part, source.max_rows - so_far.rows), rows, where)
    size = 0

    def counted() -> Iterator[bytes]:
        nonlocal size
        for block in blocks(response, source.timeout / 10**9):
            size += len(block)
            if size > source.max_bytes - so_far.bytes:
                right = "shorten lookback, increase every, or raise max_bytes"
                raise DataError("E_TOO_LARGE", where, f"more than {source.max_bytes} bytes; {right}")
            yield block

    for message in messages(counted(), where):
        answer.take(message)
    answer.finish()
    picked.flush()
    kept = answer.rows - picked.points + picked.steps
    return Taken(kept, answer.dropped, size, answer.warnings, extremes.found, picked.lowest)
