"""Values files: defaults under series, mutations that end in no traceback, and a schema that agrees with the check."""

import contextlib
import copy
import json
import os
import random
from pathlib import Path
from typing import Any

import pytest
import yaml

from cronocast.document.entry import Entry, parse_entry
from cronocast.document.values import load_values
from cronocast.document.values_schema import values_schema
from cronocast.errors import ConfigError
from cronocast.settings.declare import given, leaves, merge

GOOD: dict[str, Any] = {
    "defaults": {
        "source": {"url": "http://127.0.0.1:8086", "database": "metrics", "tags": {"dc": "x", "host": ["a", "b"]}},
        "sink": {"database": "forecasts"},
        "every": "5m",
    },
    "series": {
        "cpu": {
            "source": {"measurement": "cpu", "field": "usage", "group_by": ["host"]},
            "horizon": "2h",
            "periods": ["1d", "1w"],
            "clip": {"min": 0, "max": 100},
        },
        "own query": {
            "source": {"query": "SELECT v FROM c WHERE time >= $start AND time < $end", "tags": None},
            "model": "linear",
            "options": {"a": [1, {"b": None}]},
        },
    },
}


def load(folder: Path, document: Any) -> dict[str, Entry]:
    path = folder / "values.yaml"
    path.write_text(document if isinstance(document, str) else yaml.safe_dump(document))
    return load_values(path)


def test_defaults_are_merged_key_by_key_and_null_removes(tmp_path: Path) -> None:
    entries = load(tmp_path, GOOD)
    assert list(entries) == ["cpu", "own query"]
    cpu, own = entries["cpu"], entries["own query"]
    assert (cpu.source.database, cpu.source.measurement, str(cpu.every), str(cpu.horizon)) == (
        "metrics",
        "cpu",
        "5m",
        "2h",
    )
    assert (cpu.source.tags, own.source.tags) == ({"dc": ("x",), "host": ("a", "b")}, {})
    assert (cpu.sink_measurement(), own.sink_measurement()) == ("cpu_forecast", "own query_forecast")
    assert own.options == {"a": [1, {"b": None}]}


def test_null_takes_a_default_of_the_chart_away_as_helm_does(tmp_path: Path) -> None:
    own = {
        "resources": {"load": {"limits": {"memory": None}}},
        "security": {"runAsUser": None},
        "labels": {"team": None},
        "profiles": {"cpu": None, "gpu": None},
    }
    assert list(load(tmp_path, {**GOOD, **own})) == ["cpu", "own query"]
    with pytest.raises(ConfigError, match=r"resources\.load\.limits\.memory"):
        load(tmp_path, {**GOOD, "resources": {"load": {"limits": {"memory": 1.5}}}})


@pytest.mark.parametrize(
    ("base", "over", "merged"),
    [
        ({"a": 1}, {"a": 2}, {"a": 2}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 3}}, {"a": {"b": 3, "c": 2}}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        ({"a": {"b": 1}}, {"a": None}, {}),
        ({"a": 1}, {"a": {"b": 1}}, {"a": {"b": 1}}),
        ({}, {"a": {"b": None}}, {"a": {"b": None}}),
    ],
)
def test_merge_is_helms(base: Any, over: Any, merged: Any) -> None:
    before = copy.deepcopy(base)
    assert merge(base, over) == merged
    assert base == before


def test_a_checked_entry_written_out_is_read_back_equal(tmp_path: Path) -> None:
    for entry in load(tmp_path, GOOD).values():
        assert parse_entry(json.loads(json.dumps(given(entry)))) == entry


def mutated(rng: random.Random, value: Any) -> Any:
    """The document with something somewhere replaced, removed, renamed or doubled."""
    if isinstance(value, dict) and value and rng.random() < 0.8:
        key = rng.choice(list(value))
        changed = {**value, key: mutated(rng, value[key])}
        if rng.random() < 0.1:
            changed[rng.choice(["x", "password", 1, True, "", key + "s" if isinstance(key, str) else "y"])] = (
                changed.pop(key)
            )
        return changed
    if isinstance(value, list) and value and rng.random() < 0.6:
        i = rng.randrange(len(value))
        return rng.choice([[*value[:i], mutated(rng, value[i]), *value[i + 1 :]], value * 2, []])
    pool: list[Any] = [
        None,
        True,
        -1,
        0,
        10**400,
        1e300,
        float("nan"),
        float("inf"),
        "",
        " ",
        "\x00",
        "\ud800",
        "{{x}}",
        "$x",
        "x" * 5000,
        [],
        [[]],
        {},
        {"a": {}},
        {1: 2},
        "1h",
        "0s",
        "99999w",
        "a:b",
    ]
    return copy.deepcopy(
        rng.choice([*pool, yaml.safe_load("2026-01-01"), f"{value}{rng.choice(['', ' ', chr(10), chr(8238)])}"])
    )


@pytest.mark.slow
def test_mutated_documents_are_checked_or_refused_never_a_bug(tmp_path: Path) -> None:
    """What is accepted is also JSON, as steps get it; what is refused says which key."""
    rng, accepted, refused, longest = random.Random(20260131), 0, 0, 0
    for _ in range(int(os.environ.get("MUTATIONS", "600"))):
        document = mutated(rng, GOOD)
        try:
            text = yaml.safe_dump(document)
            (tmp_path / "values.yaml").write_text(text, errors="surrogatepass")
            entries = load_values(tmp_path / "values.yaml")
        except ConfigError as error:
            refused += 1
            longest = max(longest, len(str(error)))
        else:
            accepted += 1
            assert all(
                parse_entry(json.loads(json.dumps(given(entry), allow_nan=False))) == entry
                for entry in entries.values()
            )
    assert accepted > 20
    assert refused > 100
    assert longest < 650


MUTATED_BYTES = 400


def test_mutated_text_is_read_or_refused_never_a_bug(tmp_path: Path) -> None:
    rng = random.Random(7)
    text = yaml.safe_dump(GOOD).encode()
    for _ in range(MUTATED_BYTES):
        changed = bytearray(text)
        for _ in range(rng.randint(1, 4)):
            at = rng.randrange(len(changed))
            changed[at : at + rng.choice([0, 1, 5])] = rng.choice(
                [
                    b"\t",
                    b"&a ",
                    b"*a",
                    b"!!set ",
                    b"- ",
                    b"? ",
                    b"\xff",
                    b"{",
                    b"]",
                    b"<<: ",
                    b"|\n",
                    b"%",
                    b"\x00",
                    b"---\n",
                    b"\xef\xbb\xbf",
                ]
            )
        (tmp_path / "values.yaml").write_bytes(bytes(changed))
        with contextlib.suppress(ConfigError):  # most are refused; any other exception fails the test
            load_values(tmp_path / "values.yaml")


@pytest.mark.parametrize(
    ("wrong", "right"), [("serie", "series"), ("default", "defaults"), ("Series", "series"), ("profile", "profiles")]
)
def test_a_mistyped_key_of_the_file_is_told_from_the_right_one(wrong: str, right: str, tmp_path: Path) -> None:
    (tmp_path / "values.yaml").write_text(f"{wrong}: {{}}\n")
    with pytest.raises(ConfigError) as caught:
        load_values(tmp_path / "values.yaml")
    assert any(problem.where == wrong and repr(right) in problem.sentence for problem in caught.value.problems)


def test_the_schema_knows_every_setting_and_refuses_others() -> None:
    schema = values_schema()
    entry = schema["properties"]["defaults"]
    for leaf in leaves(Entry):
        part = entry
        for name in leaf.path.split(".") if leaf.path != "name" else []:
            assert part["additionalProperties"] is False
            part = part["properties"][name]
        assert leaf.path == "name" or part["description"] == leaf.about
    assert "name" not in entry["properties"]
    json.dumps(schema, allow_nan=False)
