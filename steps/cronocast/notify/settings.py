"""Settings of the kinds of notifiers. Nothing here imports what sends."""

import re
from dataclasses import dataclass
from string import Template
from typing import Any

from cronocast.durations import Duration
from cronocast.errors import Problem, seen
from cronocast.settings import rules
from cronocast.settings.containers import ListOf, MapOf
from cronocast.settings.declare import setting
from cronocast.settings.kinds import Flag, Number, Span, Text
from cronocast.settings.server import FILE, Server

PLACEHOLDERS = (
    "key", "event", "status", "severity", "series", "member", "rule", "subject",
    "title", "text", "fields", "link", "starts_at", "ends_at",
)  # fmt: skip
JSON, FORM, PLAIN = CONTENT_TYPES = ("application/json", "application/x-www-form-urlencoded", "text/plain")
HOST = Text(about="a host name")
TIMEOUT, RETRY_FOR = Duration.parse("30s"), Duration.parse("60s")
MOST = Number(1, 100, whole=True)


def template_fault(text: str) -> str:
    """Check a template of a user: it may name what a message has, and nothing else."""
    allowed = f"allowed: {', '.join(f'${{{name}}}' for name in PLACEHOLDERS)}, and $$ for a dollar sign"
    if not Template(text).is_valid():
        return f"{seen(text)} has a dollar sign that begins no placeholder; {allowed}"
    strange = [name for name in Template(text).get_identifiers() if name not in PLACEHOLDERS]
    return f"${{{strange[0][:40]}}} is no placeholder; {allowed}" if strange else ""


def mail_fault(text: str) -> str:
    """Check one address of a mail: no name beside it, nothing that could begin a second header."""
    if re.fullmatch(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*", text):
        return ""
    return f"{seen(text)} is not a mail address; allowed: name@host"


def label_fault(text: str) -> str:
    """Check the name of a label as Prometheus and Alertmanager take it."""
    if re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]*", text):
        return ""
    return f"{seen(text)} is not the name of a label; allowed: letters, digits and underscores, no digit first"


def host_fault(text: str) -> str:
    """Check the host of a mail server."""
    wrong = rules.host_fault(text)
    return f"host {seen(text)} {wrong}" if wrong else ""


MAIL = Text(fault=mail_fault, about="a mail address")


@dataclass(frozen=True)
class Hook:
    """A place whose whole address is a secret; it stands in a file."""

    url_file: str | None = setting(FILE, None, "File that holds the address, which is a secret.")
    ca_file: str | None = setting(FILE, None, "Certificates to trust instead of the system's.")
    require_tls: bool = setting(Flag(), True, "Refuse an address that is not https.")
    allowed_hosts: tuple[str, ...] = setting(ListOf(HOST), (), "Allowed hosts; empty allows all.")
    timeout: Duration = setting(Span(), TIMEOUT, "Total time for one request.")
    retry_for: Duration = setting(Span(zero=True), RETRY_FOR, "How long to keep retrying transient errors.")


@dataclass(frozen=True)
class Slack(Hook):
    """An incoming webhook of Slack."""

    kind: str = setting(Text(("slack",)), "slack", "Kind of notifier.")
    most: int = setting(MOST, 20, "Messages shown in one post; the others are counted.")


@dataclass(frozen=True)
class Teams(Hook):
    """A workflow of Microsoft Teams that takes an Adaptive Card."""

    kind: str = setting(Text(("teams",)), "teams", "Kind of notifier.")
    most: int = setting(MOST, 20, "Messages shown in one card; the others are counted.")


@dataclass(frozen=True)
class Webhook(Hook):
    """Any receiver of HTTP."""

    kind: str = setting(Text(("webhook",)), "webhook", "Kind of notifier.")
    template: str | None = setting(
        Text(fault=template_fault, data=True, longest=20000, about="text with placeholders such as ${title}"),
        None,
        "Body of a request, one for each message; without it all messages go in one document of JSON.",
    )
    content_type: str = setting(Text(CONTENT_TYPES), JSON, "What the template is; values are escaped for it.")


@dataclass(frozen=True)
class PagerDuty:
    """Events API v2 of PagerDuty."""

    kind: str = setting(Text(("pagerduty",)), "pagerduty", "Kind of notifier.")
    url: str = setting(
        Text(about="http://HOST[:PORT] or https://HOST[:PORT]"),
        "https://events.pagerduty.com",
        "Address of the service.",
    )
    key_file: str | None = setting(FILE, None, "File that holds the integration (routing) key.")
    ca_file: str | None = setting(FILE, None, "Certificates to trust instead of the system's.")
    require_tls: bool = setting(Flag(), True, "Refuse an address that is not https.")
    allowed_hosts: tuple[str, ...] = setting(ListOf(HOST), (), "Allowed hosts; empty allows all.")
    timeout: Duration = setting(Span(), TIMEOUT, "Total time for one request.")
    retry_for: Duration = setting(Span(zero=True), RETRY_FOR, "How long to keep retrying transient errors.")


@dataclass(frozen=True)
class Alertmanager(Server):
    """An Alertmanager, version 0.16 or newer."""

    kind: str = setting(Text(("alertmanager",)), "alertmanager", "Kind of notifier.")
    labels: dict[str, str] = setting(
        MapOf(Text(fault=label_fault, about="a label name"), Text(about="text", data=True)),
        dict,
        "Further labels of every alert, such as team.",
    )
    timeout: Duration = setting(Span(), TIMEOUT, "Total time for one request.")
    retry_for: Duration = setting(Span(zero=True), RETRY_FOR, "How long to keep retrying transient errors.")


@dataclass(frozen=True)
class Email:
    """A mail server; all messages of a run go in one mail."""

    kind: str = setting(Text(("email",)), "email", "Kind of notifier.")
    host: str = setting(Text(fault=host_fault, token="E_URL_HOST", about="a host name"), ..., "Mail server.")
    port: int = setting(Number(1, 65535, whole=True), 587, "Port of the mail server.")
    tls: str = setting(Text(("starttls", "tls", "none")), "starttls", "How the connection is encrypted.")
    username: str | None = setting(Text(about="a user name", data=True), None, "User to sign in as; none: no sign-in.")
    password_file: str | None = setting(FILE, None, "File that holds the password.")
    sender: str = setting(MAIL, ..., "Address that the mail comes from.")
    to: tuple[str, ...] = setting(ListOf(MAIL, 50), ..., "Addresses that it goes to.")
    ca_file: str | None = setting(FILE, None, "Certificates to trust instead of the system's.")
    most: int = setting(MOST, 50, "Messages shown in one mail; the others are counted.")
    timeout: Duration = setting(Span(), TIMEOUT, "Total time for one attempt.")
    retry_for: Duration = setting(Span(zero=True), RETRY_FOR, "How long to keep retrying transient errors.")


@dataclass(frozen=True)
class File:
    """A file on a volume, a line of JSON for each message."""

    kind: str = setting(Text(("file",)), "file", "Kind of notifier.")
    path: str = setting(FILE, ..., "File that lines are appended to.")


def problems(data: Any, where: str) -> list[Problem]:  # noqa: ANN401 - a part of a document as given
    """What is wrong only when several settings of a notifier are seen together; ill-typed ones have their own words."""
    found = []
    if not isinstance(data, dict):
        return []
    kind, tls = data.get("kind"), data.get("tls", "starttls")
    if kind == "email" and data.get("username") and tls == "none":
        sentence = "username is given although tls is none, which would show the password; allowed: starttls, tls"
        found.append(Problem("E_CONFIG_CONFLICT", f"{where}.tls", sentence))
    url = data.get("url")
    wrong = rules.url_problem(url, f"{where}.url") if isinstance(url, str) else None
    return [*found, wrong] if wrong else found
