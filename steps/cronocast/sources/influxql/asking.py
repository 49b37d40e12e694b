"""Questions of `schema` sent to a server, and their whole answers."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

from cronocast.errors import ContractError, CronocastError, DataError, seen
from cronocast.http.client import Client, blocks
from cronocast.sources.influxql.messages import fault_of, messages, parse_json, result_of
from cronocast.sources.influxql.schema import Question

if TYPE_CHECKING:
    import requests

T = TypeVar("T")
# CSV hides errors and cut answers
HEADERS = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
STATUSES = frozenset({200, 400})  # 400: the words of the server say what is wrong with the query
ERROR_BYTES = 65536
MAX_BYTES = 2**26  # of an answer about names: that of 100,000 series has a third of it
PINGED = frozenset({200, 204})


@dataclass(frozen=True)
class Database:
    """One database of a server; its names are those that the client's user may see."""

    client: Client
    name: str
    policy: str | None = None  # None: the database's default

    def ask(self, question: Question) -> list[dict[str, Any]]:
        """The series of the answer to one question, of every message together; numbers are texts.

        Raises:
            CronocastError: as `Client.send`; the server refuses the question; the answer is no answer, or too large.
        """
        text, values = question
        fields = {"db": self.name, "q": text, "params": json.dumps(values), "epoch": "ns", "chunked": "true"}
        if self.policy is not None:
            fields["rp"] = self.policy
        body = urlencode(fields).encode("ascii")
        return self.client.send("POST", "/query", body=body, headers=HEADERS, accept=STATUSES, consume=self._take)

    def read(self, question: Question, reader: Callable[[list[dict[str, Any]]], T]) -> T:
        """What a function of `schema` makes of the answer to one question.

        Raises:
            CronocastError: as `ask`; E_ANSWER where the answer is one to another question.
        """
        answer = self.ask(question)
        try:
            return reader(answer)
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            sentence = f"an answer to another question than {seen(question[0])}; is that an InfluxDB?"
            raise ContractError("E_ANSWER", self.client.where, sentence) from error

    def version(self) -> str:
        """What the server calls its version; "" where it says nothing. It is asked without regard to rights.

        Raises:
            TemporaryError: it does not answer. RefusedError, ContractError: it is no server to talk to.
        """
        try:
            return self.client.send("GET", "/ping", accept=PINGED, consume=_version)
        except CronocastError as error:
            if error.token in ("E_AUTH", "E_REFUSED"):  # a proxy that lets through what is needed, and no more
                return ""
            raise

    def _take(self, response: "requests.Response") -> list[dict[str, Any]]:
        refuse_400(response, self.client.where)
        parts = list(messages(self._bounded(blocks(response)), self.client.where))
        results = [result_of(parse_json(part, self.client.where), self.client.where) for part in parts if part.strip()]
        series = [one for result in results for one in result.get("series") or ()]
        if not all(isinstance(one, dict) and isinstance(one.get("columns"), list) for one in series):
            raise ContractError("E_ANSWER", self.client.where, "series without columns; is that an InfluxDB?")
        return series

    def _bounded(self, parts: Iterable[bytes]) -> Iterable[bytes]:
        size = 0
        for part in parts:
            size += len(part)
            if size > MAX_BYTES:
                sentence = f"an answer about names of more than {MAX_BYTES} bytes; keep fewer series by tags"
                raise DataError("E_TOO_LARGE", self.client.where, sentence)
            yield part


def _version(response: "requests.Response") -> str:
    """Version and make, as the headers of an answer give them: `1.8.3`, `v2.7.1`."""
    for _ in blocks(response):
        pass
    return str(response.headers.get("X-Influxdb-Version", ""))[:40].removeprefix("v")


def refuse_400(response: "requests.Response", where: str) -> None:
    """Raise what a 400 says about the query."""
    if response.status_code != 400:
        return
    text = b"".join(islice(blocks(response), 2))[:ERROR_BYTES]
    try:
        result_of(parse_json(text, where), where)
    except ContractError:
        raise fault_of(text.decode("utf-8", "replace"), where) from None
    raise fault_of("status 400 without a reason", where)
