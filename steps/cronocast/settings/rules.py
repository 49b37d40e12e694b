"""What is wrong with a URL, identifier, tag, query, schedule or zone.

Each rule returns one sentence, or "" when it is fine.
"""

import ipaddress
import re
from urllib.parse import urlsplit

from cronocast.durations import Duration
from cronocast.errors import Problem, seen

_DAYS = {2: 29, 4: 30, 6: 30, 9: 30, 11: 30}  # of the months that are shorter than 31


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
            return "is not a host name; allowed: letters, digits, dots and dashes, no trailing dot"
        return ""
    address = getattr(address, "ipv4_mapped", None) or address
    if address.is_link_local or address.is_unspecified or address.is_multicast:
        return "is a link-local, unspecified or multicast address; name the database server itself"
    return ""


_RIGHT_CRON = (
    "allowed: five fields such as 'H * * * *' or '*/30 6-18 * * 1-5' (H = a minute derived from the name),"
    " days of the week 0 (Sunday) to 6, ranges ascending"
)


def cron_fault(value: str) -> str:
    """Check a schedule of five fields as Argo reads them; the minute may be H, a number made from the series' name."""
    fields = value.split()
    if len(fields) != 5 or value.strip() != value:
        return f"{seen(value)} has {len(fields)} fields; {_RIGHT_CRON}"
    edges = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
    named: list[set[int]] = [set() for _ in edges]
    for i, text in enumerate(fields):
        for part in text.split(","):
            if i == 0 and re.fullmatch(r"H(/([1-9]|[1-5][0-9]))?", part):
                continue
            numbers = _cron_numbers(part, *edges[i])
            if not numbers:
                return f"field {i + 1} is {seen(part)}; {_RIGHT_CRON}"
            named[i].update(numbers)
    longest = max(_DAYS.get(month, 31) for month in named[3])
    if fields[4] == "*" and min(named[2]) > longest:
        return f"{seen(value)} never occurs: no such day in that month; {_RIGHT_CRON}"
    return ""


def _cron_numbers(part: str, low: int, high: int) -> range:
    """The numbers that one part of a field names; none where it is wrong."""
    found = re.fullmatch(r"(?:\*|([0-9]{1,2})(?:-([0-9]{1,2}))?)(?:/(0?[1-9]|[1-9][0-9]))?", part, re.ASCII)
    if not found:
        return range(0)
    first, step = int(found[1] or low), int(found[3] or 1)
    last = int(found[2] or (found[1] if found[1] and not found[3] else high))
    return range(first, last + 1, step) if low <= first and last <= high else range(0)


def slug_fault(value: str) -> str:
    """Check a name that Kubernetes takes as part of an object's name."""
    if re.fullmatch(r"[a-z]([a-z0-9-]{0,30}[a-z0-9])?", value):
        return ""
    return f"{seen(value)} is not such a name; allowed: 1 to 32 lower-case letters, digits and dashes, a letter first"


def zone_fault(value: str) -> str:
    """Check an IANA time zone such as Europe/Berlin; fixed offsets and POSIX rules are refused."""
    import zoneinfo

    if value == "UTC" or ("/" in value and value in zoneinfo.available_timezones()):
        return ""
    return f"{seen(value)} is not an IANA zone; allowed: UTC, Europe/Berlin, America/New_York, ..."


def place_fault(value: str) -> str:
    """Check the form of a country code, or of one with the code of a part of the country."""
    if re.fullmatch(r"[A-Z]{2}(-[A-Z0-9]{1,4})?", value):
        return ""
    return f"{seen(value)} is not a country code; allowed: DE, GB, US, ... or a part such as DE-BY"


def path_fault(value: str) -> str:
    """Check the path of a secret or certificate file."""
    if not value or "\x00" in value or len(value) > 1024:
        return f"{seen(value)} is not the path of a file"
    return ""


def no_multiple(span: Duration, every: Duration, where: str) -> Problem:
    """The problem of a length of time that is no multiple of the step size."""
    sentence = (
        f"{span} is not a multiple of every ({every}); allowed: a multiple, such as"
        f" {Duration.of((span // every + 1) * every)}"
    )
    return Problem("E_CONFIG_DURATION", where, sentence)
