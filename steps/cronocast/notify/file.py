"""A file on a volume: a line of JSON for each message, appended; a message that stands there is not written again."""

import fcntl
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from cronocast.errors import StorageError
from cronocast.notify.message import Message, ordered, to_document
from cronocast.notify.settings import File as Settings
from cronocast.notify.table import SENT, Delivery

LOOK_BACK = 4 * 2**20  # bytes of the file's end in which a message is looked for


class File:
    """One file; see `table.Notifier`."""

    def __init__(self, settings: Settings, say: Callable[[str], None]) -> None:
        """Take the settings and what takes a line for people."""
        self._path, self._say = Path(settings.path), say

    def send(self, messages: Sequence[Message]) -> list[Delivery]:
        """As `Notifier.send`.

        Raises:
            StorageError: the volume is full, read-only or failing.
        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC
            with os.fdopen(os.open(self._path, flags, 0o644), "r+b", buffering=0) as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                _append(file.fileno(), ordered(messages))
        except OSError as error:
            sentence = f"{error.strerror or error}; check that the volume is there, writable and not full"
            raise StorageError("E_STORAGE", str(self._path), sentence) from error
        return [Delivery(message, SENT) for message in ordered(messages)]

    def render(self, messages: Sequence[Message]) -> list[str]:
        """As `Notifier.render`."""
        return [_line(message) for message in ordered(messages)]


def _append(handle: int, messages: Sequence[Message]) -> None:
    """Append what is not there in one write; what a full volume left of it is taken back."""
    size = os.fstat(handle).st_size
    there = os.pread(handle, LOOK_BACK, max(0, size - LOOK_BACK))
    new = "".join(_line(message) for message in messages if json.dumps(message.event).encode() not in there)
    torn = b"\n" if there and not there.endswith(b"\n") else b""  # of a writer that was killed
    text = torn + new.encode()
    if new and os.write(handle, text) != len(text):
        os.ftruncate(handle, size)
        raise OSError(28, "no room for the whole text")
    os.fsync(handle)


def _line(message: Message) -> str:
    return json.dumps(to_document(message)) + "\n"
