"""`--write`: a point at the end of the horizon, written, written again with another value, read back and deleted.

It goes to a measurement of its own, under a tag whose value no other point has, so that nothing of anybody is touched.
"""

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cronocast.charts.words import length_about
from cronocast.check.finding import Finding, doubtful, fine, of_error, wrong
from cronocast.check.look import Look, attempt
from cronocast.check.sink import may_read
from cronocast.check.victoria import delete, exported
from cronocast.errors import AccessError, CronocastError, RefusedError
from cronocast.formats.influx_names import quoted
from cronocast.formats.line_protocol import record, series_key
from cronocast.http.client import blocks
from cronocast.sinks.influx.answers import Destination, refusal, words_of

if TYPE_CHECKING:
    import requests

TAG = "canary"
FIRST, SECOND = 1.0, 2.0
DONE, REFUSED = 204, frozenset({400, 404, 413, 422})
MAX_ANSWER_BYTES = 2**16


@dataclass(frozen=True)
class Canary:
    """One point: where it goes, when it is, and the tag that nothing else has."""

    look: Look
    mark: str

    @property
    def measurement(self) -> str:
        """A measurement of its own, beside that of the forecasts."""
        return f"{self.look.entry.sink_measurement()}_canary"

    @property
    def time_ns(self) -> int:
        """The last step of a forecast that begins now."""
        return self.look.window.end_ns + self.look.entry.horizon - self.look.entry.every

    def write(self, value: float) -> None:
        """Write the point.

        Raises:
            CronocastError: the server refuses it, or does not answer.
        """
        key = series_key(self.measurement, [(TAG, self.mark), ("series", self.look.entry.name)])
        body = record(key, {"yhat": value}, self.time_ns)
        client, sink = self.look.sink.client, self.look.sink
        params = {"db": sink.name, "precision": "ns"} | ({"rp": sink.policy} if sink.policy else {})

        def consume(response: "requests.Response") -> tuple[int, str]:
            text = b"".join(blocks(response))[:MAX_ANSWER_BYTES]
            return response.status_code, words_of(text, client.secret)

        accept = REFUSED | {DONE}
        status, words = client.send("POST", "/write", params=params, body=body, accept=accept, consume=consume)
        if status != DONE:
            raise refusal(status, words, body, Destination(client.where, sink.name, sink.policy))

    def read(self) -> list[float]:
        """Values that the server has of the point: one, unless it keeps none or several."""
        if self.look.sink_is_victoria:
            return exported(self.look.sink.client, self._selector, self.time_ns)
        policy = f"{quoted(self.look.sink.policy)}." if self.look.sink.policy else ""
        where = f"{quoted(TAG)}::tag = $mark AND time >= $first AND time <= $last"
        text = f"SELECT yhat FROM {policy}{quoted(self.measurement)} WHERE {where}"  # noqa: S608 - quoted and bound
        values: dict[str, str | int | float] = {"mark": self.mark}
        values |= {"first": self.time_ns - 10**9, "last": self.time_ns + 10**9}
        return may_read(self.look).read((text, values), _values)

    @property
    def _selector(self) -> str:
        name = json.dumps(f"{self.measurement}_yhat")
        return f'{{__name__={name},{TAG}="{self.mark}"}}'

    def delete(self) -> None:
        """Delete the point, and nothing else.

        Raises:
            CronocastError: the sink's user may not, or the server has no such statement.
        """
        if self.look.sink_is_victoria:
            delete(self.look.sink.client, self._selector)
            return
        # the mark is made here of letters and digits
        where = f"{quoted(self.measurement)} WHERE {quoted(TAG)} = '{self.mark}'"
        policy = self.look.sink.policy
        if policy and not attempt(lambda: self.look.sink.ask((f"DELETE FROM {quoted(policy)}.{where}", {})))[1]:  # noqa: S608
            return
        self.look.sink.ask((f"DELETE FROM {where}", {}))  # noqa: S608 - before 1.13 a policy is an error, and all are meant


def _values(series: list[dict[str, Any]]) -> list[float]:
    return [float(row[1]) for one in series for row in one.get("values") or ()]


def canary(look: Look) -> Iterator[Finding]:
    """Whether forecasts can be written to the end of the horizon, and written again."""
    bird = Canary(look, secrets.token_hex(8))
    _, error = attempt(lambda: bird.write(FIRST))
    if error:
        yield from _refused(error)
        return
    try:
        bird.write(SECOND)
        yield _kept(bird)
    except CronocastError as fault:
        yield from _refused(fault)
    finally:
        yield from _removed(bird)


def _refused(error: CronocastError) -> list[Finding]:
    if isinstance(error, AccessError):
        text = f"no rights to write: {error.problem.partition('; ')[0]}"
        return [wrong("canary", "sink.username", text, "GRANT WRITE, or another sink.username or token", AccessError)]
    return of_error("canary", "sink.database", error)


def _kept(bird: Canary) -> Finding:
    """What the server made of the two values."""
    ahead = f"{length_about(bird.time_ns - bird.look.now_ns)} ahead"
    values, error = attempt(bird.read)
    if error:
        text = f"a point {ahead} was acknowledged, and can't be read back: {error.problem.partition('; ')[0]}"
        return doubtful("canary", "sink.username", text, "nothing, or a user that may read, to see what is kept")
    if values == [SECOND]:
        return fine("canary", "sink.database", f"a point {ahead} was written, overwritten and read back")
    if not values:
        text = f"drops the future: a point {ahead} was acknowledged, and is not there"
        fix = f"a database that keeps points {bird.look.entry.horizon} ahead (VictoriaMetrics: -futureRetention), or a"
        fix += " shorter horizon"
    elif values == [FIRST]:
        text = "keeps the first value: a point that was written again did not change"
        fix = "a database where the last write wins, or forecasts stay as they were first made"
    else:
        text = f"keeps both values of a point {ahead} that was written again: {values}"
        fix = "a database where the last write wins: here every run adds a curve to those before"
    return wrong("canary", "sink.database", text, fix, RefusedError)


def _removed(bird: Canary) -> Iterator[Finding]:
    _, error = attempt(bird.delete)
    left, _ = (None, None) if error else attempt(bird.read)
    if error or left:
        why = error.problem.partition("; ")[0] if error else "it is still there"
        text = f"one point of measurement {bird.measurement} was not deleted: {why}"
        fix = f"a user that may delete it: DROP MEASUREMENT {quoted(bird.measurement)}"
        yield doubtful("canary", "sink.username", text, fix)
