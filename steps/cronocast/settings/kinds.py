"""Kinds of values that a setting of a document accepts: how each is checked, read from text, and described."""

import difflib
import math
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from cronocast.durations import DIGITS, Duration
from cronocast.errors import Problem, seen

MAX_NUMBER = sys.float_info.max  # also for whole numbers, which are used as floats
MAX_SPAN = Duration.parse("5200w")  # a hundred years; times in int64 nanoseconds end in 2262
UNRENDERED = re.compile(r"\{\{.*\}\}|\$\{[^}]*\}|<no value>")


class Kind(Protocol):
    """What a setting accepts: how to check it, how to read it from text, how to describe it."""

    def check(self, value: Any, where: str, problems: list[Problem]) -> Any:  # noqa: ANN401
        """Return the typed value, or add problems and return None."""
        ...

    def from_text(self, text: str) -> Any:  # noqa: ANN401
        """Read what a flag or an env variable holds into what a document would hold."""
        ...

    def schema(self) -> dict[str, Any]:
        """The JSON schema of the accepted values."""
        ...

    def words(self) -> str:
        """The accepted values in a few words, for messages and tables."""
        ...


def _unrendered(value: str, where: str, kind: Kind) -> Problem:
    """The problem of text that holds a mark of a template."""
    sentence = f"{seen(value)} holds a template placeholder that was never filled in; allowed: {kind.words()}"
    return Problem("E_UNRENDERED", where, sentence)


@dataclass(frozen=True)
class Text:
    """A string, checked by `choices`, or by `fault`, which returns what is wrong with it or ""."""

    choices: tuple[str, ...] = ()
    fault: Callable[[str], str] | None = None
    token: str = "E_CONFIG_TYPE"
    about: str = "text"
    data: bool = False  # free text such as a tag value: left-over template marks are data there
    longest: int = 4096

    def check(self, value: Any, where: str, problems: list[Problem]) -> str | None:  # noqa: ANN401, D102
        if not isinstance(value, str):
            quoted = "; put it in quotes" if isinstance(value, bool | int | float) else ""
            sentence = f"{seen(value)} is not text{quoted}; allowed: {self.words()}"
            problems.append(Problem("E_CONFIG_TYPE", where, sentence))
        elif not self.data and UNRENDERED.search(value):
            problems.append(_unrendered(value, where, self))
        elif self.choices and value not in self.choices:
            problems.append(self._unknown(value, where))
        elif self.fault and (wrong := self.fault(value)):
            problems.append(Problem(self.token, where, wrong))
        elif len(value) > self.longest:
            sentence = f"{len(value)} characters; allowed: at most {self.longest}"
            problems.append(Problem("E_CONFIG_SIZE", where, sentence))
        else:
            return value
        return None

    def _unknown(self, value: str, where: str) -> Problem:
        """The problem of a value that is no choice."""
        near = difflib.get_close_matches(value, self.choices, 1)
        meant = f"did you mean {near[0]!r}? " if near else ""
        token = "E_CONFIG_CHOICE" if self.token == "E_CONFIG_TYPE" else self.token
        return Problem(token, where, f"{seen(value)} is not known; {meant}allowed: {self.words()}")

    def from_text(self, text: str) -> str:  # noqa: D102
        return text

    def schema(self) -> dict[str, Any]:  # noqa: D102
        return {"type": "string", **({"enum": list(self.choices)} if self.choices else {"maxLength": self.longest})}

    def words(self) -> str:  # noqa: D102
        return ", ".join(self.choices) if self.choices else self.about


@dataclass(frozen=True)
class Number:
    """A finite number between two edges; `whole` allows integers only, `open_low`/`open_high` leave the edge out."""

    low: float = -math.inf
    high: float = math.inf
    whole: bool = False
    open_low: bool = False
    open_high: bool = False

    def check(self, value: Any, where: str, problems: list[Problem]) -> float | int | None:  # noqa: ANN401, D102
        if self.whole and isinstance(value, float) and value.is_integer():
            value = int(value)  # JSON knows no difference between 5 and 5.0, nor does Helm
        if isinstance(value, bool) or not isinstance(value, int if self.whole else int | float):
            problems.append(Problem("E_CONFIG_TYPE", where, f"{seen(value)} is not a number; allowed: {self.words()}"))
            return None
        inside = (value > self.low if self.open_low else value >= self.low) and (
            value < self.high if self.open_high else value <= self.high
        )
        if not inside or not abs(value) <= MAX_NUMBER:  # NaN compares false
            problems.append(Problem("E_CONFIG_RANGE", where, f"{seen(value)} is out of range; allowed: {self.words()}"))
            return None
        return value

    def from_text(self, text: str) -> Any:  # noqa: ANN401, D102
        plain = re.fullmatch(
            r"[+-]?[0-9]{1,18}" if self.whole else r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", text, re.ASCII
        )
        return (int(text) if self.whole else float(text)) if plain else text

    def schema(self) -> dict[str, Any]:  # noqa: D102
        low = {"exclusiveMinimum" if self.open_low else "minimum": self.low} if math.isfinite(self.low) else {}
        high = {"exclusiveMaximum" if self.open_high else "maximum": self.high} if math.isfinite(self.high) else {}
        return {"type": "integer" if self.whole else "number", **low, **high}

    def words(self) -> str:  # noqa: D102
        noun = "a whole number" if self.whole else "a number"
        low = f"{'above' if self.open_low else 'from'} {self.low:g}" if math.isfinite(self.low) else ""
        high = f"{'below' if self.open_high else 'to'} {self.high:g}" if math.isfinite(self.high) else ""
        return " ".join(part for part in (noun, low, high) if part)


@dataclass(frozen=True)
class Flag:
    """true or false."""

    def check(self, value: Any, where: str, problems: list[Problem]) -> bool | None:  # noqa: ANN401, D102
        if isinstance(value, bool):
            return value
        sentence = f"{seen(value)} is neither true nor false; allowed: true, false"
        problems.append(Problem("E_CONFIG_TYPE", where, sentence))
        return None

    def from_text(self, text: str) -> Any:  # noqa: ANN401, D102
        return {"true": True, "false": False}.get(text, text)

    def schema(self) -> dict[str, Any]:  # noqa: D102
        return {"type": "boolean"}

    def words(self) -> str:  # noqa: D102
        return "true, false"


@dataclass(frozen=True)
class Span:
    """A duration: a whole number above zero and one of s, m, h, d, w; `zero` also allows `0s`."""

    zero: bool = False

    def check(self, value: Any, where: str, problems: list[Problem]) -> Duration | None:  # noqa: ANN401, D102
        no_duration = f"{seen(value)} is not a duration; allowed: {self.words()}"
        if not isinstance(value, str):
            problems.append(Problem("E_CONFIG_TYPE", where, no_duration))
            return None
        if UNRENDERED.search(value):
            problems.append(_unrendered(value, where, self))
            return None
        try:
            span = self._read(value)
        except ValueError:
            problems.append(Problem("E_CONFIG_DURATION", where, no_duration))
            return None
        if span > MAX_SPAN:
            sentence = f"{seen(value)} is too long; allowed: at most {MAX_SPAN}"
            problems.append(Problem("E_CONFIG_DURATION", where, sentence))
        return span

    def _read(self, value: str) -> Duration:
        """Read a duration, zero where that is allowed."""
        if not (self.zero and value == "0s"):
            return Duration.parse(value)
        nothing = Duration(0)
        nothing.text = "0s"
        return nothing

    def from_text(self, text: str) -> str:  # noqa: D102
        return text

    def schema(self) -> dict[str, Any]:  # noqa: D102
        number = f"[0-9]{{1,{DIGITS}}}" if self.zero else f"0*[1-9][0-9]{{0,{DIGITS - 1}}}"
        return {"type": "string", "pattern": f"^{number}[smhdw]$"}

    def words(self) -> str:  # noqa: D102
        return "a whole number and one of s, m, h, d, w, such as 30s, 5m, 24h, 7d, 2w" + (
            ", or 0s" if self.zero else ""
        )
