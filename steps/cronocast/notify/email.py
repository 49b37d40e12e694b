"""Mail by SMTP: one mail for all messages, in plain text and in HTML."""

import hashlib
import random
import smtplib
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from html import escape

from cronocast.errors import AccessError, ConfigError, CronocastError, RefusedError, TemporaryError, seen
from cronocast.http.secrets import named_secret
from cronocast.http.transport import DeadlineExceededError, connect, deadline, readable_certificates
from cronocast.notify.message import Message, ordered
from cronocast.notify.post import cut
from cronocast.notify.settings import Email as Settings
from cronocast.notify.table import SENT, Delivery
from cronocast.notify.words import paragraphs, summary

TRIES = 4


def mail(messages: Sequence[Message], settings: Settings, now: datetime) -> EmailMessage:
    """The mail; its Message-ID is the same in every attempt, and a thread holds an alert and its end."""
    made = EmailMessage()
    made["Subject"] = f"[cronocast] {summary(messages)}"
    made["From"], made["To"], made["Date"] = settings.sender, ", ".join(settings.to), format_datetime(now)
    made["Message-ID"] = _identity([message.event for message in messages], settings)
    made["References"] = _identity(sorted(message.key for message in messages), settings)
    made["Auto-Submitted"] = "auto-generated"  # so that no absent reader's machine answers
    shown, more = cut(messages, settings.most)
    parts = [paragraphs(message) for message in shown] + ([[more]] if more else [])
    made.set_content("\n\n".join("\n".join(part) for part in parts) + "\n")
    made.add_alternative(_page(parts), subtype="html")
    return made


def _page(parts: Sequence[Sequence[str]]) -> str:
    blocks = [
        f"<p><b>{escape(first)}</b>" + "".join(f"<br>{escape(line)}" for line in others) + "</p>"
        for first, *others in parts
    ]
    return "<!doctype html><html><body>\n" + "\n".join(blocks) + "\n</body></html>\n"


def _identity(keys: Sequence[str], settings: Settings) -> str:
    digest = hashlib.sha256("\n".join(keys).encode()).hexdigest()[:40]
    return f"<{digest}@{settings.sender.partition('@')[2]}>"


class Email:
    """One mail for all messages; see `table.Notifier`."""

    def __init__(self, settings: Settings, say: Callable[[str], None]) -> None:
        """Take the settings and what takes a line for people."""
        self._settings, self._say = settings, say
        self._where = f"smtp://{settings.host}:{settings.port}"

    def send(self, messages: Sequence[Message]) -> list[Delivery]:
        """As `Notifier.send`.

        Raises:
            CronocastError: as of the client of `http`.
        """
        settings, lined = self._settings, ordered(messages)
        password = named_secret("password", settings.password_file, "email") if settings.username else ""
        made = mail(lined, settings, datetime.now(UTC))
        refused = self._retried(lambda: self._once(made, password), settings.retry_for / 10**9)
        why = f"refused for {len(refused)} of {len(settings.to)} addresses: {', '.join(refused)}" if refused else ""
        return [Delivery(message, SENT, why) for message in lined]

    def render(self, messages: Sequence[Message]) -> list[str]:
        """As `Notifier.render`: the plain text under its subject."""
        made = mail(ordered(messages), self._settings, datetime.now(UTC))
        text = made.get_body(("plain",))
        return [f"Subject: {made['Subject']}\nTo: {made['To']}\n\n{text.get_content() if text else ''}"]

    def _retried(self, attempt: Callable[[], list[str]], retry_for_s: float) -> list[str]:
        """Try again after faults that pass, with random waits, the last time when `retry_for_s` is over."""
        begin = time.monotonic()
        for tries in range(1, TRIES + 1):
            try:
                return attempt()
            except TemporaryError as error:
                left = retry_for_s - (time.monotonic() - begin)
                if tries == TRIES or left <= 0:
                    raise
                wait = left if tries == TRIES - 1 else random.uniform(0, left / 4 ** (TRIES - 1 - tries))
                self._say(f"{error}; attempt {tries + 1} in {wait:.1f} s")
                time.sleep(wait)
        raise AssertionError("unreachable")

    def _once(self, made: EmailMessage, password: str) -> list[str]:
        """Send it; the addresses that the server refused for good while it took others."""
        settings = self._settings
        try:
            with deadline(settings.timeout / 10**9), closing(_connected(settings, self._where)) as server:
                if settings.username:
                    server.login(settings.username, password)
                refused = sorted(server.send_message(made))
                with suppress(smtplib.SMTPException, OSError):
                    server.putcmd("quit")  # the mail is taken, whatever the server says to this
                return refused
        except DeadlineExceededError:
            sentence = f"no complete answer within {settings.timeout}"
            raise TemporaryError("E_TIMEOUT", self._where, sentence) from None
        except (smtplib.SMTPException, OSError, ValueError) as error:
            raise _fault(error, self._where, password) from error


class _Plain(smtplib.SMTP):
    """Dials only checked addresses."""

    where = ""

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        made = connect(host, port, self.where)
        made.settimeout(timeout)
        return made


class _Secure(_Plain):
    """The same, encrypted from the first byte on."""

    context: ssl.SSLContext

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        return self.context.wrap_socket(super()._get_socket(host, port, timeout), server_hostname=host)


def _connected(settings: Settings, where: str) -> smtplib.SMTP:
    """A connection, encrypted as the settings say.

    Raises:
        ConfigError: the certificates can't be read, or a password would be shown.
    """
    if settings.username and settings.tls == "none":
        raise ConfigError.one(
            "E_CONFIG_CONFLICT", "email.tls", "a password would go unencrypted; allowed: starttls, tls"
        )
    context = ssl.create_default_context(cafile=readable_certificates(settings.ca_file) if settings.ca_file else None)
    server = (
        _Secure(timeout=settings.timeout / 10**9) if settings.tls == "tls" else _Plain(timeout=settings.timeout / 10**9)
    )
    server.where = where
    if isinstance(server, _Secure):
        server.context = context
    server._host = settings.host  # type: ignore[attr-defined]  # noqa: SLF001 - the name that the certificate is for
    code, said = server.connect(settings.host, settings.port)
    if code != 220:
        server.close()
        raise smtplib.SMTPConnectError(code, said)
    if settings.tls == "starttls":
        server.starttls(context=context)
    return server


def _fault(error: Exception, where: str, password: str) -> CronocastError:
    """The error that a fault of SMTP stands for: 4xx passes, 5xx does not."""
    if isinstance(error, CronocastError):
        return error
    if isinstance(error, ssl.SSLCertVerificationError):
        return RefusedError("E_TLS", where, f"the certificate is not accepted: {error.verify_message}")
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return RefusedError(
            "E_TLS", where, "the server does not offer STARTTLS or a way to sign in; check port and tls"
        )
    codes = _codes(error)
    said = _said(error, password)
    if codes and all(500 <= code < 600 for code in codes):
        if isinstance(error, smtplib.SMTPAuthenticationError):
            return AccessError("E_AUTH", where, f"{said}; check user and password")
        return RefusedError("E_REFUSED", where, said)
    return TemporaryError("E_UNREACHABLE" if not codes else "E_BUSY", where, said)


def _codes(error: Exception) -> list[int]:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return [code for code, _ in error.recipients.values()]
    return [error.smtp_code] if isinstance(error, smtplib.SMTPResponseException) else []


def _said(error: Exception, password: str) -> str:
    """The words of the server, without what was sent to it."""
    if isinstance(error, smtplib.SMTPResponseException):
        said = error.smtp_error if isinstance(error.smtp_error, bytes) else str(error.smtp_error).encode()
    elif isinstance(error, smtplib.SMTPRecipientsRefused):
        said = b"; ".join(text for _, text in error.recipients.values())
    else:
        return f"connection failed: {getattr(error, 'strerror', None) or type(error).__name__}"
    text = said.decode("utf-8", "replace")
    return f"status {_codes(error)[0]}, {seen(text.replace(password, '***') if password else text)}"
