"""What is wrong with a query of one's own, and what can be told from it."""

import re
from typing import Any

from cronocast.durations import Duration
from cronocast.errors import Problem, seen
from cronocast.settings.rules import no_multiple

# What may hold any text in a query: a quoted name, a string, and a regular expression, which stands only where no
# division can.
# None of them holds a raw newline: the server ends them there, so this must too.
_LITERAL = re.compile(
    r"""  "(?:\\.|[^"\\\n])*"  |  '(?:\\.|[^'\\\n])*'
      |  (?P<before> (?: =~ | !~ | [,(] | \b(?:from|select|by)\b ) \s* ) /(?!\*)(?:\\.|[^/\\\n])*/""",
    re.IGNORECASE | re.VERBOSE,
)


_FORBIDDEN_IN_QUERY = re.compile(r"\b(into|drop|delete|create|alter|grant|revoke|kill|show|explain)\b", re.IGNORECASE)


_BOUNDS = (r"\btime\s*>=\s*\$start\b", r"\btime\s*<\s*\$end\b")


def query_fault(value: str) -> str:
    """Check a raw query: one SELECT with both bounds as $start and $end, nothing that writes, no comments.

    Quoted names and strings are set aside first, so that a tag value "drop" is no fault.
    """
    bare = _LITERAL.sub(r"\g<before> q ", value)
    if not re.match(r"\s*select\b", bare, re.IGNORECASE):
        return f"{seen(value[:40])} is not a SELECT; allowed: one SELECT"
    if "'" in bare or '"' in bare:
        return "a quote is not closed on its line; allowed: one plain SELECT"
    if ";" in bare or "--" in bare or "/*" in bare or _FORBIDDEN_IN_QUERY.search(bare):
        more = "more than one statement, a comment or a keyword that writes (INTO, DROP, DELETE...)"
        return f"{more}; allowed: one plain SELECT"
    if not all(re.search(bound, bare, re.IGNORECASE) for bound in _BOUNDS):
        return "both time bounds are required; write: WHERE time >= $start AND time < $end"
    if unknown := [mark for mark in re.findall(r"\$\w*", bare) if mark not in ("$start", "$end")]:
        return (
            f"{seen(unknown[0])} is an unknown placeholder; allowed: $start and $end, and the step written out,"
            " such as GROUP BY time(1h)"
        )
    return ""


def masked(query: str) -> str:
    """The query with a q for every character that may be any text: names, strings and regular expressions."""
    return _LITERAL.sub(lambda m: (m["before"] or "") + "q" * (len(m[0]) - len(m["before"] or "")), query)


def read_by(query: str) -> set[str]:
    """Names that a query reads from: the last part of `database.policy.measurement` after each FROM."""
    part = r'(?:"(?:\\.|[^"\\\n])*"|[A-Za-z0-9_]+)'
    found = re.findall(rf"\bfrom\s+(?:{part}?\.){{0,2}}({part})", query, re.IGNORECASE)
    return {re.sub(r"\\(.)", r"\1", name[1:-1]) if name[0] == '"' else name for name in found}


def grouped_ns(query: str) -> int | None:
    """Length of the steps into which a query groups its rows, by `time(10m)` or `time(1h, 10m)`.

    None where it groups by no time, or by one that can't be told from the text.
    """
    found = re.findall(
        r"\btime\s*\(\s*([0-9]+[smhdw])\s*[,)]", masked(query), re.IGNORECASE
    )  # that of the outermost SELECT stands last
    return Duration.read(found[-1].lower()) if found else None


def zone_of(query: str) -> str | None:
    """The time zone whose days a query groups by; that of the outermost SELECT stands last."""
    found = re.findall(r"\btz\s*\(\s*'([^'\n]+)'\s*\)", query, re.IGNORECASE)
    return found[-1] if found else None


def slice_fault(query: str, slice_ns: int) -> str:
    """Check that slices cut no step of a query in two: rows of a cut step would be wrong, or lost."""
    grouped = grouped_ns(query)
    moved = re.search(r"\btime\s*\(\s*[0-9]+[smhdw]\s*,|\btz\s*\(", query, re.IGNORECASE)
    if grouped and (moved or slice_ns % grouped):
        return (
            "cuts steps of the query in two; leave it out, or group by steps that begin with the slices, without an"
            " offset and tz()"
        )
    return ""


def reading_problems(source: dict[str, Any], where: str) -> list[Problem]:
    """Check that a query, or a measurement and a field, say what is read."""
    if source.get("query") is not None:
        doubled = [name for name in ("measurement", "field", "aggregate", "tags", "group_by") if source.get(name)]
        sentence = "is set although query is; give one of the two"
        return [Problem("E_CONFIG_CROSS", f"{where}.{name}", sentence) for name in doubled if name != "measurement"]
    if source.get("aggregate") == "percentile" and source.get("percentile") == 0:
        return [
            Problem(
                "E_CONFIG_RANGE",
                f"{where}.percentile",
                "0 selects no point; allowed: a number above 0 to 100, or aggregate: min for the lowest point",
            )
        ]
    missing = [name for name in ("measurement", "field") if source.get(name) is None]
    return [Problem("E_CONFIG_MISSING", f"{where}.{name}", "not given; name it, or give a query") for name in missing]


def slice_problems(source: dict[str, Any], every: Duration, where: str) -> list[Problem]:
    """Check that slices cut no step in two."""
    part = Duration.read(source.get("slice"))
    if part is None:
        return []
    problems = [no_multiple(part, every, f"{where}.slice")] if part % every else []
    if isinstance(source.get("query"), str) and (fault := slice_fault(source["query"], int(part))):
        problems.append(Problem("E_CONFIG_CROSS", f"{where}.slice", f"{part} {fault}"))
    return problems
