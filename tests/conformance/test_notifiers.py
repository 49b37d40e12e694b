"""Every row of NOTIFIERS behaves alike: each message sent once, or said what became of it; no secret in any text.

A new kind that speaks HTTP needs a line in `notifier_adapters.ADAPTERS`.
"""

import json
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from cronocast.notify import table
from cronocast.notify.message import FIRING, RESOLVED, Message, ordered, placeholders
from cronocast.notify.settings import PLACEHOLDERS, problems
from cronocast.notify.table import NOTIFIERS, REFUSED, RETRY, SENT, Delivery, dead_letters, deliver, notifier_of
from cronocast.registry import settings_class
from cronocast.settings.declare import default_of, parse
from tests.conformance.notifier_adapters import ADAPTERS, NOW_NS, SECRET, checked, message, secret_file
from tests.lying_server import Answer, Behaviour, LyingServer, drip, endless, hang_up, raw, reset, silent, status

KINDS = sorted(ADAPTERS)
QUICK = {"timeout": "1s", "retry_for": "0s"}
NASTY = '<!channel> & "quotes" \\ */_x_*/ ${title} \u202e漢😀\x1b[2J\nBcc: x@y.example'


def sent(kind: str, behaviours: list[Behaviour], messages: list[Message], folder: Path, **more: Any) -> Any:
    """Deliveries, the requests that the server saw, and every text that a user could read."""
    said: list[str] = []
    with LyingServer(behaviours) as server:
        settings = checked({**ADAPTERS[kind].settings(server.url, folder), **QUICK, **more})
        found = deliver(settings, messages, said.append)
        seen = list(server.seen)
    return found, seen, "\n".join([*said, *(one.why for one in found), repr(settings), dead_letters(kind, found)])


def test_every_kind_has_settings_of_its_own_and_one_that_speaks_http_an_adapter() -> None:
    assert {*ADAPTERS, "email", "file"} == set(NOTIFIERS)
    for kind, row in NOTIFIERS.items():
        declared = {item.name: item for item in fields(settings_class(row))}
        assert default_of(declared["kind"]) == kind


@pytest.mark.parametrize("kind", KINDS)
def test_messages_arrive_most_urgent_first(kind: str, tmp_path: Path) -> None:
    messages = [message(n) for n in range(4)]
    found, seen, _ = sent(kind, [ADAPTERS[kind].ok], messages, tmp_path)
    assert {one.state for one in found} == {SENT}
    assert [one.message for one in found] == ordered(messages)
    text = "".join(request.body.decode() for request in seen)
    assert re.findall(r"Disk (\d) is", "".join(re.findall(r"Disk \d is", text)))[0] in "13"
    assert all(f"Disk {n} is" in text for n in range(4))


def head(code: int, *headers: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {code} Words", *headers, "", ""]).encode()


ECHO = f"no such hook /services/{SECRET}?sig={SECRET}, {'x' * 20} token {SECRET}"
FAULTS: dict[str, tuple[Behaviour, str, str]] = {
    "200 with a page": (status(200, "<html>hello</html>"), RETRY, "E_HTTP_STATUS"),
    "redirect": (status(307, Location="http://127.0.0.1:1/"), RETRY, "E_HTTP_STATUS"),
    "garbage": (raw(b"garbage\r\n\r\n"), RETRY, "E_HTTP_STATUS"),
    "400": (status(400, ECHO), REFUSED, "E_REFUSED"),
    "401": (status(401, ECHO), REFUSED, "E_AUTH"),
    "403": (status(403, "invalid_token"), REFUSED, "E_AUTH"),
    "404": (status(404, "no_service"), REFUSED, "E_REFUSED"),
    "413": (status(413), REFUSED, "E_REFUSED"),
    "429": (status(429, ECHO), RETRY, "E_BUSY"),
    "429 and a long wait": (status(429, Retry_After="86400"), RETRY, "E_BUSY"),
    "429 and a strange wait": (status(429, Retry_After="soon"), RETRY, "E_BUSY"),
    "500": (status(500, "x" * 70 + SECRET), RETRY, "E_SERVER"),
    "503": (status(503, ECHO), RETRY, "E_SERVER"),
    "reset": (reset, RETRY, "E_UNREACHABLE"),
    "closed": (hang_up, RETRY, "E_"),
    "silent": (silent, RETRY, "E_TIMEOUT"),
    "slow": (drip(head(200, "Content-Length: 2") + b"ok", 0.2), RETRY, "E_TIMEOUT"),
    "headers that never end": (endless(b"X: y\r\n", b"HTTP/1.1 500 Words\r\n"), RETRY, "E_HEADERS"),
    "an error that is cut": (raw(head(500, "Content-Length: 100") + b"x"), RETRY, "E_SERVER"),
    "an error without end": (endless(b"x" * 1000, head(500, "Content-Length: 100000000000")), RETRY, "E_SERVER"),
    "compressed": (raw(head(200, "Content-Encoding: gzip", "Content-Length: 2") + b"ok"), RETRY, "E_ENCODING"),
}


@pytest.mark.parametrize(("behaviour", "state", "token"), FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_of_the_place_is_told_and_nothing_else(
    kind: str, behaviour: Behaviour, state: str, token: str, tmp_path: Path
) -> None:
    found, _, texts = sent(kind, [behaviour], [message(), message(1)], tmp_path)
    assert {one.state for one in found} == {state}, found
    assert sorted(one.message.key for one in found) == sorted(message(n).key for n in range(2))
    assert token in found[0].why
    assert not any(SECRET[:n] in texts for n in (len(SECRET), 12))
    assert [json.loads(line)["state"] for line in dead_letters(kind, found).splitlines()] == [state] * 2


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_wanted_again_is_sent_again_unchanged(kind: str, tmp_path: Path) -> None:
    behaviours: list[Behaviour] = [status(429, Retry_After="1"), reset, ADAPTERS[kind].ok]
    found, seen, _ = sent(kind, behaviours, [message()], tmp_path, retry_for="4s")
    assert [one.state for one in found] == [SENT]
    assert len(seen) == 3
    assert len({request.body for request in seen}) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_that_is_cut_after_the_message_was_taken_brings_no_second_one(kind: str, tmp_path: Path) -> None:
    found, seen, _ = sent(kind, [raw(head(200, "Content-Length: 20") + b"o")], [message()], tmp_path, retry_for="3s")
    assert ([one.state for one in found], len(seen)) == ([SENT], 1)


@pytest.mark.parametrize("kind", KINDS)
def test_a_dry_run_shows_what_would_be_sent_and_asks_for_no_secret(kind: str, tmp_path: Path) -> None:
    settings = checked(ADAPTERS[kind].settings("http://127.0.0.1:1", tmp_path))
    (tmp_path / "secret").unlink()
    [text, *_] = notifier_of(settings, print).render([message()])
    assert "Disk 0 is" in text
    assert SECRET not in text
    assert notifier_of(settings, print).render([]) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_missing_secret_is_a_message_that_names_its_file(kind: str, tmp_path: Path) -> None:
    settings = checked(ADAPTERS[kind].settings("http://127.0.0.1:1", tmp_path))
    (tmp_path / "secret").unlink()
    [one] = deliver(settings, [message()], lambda _: None)
    assert one.state == RETRY
    assert "E_SECRET" in one.why


BAD_URLS = {
    "ftp": "ftp://h/x",
    "credentials": f"http://user:{SECRET}@h/x",
    "link-local": "http://169.254.169.254/latest",
    "odd spelling": "http://0x7f.1/x",
    "white space": "http://h/a b",
    "no host": "http:///x",
    "a port of words": "http://h:port/x",
    "text": "hooks.slack.com/services/x",
}


@pytest.mark.parametrize("url", BAD_URLS.values(), ids=BAD_URLS)
@pytest.mark.parametrize("kind", ["slack", "teams", "webhook"])
def test_an_address_that_can_not_be_used_is_refused_without_showing_it(kind: str, url: str, tmp_path: Path) -> None:
    settings = checked({"kind": kind, "url_file": secret_file(tmp_path, url), "require_tls": False})
    [one] = deliver(settings, [message()], lambda _: None)
    assert "E_URL" in one.why
    assert SECRET not in one.why
    assert "latest" not in one.why


@pytest.mark.parametrize("more", [{"require_tls": True}, {"allowed_hosts": ["hooks.example"]}], ids=["tls", "hosts"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_the_settings_forbid_is_not_dialled(kind: str, more: dict[str, Any], tmp_path: Path) -> None:
    found, seen, _ = sent(kind, [ADAPTERS[kind].ok], [message()], tmp_path, **more)
    assert "E_URL" in found[0].why
    assert seen == []


@pytest.mark.parametrize("kind", ["slack", "teams", "webhook"])
def test_the_address_may_come_from_a_variable(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with LyingServer([ADAPTERS[kind].ok]) as server:
        monkeypatch.setenv(f"CRONOCAST_{kind.upper()}_URL", f"{server.url}/{SECRET}")
        [one] = deliver(checked({"kind": kind, "require_tls": False}), [message()], lambda _: None)
        assert (one.state, server.seen[0].path) == (SENT, f"/{SECRET}")


def test_keys_and_events_are_the_same_in_every_run() -> None:
    one = message()
    assert one.key == message(title="other", text="other", severity="info", fields=(), link="", ends_ns=1).key
    changed = [message(series="x"), message(rule="x"), message(subject="x"), message(tags="x=y"), message(name="x")]
    assert len({one.key, *(other.key for other in changed)}) == 6
    assert one.event != message(status=RESOLVED).event
    assert one.event == message(ends_ns=5, title="other").event
    long = message(series="é" * 300, subject="x y\n")
    assert len(long.key) <= 255
    assert re.fullmatch(r"[!-~]+", long.key)


def body_of(kind: str, messages: list[Message], folder: Path, **more: Any) -> Any:
    found, seen, _ = sent(kind, [ADAPTERS[kind].ok], messages, folder, **more)
    assert {one.state for one in found} == {SENT}
    assert len(found) == len(messages)
    [request] = seen
    return json.loads(request.body)


MANY = {
    "one": [message()],
    "many": [message(n) for n in range(500)],
    "long": [
        message(n, text="&" * 5000, title="<" * 3000, tags=f"h={n}", fields=(("漢" * 500, "😀" * 5000),) * 30)
        for n in range(60)
    ],
    "nasty": [message(title=NASTY, text=NASTY, series=NASTY, tags="", name=NASTY, fields=((NASTY, NASTY),))],
}


@pytest.mark.parametrize("most", [1, 20, 100])
@pytest.mark.parametrize("messages", MANY.values(), ids=MANY)
def test_slack_keeps_within_its_limits(messages: list[Message], most: int, tmp_path: Path) -> None:
    body = body_of("slack", messages, tmp_path, most=most)
    blocks = body["blocks"]
    assert set(body) == {"text", "blocks"}
    assert len(blocks) <= 50
    texts = [block["text"]["text"] for block in blocks]
    assert all(0 < len(text) <= 3000 for text in texts)
    assert len(json.dumps(blocks, ensure_ascii=False)) <= 13200
    assert not any(re.search(r"[<>]|&(?!amp;|lt;|gt;)", text) for text in [body["text"], *texts])
    shown = len(blocks) - 1 - (f"and {len(messages) - len(blocks) + 2} more" == texts[-1])
    assert 1 <= shown <= most
    assert (shown == len(messages)) == ("more" not in texts[-1].split("\n")[0])


@pytest.mark.parametrize("messages", MANY.values(), ids=MANY)
def test_a_card_of_teams_keeps_within_its_limit(messages: list[Message], tmp_path: Path) -> None:
    body = body_of("teams", messages, tmp_path, most=100)
    assert len(json.dumps(body, ensure_ascii=False).encode()) <= 28 * 1024
    [attachment] = body["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    card = attachment["content"]
    assert (body["type"], card["type"], card["version"]) == ("message", "AdaptiveCard", "1.4")
    shown = [part for part in card["body"] if part["type"] == "Container"]
    assert 1 <= len(shown) <= len(messages)
    if len(shown) < len(messages):
        assert card["body"][-1]["text"] == f"and {len(messages) - len(shown)} more"


@pytest.mark.parametrize("status", [FIRING, RESOLVED])
@pytest.mark.parametrize("one", [message(), message(title="x" * 3000, series="é" * 300), *MANY["nasty"]])
def test_an_event_of_pagerduty_is_as_documented(one: Message, status: str, tmp_path: Path) -> None:
    body = body_of("pagerduty", [one._replace(status=status)], tmp_path)
    assert body["routing_key"] == SECRET
    assert body["event_action"] == {FIRING: "trigger", RESOLVED: "resolve"}[status]
    assert body["dedup_key"] == one.key
    assert len(body["dedup_key"]) <= 255
    if status == RESOLVED:
        assert "payload" not in body
        return
    assert {"summary", "source", "severity"} <= set(body["payload"])
    assert len(body["payload"]["summary"]) <= 1024
    assert body["payload"]["severity"] in ("critical", "error", "warning", "info")
    assert body["payload"]["timestamp"].endswith("Z")


def test_each_event_of_pagerduty_is_sent_and_told_by_itself(tmp_path: Path) -> None:
    ok = ADAPTERS["pagerduty"].ok
    found, seen, _ = sent(
        "pagerduty", [ok, status(400, "invalid"), ok, reset], [message(n) for n in range(6)], tmp_path
    )
    assert [one.state for one in found] == [SENT, REFUSED, SENT, RETRY, RETRY, RETRY]
    assert len(seen) == 4  # nothing after the outage is tried


TEMPLATES = {
    "json": ('{"text": "${title}: $text", "who": ["$member"], "cost": "$$5"}', "application/json"),
    "form": ("text=$title&who=$member", "application/x-www-form-urlencoded"),
    "plain": ("$title\n$fields", "text/plain"),
}


@pytest.mark.parametrize(("template", "content_type"), TEMPLATES.values(), ids=TEMPLATES)
def test_a_template_is_filled_and_its_values_stay_values(template: str, content_type: str, tmp_path: Path) -> None:
    one = message(title=NASTY, text='"}, "admin": {"x": "')
    found, [request], _ = sent("webhook", [Answer(200)], [one], tmp_path, template=template, content_type=content_type)
    assert found == [Delivery(one, SENT)]
    assert request.headers["content-type"] == content_type
    if content_type == "application/json":
        assert json.loads(request.body) == {"text": f"{one.title}: {one.text}", "who": [one.member], "cost": "$5"}
    elif content_type.endswith("urlencoded"):
        assert request.form.keys() == {"text", "who"}
    else:
        assert (
            request.body.decode()
            == f"{one.title}\nNow: 71 %\nDate: {dict(one.fields)['Date']}\nRanges right so far: 8 of 10"
        )


BAD_TEMPLATES = ["$nope", "${title.__class__}", "5 $", "${", "{title} $TITLE"]


@pytest.mark.parametrize("template", BAD_TEMPLATES)
def test_a_template_names_only_what_a_message_has(template: str) -> None:
    found: list[Any] = []
    parse(settings_class(NOTIFIERS["webhook"]), {"kind": "webhook", "template": template}, "notify", found)
    assert [one.where for one in found] == ["notify.template"]


def test_a_template_that_is_no_json_is_told(tmp_path: Path) -> None:
    found, seen, _ = sent("webhook", [Answer(200)], [message()], tmp_path, template='{"text": $title}')
    assert (found[0].state, seen) == (RETRY, [])
    assert "E_TEMPLATE" in found[0].why


def test_every_placeholder_is_filled() -> None:
    assert set(PLACEHOLDERS) == set(placeholders(message()))


def test_requests_of_a_webhook_name_themselves_by_what_happened(tmp_path: Path) -> None:
    ok = ADAPTERS["webhook"].ok
    keys = []
    for one in (message(), message(title="said otherwise"), message(status=RESOLVED)):
        _, [request], _ = sent("webhook", [ok], [one], tmp_path / "")
        (tmp_path / "secret").unlink()
        keys.append(request.headers["idempotency-key"])
    assert keys[0] == keys[1] != keys[2]


def test_a_file_holds_each_message_once_also_after_a_torn_line(tmp_path: Path) -> None:
    path = tmp_path / "below/alerts.jsonl"
    settings = checked({"kind": "file", "path": str(path)})
    for _ in range(2):
        assert [one.state for one in deliver(settings, [message(), message(1)], print)] == [SENT, SENT]
    with path.open("a") as file:
        file.write('{"torn": ')
    deliver(settings, [message(status=RESOLVED)], print)
    lines = path.read_text().splitlines()
    assert [json.loads(line)["title"] for line in (*lines[:2], lines[3])] == [message(n).title for n in (1, 0, 0)]
    assert len(lines) == 4


@pytest.mark.parametrize("place", ["/dev/full", "{folder}", "{folder}/file/below"])
def test_a_file_that_can_not_be_written_is_told(place: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    [one] = deliver(checked({"kind": "file", "path": place.format(folder=tmp_path)}), [message()], print)
    assert one.state == RETRY
    assert "E_STORAGE" in one.why


def test_settings_that_contradict_each_other_are_told() -> None:
    email = {"kind": "email", "tls": "none", "username": "u"}
    assert [one.where for one in problems(email, "notify[0]")] == ["notify[0].tls"]
    urls = {"kind": "alertmanager", "url": "http://169.254.1.1"}, {"kind": "pagerduty", "url": "http://u:p@h"}
    assert [one.token for url in urls for one in problems(url, "notify[0]")] == ["E_URL_HOST", "E_URL_CREDENTIALS"]
    for fine in ({"kind": "slack"}, {"kind": "alertmanager", "url": "https://h"}, 5, {"url": 5}):
        assert problems(fine, "notify[0]") == []


def test_nothing_to_send_asks_nobody() -> None:
    assert deliver(checked({"kind": "slack"}), [], print) == []
    assert table.SENT != table.REFUSED
    assert NOW_NS
