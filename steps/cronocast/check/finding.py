"""What a check found: the thing looked at, how bad it is, what was seen, and how to fix it."""

import difflib
import re
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from typing import Any

from cronocast.errors import (
    AccessError,
    ConfigError,
    ContractError,
    CronocastError,
    DataError,
    Problem,
    RefusedError,
    TemporaryError,
    seen,
)

OK, NOTE, WARNING, ERROR = "ok", "note", "warning", "error"
# Which error decides the exit code where there are several: what no retry fixes goes first.
WORST = (AccessError, ConfigError, RefusedError, ContractError, DataError, TemporaryError)
ATTEMPTS = re.compile(r" \([0-9]+ attempts in [^)]*\)$")  # of the client: somebody waits, so that there are few
MOST_NAMES = 8  # of a list that a person is shown


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        what: It in one word, such as server, tags, canary.
        level: ok; note, nothing to do; warning, the run goes through, but look at it; error, it fails or is wrong.
        setting: Of the entry, such as source.field.
        seen: What was seen.
        fix: How to fix it; "" where nothing must be.
        exit: Exit code of an error, as of the step that would fail; 0 for all others.
    """

    what: str
    level: str
    setting: str
    seen: str
    fix: str = ""
    exit: int = 0

    def as_json(self) -> dict[str, Any]:
        """The finding as `--json` prints it."""
        return asdict(self)


def fine(what: str, setting: str, text: str) -> Finding:
    """Something as it should be."""
    return Finding(what, OK, setting, text)


def wrong(what: str, setting: str, text: str, fix: str, kind: type[CronocastError]) -> Finding:
    """Something that makes a run fail, or what it writes wrong; `kind` is the error that stands for it."""
    return Finding(what, ERROR, setting, text, fix, kind.exit_code)


def doubtful(what: str, setting: str, text: str, fix: str) -> Finding:
    """Something that no run stumbles over, and that a person should look at."""
    return Finding(what, WARNING, setting, text, fix)


def of_error(what: str, setting: str, error: CronocastError) -> list[Finding]:
    """Findings that an error stands for; its sentences say first what was seen, then what would be right."""
    problems = error.problems if isinstance(error, ConfigError) else [Problem(error.token, setting, error.problem)]
    return [_of_problem(what, problem, error.exit_code) for problem in problems]


def _of_problem(what: str, problem: Problem, code: int) -> Finding:
    text, _, fix = ATTEMPTS.sub("", problem.sentence).partition("; ")
    return Finding(what, ERROR, problem.where, text, fix.removeprefix("allowed: "), code)


def exit_code(findings: Iterable[Finding]) -> int:
    """The exit code of the worst finding; 0 where no error is among them."""
    codes = {finding.exit for finding in findings if finding.level == ERROR}
    known = [kind.exit_code for kind in WORST]
    return next((code for code in known if code in codes), max(codes, default=0))


def meant(name: str, known: Iterable[str]) -> str:
    """The known name that a misspelt one is nearest to; "" where none is near."""
    lower = {other.lower(): other for other in known}
    near = difflib.get_close_matches(name.lower(), lower, 1, 0.6)
    return lower[near[0]] if near else ""


def instead(what: str, name: str, known: Collection[str]) -> str:
    """What to write instead of a name that does not exist: the nearest one, or one of those that there are."""
    if near := meant(name, known):
        return f"{what}: {near}" + (f" (there are: {listed(known)})" if len(known) > 1 else "")
    return f"{what}: one of {listed(known)}" if known else f"{what}: there is none"


def listed(names: Collection[str]) -> str:
    """Names for users: the first ones, and how many more there are."""
    shown = [seen(name)[1:-1] for name in sorted(names)[:MOST_NAMES]]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")
