"""Errors raised on purpose, one class per recovery; each class is one exit code.

CronocastError
├── DataError        66  input missing, too large or too short
├── RefusedError     69  the server refuses permanently
├── InvariantError   70  our own result is impossible
├── StorageError     74  volume full, read-only, failing
├── TemporaryError   75  transient: retry
├── ContractError    76  an answer, file or saved model breaks the contract
├── AccessError      77  401, 403
├── BugError          1  a bug in cronocast
├── ConfigError      78  bad configuration; carries every problem found
└── Terminated      143  ended by SIGTERM
"""

import re
from dataclasses import dataclass
from typing import ClassVar

MAX_PROBLEMS = 20  # a person reads twenty; the count says how many more there are
MAX_SENTENCE = 400  # fits Kubernetes' termination message beside Argo's own words
MAX_SEEN = 80
_STEERING = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_SECRET_KEY = re.compile("pass|token|secret|credential|key", re.IGNORECASE)


def seen(value: object) -> str:
    """Show a value in a message: its repr in ASCII, cut to 80 characters; what looks like a secret is masked."""
    text = re.sub(r"//\S*@", "//***@", ascii(_masked(value)))
    return text if len(text) <= MAX_SEEN else text[: MAX_SEEN - 3] + "..."


def printable(text: str) -> str:
    """Names from a database as they may be shown.

    A replacement sign for what would steer a terminal or turn the writing direction of what follows.
    """
    return _STEERING.sub("\ufffd", text)


def _masked(value: object, depth: int = 0) -> object:
    """A mapping or list with the values of secret-looking keys hidden.

    A person may have put a password where a mapping is wrong.
    """
    if not isinstance(value, dict | list):
        return value
    if depth > 2:  # deeper than eighty characters ever show
        return "..."
    if isinstance(value, list):
        return [_masked(item, depth + 1) for item in value[:MAX_SEEN]]
    return {key: "***" if _SECRET_KEY.search(str(key)) else _masked(item, depth + 1) for key, item in value.items()}


def sentence(text: str) -> str:
    """One line of printable ASCII, at most 400 characters.

    Nothing in a message can move a cursor or start a new line.
    """
    visible = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in " ".join(text.split()))
    return visible.encode("ascii", "backslashreplace").decode()[:MAX_SENTENCE]


def subject(where: str) -> str:
    """Name what is at fault as one word: white space and control characters become %XX."""
    quoted = "".join(c if c.isprintable() and not c.isspace() else f"%{ord(c):02X}" for c in where)
    return quoted[:160] or "?"


class CronocastError(Exception):
    """Base of the errors raised on purpose, one subclass per recovery."""

    exit_code: ClassVar[int]

    def __init__(self, token: str, where: str, problem: str) -> None:
        """Take a stable token (`E_...`), the setting, file or server at fault, and one sentence."""
        self.token, self.where, self.problem = token, subject(where), sentence(problem)
        super().__init__(f"{self.token} {self.where}: {self.problem}")


class DataError(CronocastError):
    """Input missing, too large or too short. Recovery: change the window; no retry."""

    exit_code = 66


class RefusedError(CronocastError):
    """The server refuses permanently. Recovery: fix the server or the entry."""

    exit_code = 69


class InvariantError(CronocastError):
    """An internal check failed, such as a forecast that is not finite.

    Recovery: choose another model, or report a bug.
    """

    exit_code = 70


class StorageError(CronocastError):
    """The volume is full, read-only or failing. Recovery: retried by the engine."""

    exit_code = 74


class TemporaryError(CronocastError):
    """Refused, reset, timed out, 408, 429, 5xx, cut, lock busy. Recovery: retry."""

    exit_code = 75


class ContractError(CronocastError):
    """An answer, a hand-off file or a saved model breaks the contract. Recovery: the next run."""

    exit_code = 76


class AccessError(CronocastError):
    """401 or 403. Recovery: fix the credentials or the rights."""

    exit_code = 77


class BugError(CronocastError):
    """Anything unforeseen. Recovery: report a bug."""

    exit_code = 1


class Terminated(CronocastError):  # noqa: N818 - not a failure of the step
    """SIGTERM arrived. Recovery: retried by the engine."""

    exit_code = 143


@dataclass(frozen=True)
class Problem:
    """One thing wrong in the configuration: token, path of the setting, one sentence."""

    token: str
    where: str
    sentence: str

    def __str__(self) -> str:
        """The line that users read."""
        return f"{self.token} {subject(self.where)}: {sentence(self.sentence)}"


class ConfigError(CronocastError):
    """Bad configuration; `problems` holds all of it. Recovery: fix the values, flags or variables."""

    exit_code = 78

    def __init__(self, problems: list[Problem]) -> None:
        """Take every problem found, at least one."""
        self.problems = problems
        first = problems[0]
        more = f" (1 of {len(problems)} problems)" if len(problems) > 1 else ""
        super().__init__(first.token, first.where, sentence(first.sentence)[: MAX_SENTENCE - len(more)] + more)

    @classmethod
    def one(cls, token: str, where: str, sentence: str) -> "ConfigError":
        """A configuration error with a single problem."""
        return cls([Problem(token, where, sentence)])


class MissingExtraError(ConfigError):
    """A chosen model needs what this installation does not carry: a library, or its weights."""
