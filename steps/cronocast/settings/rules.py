"""What is wrong with a URL, identifier, tag, query, schedule or zone.

Each rule returns one sentence, or "" when it is fine.
"""

import difflib
import ipaddress
import re
from urllib.parse import urlsplit

from cronocast.durations import Duration
from cronocast.errors import Problem, seen

# What may hold any text in a query: a quoted name, a string, and a regular expression, which stands only where no
# division can.
# None of them holds a raw newline: the server ends them there, so this must too.
_LITERAL = re.compile(
    r"""  "(?:\\.|[^"\\\n])*"  |  '(?:\\.|[^'\\\n])*'
      |  (?P<before> (?: =~ | !~ | [,(] | \b(?:from|select|by)\b ) \s* ) /(?!\*)(?:\\.|[^/\\\n])*/""",
    re.IGNORECASE | re.VERBOSE,
)
_DAYS = {2: 29, 4: 30, 6: 30, 9: 30, 11: 30}  # of the months that are shorter than 31
_FORBIDDEN_IN_QUERY = re.compile(r"\b(into|drop|delete|create|alter|grant|revoke|kill|show|explain)\b", re.IGNORECASE)


def url_problem(value: str, where: str) -> Problem | None:
    """Check the address of a server: http or https, a plain host, no credentials, path prefix allowed."""
    right = "allowed: http://HOST[:PORT][/prefix] or https://..."
    masked = seen(
        re.sub(r"[?#].*", "?***", re.sub(r"^([a-z]*://)?.*@", r"\1***@", value, flags=re.DOTALL), flags=re.DOTALL)
    )
    if not re.match(r"https?://", value, re.IGNORECASE):
        return Problem("E_URL_SCHEME", where, f"{masked} begins with neither http:// nor https://; {right}")
    if re.search(r"[\s\x00-\x1f\x7f]", value):
        return Problem("E_URL", where, f"{masked} holds white space or control characters; {right}")
    try:
        parts = urlsplit(value)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return Problem(
            "E_URL_PORT",
            where,
            f"{masked} has a port or host that can't be read; {right}, ports 1 to 65535, IPv6 in brackets",
        )
    if "@" in parts.netloc or parts.query or parts.fragment or "?" in value or "#" in value:
        return Problem(
            "E_URL_CREDENTIALS",
            where,
            f"{masked} carries credentials, a query or a fragment; put credentials into files (username, password_file,"
            " token_file)",
        )
    if parts.netloc.count(":") > 1 and "[" not in parts.netloc:
        return Problem("E_URL_PORT", where, f"{masked} has more than one colon; write an IPv6 address in brackets")
    if port == 0 or parts.netloc.endswith(":"):
        return Problem("E_URL_PORT", where, f"{masked} has no usable port; allowed: 1 to 65535")
    wrong = host_fault(host)
    return Problem("E_URL_HOST", where, f"host {seen(host)} {wrong}; {right}") if wrong else None


def host_fault(host: str) -> str:
    """Refuse hosts that no database has.

    Link-local and unspecified addresses, odd spellings of IPv4, a trailing dot.
    """
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        if re.fullmatch(r"(0x)?[0-9a-f]*(\.(0x)?[0-9a-f]*)*", host) and re.search(r"(^|\.)(0x[0-9a-f]*|[0-9]+)$", host):
            return "is an unusual spelling of an IP address; write it as four decimal numbers"
        if not re.fullmatch(r"(?!-)[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*", host) or len(host) > 253:
            return "is no host name; allowed: letters, digits, dots and dashes, no trailing dot"
        return ""
    address = getattr(address, "ipv4_mapped", None) or address
    if address.is_link_local or address.is_unspecified or address.is_multicast:
        return "is a link-local, unspecified or multicast address; name the database server itself"
    return ""


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
        return (
            "more than one statement, a comment or a word that writes (INTO, DROP, DELETE...); allowed: one plain"
            " SELECT"
        )
    if not re.search(r"\btime\s*>=\s*\$start\b", bare, re.IGNORECASE) or not re.search(
        r"\btime\s*<\s*\$end\b", bare, re.IGNORECASE
    ):
        return "both time bounds must be there; write: WHERE time >= $start AND time < $end"
    if unknown := [mark for mark in re.findall(r"\$\w*", bare) if mark not in ("$start", "$end")]:
        return (
            f"{seen(unknown[0])} is filled in by nobody; allowed: $start and $end, and every as it is, such as GROUP BY"
            " time(1h)"
        )
    return ""


def read_by(query: str) -> set[str]:
    """Names that a query reads from: the last part of `database.policy.measurement` after each FROM."""
    part = r'(?:"(?:\\.|[^"\\\n])*"|[A-Za-z0-9_]+)'
    found = re.findall(rf"\bfrom\s+(?:{part}?\.){{0,2}}({part})", query, re.IGNORECASE)
    return {re.sub(r"\\(.)", r"\1", name[1:-1]) if name[0] == '"' else name for name in found}


def grouped_ns(query: str) -> int | None:
    """Length of the steps into which a query groups its rows, by `time(10m)` or `time(1h, 10m)`.

    None where it does not, or by none that it can be told.
    """
    found = re.findall(
        r"\btime\s*\(\s*([0-9]+[smhdw])\s*[,)]", query, re.IGNORECASE
    )  # that of the outermost SELECT stands last
    return Duration.read(found[-1].lower()) if found else None


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


def cron_fault(value: str) -> str:
    """Check a schedule of five fields as Argo reads them; the minute may be H, a number made from the series' name."""
    right = (
        "allowed: five fields such as 'H * * * *' or '*/30 6-18 * * 1-5' (H = a minute made from the name), days of the"
        " week 0 to 6 from Sunday on, ranges upwards"
    )
    fields = value.split()
    if len(fields) != 5 or value.strip() != value:
        return f"{seen(value)} has {len(fields)} fields; {right}"
    edges = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
    named: list[set[int]] = [set() for _ in edges]
    for i, text in enumerate(fields):
        for part in text.split(","):
            if i == 0 and re.fullmatch(r"H(/([1-9]|[1-5][0-9]))?", part):
                continue
            numbers = _cron_numbers(part, *edges[i])
            if not numbers:
                return f"field {i + 1} is {seen(part)}; {right}"
            named[i].update(numbers)
    longest = max(_DAYS.get(month, 31) for month in named[3])
    if fields[4] == "*" and min(named[2]) > longest:
        return f"{seen(value)} never comes: no such day in that month; {right}"
    return ""


def _cron_numbers(part: str, low: int, high: int) -> range:
    """The numbers that one part of a field names; none where it is wrong."""
    found = re.fullmatch(r"(?:\*|([0-9]{1,2})(?:-([0-9]{1,2}))?)(?:/(0?[1-9]|[1-9][0-9]))?", part, re.ASCII)
    if not found:
        return range(0)
    first, step = int(found[1] or low), int(found[3] or 1)
    last = int(found[2] or (found[1] if found[1] and not found[3] else high))
    return range(first, last + 1, step) if low <= first and last <= high else range(0)


def model_fault(value: str) -> str:
    """Check a model: auto, a row of the table, or a user's own module:Class."""
    return "" if value == "auto" else _unless_known(value, "auto, ")


def candidate_fault(value: str) -> str:
    """Check a model that auto may choose: a row of the table, or a user's own module:Class."""
    return _unless_known(value, "")


def _unless_known(value: str, before: str) -> str:
    from cronocast.forecast import MODELS

    if (value in MODELS and ":" not in value) or re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", value, re.ASCII):
        return ""
    near = difflib.get_close_matches(value, MODELS, 1)
    meant = f"did you mean {near[0]!r}? " if near else ""
    return f"{seen(value)} is not known; {meant}allowed: {before}{', '.join(MODELS)}, or your own module:Class"


def slug_fault(value: str) -> str:
    """Check a name that Kubernetes takes as part of an object's name."""
    if re.fullmatch(r"[a-z]([a-z0-9-]{0,30}[a-z0-9])?", value):
        return ""
    return f"{seen(value)} is no such name; allowed: 1 to 32 lower-case letters, digits and dashes, a letter first"


def zone_fault(value: str) -> str:
    """Check an IANA time zone such as Europe/Berlin; fixed offsets and POSIX rules are refused."""
    import zoneinfo

    if value == "UTC" or ("/" in value and value in zoneinfo.available_timezones()):
        return ""
    return f"{seen(value)} is no IANA zone; allowed: UTC, Europe/Berlin, America/New_York, ..."


def place_fault(value: str) -> str:
    """Check the form of a country code, or of one with the code of a part of the country."""
    if re.fullmatch(r"[A-Z]{2}(-[A-Z0-9]{1,4})?", value):
        return ""
    return f"{seen(value)} is no country code; allowed: DE, GB, US, ... or a part such as DE-BY"


def path_fault(value: str) -> str:
    """Check the path of a secret or certificate file."""
    if not value or "\x00" in value or len(value) > 1024:
        return f"{seen(value)} is no path of a file"
    return ""


def no_multiple(span: Duration, every: Duration, where: str) -> Problem:
    """The problem of a length of time that is no multiple of the step size."""
    sentence = (
        f"{span} is no multiple of every ({every}); allowed: a multiple, such as"
        f" {Duration.of((span // every + 1) * every)}"
    )
    return Problem("E_CONFIG_DURATION", where, sentence)
