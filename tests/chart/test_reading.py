"""One values file means the same to helm and to `cronocast run`: the same text, numbers, names and refusals."""

import json
import math
import random
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from cronocast.document.alerts import RULES
from cronocast.document.entry import Entry
from cronocast.document.values import load_values, read_values
from cronocast.document.yaml_file import RENDERED_KEY, load_yaml, plain_scalar
from cronocast.errors import ConfigError, Problem
from cronocast.settings.containers import ListOf
from cronocast.settings.declare import leaves, with_value
from tests.chart.rendering import CHART, MINIMAL, kind, render, tool
from tests.chart.test_text import arrived

WORDS = """y Y n N yes Yes YES no on On ON off OFF true True TRUE tRue false False null Null NULL ~ yep nope
08 010 0o10 0O10 0b11 0x1F -0x1F +12 -12 0 -0 00 09 1_000 1_0.5 1e3 7e2 1E3 1e6 1.5e3 1e-3 .5 5. 5.0 +.5 -.5
inf nan Infinity 1:30 190:20:30 2026-01-31 2026-01-31T12:00:00Z 9007199254740993 12345678901234567890
18446744073709551616 1e400 -9223372036854775809 0b 0x 0xg 1e 1e+ _ _1 1_ 1__0 0_8 0b1_0 0x_1 = 1.2.3 1e21 1e20
1e15 0.1 1e-7 1e-6 0777 0o8 -08 +08 08.5 0.0 -0.0 1d 5m .5e1 -1_0 +0x10 +0b1 -0b11 0o17 -0o17 ._5 .e3 . .. + ++1
0xFFFFFFFFFFFFFFFFF 1e1_0 1_0e3 1.10 00.5 é a""".split()  # noqa: SIM905 - to be read


def spellings() -> list[str]:
    """The table, and as many again as chance makes of the characters that numbers consist of."""
    rng = random.Random(8)
    made = {"".join(rng.choices("012345678901.eE+-_xXobn", k=rng.randint(1, 6))) for _ in range(1500)}
    return sorted({*WORDS, *(text for text in made if not re.match(r"-*$", text))})


ALL = spellings()
INFINITE = [text for text in (".inf", "-.Inf", "+.INF", ".nan", ".NaN") if not isinstance(plain_scalar(text), str)]
NO_KEY = [text for text in ALL if plain_scalar(text) is None or str(plain_scalar(text)).startswith("1234567890123456")]


@pytest.fixture(scope="module")
def echo(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What helm reads from the text of a values file under the key `v`."""
    chart = tmp_path_factory.mktemp("echo")
    (chart / "templates").mkdir()
    (chart / "Chart.yaml").write_text("{apiVersion: v2, name: echo, version: 0.1.0}")
    (chart / "templates" / "all.yaml").write_text("v: {{ toJson .Values.v | quote }}\n")

    def read(text: str) -> Any:
        done = subprocess.run(
            [tool("helm"), "template", str(chart), "-f", "-"], input=text, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return json.loads(yaml.safe_load(done.stdout)["v"])

    return read


def read_here(folder: Path, text: str) -> tuple[Any, list[Problem]]:
    problems: list[Problem] = []
    (folder / "values.yaml").write_text(text)
    return load_yaml(folder / "values.yaml", problems), problems


def test_scalars_without_quotes_are_what_helm_makes_of_them(echo: Any, tmp_path: Path) -> None:
    text = "v:\n" + "".join(f"- {one}\n" for one in ALL)
    there, (here, problems) = echo(text), read_here(tmp_path, text)
    assert len(ALL) > 800
    assert {one: (type(a), a) for one, a in zip(ALL, here["v"], strict=True)} == {
        one: (type(b), b) for one, b in zip(ALL, there, strict=True)
    }
    assert problems == []
    assert [math.isfinite(plain_scalar(one)) for one in INFINITE] == [False] * 5  # helm takes no file with one


def test_keys_that_helm_renames_are_refused_and_no_others_but_what_it_makes_of_them(echo: Any, tmp_path: Path) -> None:
    keys = [one for one in ALL if one not in NO_KEY]
    text = "v:\n" + "".join(f"- {one}: 1\n" for one in keys)
    there = [next(iter(one)) for one in echo(text)]
    _, problems = read_here(tmp_path, text)
    refused = {problem.where.partition("].")[2] for problem in problems}
    renamed = {key for key, other in zip(keys, there, strict=True) if key != other}
    made = {other for key, other in zip(keys, there, strict=True) if not isinstance(plain_scalar(key), str)}
    assert len(renamed) > 100
    assert all(RENDERED_KEY.fullmatch(other) for other in made)
    assert refused == renamed | {key for key in keys if RENDERED_KEY.fullmatch(key)}
    assert len(read_here(tmp_path, "v:\n" + "".join(f"- {one}: 1\n" for one in NO_KEY))[1]) == len(NO_KEY) > 4


QUOTED = [one for one in ALL if not RENDERED_KEY.fullmatch(one)]


def test_quoted_keys_are_read_alike(echo: Any, tmp_path: Path) -> None:
    text = "v:\n" + "".join(f"  '{one}': '{one}'\n" for one in QUOTED)
    assert read_here(tmp_path, text) == ({"v": echo(text)}, [])


MERGES = (
    "v: {a: 1, <<: {a: 2, b: 3}}",
    "v: {<<: {a: 2, b: 3}, a: 1}",
    "v: {<<: [{a: 2}, {a: 3, b: 4}], c: 1}",
    "v: &x {a: 5, b: {<<: {c: 1}, c: 2}}\nw: {<<: *x}",
    "x: &x {a: {<<: {b: 1}}}\ny: &y {<<: *x, c: 1}\nv: {c: 2, <<: *y, a: {d: 3}}",
    "v: {'<<': {a: 2}, x: <<, e: !!str 08, f: ! 8, g: !!int '8', h: !!float 8, i: !!bool yes, j: !!null ''}",
    "v: {a: &k 08, b: *k, c: =, d: x\u2028y, e: 'x\ty'}",
)


@pytest.mark.parametrize("text", MERGES, ids=range(len(MERGES)))
def test_merges_anchors_and_tags_are_read_alike(text: str, echo: Any, tmp_path: Path) -> None:
    assert read_here(tmp_path, text)[0]["v"] == echo(text)


def file_of(series: dict[str, str]) -> str:
    """A values file with series by name, each as YAML text in flow style."""
    head = f"defaults: {json.dumps(MINIMAL)}\nseries:\n"
    return head + "".join(f"  {name}: {own}\n" for name, own in series.items())


def said_by_helm(folder: Path, text: str) -> str:
    (folder / "values.yaml").write_text(text)
    command = [tool("helm"), "template", "rel", str(CHART), "-f", str(folder / "values.yaml")]
    return subprocess.run(command, capture_output=True, text=True, check=False).stderr


# Settings whose values are text, numbers and truth values: path -> how a spelling stands in it.
PLACES = {
    "title": "{{title: {0}}}",
    "source/tags/k": "{{source: {{tags: {{k: {0}}}}}}}",
    "model": "{{model: {0}}}",
    "every": "{{every: {0}}}",
    "clip/max": "{{clip: {{max: {0}}}}}",
    "source/max_rows": "{{source: {{max_rows: {0}}}}}",
    "suspend": "{{suspend: {0}}}",
}


@pytest.mark.parametrize("path", PLACES)
def test_values_are_refused_alike(path: str, tmp_path: Path) -> None:
    sample = [*WORDS, *ALL[::7]]
    text = file_of({f"s{i}": PLACES[path].format(one) for i, one in enumerate(sample)})
    there = set(re.findall(rf"^- at '/series/(s[0-9]+)/{path}'", said_by_helm(tmp_path, text), re.MULTILINE))
    _, problems = read_values(tmp_path / "values.yaml")
    here = {problem.where.split(".")[1] for problem in problems}
    assert {sample[int(name[1:])] for name in there} == {sample[int(name[1:])] for name in here}
    assert here
    if path == "title":
        assert all("put it in quotes" in problem.sentence for problem in problems)


def test_one_file_with_quotes_is_the_same_series_on_both_sides(tmp_path: Path) -> None:
    series = {
        f"'{one}'": f"{{title: '{one}', source: {{tags: {{'{one}': ['{one}']}}}}, options: {{'{one}': {one}}}}}"
        for one in WORDS
        if one in QUOTED and one not in (".", "..")  # no names of tags
    }
    path = tmp_path / "values.yaml"
    path.write_text(file_of(series))
    assert len(series) > 60
    assert arrived(render(path)) == load_values(path)


KEYS = {  # where a user gives names -> text of a file with such a name
    "series": "series:\n  {0}: {{title: T}}\n",
    "series.a.source.tags": "series: {{a: {{source: {{tags: {{{0}: x}}}}}}}}\n",
    "series.a.options": "series: {{a: {{options: {{{0}: x}}}}}}\n",
    "series.a.options.o[0]": "series: {{a: {{options: {{o: [{{{0}: x}}]}}}}}}\n",
    "labels": "labels: {{{0}: x}}\n",
    "annotations": "annotations: {{{0}: x}}\n",
    "profiles": "profiles: {{{0}: {{}}, cpu: {{}}}}\n",
    "profiles.cpu.light.nodeSelector": "profiles: {{cpu: {{light: {{nodeSelector: {{{0}: x}}}}}}}}\n",
}


@pytest.mark.parametrize("name", ["y", "08", "7e2", "off", "8", "true"])
@pytest.mark.parametrize("place", KEYS)
def test_names_that_helm_changes_are_refused_wherever_users_give_names(place: str, name: str, tmp_path: Path) -> None:
    text = f"defaults: {json.dumps(MINIMAL)}\n{KEYS[place].format(name)}"
    text += "" if "series" in place else "series: {a: {title: T}}\n"
    made = json.dumps(plain_scalar(name))
    assert re.search(
        rf"^E_[A-Z_]+ {re.escape(place)}\.{made}: .*put it in quotes", said_by_helm(tmp_path, text), re.MULTILINE
    )
    with pytest.raises(ConfigError, match=rf"E_[A-Z_]+ {re.escape(place)}\.{name}: .*quotes"):
        load_values(tmp_path / "values.yaml")
    if name not in ("8", "true") and not place.startswith("profiles"):  # a profile's name begins with a letter
        text = text.replace(f"{name}:", f"'{name}':")
        assert said_by_helm(tmp_path, text) == ""
        load_values(tmp_path / "values.yaml")


LISTED: dict[str, list[Any]] = {
    "levels": [0.1 + i / 100 for i in range(6)],
    "candidates": [f"m:A{i}" for i in range(1001)],
    "periods": [f"{i}h" for i in range(2, 11)],
    "schedules": [f"{i} * * * *" for i in range(11)],
    "source.allowed_hosts": ["influxdb", *(f"h{i}" for i in range(1000))],
    "source.group_by": [f"t{i}" for i in range(1001)],
    "thresholds": [{"above": i} for i in range(11)],
    "notify": [{"kind": "file", "path": f"/data/{i}"} for i in range(11)],
    "alerts.off": [*RULES, "one rule more than there are"],
    "source.tags.k": [f"v{i}" for i in range(1001)],
}


def test_lists_have_the_same_limits(tmp_path: Path) -> None:
    assert LISTED.keys() - {"source.tags.k"} == {x.path for x in leaves(Entry) if isinstance(x.kind, ListOf)}
    cases: dict[str, Any] = {}
    for path, items in LISTED.items():
        for what, value in (("long", items), ("twice", [items[0], items[1], items[0]]), ("fine", items[:-1])):
            cases[f"{path}-{what}".lower()] = with_value({}, path, value)
    text = file_of({f'"{name}"': json.dumps(own) for name, own in cases.items()})
    said = said_by_helm(tmp_path, text)
    there = {name for name in cases if re.search(rf"^- at '/series/{re.escape(name)}[/']", said, re.MULTILINE)}
    here = {problem.where.removeprefix("series.") for problem in read_values(tmp_path / "values.yaml")[1]}
    refused = {name for name in cases if any(where.startswith(f"{name}.") for where in here)}
    assert there == refused == {name for name in cases if not name.endswith("-fine")}


def crons(folder: Path, *texts: str) -> list[str]:
    files = []
    for i, text in enumerate(texts):
        (folder / f"{i}.yaml").write_text(text)
        files += ["-f", str(folder / f"{i}.yaml")]
    command = [tool("helm"), "template", "rel", str(CHART), *files]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    documents: list[Any] = [one for one in yaml.safe_load_all(done.stdout) if one]
    found = [item for one in documents for item in one.get("items", [one])]
    return [item["metadata"]["name"] for item in kind(found, "CronWorkflow")]


OUT = "defaults: {source: {url: http://db, database: d, measurement: m, field: f}}\nseries:\n  web: {title: W}\n"


@pytest.mark.parametrize("null", ["null", "", "~"])
def test_null_takes_a_series_out(null: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = f"{OUT}  old: {null}\n"
    assert crons(tmp_path, text) == ["web"]
    assert list(load_values(tmp_path / "0.yaml")) == ["web"]
    assert "series.old: taken out (null)" in capsys.readouterr().err
    assert crons(tmp_path, f"{OUT}  old: {{title: O}}\n", f"series: {{old: {null}}}\n") == ["web"]
    assert crons(tmp_path, f"{OUT}  old: {{title: O}}\n", f"series: {{old: {null}, web: ~}}\n") == []


def test_a_series_that_says_nothing_is_refused(tmp_path: Path) -> None:
    text = f"{OUT}  old: {{}}\n"
    assert "E_CONFIG_MISSING series.old: {}" in said_by_helm(tmp_path, text)
    with pytest.raises(ConfigError, match=r"E_CONFIG_MISSING series\.old: \{\}.*null"):
        load_values(tmp_path / "values.yaml")
    (tmp_path / "values.yaml").write_text("series: {old: null}\n")
    with pytest.raises(ConfigError, match="E_CONFIG_TYPE series: null takes out"):
        load_values(tmp_path / "values.yaml")
