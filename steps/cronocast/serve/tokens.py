"""Who may ask: tokens that are kept as hashes, what each may do, and how often. Standard library only."""

import hashlib
import hmac
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cronocast.console import say
from cronocast.errors import ConfigError, Problem, seen

SCOPES = ("read", "write")
MOST_BYTES = 2**20
MOST_BUCKETS = 10_000  # callers that are remembered; the oldest are forgotten first
_LINE = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.@-]{0,63})\s+(read|write|read,write)\s+sha256:([0-9a-f]{64})")


@dataclass(frozen=True)
class Caller:
    """Who asks, and what they may."""

    name: str
    scopes: frozenset[str]


class Tokens:
    """The tokens of a file, one a line: `NAME SCOPES sha256:HASH`; the file is read again when it changes.

    Raises:
        ConfigError: the file can't be read, or a line is no such line.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._seen: tuple[int, int] | None = None
        self._callers: dict[str, Caller] = {}
        self._told = ""
        self._read()

    def caller(self, token: str) -> Caller | None:
        """Whose token it is; None where it is nobody's."""
        with self._lock:
            if self._changed():
                self._read_again()
            callers = dict(self._callers)
        digest = hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
        # All are compared, each in the same time whatever differs.
        found = [caller for known, caller in callers.items() if hmac.compare_digest(known, digest)]
        return found[0] if found else None

    def _read_again(self) -> None:
        """Take the file as it is now; nobody may ask while it can't be read."""
        try:
            self._read()
            self._told = ""
        except ConfigError as error:
            self._callers, self._seen = {}, None
            if str(error) != self._told:
                say(f"serve: {error}")
            self._told = str(error)

    def _changed(self) -> bool:
        try:
            status = self._path.stat()
        except OSError:
            return True
        return (status.st_mtime_ns, status.st_size) != self._seen

    def _read(self) -> None:
        try:
            status = self._path.stat()
            if status.st_size > MOST_BYTES:
                said = f"{status.st_size} bytes; allowed: a file of token hashes of at most {MOST_BYTES}"
                raise ConfigError.one("E_TOKENS", str(self._path), said)
            text = self._path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            said = f"can't be read: {getattr(error, 'strerror', None) or 'not UTF-8'}; name a file of token hashes"
            raise ConfigError.one("E_TOKENS", str(self._path), said) from error
        callers, problems = parse_tokens(text, str(self._path))
        if problems:
            raise ConfigError(problems)
        self._seen, self._callers = (status.st_mtime_ns, status.st_size), callers


def parse_tokens(text: str, where: str) -> tuple[dict[str, Caller], list[Problem]]:
    """Callers by the hash of their token; blank lines and those that begin with # say nothing."""
    callers: dict[str, Caller] = {}
    problems = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        found = _LINE.fullmatch(line.strip())
        if found is None:
            right = "allowed: NAME read|write|read,write sha256:64 HEXADECIMAL DIGITS"
            shown = seen(line.split()[0])
            problems.append(Problem("E_TOKENS", f"{where}:{number}", f"the line of {shown} is no token; {right}"))
        else:
            callers[found[3]] = Caller(found[1], frozenset(found[2].split(",")))
    if not callers and not problems:
        problems.append(Problem("E_TOKENS", where, "holds no token, so nobody could ask; add a line"))
    return callers, problems


class Rate:
    """So many requests a minute for each name, all at once or spread.

    Args:
        per_minute: How many.
        clock: Gives seconds.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._clock = per_minute, clock
        self._left: dict[str, tuple[float, float]] = {}  # name -> requests left, and when that was so
        self._lock = threading.Lock()

    def wait_s(self, name: str) -> float:
        """Count a request; 0 where it may go on, else seconds until one may."""
        with self._lock:
            now = self._clock()
            left, since = self._left.pop(name, (float(self._most), now))
            left = min(float(self._most), left + (now - since) * self._most / 60)
            allowed = left >= 1
            self._left[name] = (left - 1 if allowed else left, now)
            if len(self._left) > MOST_BUCKETS:
                self._left.pop(next(iter(self._left)))
            return 0.0 if allowed else (1 - left) * 60 / self._most
