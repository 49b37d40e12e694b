"""A mail server of one's own on loopback: takes mails, signs in, speaks TLS, and answers what it is told to."""

import base64
import contextlib
import socket
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Self


@dataclass
class MailServer:
    """Serves until the `with` block ends.

    Args:
        answers: By the first word of a command (or `connect`, `body`): what is said instead, one list item for each
            time; the last one stays. None ends the connection, "" says nothing.
        tls: Context of a server: for STARTTLS, or from the first byte on with `secure`.
        users: Passwords by user; with any, a mail is taken from those alone.
    """

    answers: Mapping[str, list[str | None]] = field(default_factory=dict)
    tls: ssl.SSLContext | None = None
    secure: bool = False
    users: Mapping[str, str] = field(default_factory=dict)
    mails: list[tuple[list[str], EmailMessage]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()
        return self

    def __exit__(self, *_: object) -> None:
        for one in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepting.join(10)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError, ConnectionError):
            if self.tls and self.secure:
                connection = self.tls.wrap_socket(connection, server_side=True)
            Talk(self, connection).hold()


class Talk:
    """One connection."""

    def __init__(self, server: MailServer, connection: socket.socket) -> None:
        self.server, self.connection, self.signed_in, self.to = server, connection, not server.users, list[str]()
        self.file = connection.makefile("rb")

    def hold(self) -> None:
        self.say("connect", "220 here")
        while line := self.file.readline():
            text = line.decode().strip()
            self.server.lines.append(text)
            word = text.split(" ")[0].split(":")[0].upper()
            getattr(self, word.lower(), self.other)(text)

    def chosen(self, word: str, usual: str) -> str | None:
        """What the answer to a command is."""
        told = self.server.answers.get(word)
        return (told.pop(0) if len(told) > 1 else told[0]) if told else usual

    def tell(self, said: str | None) -> None:
        if said is None:
            self.connection.shutdown(socket.SHUT_RDWR)
            raise ConnectionError
        self.connection.sendall(f"{said}\r\n".encode() if said else b"")

    def say(self, word: str, usual: str) -> bool:
        """Answer; whether as usual."""
        said = self.chosen(word, usual)
        self.tell(said)
        return said == usual

    def other(self, text: str) -> None:
        self.say(text.split(" ", maxsplit=1)[0].lower(), "250 fine")

    def ehlo(self, _: str) -> None:
        plain = self.server.tls and not self.server.secure and not isinstance(self.connection, ssl.SSLSocket)
        self.say("ehlo", "250-here\r\n250-STARTTLS\r\n250 8BITMIME" if plain else "250-here\r\n250 AUTH PLAIN")

    def starttls(self, _: str) -> None:
        if self.say("starttls", "220 go") and self.server.tls:
            self.file.close()
            self.connection = self.server.tls.wrap_socket(self.connection, server_side=True)
            self.file = self.connection.makefile("rb")

    def auth(self, text: str) -> None:
        _, user, password = base64.b64decode(text.split(" ")[2]).decode().split("\0")
        good = self.server.users.get(user) == password
        self.signed_in = self.say("auth", "235 in" if good else f"535 no {password}") and good

    def rcpt(self, text: str) -> None:
        address = text.partition("<")[2].partition(">")[0]
        if not self.signed_in:
            self.connection.sendall(b"530 sign in first\r\n")
        elif self.say("rcpt", "250 fine"):
            self.to.append(address)

    def data(self, _: str) -> None:
        if not self.say("data", "354 go on"):
            return
        body = b""
        while (line := self.file.readline()) not in (b".\r\n", b""):
            body += line.removeprefix(b".")
        said = self.chosen("body", "250 taken")
        if said == "250 taken":  # before the client hears of it: it may look at once
            made = message_from_bytes(body, policy=policy.default)
            assert isinstance(made, EmailMessage)
            self.server.mails.append((self.to, made))
        self.to = []
        self.tell(said)
