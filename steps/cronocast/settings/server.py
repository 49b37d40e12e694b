"""How to reach a server: what sources, sinks and notifiers over HTTP share."""

from collections.abc import Mapping
from dataclasses import dataclass

from cronocast.durations import Duration
from cronocast.settings import rules
from cronocast.settings.containers import ListOf
from cronocast.settings.declare import setting
from cronocast.settings.kinds import Flag, Span, Text

FILE = Text(fault=rules.path_fault, token="E_PATH", about="the path of a file")


URL = Text(about="http://HOST[:PORT] or https://HOST[:PORT]")


@dataclass(frozen=True)
class Place:
    """What a source reads: names in one database.

    Attributes:
        address: The settings that say where, such as url and database, as given; sinks of the same family have them.
        names: Measurements or metrics.
    """

    address: Mapping[str, object]
    names: frozenset[str]


@dataclass(frozen=True)
class Server:
    """How to reach a database; the part that reading and writing share."""

    url: str = setting(URL, ..., "Address of the server.", "extract")
    auth: str = setting(
        Text(("none", "basic", "token", "bearer")),
        "none",
        "How to sign in: basic (1.x user), token (2.x), bearer (3.x).",
        "extract",
    )
    username: str | None = setting(Text(about="a user name", data=True), None, "User name for basic.", "extract")
    password_file: str | None = setting(FILE, None, "File that holds the password for basic.", "extract")
    token_file: str | None = setting(FILE, None, "File that holds the token for token or bearer.", "extract")
    ca_file: str | None = setting(FILE, None, "Certificates to trust instead of the system's.", "extract")
    require_tls: bool = setting(Flag(), False, "Refuse an address that is not https.", "extract")
    allowed_hosts: tuple[str, ...] = setting(
        ListOf(Text(about="a host name")), (), "Allowed hosts; empty allows all.", "extract"
    )
    timeout: Duration = setting(
        Span(), Duration.parse("5m"), "Total time for one request, from connecting to the last byte.", "extract"
    )
    retry_for: Duration = setting(
        Span(zero=True), Duration.parse("90s"), "How long to keep retrying transient errors.", "extract"
    )
