"""What `/query` answers: JSON messages, one per line, and the words of servers when something is wrong."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from cronocast.errors import AccessError, ContractError, CronocastError, DataError, RefusedError, TemporaryError, seen
from cronocast.http.faults import NO_DATABASE

MAX_MESSAGE_BYTES = 2**23  # a message of 10,000 rows has 0.3 MB, with values of 300 digits 3.3 MB
NO_RIGHT = re.compile(
    r"not authorized|unauthorized|authorization failed|unable to parse authentication|username required", re.IGNORECASE
)
PASSING = re.compile(
    r"timeout|interrupted|query killed|shutting down|engine is closed|max-concurrent-queries|try again|connection"
    r" refused",
    re.IGNORECASE,
)
NO_DEFAULT = re.compile(r"default retention policy not set", re.IGNORECASE)
TOO_LONG = re.compile(r"max-time-range limit exceeded", re.IGNORECASE)
NOT_FINITE = re.compile(r"unsupported value: ([+-]?Inf|NaN)")
WRONG_TYPE = re.compile(
    r"unsupported \w+ iterator type: .*?(boolean|string)|not supported on (boolean|string)", re.IGNORECASE
)


class JsonNumber(str):
    """A number as the server wrote it: no digit is lost, and a string is told from it."""

    __slots__ = ()


def fault_of(text: str, where: str) -> CronocastError:
    """The error that the words of a server stand for."""
    if NO_DATABASE.search(text):
        right = "name a database and a retention policy that exist, or (2.x) the token may not read it"
        return RefusedError("E_DB_NOT_FOUND", where, f"{seen(text)}; {right}")
    if NO_DEFAULT.search(text):
        right = "a bucket x/p of 2.x is policy p of database x, never its default; name it as source.retention_policy"
        return RefusedError("E_DB_NOT_FOUND", where, f"{seen(text)}; {right}")
    if TOO_LONG.search(text):
        right = "set source.slice to at most the limit, the lookback is then read in parts"
        return RefusedError("E_QUERY", where, f"the server refuses the query: {seen(text)}; {right}")
    if NO_RIGHT.search(text):
        return AccessError("E_AUTH", where, f"{seen(text)}; check the user, its secret and its rights on the database")
    if PASSING.search(text):
        return TemporaryError("E_QUERY", where, f"the server gave up: {seen(text)}")
    if found := NOT_FINITE.search(text):
        right = "finite numbers: sums of points stay below 1.8e308"
        return ContractError("E_NOT_FINITE", where, f"the answer breaks off at a value of {found[1]}; right: {right}")
    if found := WRONG_TYPE.search(text):
        return wrong_type(found[1] or found[2], where)
    return RefusedError("E_QUERY", where, f"the server refuses the query: {seen(text)}")


def wrong_type(kind: str, where: str) -> RefusedError:
    """The error for a field that holds texts or booleans."""
    right = "a float or an integer field, or aggregate count"
    return RefusedError("E_FIELD_TYPE", where, f"the field holds {kind} values; allowed: {right}")


def parse_json(text: bytes, where: str) -> dict[str, Any]:
    """Read a JSON object, numbers as `JsonNumber`.

    Raises:
        ContractError: it is none.
    """
    try:
        # As text: of bytes the parser would also take UTF-16 and a byte order mark.
        document = json.loads(text.decode("utf-8"), parse_int=JsonNumber, parse_float=JsonNumber, parse_constant=float)
    except (ValueError, RecursionError) as error:
        if NOT_FINITE.search(words := text[:500].decode("utf-8", "replace")):  # 1.8 says so outside of JSON
            raise fault_of(words, where) from error
        raise ContractError(
            "E_ANSWER",
            where,
            f"{seen(text[:200].decode('utf-8', 'replace'))} is not JSON; is that the address of the database?",
        ) from error
    if not isinstance(document, dict):
        raise ContractError(
            "E_ANSWER",
            where,
            f"{seen(text[:200].decode('utf-8', 'replace'))} is not an answer to a query; is that the address of the"
            " database?",
        )
    return document


def result_of(document: dict[str, Any], where: str) -> dict[str, Any]:
    """The one result of one statement; {} where the server has none.

    Raises:
        CronocastError: the server reports an error, or the form is not that of an answer to one statement.
    """
    results = document.get("results")
    for holder in (document, *(results if isinstance(results, list) else ())):
        if isinstance(holder, dict) and (text := holder.get("error")) is not None:
            raise fault_of(text if isinstance(text, str) else str(text), where)
    if not isinstance(results, list) or not all(isinstance(result, dict) for result in results):
        raise ContractError(
            "E_ANSWER", where, f"{seen(list(document))} without results; is that the address of the database?"
        )
    if len(results) > 1 or any(result.get("statement_id", "0") != "0" for result in results):
        raise ContractError(
            "E_ANSWER",
            where,
            f"{len(results)} results, statements {seen([r.get('statement_id') for r in results])}; one statement was"
            " sent",
        )
    return results[0] if results else {}


def messages(blocks: Iterable[bytes], where: str) -> Iterator[bytes]:
    """The lines of an answer without their newlines.

    Raises:
        DataError: a line is longer than any message.
    """
    parts: list[bytes] = []
    size = 0
    for block in blocks:
        *whole, rest = block.split(b"\n") if b"\n" in block else (block,)  # no copy of what is only a part
        for line in whole:
            yield b"".join((*parts, line))
            parts, size = [], 0
        parts.append(rest)
        size += len(rest)
        if size > MAX_MESSAGE_BYTES:
            raise DataError(
                "E_TOO_LARGE",
                where,
                f"a message of more than {MAX_MESSAGE_BYTES} bytes; the server must send chunked answers",
            )
    yield b"".join(parts)
