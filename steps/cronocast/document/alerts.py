"""When a message is due: the setting `alerts` of an entry."""

import re
from dataclasses import dataclass
from string import Template

from cronocast.durations import Duration
from cronocast.errors import seen
from cronocast.settings import rules
from cronocast.settings.containers import ListOf, MapOf
from cronocast.settings.declare import setting
from cronocast.settings.kinds import Number, Span, Text

RULES = ("crossing", "anomaly", "drift", "coverage", "late", "failed")
SEVERITIES = ("critical", "warning", "info")
IN_LINK = ("series", "member", "rule", "subject")


def quiet_fault(text: str) -> str:
    """Check a span of the day such as 22:00-07:00."""
    if re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d", text) and text[:5] != text[6:]:
        return ""
    return f"{seen(text)} is not a part of the day; allowed: two times such as 22:00-07:00"


def link_fault(text: str) -> str:
    """Check an address with placeholders."""
    allowed = f"allowed: http(s)://... with {', '.join(f'${{{name}}}' for name in IN_LINK)}"
    template = Template(text)
    if not re.match(r"https?://[^\s]+$", text) or not template.is_valid():
        return f"{seen(text)} is no address with placeholders; {allowed}"
    strange = [name for name in template.get_identifiers() if name not in IN_LINK]
    return f"${{{strange[0][:40]}}} is no placeholder; {allowed}" if strange else ""


@dataclass(frozen=True)
class Alerts:
    """What is worth a message, how soon, and when not."""

    crossing: Duration = setting(
        Span(),
        Duration.parse("3d"),
        "A threshold may be reached within this time, by a date that two runs agree on; or its act-by date has come; or"
        " it is over.",
        "alert",
    )
    crossing_critical: Duration = setting(
        Span(zero=True), Duration.parse("1d"), "From so soon on it is critical instead of a warning.", "alert"
    )
    anomaly: Duration = setting(Span(zero=True), Duration.parse("3h"), "An anomaly has lasted this long.", "alert")
    anomaly_score: float = setting(Number(0.9, 1), 0.99, "How unusual it must be.", "alert")
    coverage: float = setting(
        Number(0, 1),
        0.1,
        "Past intervals covered less than their nominal share by this much, beyond what chance explains.",
        "alert",
    )
    late: Duration | None = setting(
        Span(), None, "No value for this long; if not given, ten steps, but at least 6h.", "alert"
    )
    failed: int = setting(Number(1, 100, whole=True), 3, "So many runs in a row have failed.", "alert")
    runs: int = setting(
        Number(1, 100, whole=True),
        2,
        "Runs in a row that must agree before a message, that all is well again too; of failed runs `failed` says it.",
        "alert",
    )
    off: tuple[str, ...] = setting(ListOf(Text(RULES)), (), "Rules that are not looked at.", "alert")
    severities: dict[str, str] = setting(
        MapOf(Text(RULES), Text(SEVERITIES)), {}, "Severity of a rule instead of its usual one.", "alert"
    )
    quiet: str | None = setting(
        Text(fault=quiet_fault, about="a part of the day such as 22:00-07:00"),
        None,
        "Part of the day in which only critical messages are sent; the others follow at its end, unless all is well by"
        " then.",
        "alert",
    )
    quiet_timezone: str = setting(
        Text(fault=rules.zone_fault, token="E_TZ", about="an IANA zone"), "UTC", "Whose clock that is.", "alert"
    )
    remind: Duration | None = setting(
        Span(), None, "Say again what still holds after this long; never if not given.", "alert"
    )
    link: str | None = setting(
        Text(fault=link_fault, data=True, about="an address with placeholders"),
        None,
        "Address of a panel in every message, such as https://grafana/d/cronocast-series?var-series=${series}.",
        "alert",
    )
