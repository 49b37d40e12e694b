"""Hand-off between steps: result files that fit, and everything that does not; profiles that can't be."""

import copy
import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cronocast.errors import ContractError, CronocastError, DataError, RefusedError, StorageError
from cronocast.handoff.files import read_json, sha256
from cronocast.handoff.profile import SCHEMA, Gaps, Profile, from_document, read_profiles, to_document
from cronocast.handoff.results import Outcome, check_handoff, read_result, result_path, write_result

RUN = "2026-01-31T12:00:00Z"


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """A history.csv with the result of extract beside it."""
    path = tmp_path / "history.csv"
    path.write_text("name,tags,time,value\n")
    outcome = Outcome()
    outcome.add_output(path, 0)
    write_result(result_path("extract", path), "extract", "cpu", RUN, outcome, 1.2345, None, {})
    return path


def alter(path: Path, **changed: Any) -> None:
    document = {**read_json(result_path("extract", path)), **changed}
    result_path("extract", path).write_text(json.dumps(document))


def test_a_good_hand_off(published: Path) -> None:
    result = check_handoff(published, "extract", "cpu", RUN)
    assert result["outputs"] == {"history.csv": {"sha256": sha256(published), "rows": 0}}
    assert (result["status"], result["exit"], result["duration_s"]) == ("ok", 0, 1.234)
    assert set(result["versions"]) == {"cronocast", "python"}


UNFIT: dict[str, dict[str, Any]] = {
    "other series": {"series": "mem"},
    "other run": {"run": "2026-01-31T13:00:00Z"},
    "schema v99": {"schema": 99},
    "no schema": {"schema": None},
    "other step": {"step": "load"},
    "checksum": {"outputs": {"history.csv": {"sha256": "0" * 64, "rows": 0}}},
    "not listed": {"outputs": {}},
    "outputs no mapping": {"outputs": [1]},
    "output no mapping": {"outputs": {"history.csv": "x"}},
    "unknown status": {"status": "fine"},
    "status no text": {"status": ["ok"]},
    "failed": {"status": "failed"},
}


@pytest.mark.parametrize("changed", UNFIT.values(), ids=UNFIT)
def test_a_hand_off_that_does_not_fit(changed: dict[str, Any], published: Path) -> None:
    alter(published, **changed)
    with pytest.raises(ContractError, match="E_HANDOFF") as caught:
        check_handoff(published, "extract", "cpu", RUN)
    assert caught.value.exit_code == 76
    assert "extract" in str(caught.value) or "version" in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b'"x"', b"\xff", b"[" * 10_000])
def test_result_that_is_none(content: bytes, published: Path) -> None:
    result_path("extract", published).write_bytes(content)
    with pytest.raises(ContractError):
        check_handoff(published, "extract", "cpu", RUN)


def test_result_missing(published: Path) -> None:
    result_path("extract", published).unlink()
    with pytest.raises(ContractError, match="E_HANDOFF"):
        check_handoff(published, "extract", "cpu", RUN)
    assert check_handoff(published, "extract", None, None) == {}  # a file that stands alone


def test_file_gone_or_edited(published: Path) -> None:
    published.write_text("name,tags,time,value\nm,,1,2\n")
    with pytest.raises(ContractError, match=r"E_HANDOFF .*history.csv: .*\bextract\b.*sha256"):
        check_handoff(published, "extract", None, None)
    published.unlink()
    with pytest.raises(DataError, match="E_INPUT_MISSING"):
        check_handoff(published, "extract", "cpu", RUN)
    published.mkdir()
    with pytest.raises(StorageError, match="E_INPUT_KIND"):
        check_handoff(published, "extract", "cpu", RUN)


def test_a_skipped_step_hands_on_no_file(published: Path) -> None:
    alter(published, status="skipped", reason="no_data: 0 rows")
    published.unlink()
    assert check_handoff(published, "extract", "cpu", RUN)["status"] == "skipped"


def test_an_error_stands_in_the_result(tmp_path: Path) -> None:
    error = RefusedError("E_DB", "http://h:8086", "no such database")
    write_result(tmp_path / "load.result.json", "load", "cpu", RUN, Outcome(rows_in=7), 0.1, error, {})
    result = read_result(tmp_path / "load.result.json", "load")
    expected = {
        "status": "failed",
        "exit": 69,
        "token": "E_DB",
        "reason": "E_DB: no such database",
        "message": "E_DB http://h:8086: no such database",
        "rows_in": 7,
    }
    assert expected.items() <= result.items()


GOOD = Profile(
    "cpu",
    "host=a",
    "seasonal",
    "repeats daily",
    3600 * 10**9,
    400,
    10**18,
    10**18 + 399 * 3600 * 10**9,
    (24, 168),
    (),
    Gaps(1, 1, 0.01),
    {"acf": 0.9},
    ("x",),
    "slope",
    0.25,
)


def test_profile_round_trip() -> None:
    for profile in (GOOD, replace(GOOD, periods=(), change_points_ns=(10**18 + 5,), notes=())):
        assert from_document(json.loads(json.dumps(to_document(profile))), "p") == profile


IMPOSSIBLE: dict[str, dict[str, Any]] = {
    "unknown class": {"class": "flat"},
    "class no text": {"class": ["trend"]},
    "period 1e9": {"periods": [10**9]},
    "period as float": {"periods": [24.0]},
    "period 1": {"periods": [1]},
    "period true": {"periods": [True]},
    "periods text": {"periods": "24"},
    "unknown change": {"last_change": "season"},
    "slope endless": {"slope_now": float("inf")},
    "slope as text": {"slope_now": "1"},
    "step 0": {"step_ns": 0},
    "step negative": {"step_ns": -5},
    "times reversed": {"last_ns": 5},
    "time above int64": {"last_ns": 2**63},
    "points negative": {"points": -1},
    "points huge float": {"points": 1e300},
    "gaps empty": {"gaps": {}},
    "gaps text": {"gaps": {"missing": "1", "longest": 1, "share": 0.0}},
    "gaps list": {"gaps": [1, 2, 3]},
    "evidence text": {"evidence": {"acf": "0.9"}},
    "evidence huge": {"evidence": {"acf": 10**400}},
    "evidence list": {"evidence": []},
    "notes number": {"notes": [1]},
    "name number": {"name": 1},
    "why missing": {"why": None},
}


@pytest.mark.parametrize("changed", IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_profile_that_can_not_be(changed: dict[str, Any]) -> None:
    with pytest.raises(ContractError, match="E_CLASS"):
        from_document({**to_document(GOOD), **changed}, "profile.json:members[0]")


@pytest.mark.parametrize("key", sorted(to_document(GOOD)))
def test_profile_without_a_key(key: str) -> None:
    document = to_document(GOOD)
    del document[key]
    with pytest.raises(ContractError, match="E_CLASS"):
        from_document(document, "p")


@pytest.mark.parametrize(
    "document",
    [
        [],
        {"schema": 99, "members": []},
        {"schema": SCHEMA},
        {"schema": SCHEMA, "members": {}},
        {"schema": SCHEMA, "members": [None]},
        None,
        7,
    ],
)
def test_file_that_is_no_profile(document: Any, tmp_path: Path) -> None:
    (tmp_path / "profile.json").write_text(json.dumps(document))
    with pytest.raises(ContractError, match="E_CLASS"):
        read_profiles(tmp_path / "profile.json", None, None)


def mutated(rng: random.Random, value: Any) -> Any:
    """The document with one value somewhere replaced by another kind of thing."""
    if isinstance(value, dict) and value and rng.random() < 0.85:
        key = rng.choice(sorted(value))
        return {**value, key: mutated(rng, value[key])}
    if isinstance(value, list) and value and rng.random() < 0.7:
        i = rng.randrange(len(value))
        return [*value[:i], mutated(rng, value[i]), *value[i + 1 :]]
    return copy.deepcopy(rng.choice([None, True, -1, 0, 1e300, 10**30, "", "x", [], [[]], {}, {"a": 1}, value]))


def test_mutated_documents_never_end_in_a_bug(published: Path) -> None:
    rng, refused = random.Random(20260131), 0
    good = {"profile": to_document(GOOD), "result": read_json(result_path("extract", published))}
    for _ in range(2000):
        document = mutated(rng, good)
        try:
            from_document(document.get("profile") if isinstance(document, dict) else document, "p")
            result_path("extract", published).write_text(
                json.dumps(document.get("result") if isinstance(document, dict) else document)
            )
            check_handoff(published, "extract", "cpu", RUN)
        except CronocastError as error:
            refused += error.exit_code == 76
    assert refused > 500


def test_a_file_of_another_name_is_not_called_changed(published: Path) -> None:
    alter(published, outputs={"other.csv": {"sha256": "0" * 64, "rows": 0}})
    with pytest.raises(
        ContractError,
        match=r"E_HANDOFF .*history.csv: .*extract\.result\.json.*'other\.csv'",
    ):
        check_handoff(published, "extract", "cpu", RUN)
