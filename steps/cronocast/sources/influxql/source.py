"""InfluxDB 1.x, and 2.x and 3.x through their 1.x-compatible `/query`: the way to sign in is the only difference."""

import math
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from cronocast.errors import ContractError, CronocastError, DataError, seen
from cronocast.http.client import Client, blocks, client_of
from cronocast.sources.influxql import rules
from cronocast.sources.influxql.answer import Answer
from cronocast.sources.influxql.expected import Expected
from cronocast.sources.influxql.messages import fault_of, messages, parse_json, result_of
from cronocast.sources.influxql.query import count_query, fields_query, history_query, slices
from cronocast.sources.influxql.settings import Settings
from cronocast.sources.influxql.standing import as_read
from cronocast.sources.reading import Reading, Window
from cronocast.sources.spool import Spool

if TYPE_CHECKING:
    import requests

T = TypeVar("T")
# CSV hides errors and cut answers
HEADERS = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
STATUSES = frozenset({200, 400})  # 400: the words of the server say what is wrong with the query
ERROR_BYTES = 65536


class InfluxQL:
    """Reads one value per step and member with one streamed request per slice."""

    def read(self, settings: Settings, window: Window, spool: Spool, say: Callable[[str], None]) -> Reading:
        """Put the history of a window into the spool.

        Raises:
            CronocastError: the server refuses, fails or lies; see the table of exit codes.
        """
        client = client_of(settings, "source", say)
        settings, window = as_read(settings, window)
        reading = Reading(single=settings.query is None and settings.empty != "previous")
        for part in slices(window, settings.slice):
            spool.commit()
            taken = partial(_take, source=settings, part=part, spool=spool, so_far=reading, where=client.where)
            answer, size = _send(client, history_query(settings, part).form(settings), taken)
            reading.rows, reading.bytes = reading.rows + answer.rows, reading.bytes + size
            for reason, rows in answer.dropped.items():
                reading.dropped[reason] = reading.dropped.get(reason, 0) + rows
            _pass_on(map(client.masked, answer.warnings), client.where, reading.notes, say)
        if not reading.rows and settings.query is None:
            reading.why_empty = _why_empty(client, settings, window)
        reading.attempts = client.attempts
        client.close()
        return reading


def expected(source: Settings, part: Window, max_rows: int) -> Expected:
    """What the answer must look like; for a query of one's own any name and tags."""
    if source.query is not None:
        return Expected(
            start_ns=part.start_ns, end_ns=part.end_ns, max_rows=max_rows, grouped_ns=rules.grouped_ns(source.query)
        )
    return Expected(
        source.measurement,
        source.aggregate,
        frozenset(source.group_by),
        source.tags,
        part.start_ns,
        part.end_ns,
        max_rows,
    )


def _send(client: Client, form: bytes, consume: "Callable[[requests.Response], T]") -> T:
    return client.send("POST", "/query", body=form, headers=HEADERS, accept=STATUSES, consume=consume)


def _pass_on(warnings: Iterable[str], where: str, notes: list[str], say: Callable[[str], None]) -> None:
    """Say and keep what the server warns of, each warning once."""
    for warning in warnings:
        if warning not in notes:
            say(f"{where} reports: {warning}")
            notes.append(warning)


def _take(
    response: "requests.Response", *, source: Settings, part: Window, spool: Spool, so_far: Reading, where: str
) -> tuple[Answer, int]:
    """Read one answer into the spool; returns it and its bytes. Runs once per try."""
    spool.rewind()
    _refuse_400(response, where)
    answer = Answer(expected(source, part, source.max_rows - so_far.rows), spool, where)
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
    return answer, size


def _refuse_400(response: "requests.Response", where: str) -> None:
    """Raise what a 400 says about the query."""
    if response.status_code != 400:
        return
    text = b"".join(islice(blocks(response), 2))[:ERROR_BYTES]
    try:
        result_of(parse_json(text, where), where)
    except ContractError:
        raise fault_of(text.decode("utf-8", "replace"), where) from None
    raise fault_of("status 400 without a reason", where)


def _why_empty(client: Client, source: Settings, window: Window) -> str:
    """Tell a measurement or field that does not exist, and a percentile that picks no point, from an empty window.

    Servers answer all alike.
    """
    named = f"measurement {seen(source.measurement)} in database {seen(source.database)}"
    cells = partial(_first_cells, where=client.where)
    try:
        known = _send(client, fields_query(source).form(source), cells)
        counted = source.aggregate == "percentile" and _send(client, count_query(source, window).form(source), cells)
    except CronocastError:
        return f"0 rows in the window {window}"  # no right to look: the answer itself was fine
    if not known:
        return f"there is no {named}"
    if source.field not in known:
        return f"there is no field {seen(source.field)} in {named}; its fields: {seen(', '.join(sorted(known)))}"
    if counted:
        needs = f"percentile {source.percentile:g} needs at least {math.ceil(50 / source.percentile)} points per step"
        right = "a higher percentile, aggregate min, or a longer every"
        return f"{needs}, and no step has as many; allowed: {right}"
    return f"0 rows of {named} in the window {window}"


def _first_cells(response: "requests.Response", *, where: str) -> set[str]:
    """What stands first in the rows of an answer: the field keys of `fields_query`, times of `count_query`."""
    known: set[str] = set()
    for message in filter(bytes.strip, messages(blocks(response), where)):
        for series in result_of(parse_json(message, where), where).get("series") or ():
            rows = series.get("values") if isinstance(series, dict) else ()
            known |= {str(row[0]) for row in rows or () if isinstance(row, list) and row}
    return known
