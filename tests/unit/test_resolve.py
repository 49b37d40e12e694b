"""One merge of the layers, then one reading, one parse, one check; problems are named by the way a setting came."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from cronocast.chain import resolve
from cronocast.chain.resolve import Invocation, make_job
from cronocast.document import entry as document
from cronocast.document.entry import Entry
from cronocast.errors import ConfigError

SOURCE = {"url": "http://127.0.0.1:9", "database": "d", "measurement": "cpu", "field": "v"}
ENTRY: dict[str, Any] = {"name": "cpu", "source": SOURCE, "horizon": "6h"}


def invocation(root: Path, entry: Any, env: tuple[str, ...] = (), **texts: str) -> Invocation:
    paths = {name.replace("__", "."): text for name, text in texts.items()}
    text = json.dumps(entry) if entry is not None else None
    return Invocation("forecast", text, root, "0", {}, paths, frozenset(env))


def problems(given: Invocation) -> list[tuple[str, str]]:
    with pytest.raises(ConfigError) as caught:
        make_job(given)
    return [(problem.token, problem.where) for problem in caught.value.problems]


def test_a_start_reads_parses_and_checks_its_document_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: Counter[str] = Counter()

    def counted(module: Any, name: str, counts: Any = lambda *_: True) -> None:
        original = getattr(module, name)

        def call(*words: Any, **named: Any) -> Any:
            calls[name] += counts(*words)
            return original(*words, **named)

        monkeypatch.setattr(module, name, call)

    counted(json, "loads")
    counted(resolve, "parse", lambda cls, *_: cls is Entry)
    counted(document, "parse", lambda cls, *_: cls is Entry)
    counted(resolve, "cross_problems")
    counted(document, "cross_problems")
    job = make_job(invocation(tmp_path, ENTRY, ("level",), horizon="12h", level="0.9"))
    assert (str(job.entry.horizon), job.entry.level) == ("12h", 0.9)
    assert calls == {"loads": 1, "parse": 1, "cross_problems": 1}


WAYS: dict[str, tuple[dict[str, Any], dict[str, str], tuple[str, ...], tuple[str, str]]] = {
    "document": ({"level": 2}, {}, (), ("E_CONFIG_RANGE", "level")),
    "flag": ({}, {"level": "2"}, (), ("E_CONFIG_RANGE", "--level")),
    "env": ({}, {"level": "2"}, ("level",), ("E_CONFIG_RANGE", "CRONOCAST_LEVEL")),
    "flag that does not fit the document": ({}, {"horizon": "90m"}, (), ("E_CONFIG_DURATION", "--horizon")),
    "document that does not fit a flag": ({"horizon": "90m"}, {"level": "0.9"}, (), ("E_CONFIG_DURATION", "horizon")),
    "below what is no mapping": ({"clip": 7}, {"clip__min": "0"}, (), ("E_CONFIG_TYPE", "clip")),
}


@pytest.mark.parametrize(("changed", "texts", "env", "expected"), WAYS.values(), ids=WAYS)
def test_a_problem_is_named_by_the_way_its_setting_came(
    changed: dict[str, Any], texts: dict[str, str], env: tuple[str, ...], expected: tuple[str, str], tmp_path: Path
) -> None:
    assert problems(invocation(tmp_path, {**ENTRY, **changed}, env, **texts)) == [expected]


def test_a_flag_replaces_what_is_wrong_in_the_document(tmp_path: Path) -> None:
    assert make_job(invocation(tmp_path, {**ENTRY, "level": 2}, level="0.8")).entry.level == 0.8


def test_problems_of_document_flags_and_run_come_together(tmp_path: Path) -> None:
    given = invocation(tmp_path, {**ENTRY, "level": 2, "nonsense": 1}, jobs="0")
    given = Invocation(**{**vars(given), "run": "soon"})
    assert sorted(where for _, where in problems(given)) == ["--jobs", "--run", "level", "nonsense"]


@pytest.mark.parametrize(
    ("flags", "hint"), [({"horizon": "90m"}, True), ({"horizon": "90m", "every": "1h"}, False), ({"level": "2"}, False)]
)
def test_a_step_size_taken_from_the_history_is_named_where_something_does_not_fit_it(
    flags: dict[str, str], hint: bool, tmp_path: Path
) -> None:
    history = tmp_path / "h.csv"
    history.write_text("name,tags,time,value\n" + "".join(f"m,,{i * 3600 * 10**9},1\n" for i in range(100)))
    files = {"history": history, "forecast": tmp_path / "f.csv"}
    with pytest.raises(ConfigError) as caught:
        make_job(Invocation("forecast", None, None, "0", files, flags, frozenset()))
    [problem] = caught.value.problems
    assert problem.where == f"--{next(iter(flags))}"
    assert ("--every" in problem.sentence) == hint
