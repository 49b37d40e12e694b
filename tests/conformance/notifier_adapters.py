"""For each kind of notifier: settings for an address, and what of a request says which messages it carries."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cronocast.durations import UNIT_NS
from cronocast.notify.message import CRITICAL, FIRING, WARNING, Message
from cronocast.notify.table import NOTIFIERS
from cronocast.registry import settings_class
from cronocast.settings.declare import parse
from tests.lying_server import Answer, Behaviour

NOW_NS = 1_800_000_000 * 10**9
SECRET = "T0pS3cretPathOfThisHook"
HOUR = UNIT_NS["h"]


def message(number: int = 0, **changes: Any) -> Message:
    made = Message(
        series="disk",
        rule="crossing",
        status=FIRING,
        severity=CRITICAL if number % 2 else WARNING,
        title=f"Disk {number} is full on Friday",
        text="It reaches 90 % between Thursday and Sunday. It grows by 3 % a day.",
        starts_ns=NOW_NS - 2 * HOUR,
        ends_ns=NOW_NS + 2 * HOUR,
        name="used",
        tags=f"host=web-{number},mount=/var",
        subject="full",
        fields=(("Now", "71 %"), ("Date", "2027-01-22 (21 to 24)"), ("Ranges right so far", "8 of 10")),
        link="https://grafana.example/d/x?var-host=web",
    )
    return made._replace(**changes)


def checked(given: dict[str, Any]) -> Any:
    """Settings as a document would have them."""
    problems: list[Any] = []
    found = parse(settings_class(NOTIFIERS[given["kind"]]), given, "notify", problems)
    assert not problems, problems
    return found


@dataclass(frozen=True)
class Adapter:
    """A kind that speaks HTTP.

    Attributes:
        settings: For an address and a folder for secrets.
        ok: The answer of the real service.
        carried: Titles that the body of a request shows.
    """

    settings: Callable[[str, Path], dict[str, Any]]
    ok: Behaviour
    secret: str = SECRET


def _hook(kind: str) -> Callable[[str, Path], dict[str, Any]]:
    def settings(url: str, folder: Path) -> dict[str, Any]:
        return {
            "kind": kind,
            "url_file": secret_file(folder, f"{url}/services/{SECRET}?sig={SECRET}"),
            "require_tls": False,
        }

    return settings


def secret_file(folder: Path, text: str) -> str:
    path = folder / "secret"
    path.write_text(text + "\n")
    path.chmod(0o400)
    return str(path)


def _pagerduty(url: str, folder: Path) -> dict[str, Any]:
    return {"kind": "pagerduty", "url": url, "key_file": secret_file(folder, SECRET), "require_tls": False}


def _alertmanager(url: str, folder: Path) -> dict[str, Any]:
    return {"kind": "alertmanager", "url": url, "auth": "bearer", "token_file": secret_file(folder, SECRET)}


ADAPTERS = {
    "slack": Adapter(_hook("slack"), Answer(200, b"ok", {"Content-Type": "text/plain"})),
    "webhook": Adapter(_hook("webhook"), Answer(204)),
    "teams": Adapter(_hook("teams"), Answer(202)),
    "pagerduty": Adapter(_pagerduty, Answer(202, json.dumps({"status": "success"}).encode())),
    "alertmanager": Adapter(_alertmanager, Answer(200)),
}
