"""Names that InfluxDB's query language and its line protocol carry unchanged."""

import re

from cronocast.errors import seen
from cronocast.settings.kinds import Text

_NO_LINE = re.compile(r"[\x00\n\r\ud800-\udfff]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def quoted(name: str) -> str:
    """A name as InfluxQL reads it: database, policy, measurement, field or tag key."""
    escaped = name.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def identifier_fault(value: str) -> str:
    """Check the name of a measurement or field: any text that InfluxQL and line protocol carry unchanged."""
    if not value or len(value) > 255:
        return f"{len(value)} characters; allowed: 1 to 255"
    if (
        _CONTROL.search(value)
        or '"' in value
        or ";" in value
        or value.endswith("\\")
        or value[0] in "/$#"
        or value in (".", "..")
    ):
        return (
            f"{seen(value)} can't be a name; allowed: text without \", ;, control characters, a leading /, $ or #, or a"
            " trailing backslash"
        )
    return ""


def measurement_fault(value: str) -> str:
    """Check the name of a measurement to be written: as any identifier, and what the server gives back unchanged."""
    if re.search(r"\\[,= ]", value):
        return (
            f"{seen(value)} has a backslash before a comma, blank or equals sign, which the server drops; allowed: any"
            " other place"
        )
    return identifier_fault(value)


def database_fault(value: str) -> str:
    """Check the name of a database or retention policy: as an identifier, and no slash."""
    if "/" in value:
        return f"{seen(value)} holds a slash; allowed: a plain name"
    return identifier_fault(value)


def tag_key_fault(value: str) -> str:
    """Check a tag key; `time` and names that begin with `_` belong to the server."""
    if value in ("time", "_field", "_measurement", "_time"):
        return f"{seen(value)} is a name that the server reserves; allowed: any other tag key"
    return identifier_fault(value)


def forecast_tag_fault(value: str) -> str:
    """Refuse the key of a tag that a forecast has itself, as a tag or as a field."""
    if value in ("series", "run", "yhat") or value.startswith("yhat_"):
        own = "the tag with the entry's name" if value == "series" else "a field of the forecast"
        return (
            f"{seen(value)} is {own}, and a query can't tell the two apart; allowed: other tags, or pin this one in"
            " tags, one entry per value"
        )
    return ""


def member_tag_fault(value: str) -> str:
    """Check the key of a tag that tells members apart: as a tag key, and as one of a forecast."""
    return tag_key_fault(value) or forecast_tag_fault(value)


def tag_value_fault(value: str) -> str:
    """Check a tag value: any text that the files between steps and line protocol both carry.

    Servers store all other characters unchanged, control characters included.
    """
    if not value:
        return "an empty tag value is the same as no tag; leave the tag out"
    if _NO_LINE.search(value) or value.endswith("\\"):
        right = "allowed: no line break, carriage return or NUL, no trailing backslash"
        return f"{seen(value)} can't be written in line protocol; {right}"
    return ""


def series_name_fault(value: str) -> str:
    """Check the name of a series: its folder is a hash of it, so only what the tag `series` can't carry is refused."""
    if not value or len(value) > 300 or _CONTROL.search(value) or value.endswith("\\"):
        return (
            f"{seen(value)} can't name a series; allowed: 1 to 300 characters, no control characters, no trailing"
            " backslash"
        )
    return ""


NAME = Text(fault=identifier_fault, token="E_IDENT", about="a name", data=False)


TARGET = Text(fault=measurement_fault, token="E_IDENT", about="a name", data=False)


DATABASE = Text(fault=database_fault, token="E_IDENT", about="a plain name")


FIELD_KEY = Text(fault=tag_key_fault, token="E_TAG", about="a field key")


TAG_KEY = Text(fault=tag_key_fault, token="E_TAG", about="a tag key")


MEMBER_TAG = Text(fault=member_tag_fault, token="E_TAG", about="a tag key")


TAG_VALUE = Text(fault=tag_value_fault, token="E_TAG", about="any text", data=True)
