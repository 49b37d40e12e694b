"""What holds for every setting of every kind, also of one that joins later: here with the toy source in its table."""

import ast
import dataclasses
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cronocast.chain.provenance import provenance
from cronocast.chain.resolve import step_leaves
from cronocast.document.cross import cross_problems
from cronocast.document.entry import Entry, parse_entry
from cronocast.document.kinds import SINK, SOURCE
from cronocast.document.values import read_values
from cronocast.document.values_schema import values_schema
from cronocast.errors import Problem
from cronocast.registry import settings_class
from cronocast.settings import declare
from cronocast.settings.declare import leaves, parse, schema, setting
from cronocast.settings.kinds import Text
from cronocast.sinks.table import SINKS
from cronocast.sources.table import NO_DATABASE, SOURCES
from tests.conformance.documents import documents, spoilt
from tests.json_schema import fits
from tests.repo.test_imports import HEAVY, loaded_by

pytestmark = pytest.mark.usefixtures("toy")
ROOT = Path(__file__).parents[2]
ROWS = {**{f"source {name}": row for name, row in SOURCES.items()}, **{f"sink {n}": row for n, row in SINKS.items()}}
INFLUX = {"url": "http://h", "database": "d", "measurement": "m", "field": "f"}
TOY = {"kind": "toy", "url": "http://h", "metric": "up"}
ELSEWHERE = {"url": "http://i", "database": "d"}
LONG = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=120)


def problems(data: Any, where: str = "") -> list[Problem]:
    found: list[Problem] = []
    parse(Entry, data, where, found)
    return found


@cache
def entries() -> st.SearchStrategy[dict[str, Any]]:
    return documents(Entry)


@LONG
@given(st.data())
def test_the_shortest_document_means_the_same(data: Any) -> None:
    document = data.draw(entries())
    found: list[Problem] = []
    entry = parse(Entry, document, "", found)
    assert not found
    assert parse(Entry, declare.given(entry), "", found) == entry
    assert parse(Entry, declare.plain(entry), "", found) == entry


@LONG
@given(st.data())
def test_the_schema_accepts_what_the_steps_accept(data: Any) -> None:
    document = spoilt(data.draw(entries()), data.draw)
    found = [problem for problem in problems(document) if problem.token not in OF_RULES]
    assert fits(schema(Entry), document) == (not found), (found, document)


# what a rule says of a text, or of a list, stands in no schema
OF_RULES = ("E_URL_SCHEME", "E_IDENT", "E_TAG", "E_QUERY_NOT_SELECT", "E_CRON", "E_TZ", "E_MODEL", "E_PATH")


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_settings_of_a_kind_are_light(row: Any) -> None:
    """They are loaded at the start of every step."""
    modules = loaded_by(f"import {row.settings.partition(':')[0]}")
    assert modules.isdisjoint({*HEAVY, "requests", "urllib3", "ssl", "yaml", "http.client", "concurrent.futures"})


def test_the_document_is_light() -> None:
    modules = loaded_by("import cronocast.document.entry; from cronocast.settings.declare import leaves")
    assert modules.isdisjoint({*HEAVY, "requests", "urllib3", "ssl", "yaml", "http.client", "concurrent.futures"})


def test_a_setting_that_kinds_share_reads_its_flag_alike() -> None:
    for one_of in (SOURCE, SINK):
        kinds: dict[str, set[type]] = {}
        for cls in one_of.classes().values():
            for leaf in leaves(cls):
                kinds.setdefault(leaf.path, set()).add(type(leaf.kind))
        assert {path: found for path, found in kinds.items() if len(found) > 1} == {}


def test_no_database_stands_for_the_usual_source() -> None:
    assert (
        problems({"name": "x", "source": NO_DATABASE}) == cross_problems({"name": "x", "source": NO_DATABASE}, "") == []
    )


REFUSED: dict[str, tuple[dict[str, Any], str, str, str]] = {  # source, path, token, words
    "a key of another kind": (
        {**TOY, "measurement": "m"},
        "measurement",
        "E_CONFIG_UNKNOWN_KEY",
        "of kind influxql, not",
    ),
    "a key of another kind, no kind": ({**INFLUX, "metric": "m"}, "metric", "E_CONFIG_UNKNOWN_KEY", "of kind toy, not"),
    "a key of no kind": ({**TOY, "metrik": "m"}, "metrik", "E_CONFIG_UNKNOWN_KEY", "did you mean 'metric'?"),
    "another kind": ({**TOY, "kind": "toi"}, "kind", "E_CONFIG_CHOICE", "did you mean 'toy'? allowed: influxql, toy"),
    "no text as kind": ({**TOY, "kind": ["toy"]}, "kind", "E_CONFIG_TYPE", "is not text"),
    "missing": ({"kind": "toy", "url": "http://h"}, "metric", "E_CONFIG_MISSING", "Metric to read."),
    "a secret, no kind": ({**TOY, "kind": "x", "token": "CANARY"}, "token", "E_SECRET_INLINE", "6 characters"),
    "a secret": ({**TOY, "token": "CANARY"}, "token", "E_SECRET_INLINE", "6 characters"),
}


@pytest.mark.parametrize(("source", "path", "token", "words"), REFUSED.values(), ids=REFUSED)
def test_wrong_settings_of_a_kind_are_named(source: dict[str, Any], path: str, token: str, words: str) -> None:
    found = problems({"name": "x", "source": source}, "series.x")
    assert [problem.token for problem in found if problem.where == f"series.x.source.{path}"] == [token]
    assert words in " ".join(problem.sentence for problem in found)
    assert "CANARY" not in repr(found)


def test_allowed_keys_are_those_of_the_kind() -> None:
    (found,) = problems({"name": "x", "source": {**TOY, "measurement": "m"}})
    allowed = found.sentence.partition("allowed: ")[2].split(", ")
    assert set(allowed) == {item.name for item in dataclasses.fields(settings_class(SOURCES["toy"]))}


def test_a_sink_takes_its_place_from_a_source_of_its_family_only() -> None:
    assert cross_problems({"name": "x", "source": INFLUX}, "") == []
    found = cross_problems({"name": "x", "source": TOY, "sink": {"database": "d"}}, "")
    assert [(problem.token, problem.where) for problem in found] == [("E_CONFIG_MISSING", "sink.url")]
    assert "a source of kind toy is no place to write to" in found[0].sentence
    assert cross_problems({"name": "x", "source": TOY, "sink": ELSEWHERE}, "") == []


def test_a_sink_is_lent_no_secret_of_another_server() -> None:
    entry = parse_entry({"name": "x", "source": {**TOY, "auth": "token", "token_file": "/s"}, "sink": ELSEWHERE})
    assert entry.sink_settings() == entry.sink
    assert entry.sink.server.auth == "none"


def test_the_measurement_comes_from_the_name_where_the_source_has_none() -> None:
    entry = parse_entry({"name": "x", "source": TOY, "sink": ELSEWHERE})
    assert (entry.source_measurement(), entry.sink_measurement()) == ("x", "x_forecast")


def test_provenance_has_the_settings_of_the_chosen_kind() -> None:
    entry = parse_entry({"name": "x", "source": TOY, "sink": ELSEWHERE})
    shown = provenance(step_leaves("extract"), entry, {"source.metric": "entry"})
    assert shown["source.metric"] == {"value": "up", "from": "entry"}
    assert shown["source.kind"]["value"] == "toy"
    assert "source.measurement" not in shown


VALUES: dict[str, tuple[dict[str, Any], dict[str, Any], set[str]]] = {  # defaults, series, what is wrong
    "kind in defaults": ({"source": TOY}, {"sink": ELSEWHERE}, set()),
    "kind in the series": (
        {"source": {"url": "http://h", "metric": "m"}},
        {"source": {"kind": "toy"}, "sink": ELSEWHERE},
        set(),
    ),
    "kind in neither": ({"source": {"url": "http://h", "metric": "m"}}, {"title": "T"}, {"defaults.source.metric"}),
    "kind in defaults, a key of another": (
        {"source": {**TOY, "field": "f"}},
        {"sink": ELSEWHERE},
        {"defaults.source.field"},
    ),
}


@pytest.mark.parametrize(("shared", "own", "wrong"), VALUES.values(), ids=VALUES)
def test_defaults_and_series_join_to_one_kind(
    shared: dict[str, Any], own: dict[str, Any], wrong: set[str], tmp_path: Path
) -> None:
    file = {"defaults": shared, "series": {"a": own}}
    (tmp_path / "values.yaml").write_text(repr(file).replace("'", '"'))
    _, found = read_values(tmp_path / "values.yaml")
    assert {problem.where for problem in found if problem.token != "E_CONFIG_MISSING"} == wrong
    assert fits(values_schema(), file) or "kind" in shared["source"]


def test_the_schema_of_values_refuses_keys_by_kind() -> None:
    def file(**source: Any) -> dict[str, Any]:
        return {"series": {"a": {"source": source}}}

    made = values_schema()
    assert fits(made, file(kind="toy", metric="up"))
    assert not fits(made, file(kind="toy", measurement="m"))
    assert not fits(made, file(kind="influxql", metric="m"))
    assert not fits(made, file(kind="toi"))
    assert not fits(made, file(nothing="x"))
    assert fits(made, file(kind=None, metric=None, measurement="m"))


# Where a setting may be read: of a kind in its own folder or file, and by what serves all kinds.
CODE = ROOT / "steps" / "cronocast"
SHARED = ("http", "chain", "document", "formats", "report", "commands")
CHART = "".join(path.read_text() for path in (ROOT / "helm" / "cronocast" / "templates").rglob("*.*"))


@cache
def names_read_in(path: Path) -> frozenset[str]:
    """Names of attributes that are read there, also by getattr."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "getattr":
            found |= {str(part.value) for part in node.args[1:2] if isinstance(part, ast.Constant)}
    return frozenset(found)


def files_of(row: Any) -> list[Path]:
    """The file of a kind, or those of its folder."""
    path = (CODE.parent if row.path.startswith("cronocast") else ROOT) / row.path.partition(":")[0].replace(".", "/")
    alone = row.path.partition(":")[0] == row.settings.partition(":")[0]
    return [path.with_suffix(".py")] if alone else list(path.parent.glob("*.py"))


def unread(cls: type, paths: list[Path]) -> set[str]:
    names = frozenset[str]().union(*map(names_read_in, paths))
    return {leaf.path for leaf in leaves(cls) if leaf.path.rsplit(".")[-1] not in names}


def shared_files() -> list[Path]:
    return [path for folder in SHARED for path in (CODE / folder).glob("*.py")]


@pytest.mark.parametrize("row", [*ROWS.values(), SOURCES.get("toy")], ids=[*ROWS, "toy"])
def test_every_setting_of_a_kind_is_read(row: Any) -> None:
    row = row or SOURCES["toy"]
    assert unread(settings_class(row), [*files_of(row), *shared_files()]) - set(CHECKED) == set()


CHECKED = ("require_tls", "allowed_hosts")  # read from the document, before there are settings


def test_every_other_setting_is_read_by_a_step_or_the_chart() -> None:
    everything = list(CODE.rglob("*.py"))
    names = {leaf.path for leaf in leaves(Entry) if leaf.steps and not leaf.path.startswith(("source.", "sink."))}
    assert {path for path in unread(Entry, everything) if path in names} == set()
    assert [leaf.path for leaf in leaves(Entry) if not leaf.steps and not re.search(rf"\.{leaf.path}\b", CHART)] == []


def test_the_guard_sees_a_setting_that_nobody_reads() -> None:
    row = SOURCES["toy"]
    extra = dataclasses.make_dataclass(
        "Extra", [("hue", str, setting(Text(), None, "x."))], bases=(settings_class(row),), frozen=True
    )
    assert unread(extra, [*files_of(row), *shared_files()]) - set(CHECKED) == {"hue"}
    assert "require_tls" in (CODE / "document" / "cross.py").read_text()
