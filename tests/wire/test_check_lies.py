"""`cronocast check` and `init` at servers that lie: an error of ours, never a bug."""

import json
import time
from contextlib import suppress
from email.utils import formatdate
from typing import Any

import pytest

from cronocast.check import victoria
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


SOURCE = {"database": "d", "measurement": "m", "field": "f", "tags": {"host": "a"}}


def entry(url: str) -> Any:
    return parse_entry({"name": "s", "source": {**SOURCE, "url": url}})


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


VICTORIA: dict[str, tuple[str, str, str]] = {  # what an export says, and what is found
    "beyond its limit": ("", "drops the future", "-futureRetention"),
    "written twice": ('{"metric":{},"values":[1,2],"timestamps":[1,1]}\n', "keeps both values", "last write wins"),
    "written twice, in two parts": ('{"values":[2]}\n{"values":[1]}\n', "keeps both values", "last write wins"),
}


@pytest.mark.parametrize(("export", "seen", "fix"), VICTORIA.values(), ids=VICTORIA)
def test_victoriametrics_is_known_by_its_answers(
    export: str, seen: str, fix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(victoria, "VISIBLE_S", 0)

    def chosen(request: Seen) -> Behaviour:
        if request.path.startswith("/query"):  # whatever the question
            return answer(["name"], [["_internal"]])
        deleted = any("delete_series" in earlier.path for earlier in sink.seen)
        return status(200, "" if deleted else export) if "export" in request.path else status(204)

    with server("nothing", status(500)) as honest, LyingServer(chosen) as sink:
        entry = parse_entry({"name": "s", "source": {**SOURCE, "url": honest.url}, "sink": {"url": sink.url}})
        found = check_entry(entry, NOW_NS, write=True, env={})
        written = [request for request in sink.seen if not request.path.startswith("/query")]
    told = [one for one in found if one.level in ("warning", "error")]
    assert [(one.what, one.exit) for one in told] == [("sink", 0), ("canary", 69)]
    assert "-futureRetention=24h" in told[0].fix
    assert seen in told[1].seen
    assert fix in told[1].fix
    (deleted,) = [request for request in written if "delete_series" in request.path]
    assert deleted.params["match[]"] == written[2].params["match[]"]
    assert "m_forecast_canary_yhat" in deleted.params["match[]"]
