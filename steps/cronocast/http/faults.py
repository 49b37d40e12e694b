"""What is wrong with an HTTP answer or a broken transfer: each fault becomes one error class."""

import http.client
import re
import ssl
import time
from collections.abc import Iterator, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime

from cronocast.errors import AccessError, ConfigError, ContractError, CronocastError, RefusedError, TemporaryError, seen

# Servers say 500 to some faults that no retry mends.
PERMANENT = re.compile(
    r"retention policy not found|field type conflict|database not found|max-values-per-tag|max-series-per-database",
    re.IGNORECASE,
)
NO_DATABASE = re.compile(
    r"database not found|no dbrp mapping|retention policy not found|bucket .{0,80}not found", re.IGNORECASE
)
# which right on which database stands after the whole query
STATEMENT = re.compile(r" to execute statement '.*', requires ", re.DOTALL)


class RetryableError(TemporaryError):
    """A request that may be sent again: when, how often at most, and what stands if it fails still."""

    def __init__(
        self,
        token: str,
        where: str,
        problem: str,
        *,
        wait_s: float | None = None,
        tries: int = 5,
        last: CronocastError | None = None,
    ) -> None:
        """Take how long the server asks to wait (None.

        It did not), how many tries are worth it, and the error after the last.
        """
        super().__init__(token, where, problem)
        self.wait_s, self.tries, self.last = wait_s, tries, last


def excerpt(body: bytes, secret: str = "") -> str:
    """What a server said, for people: without HTML, on one line, at most 80 characters, never with the secret in it."""
    text = body[:8192].decode("utf-8", "replace")
    if found := re.search(r'"(?:error|message)"\s*:\s*"((?:[^"\\]|\\.)*)', text):
        text = found[1].replace('\\"', '"')
    elif text.lstrip().startswith("<"):
        text = re.sub(r"<(script|style|head)\b.*?</\1>|<[^>]*>?", " ", text, flags=re.DOTALL | re.IGNORECASE)
    if secret:
        text = text.replace(secret, "***")
    text = STATEMENT.sub(", requires ", text)
    return seen(" ".join(text.split()))


def status_fault(status: int, headers: Mapping[str, str], body: bytes, where: str, secret: str) -> CronocastError:
    """The error that an answer with an unexpected status stands for; `RetryableError` where another try may help."""
    said = f"status {status}, {excerpt(body, secret)}"
    text = body[:8192].decode("utf-8", "replace")
    if status in (401, 403):
        return AccessError("E_AUTH", where, f"{said}; check the user, its secret and its rights on the database")
    if (status == 404 or status >= 500) and NO_DATABASE.search(text):
        return RefusedError("E_DB_NOT_FOUND", where, f"{said}; name a database and a retention policy that exist")
    if (status in (408, 425, 429) or 500 <= status < 600) and not PERMANENT.search(text):
        token = "E_BUSY" if status in (408, 425, 429) else "E_SERVER"
        return RetryableError(token, where, said, wait_s=retry_after(headers.get("Retry-After", "")))
    if 400 <= status < 600:
        return RefusedError("E_REFUSED", where, f"{said}; the server refuses this request permanently")
    meant = (
        "redirects are not followed, name the final address"
        if 300 <= status < 400
        else "is that the address of the database?"
    )
    return ContractError("E_HTTP_STATUS", where, f"{said}; {meant}")


def ahead_s(headers: Mapping[str, str]) -> float:
    """Seconds by which this machine's clock is ahead of that of the server, by the Date of its answer.

    0 if it gives none that can be read.
    """
    try:
        there = parsedate_to_datetime(headers.get("Date", ""))
        return time.time() - (there if there.tzinfo else there.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError):
        return 0.0


def retry_after(value: str) -> float | None:
    """Seconds that a Retry-After header asks for, given as seconds or as a date; None if absent or garbage."""
    if re.fullmatch(r"[0-9]{1,9}", value.strip(), re.ASCII):
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None


def transfer_fault(error: BaseException, where: str) -> CronocastError:
    """The error that a broken connection or transfer stands for.

    Texts of the HTTP library are never shown: they carry addresses with their parameters.
    """
    causes = list(_causes(error))
    if any(isinstance(e, ssl.SSLCertVerificationError | ssl.CertificateError) for e in causes):
        return RefusedError(
            "E_TLS",
            where,
            f"the certificate is not accepted: {_tls_reason(causes)}; fix it, or name its authority in ca_file",
        )
    if any(isinstance(e, ssl.SSLError) and not isinstance(e, ssl.SSLEOFError | ssl.SSLZeroReturnError) for e in causes):
        return RefusedError(
            "E_TLS",
            where,
            f"no secure connection: {_tls_reason(causes)}; the server must speak TLS 1.2 or newer on this port",
        )
    if any(_is_header_fault(e) for e in causes):
        return ContractError(
            "E_HEADERS", where, "headers too large, too many or unreadable; allowed: 100 headers, 64 KiB each"
        )
    if any(
        isinstance(e, http.client.BadStatusLine) and not isinstance(e, http.client.RemoteDisconnected) for e in causes
    ):
        return ContractError("E_HTTP_STATUS", where, "the answer is not HTTP/1.1; is that the address of the database?")
    if any(isinstance(e, ValueError) and type(e).__module__.startswith("requests") for e in causes):
        return ConfigError.one(
            "E_URL", where, "the address can't be used; allowed: http://HOST[:PORT] or https://HOST[:PORT]"
        )
    if any(isinstance(e, TimeoutError) or "Timeout" in type(e).__name__ for e in causes):
        return RetryableError("E_TIMEOUT", where, "no answer in time")
    if any(isinstance(e, ConnectionRefusedError) for e in causes):
        return RetryableError("E_UNREACHABLE", where, "connection refused; is the server up?")
    if any(
        "IncompleteRead" in type(e).__name__ or "ChunkLength" in type(e).__name__ or "ended prematurely" in str(e)
        for e in causes
    ):
        return RetryableError("E_CUT", where, "the answer was cut off before its end")
    reasons = [e.strerror for e in causes if isinstance(e, OSError) and isinstance(e.errno, int) and e.strerror]
    return RetryableError(
        "E_UNREACHABLE", where, f"connection lost: {reasons[-1] if reasons else 'closed by the other side'}"
    )


def _causes(error: BaseException | None, depth: int = 0) -> Iterator[BaseException]:
    """The error and all that it wraps: HTTP libraries keep them in several places."""
    if isinstance(error, BaseException) and depth < 10:
        yield error
        for inner in (*error.args[:2], getattr(error, "reason", None), error.__cause__, error.__context__):
            if isinstance(inner, BaseException):
                yield from _causes(inner, depth + 1)


def _tls_reason(causes: list[BaseException]) -> str:
    found = [
        getattr(e, "verify_message", "") or (e.reason or "").lower().replace("_", " ")
        for e in causes
        if isinstance(e, ssl.SSLError)
    ]
    return seen(next((text for text in found if text), "TLS failed"))


def _is_header_fault(error: BaseException) -> bool:
    many = type(error) is http.client.HTTPException and "headers" in str(error)
    return many or isinstance(error, http.client.LineTooLong) or type(error).__name__ == "InvalidHeader"
