"""Entries that came over HTTP, one file each in a folder, and what was asked for. Standard library only."""

import json
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cronocast.document.carried import size_problems
from cronocast.document.entry import Entry, parse_entry
from cronocast.errors import ConfigError, Problem, StorageError, seen
from cronocast.serve.policy import Policy
from cronocast.serve.queue_request import as_requested, asked_by, entry_of, is_queue_request
from cronocast.serve.shelf import Folder, Kept, Shelf
from cronocast.settings.declare import merge

SCHEMA = 1
REQUESTS = "requests.jsonl"
OLDER = "requests.1.jsonl"
MOST_REQUESTS_BYTES = 8 * 2**20  # of one file; then it becomes the older one, and that is gone
MOST_SERIES = 5_000


class Store:
    """Entries, and what was asked for.

    Args:
        folder: Where requests are noted.
        defaults: What every entry is merged over, as `defaults` of a values file.
        policy: What entries may name.
        shelf: Where entries are kept; the same folder if not given.
    """

    def __init__(self, folder: Path, defaults: Mapping[str, Any], policy: Policy, shelf: Shelf | None = None) -> None:
        self._folder, self._defaults, self._policy = folder, dict(defaults), policy
        self.shelf: Shelf = shelf or Folder(folder)
        self._lock = threading.Lock()
        self._entries: dict[str, tuple[Kept, Entry]] = {}  # the last one that was asked for, by name

    def checked(self, document: Any, name: str | None = None) -> tuple[dict[str, Any], Entry, dict[str, str]]:  # noqa: ANN401
        """What a document means: itself as it is kept, its entry, and for whom it was asked.

        Args:
            document: An entry, or the request of a queue forecast.
            name: The name in the address, which the document may leave out.

        Raises:
            ConfigError: with every problem, each with its path in the document.
        """
        problems: list[Problem] = []
        if not isinstance(document, dict):
            raise ConfigError.one("E_CONFIG_TYPE", "", f"{seen(document)} is no object; allowed: an entry")
        requested = is_queue_request(document)
        own = entry_of(document, problems) if requested else dict(document)
        if name is not None and own.setdefault("name", name) != name:
            problems.append(
                Problem("E_SERIES_NAME", "name", f"{seen(own['name'])} is not the {seen(name)} of the address")
            )
        if isinstance(own.get("name"), str) and "/" in own["name"]:
            problems.append(Problem("E_SERIES_NAME", "name", "has a slash, which no address can name; leave it out"))
        problems += [*self._policy.problems(own), *borrowed_secrets(own, self._defaults)]
        given = {problem.where for problem in problems}
        try:
            entry = self.entry(own)
        except ConfigError as error:
            found = [as_requested(problem) for problem in error.problems] if requested else error.problems
            problems += [problem for problem in found if problem.where not in given]
        if problems:
            raise ConfigError([as_requested(problem) for problem in problems] if requested else problems)
        return own, entry, asked_by(document) if requested else {}

    def entry(self, document: Mapping[str, Any]) -> Entry:
        """The entry of a document over the defaults.

        Raises:
            ConfigError: with every problem.
        """
        whole = self.whole(document)
        entry = parse_entry(whole)
        if problems := [*size_problems(whole, ""), *_of_libraries(entry), *self.shelf.problems(whole)]:
            raise ConfigError(problems)
        return entry

    def entry_of(self, kept: Kept) -> Entry:
        """The entry that is kept.

        Raises:
            ConfigError: it is not sound any more, such as with other defaults.
        """
        known = self._entries.get(kept.name)
        if known is None or known[0] != kept:
            known = self._entries[kept.name] = kept, self.entry(kept.document)
        return known[1]

    def borrows(self, document: Mapping[str, Any]) -> bool:
        """Whether a document leaves every address to the defaults, so that their secrets may go with it."""
        return not own_addresses(document, self._defaults)

    def whole(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """A document over the defaults."""
        return merge(self._defaults, dict(document))  # type: ignore[no-any-return]

    def put(self, kept: Kept) -> bool:
        """Keep an entry; returns whether it is new.

        Raises:
            CronocastError: it can't be kept.
        """
        return self.shelf.put(kept, self.whole(kept.document))

    def note(self, request: Mapping[str, Any]) -> None:
        """Keep what was asked for, by whom, when and with what outcome.

        Raises:
            StorageError: the folder is full, read-only or failing.
        """
        line = json.dumps(request, ensure_ascii=True).encode() + b"\n"
        path = self._folder / REQUESTS
        with self._lock:
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
                if path.exists() and path.stat().st_size > MOST_REQUESTS_BYTES:
                    path.replace(self._folder / OLDER)
                with path.open("ab") as file:
                    file.write(line)
            except OSError as error:
                raise StorageError("E_STORAGE", str(path), f"can't be written: {error.strerror}") from error

    def noted(self, limit: int) -> list[dict[str, Any]]:
        """What was asked for, the newest first."""
        return list(_first(self._noted(), limit))

    def _noted(self) -> Iterator[dict[str, Any]]:
        for name in (REQUESTS, OLDER):
            try:
                lines = (self._folder / name).read_bytes().splitlines()
            except OSError:
                continue
            for line in reversed(lines):
                try:
                    yield json.loads(line)
                except ValueError:  # cut, where the process was killed as it wrote
                    continue


def own_addresses(document: Mapping[str, Any], defaults: Mapping[str, Any]) -> list[str]:
    """Parts of a document that name an address which the defaults do not."""
    urls = {part: _of(document, part).get("url") for part in ("source", "sink")}
    return [part for part, url in urls.items() if url is not None and url != _of(defaults, part).get("url")]


def borrowed_secrets(document: Mapping[str, Any], defaults: Mapping[str, Any]) -> list[Problem]:
    """What is wrong where a document names another server and leaves the secrets to the defaults.

    They would be sent to a server that they were not made for.
    """
    if not (parts := own_addresses(document, defaults)):
        return []
    return [
        Problem(
            "E_SECRET",
            f"{part}.{name}",
            f"not given although {parts[0]}.url is another server than that of the defaults, whose secret is for it"
            f" alone; name a file here, or leave {parts[0]}.url out",
        )
        for part in ("source", "sink")
        for name in _of(defaults, part)
        if name in ("password_file", "token_file") and name not in _of(document, part)
    ]


def _of(document: Mapping[str, Any], part: str) -> Mapping[str, Any]:
    found = document.get(part)
    return found if isinstance(found, dict) else {}


def _first(items: Iterator[dict[str, Any]], limit: int) -> Iterator[dict[str, Any]]:
    for _, item in zip(range(limit), items, strict=False):
        yield item


def _of_libraries(entry: Entry) -> list[Problem]:
    """What models have against their options, where the libraries that know are here."""
    try:
        from cronocast.forecast.candidates import option_problems

        found = option_problems(entry, "")
    except ModuleNotFoundError:
        return []
    return [Problem(p.token, p.where.lstrip("."), p.sentence) for p in found]
