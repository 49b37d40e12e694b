"""The worked example: one file and one row, and the toy source stands in all that is made of the tables."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cronocast.commands.adding import adding_a_source
from cronocast.commands.reference import reference
from cronocast.document.values_schema import values_schema
from helm import generate
from tests.chart.rendering import CHART, helm
from tests.conformance.source_adapters import ADAPTERS, Values
from tests.json_schema import fits
from tests.lying_server import Answer, LyingServer

pytestmark = pytest.mark.usefixtures("toy")
HOUR = 3600 * 10**9
END = 1_700_006_400 * 10**9
VALUES: Values = {(("host", host),): [(END - i * HOUR, float(i % 24)) for i in range(72, 0, -1)] for host in "ab"}
Command = Callable[..., tuple[int, str, str]]


SINK = {"url": "http://h:2", "database": "d"}
DOCUMENTS: dict[str, tuple[dict[str, Any], list[tuple[str, str]]]] = {
    "right": ({"source": {"kind": "toy", "url": "http://h:1", "metric": "up"}, "sink": SINK}, []),
    "a key of another kind, none of its own, nowhere to write": (
        {"source": {"kind": "toy", "url": "http://h:1", "measurement": "m"}},
        [
            ("E_CONFIG_UNKNOWN_KEY", "source.measurement"),
            ("E_CONFIG_MISSING", "source.metric"),
            ("E_CONFIG_MISSING", "sink.url"),
            ("E_CONFIG_MISSING", "sink.database"),
        ],
    ),
    "a kind that is none": (
        {"source": {"kind": "toi", "url": "http://h:1", "metric": "up"}},
        [("E_CONFIG_CHOICE", "source.kind")],
    ),
}


@pytest.mark.parametrize(("series", "wrong"), DOCUMENTS.values(), ids=DOCUMENTS)
def test_validate_checks_it(
    series: dict[str, Any], wrong: list[tuple[str, str]], command: Command, tmp_path: Path
) -> None:
    path = tmp_path / "values.yaml"
    path.write_text(json.dumps({"series": {"a": series}}))
    code, out, _ = command("validate", "-f", str(path), "--json")
    problems = json.loads(out).get("problems", [])
    assert (code, [(p["token"], p["where"]) for p in problems]) == (
        78 if wrong else 0,
        [(token, f"series.a.{where}") for token, where in wrong],
    )


def test_schemas_of_values_and_chart_know_it() -> None:
    right, other = (
        {"series": {"a": {"source": {"kind": "toy", "url": "http://h", name: "m"}}}} for name in ("metric", "field")
    )
    chart = json.loads(generate.schema_json())
    only_series = {**chart, "required": []}  # the chart also asks for its own values, which have defaults
    for schema in (values_schema(), only_series):
        assert fits(schema, right)
        assert not fits(schema, other)
    assert '"toy": ["url", "metric"]' in " ".join(generate.kinds_tpl().split()).replace("[ ", "[").replace(" ]", "]")


CHARTED: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {  # series, what helm says
    "right": ({"source": {"kind": "toy", "url": "http://h:1", "metric": "up"}, "sink": SINK}, ()),
    "a key of another kind": (
        {"source": {"kind": "toy", "url": "http://h:1", "metric": "up", "field": "f"}, "sink": SINK},
        ("/series/a/source", "'field'"),
    ),
    "a key of the toy": ({"source": {"kind": "influxql", "metric": "up"}}, ("/series/a/source", "'metric'")),
    "nothing to read, nowhere to write": (
        {"source": {"kind": "toy", "url": "http://h:1"}},
        ("series.a.source.metric: given neither", "series.a.sink.url: not given, and a source of kind toy"),
    ),
}


@pytest.mark.parametrize(("series", "said"), CHARTED.values(), ids=CHARTED)
def test_the_chart_made_with_it_checks_it(series: dict[str, Any], said: tuple[str, ...], tmp_path: Path) -> None:
    chart = tmp_path / "chart"
    shutil.copytree(CHART, chart)
    for path, text in generate.outputs().items():
        (chart / path.relative_to(CHART)).write_text(text)
    done = helm("template", "rel", str(chart), values={"series": {"a": series}})
    assert (done.returncode == 0) == (not said), done.stderr
    assert all(words in done.stderr for words in said), done.stderr


def test_help_and_reference_name_its_settings(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    out = " ".join(command("extract", "--help")[1].split())
    assert "Metric to read (of kind toy)." in out
    assert "Measurement to read (of kind influxql)." in out
    assert "--source-kind influxql|toy" in out
    assert "Address of the server. [env" in out
    page = reference()
    assert "`--source-metric TEXT`<br>`CRONOCAST_SOURCE_METRIC`" in page
    assert "Default of kind toy: 5s." in page


def test_a_whole_run(command: Command, tmp_path: Path) -> None:
    """The flags of extract, and an entry for all steps up to the lines that load would send."""
    entry = json.dumps(
        {
            "name": "up time",
            "source": {"kind": "toy", "url": "URL", "metric": "up"},
            "sink": SINK,
            "lookback": "3d",
            "horizon": "6h",
            "model": "seasonal_naive",
        }
    )
    body = ADAPTERS["toy"].answer(VALUES, None)
    with LyingServer([Answer(body=body)]) as server:
        run = ["--root", str(tmp_path), "--run", str(END // 10**9 + 60), "--entry", entry.replace("URL", server.url)]
        for step in ("extract", "classify", "forecast"):
            assert command(step, *run)[0] == 0
        lines = tmp_path / "lines"
        assert command("load", *run, "--dry-run", str(lines))[0] == 0
        assert (server.seen[0].method, server.seen[0].path) == ("GET", "/points")
    written = lines.read_text().splitlines()
    assert sum(line.startswith("up\\ time_forecast,host=a,series=up\\ time ") for line in written) == 6


def test_flags_choose_it_and_those_of_another_kind_are_refused(command: Command, tmp_path: Path) -> None:
    with LyingServer([Answer(body=ADAPTERS["toy"].answer(VALUES, None))]) as server:
        flags = ["--source-kind", "toy", "--source-url", server.url, "--source-metric", "up"]
        flags += ["--lookback", "3d", "--run", str(END // 10**9 + 60), "--history", str(tmp_path / "h.csv")]
        code, _, err = command("extract", *flags)
        assert code == 0, err
        assert (tmp_path / "h.csv").read_text().startswith("name,tags,time,value\nup,host=a,")
        code, _, err = command("extract", *flags, "--source-field", "v")
        assert code == 78
        assert "E_CONFIG_UNKNOWN_KEY --source-field: 'field' is a setting of kind influxql, not of kind toy" in err


def test_the_page_shows_its_code() -> None:
    page = "\n".join(adding_a_source())
    assert "class Toy:" in page
    assert '"toy": KindRow("tests.conformance.toy_source:Toy"' in page
