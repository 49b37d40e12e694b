"""`cronocast check` and `init` at servers that lie: an error of ours, never a bug."""

import json
import time
from contextlib import suppress
from email.utils import formatdate
from typing import Any

import pytest

from cronocast.check.entry import check_entry
from cronocast.document.entry import parse_entry
from cronocast.errors import CronocastError
from cronocast.propose.command import run_init
from tests.lying_server import Behaviour, LyingServer, Seen, json_answer, status

NOW_NS = time.time_ns()
TIME = (NOW_NS // 10**9 - 60) * 10**9
HONEST: dict[str, Any] = {
    "SHOW DATABASES": (["name"], [["d"]]),
    "SHOW MEASUREMENTS": (["name"], [["m"]]),
    "SHOW RETENTION": (["name", "duration", "default"], [["autogen", "0s", True]]),
    "SHOW FIELD": (["fieldKey", "fieldType"], [["f", "float"]]),
    "SHOW TAG KEYS": (["tagKey"], [["host"]]),
    "SHOW TAG VALUES": (["key", "value"], [["host", "a"]]),
    "SELECT": (["time", "x"], [[TIME, 700]]),
}
PONG = status(204)
LIES: dict[str, Any] = {
    "no rows": (["time", "x"], None),
    "a row too short": (["time", "x"], [[TIME]]),
    "a row too long": (["time", "x"], [[TIME, 1, 2, 3]]),
    "rows that are none": (["time", "x"], [1, "two", None]),
    "no list of rows": (["time", "x"], {"a": 1}),
    "words for numbers": (["name", "x"], [["soon", "many"]]),
    "null": ([None], [[None]]),
    "deep": (["name"], [[{"a": [1]}, [2]]]),
}


def answer(columns: Any, rows: Any) -> Behaviour:
    return json_answer({"results": [{"series": [{"name": "m", "columns": columns, "values": rows}]}]})


def server(about: str, lie: Behaviour, ping: Behaviour = PONG) -> LyingServer:
    """Lies to one kind of question, and answers the others well."""

    def chosen(seen: Seen) -> Behaviour:
        if seen.path.startswith("/ping"):
            return ping
        kind = next((kind for kind in HONEST if seen.form.get("q", "").startswith(kind)), "SELECT")
        return lie if kind == about else answer(*HONEST[kind])

    return LyingServer(chosen)


def entry(url: str) -> Any:
    source = {"url": url, "database": "d", "measurement": "m", "field": "f", "tags": {"host": "a"}}
    return parse_entry({"name": "s", "source": source})


@pytest.mark.parametrize("about", HONEST)
@pytest.mark.parametrize("lie", LIES)
def test_a_lie_is_no_bug(about: str, lie: str, capsys: pytest.CaptureFixture[str]) -> None:
    with server(about, answer(*LIES[lie])) as lying:
        found = check_entry(entry(lying.url), NOW_NS, write=True, env={})
        assert json.dumps([one.as_json() for one in found])
        assert {one.exit for one in found} <= {0, 66, 69, 75, 76, 78}
        with suppress(CronocastError):  # anything else is a bug
            run_init(lying.url, "d", {}, None)


def test_an_honest_server_passes(capsys: pytest.CaptureFixture[str]) -> None:
    with server("nothing", status(500)) as lying:
        found = check_entry(entry(lying.url), NOW_NS, write=False, env={})
        assert {one.exit for one in found} == {0}
        assert run_init(lying.url, "d", {}, None) == 0
        assert "measurement: m" in capsys.readouterr().out


CLOCKS = {0: ("ok", 0), 600: ("warning", 0), -600: ("warning", 0), 7200: ("error", 76)}


@pytest.mark.parametrize("ahead_s", CLOCKS)
def test_clocks_that_differ_are_told(ahead_s: int) -> None:
    with server("nothing", status(500), status(204, Date=formatdate(time.time() - ahead_s, usegmt=True))) as lying:
        found = check_entry(entry(lying.url), NOW_NS, write=False, env={})
    level, code = CLOCKS[ahead_s]
    told = [one for one in found if "clock" in one.seen]
    assert [(one.level, one.exit) for one in told] == ([(level, code)] if ahead_s else [])
    assert all("synchronise" in one.fix for one in told)
