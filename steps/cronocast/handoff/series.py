"""The CSV contract between steps.

`name,tags,time,value`, and `name,tags,time,yhat,yhat_lower,yhat_upper` with two more columns for each further level.
"""

import csv
import io
import re
from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise

HISTORY_COLUMNS = ("value",)
FORECAST_COLUMNS = ("yhat", "yhat_lower", "yhat_upper")


def level_name(level: float) -> str:
    """What names a nominal coverage in columns, fields and results: 0.5 is 50, 0.975 is 97_5."""
    return f"{100 * level:.10g}".replace(".", "_")


def forecast_columns(levels: Iterable[float] = ()) -> tuple[str, ...]:
    """Columns of a forecast: yhat and its interval, then lower and upper bound of each further level, ascending."""
    return (
        *FORECAST_COLUMNS,
        *(f"yhat_{side}_{level_name(level)}" for level in sorted(levels) for side in ("lower", "upper")),
    )


def levels_of(first: bytes) -> tuple[float, ...] | None:
    """The further levels that the first line of a forecast names; None where it is no header of one."""
    names = re.findall(rb",yhat_lower_([0-9]{1,2}(?:_[0-9]{1,8})?)(?=,)", first)
    levels = tuple(float(name.replace(b"_", b".")) / 100 for name in names)
    return levels if first.removeprefix(b"\xef\xbb\xbf") == header(forecast_columns(levels)) else None


@cache
def ordered(width: int) -> tuple[tuple[int, int], ...]:
    """Pairs of forecast columns, counted from 0, of which the first is never above the second.

    Yhat is in every interval, a further one in the next.
    """
    lowers, uppers = range(3, width, 2), range(4, width, 2)
    return ((1, 0), (0, 2), *pairwise([*reversed(lowers), 0, *uppers]))


@dataclass
class Member:
    """One tag combination.

    Its name, its tags as text (`k=v,k2=v2`), times in ns ascending, one column of doubles per value.
    """

    name: str
    tags: str
    time_ns: "array[int]" = field(default_factory=lambda: array("q"))
    columns: tuple["array[float]", ...] = ()
    gaps_in_file: int = 0  # rows whose value is nan or empty

    @property
    def key(self) -> tuple[str, str]:
        """What tells members apart."""
        return self.name, self.tags

    @property
    def label(self) -> str:
        """What people read."""
        return f"{self.name}{{{self.tags}}}" if self.tags else self.name


def tags_text(tags: Iterable[tuple[str, str]]) -> str:
    r"""Write tags as `k=v,k2=v2` sorted by key; `\`, `,` and `=` are escaped with a backslash."""
    return ",".join(f"{_escape(key)}={_escape(value)}" for key, value in sorted(tags))


def parse_tags(text: str) -> tuple[tuple[str, str], ...]:
    """Read what `tags_text` writes.

    Raises:
        ValueError: a part has no key, no value, or the keys are not sorted and distinct.
    """
    if not text:
        return ()
    parts = re.findall(r"((?:[^\\,=]|\\.)+)=((?:[^\\,=]|\\.)+)(?:,|$)", text, re.DOTALL)
    tags = tuple(
        (re.sub(r"\\(.)", r"\1", key, flags=re.DOTALL), re.sub(r"\\(.)", r"\1", value, flags=re.DOTALL))
        for key, value in parts
    )
    if tags_text(tags) != text or len({key for key, _ in tags}) != len(tags):
        raise ValueError(text)
    return tags


def _escape(text: str) -> str:
    return re.sub(r"([\\,=])", r"\\\1", text)


def prefix(name: str, tags: str) -> bytes:
    """The first two cells of every row of a member, quoted as CSV, with the comma after them."""
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow([name, tags, ""])
    return out.getvalue().encode("utf-8")


def header(columns: tuple[str, ...]) -> bytes:
    """The first line of a file."""
    return ",".join(("name", "tags", "time", *columns)).encode() + b"\n"


def rows(member: Member) -> bytes:
    """Every row of a member; floats in their shortest round-trip form."""
    start = prefix(member.name, member.tags).decode().replace("%", "%%")
    row = f"{start}%d{',%r' * len(member.columns)}\n"
    return "".join(map(row.__mod__, zip(member.time_ns, *member.columns, strict=True))).encode()
