"""What is asked beside a history: what explains it, what it leaves out, whether its values can be.

Whoever may not ask gets the history all the same, and a note.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from cronocast.durations import stamp
from cronocast.errors import (
    AccessError,
    ContractError,
    CronocastError,
    DataError,
    RefusedError,
    TemporaryError,
    seen,
)
from cronocast.handoff.series import Member, tags_text
from cronocast.sources.influxql import schema
from cronocast.sources.influxql.asking import Database
from cronocast.sources.influxql.extremes import Found, check, chosen, points_question
from cronocast.sources.influxql.messages import JsonNumber, wrong_type
from cronocast.sources.influxql.query import huge_query, unread_query
from cronocast.sources.influxql.rules import grouped_ns
from cronocast.sources.influxql.settings import Settings
from cronocast.sources.reading import Reading, Window

if TYPE_CHECKING:
    from cronocast.sources.influxql.own import Simple

NUMBERS = ("float", "integer", "unsigned")
MOST_SERIES = 1000  # that are looked at for tags by which the points of a member differ: some 0.3 ms each
MOST_TAGS = 5  # that are named
HUGE = 1e300  # points beyond it are the ones whose sum is no number any more
FAULTS = (AccessError, ContractError, DataError, RefusedError, TemporaryError)


@dataclass
class Beside:
    """Asks one database about what was read from it.

    Attributes:
        database: Where it was read.
        source: What was read.
        window: Of the reading.
    """

    database: Database
    source: Settings
    window: Window
    refused: CronocastError | None = None  # the first question that went unanswered

    @cached_property
    def own(self) -> "Simple | None":
        """The parts of a query of one's own whose values can be checked."""
        if self.source.query is None:
            return None
        from cronocast.sources.influxql.own import bounded  # and time zones, which few need

        return bounded(self.source.query)

    def tell(self, reading: Reading, found: Found) -> None:
        """Add to a reading what explains it, and check its extremes.

        Raises:
            RefusedError: the field holds no numbers.
            ContractError: a value is none that its points can have.
        """
        types = self._types()
        if types is not None and not reading.rows:
            reading.why_empty = self._why_empty(types)
            reading.absent = self.source.field not in types
        elif types is not None:
            self._note_types(types.get(self.source.field or "", []), reading, found)
        if reading.rows:
            self._note_averaged(reading)
        if places := chosen(found):
            self._check(self.source.aggregate or "", places, points_question(self.source, self.window, places))
        if self.refused:
            reading.notes.append(f"types of fields, further tags and extremes were not all looked at: {self.refused}")

    def tell_own(self, query: str, reading: Reading, found: Found) -> None:
        """Check the extremes of a query of one's own, and its rows against a count where a server may leave some out.

        Raises:
            ContractError: a value is impossible, or rows are missing.
        """
        from cronocast.sources.influxql.own import bounds_question, missing  # and time zones, which few need

        every_ns, places = grouped_ns(query), chosen(found)
        if self.own and every_ns and places and len({name for name, _ in found}) == 1:
            self._check(self.own.aggregate, places, bounds_question(self.own, every_ns, places))

        values = {"start": self.window.start_ns, "end": self.window.end_ns}
        rows = reading.rows - reading.dropped.get("null", 0)
        if lack := missing(query, self.window, rows, lambda text: self._total((text, {**values}))):
            raise ContractError("E_TRUNCATED", self.database.client.where, f"the answer is not whole: {lack}")

    def where_huge(self) -> str:
        """Member, step and point where the points are too large for the server to compute with; "" if unknown."""
        for one in self._ask(huge_query(self.source, self.window, HUGE), "time", "lo", "hi") or ():
            tags = tags_text((key, value) for key, value in (one.get("tags") or {}).items() if value)
            time_ns, low, high = one["values"][0]
            largest = max(low, high, key=lambda text: abs(float(text)))
            label = seen(Member(self.source.measurement or "", tags).label)
            return f"{label} has a point of {largest} in the step {stamp(int(time_ns))}"
        return ""

    def _ask(self, question: schema.Question, *columns: str) -> list[dict[str, Any]] | None:
        """The series of an answer with these columns, or of a count; None where there is no such answer."""
        try:
            answer = self.database.ask(question)
            if not all(_is_table(one, columns or ("time", one["columns"][-1])) for one in answer):
                sentence = f"an answer to another question than {seen(question[0])}"
                raise ContractError("E_ANSWER", self.database.client.where, sentence)
        except FAULTS as error:
            self.refused = self.refused or error
            return None
        return answer

    def _types(self) -> dict[str, list[str]] | None:
        """Types of each field of the measurement; None where nobody says."""
        answer = self._ask(schema.fields_question(self.source.measurement), "fieldKey", "fieldType")
        return None if answer is None else schema.field_types(answer).get(self.source.measurement or "", {})

    def _why_empty(self, types: Mapping[str, list[str]]) -> str:
        """Tell a measurement or field that does not exist, or holds no numbers, from an empty window."""
        source = self.source
        named = f"measurement {seen(source.measurement)} in database {seen(source.database)}"
        if not types:
            return f"there is no {named}"
        if source.field is None or source.field not in types:
            return f"there is no field {seen(source.field)} in {named}; its fields: {seen(', '.join(sorted(types)))}"
        kinds = types[source.field]
        if source.aggregate != "count":
            for kind in kinds:
                if kind not in NUMBERS and self._unread(kind):
                    raise wrong_type(kind, self.database.client.where)
        return f"0 rows of {named} in the window {self.window}"

    def _note_types(self, kinds: list[str], reading: Reading, found: Found) -> None:
        """Points of a second type are not read: a shard has one type, and a query reads those that fit the first."""
        if not any(kind in NUMBERS for kind in kinds):
            return
        unread = {kind: points for kind in kinds if kind not in NUMBERS and (points := self._unread(kind))}
        if not unread:
            return
        reading.facts |= {"field_types": kinds, "unread_points": unread}
        asked = (self.window.end_ns - self.window.start_ns) // self.window.every_ns
        most = max((extreme.rows for extreme in found.values()), default=0)
        each = " per member at most" if len(found) > 1 else ""
        left = " and ".join(f"{points} points of type {kind}" for kind, points in unread.items())
        two = f"{self.source.field} has {'two' if len(kinds) == 2 else len(kinds)} types: {' and '.join(kinds)}"
        reading.notes.append(f"{two}; {most} of {asked} steps were found{each}, and {left} were not read")

    def _unread(self, kind: str) -> int:
        return self._total(unread_query(self.source, self.window, kind)) or 0

    def _total(self, question: schema.Question) -> int | None:
        """The sum of an answer that counts."""
        answer = self._ask(question)
        return None if answer is None else sum(int(row[1]) for one in answer for row in one["values"])

    def _note_averaged(self, reading: Reading) -> None:
        """Name the tags by which points of one member differ."""
        source, name = self.source, self.source.measurement or ""
        keys = schema.tag_keys(self._ask(schema.tag_keys_question(name), "tagKey") or ()).get(name, [])
        known = {*source.group_by, *(key for key, values in source.tags.items() if len(values) == 1)}
        if not set(keys) - known:
            return
        question = schema.series_question(name, source.field or "", "last", self.window, source.tags, MOST_SERIES)
        tags = [one.tags for one in schema.found(self._ask(question, "time", "last") or ())]
        if differing := schema.differing(tags, source.group_by):
            reading.facts["also_differ_by"] = differing
            some = [f"{key} ({count})" for key, count in differing.items()][:MOST_TAGS]
            sentence = f"each value is the {source.aggregate} of several series: its points also differ by"
            more = ", ..." if len(differing) > MOST_TAGS else ""
            reading.notes.append(f"{sentence} {', '.join(some)}{more}; name tags in group_by, or fix them by tags")

    def _check(self, aggregate: str, places: list[tuple[str, int, float]], question: schema.Question) -> None:
        answer = self._ask(question, "time", "lo", "hi", "n")
        check(aggregate, places, answer or (), self.database.client.where)


def _is_table(series: Mapping[str, Any], columns: Sequence[str]) -> bool:
    """Whether a series has these columns, and whole rows: beside a time numbers, but for `last`."""
    tags, rows = series.get("tags") or {}, series.get("values")
    if series["columns"] != [*columns] or not isinstance(rows, list) or not isinstance(tags, dict):
        return False
    if not all(isinstance(row, list) and len(row) == len(columns) for row in rows):
        return False
    numbers = [i for i, column in enumerate(columns) if columns[0] == "time" and column != "last"]
    return all(isinstance(row[i], JsonNumber) for row in rows for i in numbers)
