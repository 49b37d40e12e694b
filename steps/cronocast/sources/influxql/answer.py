"""Answers to a query, checked to the last value and turned into rows of history.csv."""

import math
import re
from itertools import islice
from operator import itemgetter, lt
from typing import Any

from cronocast.durations import MAX_NS
from cronocast.errors import ContractError, DataError, seen
from cronocast.handoff.series import Member
from cronocast.handoff.strict import NUMBER
from cronocast.sources.influxql.expected import Expected, columns_of, member_of
from cronocast.sources.influxql.messages import JsonNumber, parse_json, result_of
from cronocast.sources.spool import Rows

MAX_OUTSIDE = 0.1  # share of rows outside the window; more means that the answer belongs to another question
MAX_WARNINGS = 20  # a person reads that many
OLDEST_NS = 10**17  # 1973; an older time in an answer about later years was not sent in nanoseconds
VALUES = b'"values":[['  # can't be part of a JSON string, quotes are escaped there
# Rows as servers write them: 19 digits (2001 to 2286), a number that is finite whatever its digits, no blanks.
# Possessive repeats (+ after a repeat) never go back: 10,000 rows take 1 ms. Anything else is left to the JSON parser.
_TIMED = rb"[1-9][0-9]{18},-?+"
_ROW = _TIMED + rb"(?:0|[1-9][0-9]{0,20}+)(?:\.[0-9]{1,40}+)?+(?:[eE][+-]?[0-9]{1,2}+)?+"
# a row with a decimal point and no exponent: three quarters of the time
_MOST = _TIMED + rb"(?!0[0-9])[0-9]{1,20}+\.[0-9]{1,40}+"
ROWS = re.compile(rb"(?:(?:%b\],\[)*+%b(?:\],\[(?=[1-9])|\Z))++" % (_MOST, _ROW))
_time = itemgetter(slice(0, 19))
_number = re.compile(NUMBER.decode())
_TIME = re.compile(r"0|[1-9][0-9]{0,18}")


class Answer:
    """Takes the messages of one answer and puts their rows into the spool.

    Attributes:
        rows: Rows so far.
        dropped: Rows that did not reach the spool, by reason.
        warnings: Messages of the server, each once.
    """

    def __init__(self, expected: Expected, spool: Rows, where: str) -> None:
        self._expected, self._spool, self._where = expected, spool, where
        self.rows = 0
        self.dropped = {"null": 0, "outside_window": 0, "unfinished": 0}
        self.warnings: list[str] = []
        self._strangers: list[str] = []  # tag sets although no tag was asked for
        # last time per member, kept once a message said that it is the last
        self._ends: dict[tuple[str, str], int] = {}
        self._complete = False
        self._count = 0
        self._partial = (False, False)  # flags of the last message: of the result, of its last series

    def take(self, message: bytes) -> None:
        """Check one message and keep its rows.

        Raises:
            CronocastError: the server reports an error, or the message breaks the contract.
        """
        if not message.strip():
            return
        begin = message.find(VALUES)
        end = message.rfind(b"]]")  # of the last series; rows of more than one are no ROWS
        block = message[begin + len(VALUES) : end] if 0 <= begin < end else b""
        fast = ROWS.fullmatch(block) is not None
        # What is left has no rows and is quickly parsed.
        rest = message[:begin] + b'"values":[]' + message[end + 2 :] if fast else message
        result = result_of(parse_json(rest, self._where), self._where)
        series = self._series(result)
        self._note(result, series)
        if not (fast and len(series) == 1 and self._take_block(series[0], block)):
            for one in self._series(result_of(parse_json(message, self._where), self._where)) if fast else series:
                self._take_rows(one)
        if self.rows > self._expected.max_rows:
            sentence = f"more than {self._expected.max_rows} rows; shorten lookback, increase every, or raise max_rows"
            raise DataError("E_TOO_MANY_ROWS", self._where, sentence)

    def finish(self) -> None:
        """Check that the answer is whole.

        Raises:
            ContractError: nothing came, the server cut it off, or it belongs to another question.
        """
        if not self._count:
            raise ContractError("E_ANSWER", self._where, "an empty body; is that the address of the database?")
        # In an answer of one message (not chunked) the mark of a series says only that it has more than 10,000 rows.
        if self._partial[0] or (self._partial[1] and self._count > 1):
            cause = "a limit of the server cut it off (max-row-limit)"
            sentence = f"the answer is marked as partial after {self.rows} rows; {cause}"
            raise ContractError("E_TRUNCATED", self._where, sentence)
        if self._strangers:
            sentence = f"the answer has the tags {seen(self._strangers[0])} although none were requested"
            raise ContractError("E_WRONG_SERIES", self._where, sentence)
        if (outside := self.dropped["outside_window"]) > MAX_OUTSIDE * self.rows:
            sentence = f"{outside} of {self.rows} rows are outside the requested window"
            raise ContractError("E_WINDOW", self._where, sentence)

    def _series(self, result: dict[str, Any]) -> list[dict[str, Any]]:
        """The series of a message, their form checked."""
        series = result.get("series", [])
        if not isinstance(series, list) or not all(isinstance(one, dict) for one in series):
            raise ContractError("E_ANSWER", self._where, f"series {seen(series)}; right: a list of objects")
        return series

    def _note(self, result: dict[str, Any], series: list[dict[str, Any]]) -> None:
        """Remember the flags and the warnings of a message."""
        self._complete = self._complete or (self._count > 0 and not self._partial[0])
        self._count += 1
        self._partial = (result.get("partial") is True, bool(series) and series[-1].get("partial") is True)
        warnings = result.get("messages")
        for warning in warnings if isinstance(warnings, list) else ():
            text = seen(warning.get("text") if isinstance(warning, dict) else warning)
            if text not in self.warnings and len(self.warnings) < MAX_WARNINGS:
                self.warnings.append(text)

    def _member(self, series: dict[str, Any]) -> tuple[str, str]:
        """Name and tags of a series, if they are those that were asked for."""
        name, tags, text = member_of(series, self._where)
        if tags and self._expected.tag_keys == frozenset():
            self._note_stranger(text)
        self._expected.check(name, tags, text, self._where)
        return name, text

    def _note_stranger(self, text: str) -> None:
        """Remember tags that were not asked for; one member is let pass until the end, to be named then."""
        self._strangers += [text] if text not in self._strangers else []
        if len(self._strangers) > 1:
            several = f"several members {' and '.join(map(seen, self._strangers))} where one was expected"
            right = "name the tags in group_by or pin them in tags"
            raise ContractError("E_AMBIGUOUS_SERIES", self._where, f"{several}; {right}")

    def _take_block(self, series: dict[str, Any], block: bytes) -> bool:
        """Keep rows that need no look at each; False where they need one."""
        member, places = self._member(series), columns_of(series, self._expected.column, self._where)
        lines = block.split(b"],[")
        times = list(map(_time, lines))
        ascending = all(map(lt, times, islice(times, 1, None)))  # 19 digits each: text compares as numbers do
        first, last = (int(times[0]), int(times[-1])) if ascending else (int(min(times)), int(max(times)))
        if places != (0, 1) or first < self._expected.start_ns or last >= self._expected.end_ns:
            return False
        if (grouped := self._expected.grouped_ns) and (first % grouped or last % grouped):
            return False
        self.rows += len(lines)
        self._keep(member, lines, first, last, ascending=ascending)
        return True

    def _take_rows(self, series: dict[str, Any]) -> None:
        """Keep rows one by one; the same result as `_take_block`, and every fault named."""
        member, (at_time, at_value) = self._member(series), columns_of(series, self._expected.column, self._where)
        rows = series.get("values", [])
        if not isinstance(rows, list):
            raise ContractError("E_ANSWER", self._where, f"values {seen(rows)}; right: a list of rows")
        lines: list[bytes] = []
        times: list[int] = []
        start_ns, end_ns, grouped = self._expected.start_ns, self._expected.end_ns, self._expected.grouped_ns
        for row in rows:
            self.rows += 1
            if not isinstance(row, list) or len(row) != 2:
                raise ContractError(
                    "E_ROW",
                    f"{self._where}:row{self.rows}",
                    f"{seen(row)}; right: one value per column, {seen(series['columns'])}",
                )
            time, value = self._time(row[at_time]), self._value(row[at_value], member, row[at_time])
            if value is None:
                self.dropped["null"] += 1
            elif grouped and (time < start_ns < time + grouped or time < end_ns < time + grouped):
                self.dropped["unfinished"] += 1  # a step that reaches beyond the window at either end
            elif not start_ns <= time < end_ns:
                self.dropped["outside_window"] += 1
            else:
                time = self._expected.on_grid(time) if grouped else time
                times.append(time)
                lines.append(b"%d,%s" % (time, value.encode()))
        if lines:
            self._keep(member, lines, min(times), max(times), ascending=all(map(lt, times, islice(times, 1, None))))

    def _time(self, time: object) -> int:
        if (
            not isinstance(time, JsonNumber)
            or not _TIME.fullmatch(time)
            or int(time) > MAX_NS
            or (int(time) < OLDEST_NS < self._expected.start_ns)
        ):
            raise ContractError(
                "E_TIME", f"{self._where}:row{self.rows}", f"time {seen(time)}; right: integer nanoseconds since 1970"
            )
        return int(time)

    def _value(self, value: object, member: tuple[str, str], time: object) -> str | None:
        if value is None:
            return None
        if not isinstance(value, JsonNumber) or not _number.fullmatch(value) or not math.isfinite(float(value)):
            raise ContractError(
                "E_VALUE_TYPE",
                f"{self._where}:row{self.rows}",
                f"value {seen(value)} of {seen(Member(*member).label)} at {seen(time)}; right: a finite number, from a"
                " float or an integer field",
            )
        return value

    def _keep(self, member: tuple[str, str], lines: list[bytes], first: int, last: int, *, ascending: bool) -> None:
        if self._complete and first <= self._ends.get(member, -1):
            raise ContractError("E_ANSWER", self._where, "a second document follows the complete one")
        self._ends[member] = max(last, self._ends.get(member, last))
        self._spool.add(*member, lines, first, last, ascending=ascending)
