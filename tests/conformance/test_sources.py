"""Every row of SOURCES behaves alike: a whole answer is exactly the history that was meant, a lie has its exit code.

A new kind needs a line in `source_adapters.ADAPTERS`.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from cronocast.handoff.series import HISTORY_COLUMNS, parse_tags
from cronocast.handoff.strict import read_members
from cronocast.registry import settings_class
from cronocast.settings.declare import default_of
from cronocast.sources.table import SOURCES
from tests.conformance.source_adapters import ADAPTERS, Values
from tests.conformance.source_faults import FAULTS, GARBAGE, ONLY_ENDLESS, Serve
from tests.conformance.toy_source import ROW
from tests.lying_server import Answer, Behaviour, LyingServer, Seen, status
from tests.wire.extract_run import DAY, END, HOUR, START, Ran, run_extract

pytestmark = pytest.mark.usefixtures("toy")
ROWS = {**SOURCES, "toy": ROW}
KINDS = sorted(ROWS)
HTTP_KINDS = [kind for kind in KINDS if ADAPTERS[kind].over_http]
SINK = {"url": "http://127.0.0.1:1", "database": "d"}  # not every source is a place to write to
GIVEN: Values = {(): [(START + i * HOUR, i + 0.5) for i in range(24)]}


@pytest.fixture
def extract(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]) -> Any:
    def against(
        kind: str,
        serve: Serve | Sequence[Serve] | None = None,
        values: Values = GIVEN,
        source: Mapping[str, Any] | None = None,
        **entry: Any,
    ) -> Ran:
        """Run the step where the server gives what `serve` makes of a whole answer, one after the other."""
        adapter = ADAPTERS[kind]
        keys = sorted({key for tags in values for key, _ in tags})
        left = list(serve) if isinstance(serve, Sequence) else [serve or whole]

        def behave(request: Seen) -> Behaviour:
            return (left.pop(0) if len(left) > 1 else left[0])(adapter.answer(values, request))

        def run(place: str) -> Ran:
            usual = {"timeout": "1s", "retry_for": "0s"} if adapter.over_http else {}
            document = {**usual, **adapter.settings(place, keys), **(source or {})}
            series = {"name": "s", "source": document, "sink": SINK, **DAY, **entry}
            return run_extract(capsys, tmp_path, series, END + HOUR - 1)  # whatever its delay, the last step is done

        if not adapter.over_http:
            file = tmp_path_factory.mktemp("source") / "values"
            answer = left[0](adapter.answer(values, None))
            assert isinstance(answer, Answer)
            assert isinstance(answer.body, bytes)
            file.write_bytes(answer.body)
            return run(str(file))
        with LyingServer(behave) as server:
            against.sent = server.seen  # type: ignore[attr-defined]
            return run(server.url)

    return against


def whole(body: bytes) -> Answer:
    return Answer(body=body)


def history(ran: Ran, folder: Path) -> dict[tuple[tuple[str, str], ...], list[tuple[int, float]]]:
    members = list(read_members(folder / "history.csv", HISTORY_COLUMNS))
    assert ran.result["rows_kept"] == sum(len(member.time_ns) for member in members)
    assert ran.result["rows_in"] == ran.result["rows_kept"] + sum(ran.result["rows_dropped"].values())
    return {parse_tags(member.tags): list(zip(member.time_ns, member.columns[0], strict=True)) for member in members}


def test_every_kind_has_an_adapter() -> None:
    assert set(ADAPTERS) == {*SOURCES, "toy"}


@pytest.mark.parametrize("kind", KINDS)
def test_settings_name_their_kind_and_a_delay(kind: str) -> None:
    found = {item.name: item for item in fields(settings_class(ROWS[kind]))}
    assert default_of(found["kind"]) == kind
    assert found["kind"].metadata["kind"].choices == (kind,)
    assert default_of(found["delay"]) >= 0
    for item in found.values():
        assert item.metadata["about"].endswith(".")
        assert "extract" in item.metadata["steps"]


ODD = {
    "plain": 1.5,
    "zero": 0.0,
    "negative": -3.25,
    "whole": 7.0,
    "large": 1.7e308,
    "small": 5e-324,
    "digits": 0.1 + 0.2,
}
TAGS: dict[str, list[tuple[tuple[str, str], ...]]] = {
    "two": [(("host", "a"),), (("host", "b"),)],
    "several": [(("dc", "x"), ("host", "a")), (("dc", "y"), ("host", "a"))],
    "comma, equals, quote": [(("host", 'a,b=c"d'),), (("host", "back\\slash"),)],
    "letters": [(("h\u00f6st", "gr\u00f6\u00dfe"),), (("h\u00f6st", "\u65e5\u672c"),)],
}
WHOLE: dict[str, Values] = {
    "one member": GIVEN,
    "odd numbers": {(): [(START + i * HOUR, value) for i, value in enumerate(ODD.values())]},
    "gaps": {(): [(START + i * HOUR, float(i)) for i in (0, 1, 5, 23)]},
    **{name: {tags: [(START + i * HOUR, i + 0.5) for i in range(24)] for tags in sets} for name, sets in TAGS.items()},
}


@pytest.mark.parametrize("values", WHOLE.values(), ids=WHOLE)
@pytest.mark.parametrize("kind", KINDS)
def test_a_whole_answer_is_exactly_the_history(kind: str, values: Values, extract: Any, tmp_path: Path) -> None:
    ran = extract(kind, values=values)
    assert ran.code == 0, ran.stderr
    assert history(ran, tmp_path) == {tags: list(rows) for tags, rows in values.items()}
    assert ran.result["window"] == {"start_ns": START, "end_ns": END, "every_ns": HOUR}


@pytest.mark.parametrize("kind", KINDS)
def test_rows_in_any_order_leave_ascending_and_once(kind: str, extract: Any, tmp_path: Path) -> None:
    rows = list(GIVEN[()])
    ran = extract(kind, values={(): [*rows[::-1], *rows[3:5]]})
    assert (ran.code, history(ran, tmp_path)) == (0, {(): rows})


@pytest.mark.parametrize("kind", KINDS)
def test_rows_outside_the_window_do_not_get_in(kind: str, extract: Any, tmp_path: Path) -> None:
    rows = list(GIVEN[()])
    ran = extract(kind, values={(): [(START - HOUR, 1.0), *rows, (END, 2.0)]})
    assert (ran.code, history(ran, tmp_path)) == (0, {(): rows})


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_in_the_window_is_skipped_or_fails_as_the_entry_says(kind: str, extract: Any, tmp_path: Path) -> None:
    ran = extract(kind, values={}, on_missing="skip")
    assert (ran.code, ran.result["status"], history(ran, tmp_path)) == (0, "skipped", {})
    assert ran.result["reason"].startswith("no_data: ")
    failed = extract(kind, values={}, on_no_data="fail")
    assert failed.code == 66
    assert failed.token in ("E_NO_DATA", "E_NO_FIELD")  # a server that holds nothing at all may say so


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("kind", KINDS)
def test_a_value_that_is_not_finite_is_refused_or_left_out(
    kind: str, value: float, extract: Any, tmp_path: Path
) -> None:
    rows = list(GIVEN[()])
    ran = extract(kind, values={(): [*rows[:5], (rows[5][0], value), *rows[6:]]})
    if ran.code == 0:
        assert history(ran, tmp_path) == {(): [*rows[:5], *rows[6:]]}
    else:
        assert ran.code == 76
        assert ran.history is None


@pytest.mark.parametrize("spoil", GARBAGE.values(), ids=GARBAGE)
@pytest.mark.parametrize("kind", KINDS)
def test_garbage_is_refused(kind: str, spoil: Callable[[bytes], bytes], extract: Any) -> None:
    ran = extract(kind, lambda body: Answer(body=spoil(body)))
    assert (ran.code, ran.history) == (76, None), ran.stderr


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("kind", HTTP_KINDS)
def test_a_fault_has_its_exit_code_and_leaves_no_history(kind: str, fault: str, extract: Any, tmp_path: Path) -> None:
    serve, code = FAULTS[fault]
    ran = extract(kind, serve, source=ONLY_ENDLESS.get(fault))
    assert (ran.code, ran.history) == (code, None), ran.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["extract.result.json"]


@pytest.mark.parametrize("kind", HTTP_KINDS)
def test_an_answer_that_breaks_is_asked_for_again_from_its_start(kind: str, extract: Any, tmp_path: Path) -> None:
    values = dict.fromkeys(TAGS["two"], GIVEN[()])
    ran = extract(
        kind,
        [lambda body: Answer(body=body, cut=len(body) - 20), lambda _: status(503), whole],
        values,
        {"retry_for": "3s"},
    )
    assert (ran.code, ran.result["attempts"]) == (0, 3), ran.stderr
    assert history(ran, tmp_path) == {tags: list(rows) for tags, rows in values.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_too_many_rows_or_bytes_are_refused(kind: str, extract: Any) -> None:
    limits = {"max_rows": 23, "max_bytes": 100}
    own = {item.name for item in fields(settings_class(ROWS[kind]))} & set(limits)
    assert own, "an answer must have a bound that the entry sets"
    for name in own:
        ran = extract(kind, source={name: limits[name]})
        assert (ran.code, ran.history) == (66, None), ran.stderr
        assert str(limits[name]) in ran.error


@pytest.mark.parametrize("fault", ["503", "cut", "403"])
@pytest.mark.parametrize("kind", HTTP_KINDS)
def test_the_file_of_an_earlier_run_stays(kind: str, fault: str, extract: Any, tmp_path: Path) -> None:
    (tmp_path / "history.csv").write_text("earlier")
    assert extract(kind, FAULTS[fault][0]).history == "earlier"


@pytest.mark.parametrize("kind", HTTP_KINDS)
def test_a_secret_is_sent_and_shows_nowhere(
    kind: str, extract: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRONOCAST_SOURCE_TOKEN", "CANARY-7")
    echoes: list[Serve] = [
        whole,
        lambda _: status(500, "what CANARY-7 is"),
        lambda _: Answer(body=b"CANARY-7"),
        lambda _: status(302, Location="http://x/CANARY-7"),
    ]
    for serve in echoes:
        ran = extract(kind, serve, source={"auth": "token"})
        assert "CANARY" not in ran.stderr + json.dumps(ran.result) + (ran.history or "")
        assert extract.sent[0].headers["authorization"] == "Token CANARY-7"
