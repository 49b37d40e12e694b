"""What InfluxDB means by an answer to `/write` that is not 204: its words, and the error that they stand for."""

import json
import re
import time
from dataclasses import dataclass

from cronocast.errors import CronocastError, RefusedError, seen
from cronocast.formats.influx_names import quoted

MAX_WORDS = 300
CONFLICT = re.compile(
    r'field type conflict: input field "(.+)" on measurement "(.+)" is type (\w+), already exists as type (\w+)'
)
# 1.13 and 2.x say "outside", with the key of a series behind it, so that any word may follow.
RETENTION = re.compile(r"(?:beyond|outside) retention policy|exceeds retention", re.IGNORECASE)
TYPE = re.compile(r"field type conflict|invalid column type", re.IGNORECASE)
# Refusals that hold for every line of the request, so that halves of it would be refused as well.
FOR_ALL = re.compile(
    rf"{RETENTION.pattern}|{TYPE.pattern}|limit exceeded|database is required|database not found", re.IGNORECASE
)
# How 1.13 names a policy's limits, whichever is at fault: (-12h0m0s to 6h0m0s), (6h0m0s), (-12h0m0s)
FUTURE_LIMIT = re.compile(r"outside write window \((?:-\S+ to )?([0-9][0-9a-z.]*)\)")
POLICY = re.compile(r" for retention policy: (.+)$")


@dataclass(frozen=True)
class Destination:
    """Where lines are written, as messages name it."""

    address: str
    database: str  # in 2.x the bucket mapped to it
    policy: str | None  # None: the database's default

    @property
    def where(self) -> str:
        """The request, without anything secret."""
        return f"{self.address}/write?db={self.database}"


def words_of(answer: bytes, secret: str) -> str:
    """What the server said, on one line of ASCII, never with the secret in it."""
    text = answer.decode("utf-8", "replace")
    try:
        document = json.loads(text)
        text = str(document.get("error") or document.get("message") or text)
    except (ValueError, AttributeError, RecursionError):
        pass
    if secret:
        text = text.replace(secret, "***")
    line = " ".join(ascii(text)[1:-1].replace("\\'", "'").replace("\\n", " ").replace("\\\\", "\\").split())
    # Both ends tell something: what is wrong, and which policy refused it.
    return line if len(line) <= MAX_WORDS else f"{line[: MAX_WORDS - 100]} ... {line[-95:]}"


def refusal(status: int, words: str, body: bytes, place: Destination) -> CronocastError:
    """The error that a refusal of all lines of a body stands for."""
    if found := CONFLICT.search(words):
        name, measurement, sent, there = found.groups()
        right = (
            f"field {seen(name)} of measurement {seen(measurement)} is sent as {sent} but stored as {there}; write"
            " to another measurement or drop the old one"
        )
        return RefusedError("E_TYPE_CONFLICT", place.where, right)
    if RETENTION.search(words):
        right = _future_limit(words, body, place) or (
            f"status {status}, {words}; name a retention policy that keeps points of this age, or lengthen this one"
        )
        return RefusedError("E_RETENTION", place.where, right)
    token = "E_TYPE_CONFLICT" if TYPE.search(words) else "E_REFUSED"
    return RefusedError(token, place.where, f"status {status}, {words}; fix this on the server, or write elsewhere")


def _future_limit(words: str, body: bytes, place: Destination) -> str:
    """What to do where all of these points lie ahead, so that nothing but a limit of the policy can refuse them.

    The server blames a lower bound (1.13) or names both (1.12). SHOW RETENTION POLICIES would tell, only not to a user
    who may write and no more.
    """
    ahead_s = min(int(line.rpartition(b" ")[2]) for line in body.splitlines()) / 10**9 - time.time()
    if ahead_s <= 0:
        return ""
    limit, named = FUTURE_LIMIT.search(words), POLICY.search(words)
    policy = place.policy or (named[1] if named else "autogen")
    cure = f"ALTER RETENTION POLICY {quoted(policy)} ON {quoted(place.database)} FUTURE LIMIT INF"
    return (
        f"the retention policy refuses points {ahead_s / 3600:.1f} h ahead (FUTURE LIMIT"
        f"{f' of {limit[1]}' if limit else ''}); {cure} lifts it, or shorten horizon"
    )
