"""HTTP to a database.

One total deadline per request, bounded retries with full jitter, every fault one error class, no secrets in texts.
"""

import base64
import random
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from cronocast.errors import ConfigError, ContractError, CronocastError, TemporaryError
from cronocast.http.secrets import check_scheme, secret
from cronocast.http.transport import CONNECT_S
from cronocast.settings.server import Server

if TYPE_CHECKING:
    import requests

T = TypeVar("T")
Say = Callable[[str], None]
MAX_TRIES = 5
BLOCK_BYTES = 2**18  # one read of an answer: larger ones are not faster
SKEW_S, MOST_SKEW_S = 300.0, 3600.0  # by which the clocks may differ without a word, and at all
ERROR_BYTES = 8192  # of the body of an error: room for the server's own words
# Limits of the random waits before tries 2 to 4, as shares of the time for retries; together below 1. The last try
# comes when the time is used up.
WAITS = (1 / 16, 1 / 4, 1 / 2)


@dataclass
class Client:
    """A database server as seen by one step.

    Attributes:
        address: `http://HOST[:PORT][/prefix]`, checked by `rules.url_problem`.
        auth: none, basic, token or bearer.
        username: For basic.
        secret: Password or token; never shown.
        ca_file: Certificates to trust instead of the system's.
        timeout_s: Total time for one try, from the name look-up to the last byte. Kept by a timer in the main thread;
            in other threads it bounds each read only.
        retry_for_s: How long an outage may last: the last try begins this long after the first one, none later.
        say: Takes one line for people per failed try.
        attempts: Tries of the slowest request so far.
    """

    address: str
    auth: str = "none"
    username: str = ""
    secret: str = field(default="", repr=False)
    ca_file: str | None = None
    timeout_s: float = 300.0
    retry_for_s: float = 90.0
    say: Say = lambda _: None
    attempts: int = 0
    _session: "requests.Session | None" = field(default=None, repr=False)
    _skewed: bool = field(default=False, repr=False)

    @property
    def where(self) -> str:
        """The server in messages: scheme, host and port."""
        parts = urlsplit(self.address)
        return f"{parts.scheme}://{parts.netloc}"

    def send(
        self,
        method: str,
        path: str,
        *,
        accept: frozenset[int],
        consume: "Callable[[requests.Response], T]",
        params: Mapping[str, str] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> T:
        """Send one request, again where that may help, and return what `consume` makes of the answer.

        Args:
            method: GET or POST.
            path: Begins with a slash; goes after the address.
            accept: Statuses that `consume` takes; every other one is an error.
            consume: Reads the streamed answer (see `blocks`) to its end; it runs once per try, so it must be able to
                start again. A TemporaryError that it raises counts as a failed try.
            params: Of the URL; never secrets.
            body: Sent byte for byte the same in each try.
            headers: Further headers.

        Raises:
            TemporaryError: every try failed, or the server asks for a longer wait than there is time.
            AccessError: 401, 403. RefusedError: refused for good, or a bad certificate.
            ContractError: not an answer of a database, or its clock is more than an hour off. ConfigError: the address,
                or the certificate file.
        """

        def ask(session: "requests.Session") -> "requests.Response":
            url = self.address.rstrip("/") + path
            limits = (CONNECT_S, self.timeout_s)
            return session.request(
                method,
                url,
                params=params,
                data=body,
                headers=headers,
                stream=True,
                allow_redirects=False,
                timeout=limits,
            )

        begin = time.monotonic()
        for attempt in range(1, MAX_TRIES + 1):
            self.attempts = max(self.attempts, attempt)
            try:
                return self._once(ask, accept, consume)
            except TemporaryError as error:
                asked, spent = getattr(error, "wait_s", None), time.monotonic() - begin
                left = self.retry_for_s - spent
                if attempt >= getattr(error, "tries", MAX_TRIES) or left <= 0 or (asked or 0.0) > left:
                    raise _last(error, attempt, spent, asked) from error
                wait = max(asked or 0.0, self._wait(attempt, left))
                self.say(f"{error}; attempt {attempt + 1} in {wait:.1f} s")
                time.sleep(wait)
        raise AssertionError("unreachable")

    def _wait(self, attempt: int, left: float) -> float:
        """Seconds before the next try.

        They have full jitter, so that many clients do not come back together; the last try waits for all that is left.
        """
        return min(left, random.uniform(0, WAITS[attempt - 1] * self.retry_for_s)) if attempt <= len(WAITS) else left

    def _once(
        self,
        ask: "Callable[[requests.Session], requests.Response]",
        accept: frozenset[int],
        consume: "Callable[[requests.Response], T]",
    ) -> T:
        import requests
        import urllib3

        from cronocast.http.faults import RetryableError, status_fault, transfer_fault
        from cronocast.http.transport import DeadlineExceededError, deadline, session

        if self._session is None:
            self._session = session(self.where, self.ca_file, self._authorization())
        try:
            with deadline(self.timeout_s), ask(self._session) as response:
                if response.status_code not in accept:
                    text = response.raw.read(ERROR_BYTES, decode_content=False)
                    raise status_fault(response.status_code, response.headers, text, self.where, self.secret)
                _check_plain(response, self.where)
                self._check_clock(response)
                return consume(response)
        except DeadlineExceededError:
            raise RetryableError("E_TIMEOUT", self.where, f"no complete answer within {self.timeout_s:g} s") from None
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise transfer_fault(error, self.where) from error
        except CronocastError as error:
            error.problem = self.masked(error.problem)  # some servers repeat what was sent to them
            error.args = (self.masked(str(error)),)
            raise

    def _check_clock(self, response: "requests.Response") -> None:
        """Windows and the times of points follow this machine's clock, rows that of whoever wrote them.

        Warn of a difference, refuse a large one.
        """
        from cronocast.http.faults import ahead_s

        ahead = ahead_s(response.headers)
        if abs(ahead) <= SKEW_S:
            return
        sentence = (
            f"this machine's clock is {abs(ahead) / 60:.0f} min {'ahead of' if ahead > 0 else 'behind'} the server's;"
            " synchronise both with a time server"
        )
        if abs(ahead) > MOST_SKEW_S:
            raise ContractError("E_CLOCK_SKEW", self.where, f"{sentence}; allowed: {MOST_SKEW_S / 60:.0f} min")
        if not self._skewed:
            self.say(f"{self.where}: {sentence}")
        self._skewed = True

    def masked(self, text: str) -> str:
        """Words of the server without the secret in them."""
        return text.replace(self.secret, "***") if self.secret else text

    def _authorization(self) -> dict[str, str]:
        if self.auth == "none":
            return {}
        if self.auth == "basic":
            return {"Authorization": "Basic " + base64.b64encode(f"{self.username}:{self.secret}".encode()).decode()}
        if not self.secret.isascii():
            raise ConfigError.one(
                "E_SECRET",
                self.where,
                "the token has characters outside ASCII; allowed: the token as the server shows it",
            )
        return {"Authorization": f"{self.auth.capitalize()} {self.secret}"}

    def close(self) -> None:
        """Close the kept connections."""
        if self._session is not None:
            self._session.close()


def client_of(server: Server, role: str, say: Say, lender: Server | None = None) -> Client:
    """The client of a server.

    Args:
        server: Its settings.
        role: `source` or `sink`, as messages and env variables name it.
        say: Takes one line for people per failed try.
        lender: The source whose secret stands in where the sink names none, see `secrets.secret`.

    Raises:
        ConfigError: the secret is missing or unusable.
    """
    check_scheme(server, role)
    times = (server.timeout / 10**9, server.retry_for / 10**9)
    key = secret(server, role, lender=lender)
    return Client(server.url, server.auth, server.username or "", key, server.ca_file, *times, say)


def blocks(response: "requests.Response", within_s: float = 1e9) -> Iterator[bytes]:
    """The body of an answer, as it comes, in blocks; chunk marks are taken out.

    Args:
        response: Of `Client.send`.
        within_s: Outside the main thread no timer runs; there this bounds the reading.

    Raises:
        TemporaryError: not done in time.
    """
    end = time.monotonic() + within_s
    for block in response.raw.stream(BLOCK_BYTES, decode_content=False):
        if time.monotonic() > end:
            raise TemporaryError("E_TIMEOUT", "answer", f"no complete answer within {within_s:g} s")
        yield block


def _last(error: TemporaryError, tries: int, spent: float, asked: float | None) -> CronocastError:
    """What stands after the last try."""
    if isinstance(last := getattr(error, "last", None), CronocastError):
        return last
    wish = f", asked to wait {asked:.0f} s" if asked is not None else ""
    return TemporaryError(error.token, error.where, f"{error.problem} ({tries} attempts in {spent:.0f} s{wish})")


def _check_plain(response: "requests.Response", where: str) -> None:
    """Refuse a compressed answer: none was asked for, and a small one can hold gigabytes."""
    from cronocast.http.faults import RetryableError

    coding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if coding not in ("", "identity"):
        sentence = f"Content-Encoding {coding[:40]!a} although identity was requested; disable compression in the proxy"
        raise RetryableError("E_ENCODING", where, sentence, tries=2, last=ContractError("E_ENCODING", where, sentence))
