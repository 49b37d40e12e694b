"""Mail by a real conversation of SMTP: what arrives, once, encrypted, and what becomes of each fault."""

import ssl
from pathlib import Path
from typing import Any

import pytest

from cronocast.notify.message import RESOLVED, Message
from cronocast.notify.table import REFUSED, RETRY, SENT, deliver, notifier_of
from tests.conformance.notifier_adapters import SECRET, checked, message, secret_file
from tests.mail_server import MailServer
from tests.unit.certificates import Certificates

TO = ["ops@h.example", "boss@h.example"]


def sent(server: MailServer, *messages: Message, **more: Any) -> tuple[set[str], str]:
    said: list[str] = []
    given = {
        "kind": "email",
        "host": "127.0.0.1",
        "port": server.port,
        "tls": "none",
        "timeout": "2s",
        "retry_for": "0s",
    }
    settings = checked({**given, "sender": "cronocast@h.example", "to": TO, **more})
    found = deliver(settings, messages, said.append)
    assert len(found) == len(messages)
    return {one.state for one in found}, "\n".join([*said, *(one.why for one in found)])


def test_one_mail_has_all_messages_as_text_and_as_page() -> None:
    with MailServer() as server:
        assert sent(server, *[message(n) for n in range(60)], message(70, title="<b>&", text="x\n.\ny"))[0] == {SENT}
    [(to, mail)] = server.mails
    assert to == TO
    assert mail["Subject"] == "[cronocast] 61 firing: disk"
    text, page = (part.get_content() for part in mail.iter_parts())
    assert text.count("Disk") == 50
    assert text.rstrip().endswith("and 11 more")
    assert "Date: 2027-01-22 (21 to 24)" in text
    assert page.count("<p>") == 51
    assert "<b>&" not in page


def test_nothing_of_a_message_becomes_a_header() -> None:
    with MailServer() as server:
        assert sent(server, message(title="x\r\nBcc: evil@h.example\r\n\r\nbody", series="é\n漢"))[0] == {SENT}
    [(to, mail)] = server.mails
    assert (to, mail["Bcc"]) == (TO, None)
    assert "é" in mail["Subject"]


def test_a_mail_is_known_by_what_it_says_and_its_end_stands_in_the_same_thread() -> None:
    with MailServer() as server:
        for one in (message(), message(title="other"), message(status=RESOLVED)):
            sent(server, one)
    first, again, end = (mail for _, mail in server.mails)
    assert first["Message-ID"] == again["Message-ID"] != end["Message-ID"]
    assert first["References"] == end["References"]


FAULTS: dict[str, tuple[dict[str, list[str | None]], str]] = {
    "busy": ({"connect": ["421 later"]}, RETRY),
    "no service": ({"connect": ["554 never"]}, REFUSED),
    "no words": ({"connect": [""]}, RETRY),
    "garbage": ({"connect": ["\x00\x01 not smtp"]}, RETRY),
    "closed": ({"connect": [None]}, RETRY),
    "greylisted": ({"rcpt": ["450 later"]}, RETRY),
    "unknown addresses": ({"rcpt": ["550 unknown"]}, REFUSED),
    "sender refused": ({"mail": ["550 no"]}, REFUSED),
    "too large": ({"data": ["552 too large"]}, REFUSED),
    "full": ({"body": ["452 full"]}, RETRY),
    "spam": ({"body": ["554 spam"]}, REFUSED),
    "cut in the body": ({"body": [None]}, RETRY),
    "no answer to the body": ({"body": [""]}, RETRY),
}


@pytest.mark.parametrize(("answers", "state"), FAULTS.values(), ids=FAULTS)
def test_a_fault_of_the_server_is_told(answers: dict[str, list[str | None]], state: str) -> None:
    with MailServer(answers=answers) as server:
        states, why = sent(server, message(), message(1))
    assert states == {state}, why
    assert f"smtp://127.0.0.1:{server.port}" in why
    assert server.mails == []


def test_faults_that_pass_are_tried_again_and_bring_one_mail() -> None:
    with MailServer(answers={"connect": ["421 later", "220 here"], "rcpt": ["450 later", "250 fine"]}) as server:
        states, said = sent(server, message(), retry_for="2s")
    assert (states, len(server.mails)) == ({SENT}, 1)
    assert "attempt 2 in" in said


def test_an_address_that_is_refused_keeps_no_other_from_its_mail() -> None:
    with MailServer(answers={"rcpt": ["550 unknown", "250 fine"]}) as server:
        states, why = sent(server, message())
    assert (states, server.mails[0][0]) == ({SENT}, TO[1:])
    assert "1 of 2" in why


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.mark.parametrize("tls", ["starttls", "tls"])
def test_the_password_goes_encrypted_or_not_at_all(tls: str, certificates: Certificates, tmp_path: Path) -> None:
    user = {"tls": tls, "username": "u", "password_file": secret_file(tmp_path, SECRET)}
    trusted = {"ca_file": str(certificates.ca)}
    good: dict[str, Any] = {"tls": certificates.server("good"), "secure": tls == "tls", "users": {"u": SECRET}}
    with MailServer(**good) as server:
        assert sent(server, message(), **user, **trusted)[0] == {SENT}
        assert sent(server, message(), **user)[0] == {REFUSED}  # nobody here trusts that authority
    assert len(server.mails) == 1
    with MailServer(**{**good, "users": {"u": "other"}}) as server:
        states, why = sent(server, message(), **user, **trusted)
    assert states == {REFUSED}
    assert "E_AUTH" in why
    assert SECRET not in why
    with MailServer(users={"u": SECRET}) as plain:
        states, why = sent(plain, message(), **{**user, "tls": "starttls"}, **trusted)
        assert states == {REFUSED}
        states, why = sent(plain, message(), **{**user, "tls": "none"})
    assert "E_CONFIG_CONFLICT" in why
    assert not any(line.startswith("AUTH") for line in plain.lines)


@pytest.mark.parametrize("name", ["stranger", "other-host", "expired"])
def test_a_certificate_is_checked(name: str, certificates: Certificates) -> None:
    with MailServer(tls=certificates.server(name)) as server:
        states, why = sent(server, message(), tls="starttls", ca_file=str(certificates.ca))
    assert states == {REFUSED}
    assert "certificate" in why
    assert isinstance(server.tls, ssl.SSLContext)


def test_a_dry_run_shows_the_mail() -> None:
    given = {"kind": "email", "host": "h.example", "sender": "a@h.example", "to": TO, "username": "u"}
    [text] = notifier_of(checked(given), print).render([message()])
    assert text.startswith("Subject: [cronocast] WARNING: Disk 0")
    assert all(address in text for address in TO)


def test_a_host_that_is_no_mail_server_is_not_dialled() -> None:
    given = {"kind": "email", "host": "127.0.0.1", "port": 1, "sender": "a@h.example", "to": TO, "retry_for": "0s"}
    [one] = deliver(checked(given), [message()], print)
    assert one.state == RETRY
