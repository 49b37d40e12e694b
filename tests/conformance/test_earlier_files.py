"""What another version of cronocast left behind is read, or refused in words: never misread, never a crash.

The documents stand here as this version writes them. Whoever changes one of these forms must raise its number, or these
tests fail.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cronocast.errors import ContractError
from cronocast.handoff import profile as profiles
from cronocast.handoff import results
from cronocast.models import weights
from cronocast.models.weights_manifest import FORMAT, Identity, Saved

IDENTITY = Identity("cpu{host=a}", {"inputs": 48, "units": 4}, {"kernel": (2, 2)}, 3600 * 10**9, 10**18)
ARRAY = np.array([[0.5, -0.25], [1.0, 2.0]], dtype="<f4")
MANIFEST: dict[str, Any] = {
    "format": 2,
    "key": "cpu{host=a}",
    "architecture": {"inputs": 48, "units": 4},
    "step_ns": 3600 * 10**9,
    "end_ns": 10**18 - 1,
    "score": 0.75,
    "arrays": [
        {
            "name": "kernel",
            "dtype": "<f4",
            "shape": [2, 2],
            "sha256": "7436fb103805edf583b0265918a8511443e1f58fa11669bac0c88fdce5b52fe2",
        }
    ],
}
PROFILE: dict[str, Any] = {
    "schema": 2,
    "members": [
        {
            "name": "cpu",
            "tags": "host=a",
            "class": "seasonal",
            "why": "It repeats.",
            "step_ns": 3600 * 10**9,
            "points": 400,
            "first_ns": 0,
            "last_ns": 399 * 3600 * 10**9,
            "periods": [24],
            "change_points_ns": [],
            "gaps": {"missing": 0, "longest": 0, "share": 0.0},
            "evidence": {"noise": 0.1},
            "notes": [],
            "last_change": "",
            "slope_now": 0.0,
        }
    ],
}
RESULT: dict[str, Any] = {
    "schema": 1,
    "step": "classify",
    "series": "cpu",
    "run": "2025-01-01T00-00-00Z",
    "status": "ok",
    "outputs": {},
}
OTHERS = [-1, 1]  # the version before, and the one after


def kept(folder: Path, format_: int) -> tuple[Saved | None, list[str]]:
    generation, notes = folder / "gen-00000001", list[str]()
    generation.mkdir(parents=True)
    (generation / "weights.f32").write_bytes(ARRAY.tobytes())
    (generation / "manifest.json").write_text(json.dumps({**MANIFEST, "format": format_}))
    (folder / "CURRENT").write_text("gen-00000001\n")
    return weights.load(folder, IDENTITY, notes), notes


def test_weights_of_this_version_are_read(tmp_path: Path) -> None:
    saved, notes = kept(tmp_path, 2)
    assert saved is not None, notes
    assert (saved.arrays["kernel"].tolist(), saved.score, notes) == (ARRAY.tolist(), 0.75, [])


@pytest.mark.parametrize("other", OTHERS)
def test_weights_of_another_version_are_trained_anew_and_the_reason_is_recorded(tmp_path: Path, other: int) -> None:
    saved, notes = kept(tmp_path, FORMAT + other)
    assert saved is None
    assert [note.split()[:2] for note in notes] == [["model_retrained:", "E_MODEL_VERSION"]]
    assert f"format {FORMAT + other}, right: {FORMAT}" in notes[0]


def classified(folder: Path, schema: int) -> Any:
    path = folder / "profile.json"
    path.write_text(json.dumps({**PROFILE, "schema": schema}))
    return profiles.read_profiles(path, None, None)


def test_a_profile_of_this_version_is_read(tmp_path: Path) -> None:
    found = classified(tmp_path, 2)["cpu", "host=a"]
    assert json.loads(json.dumps(profiles.to_document(found))) == PROFILE["members"][0]


@pytest.mark.parametrize("other", OTHERS)
def test_a_profile_of_another_version_is_refused(tmp_path: Path, other: int) -> None:
    with pytest.raises(ContractError, match=rf"E_CLASS .*schema {profiles.SCHEMA}"):
        classified(tmp_path, profiles.SCHEMA + other)


def ended(folder: Path, schema: int) -> dict[str, Any]:
    path = folder / "classify.result.json"
    path.write_text(json.dumps({**RESULT, "schema": schema}))
    return results.read_result(path, "classify")


def test_a_result_of_this_version_is_read(tmp_path: Path) -> None:
    assert ended(tmp_path, 1) == RESULT


@pytest.mark.parametrize("other", OTHERS)
def test_a_result_of_another_version_is_refused(tmp_path: Path, other: int) -> None:
    with pytest.raises(ContractError, match=rf"E_HANDOFF .*schema {results.SCHEMA + other}; .* reads {results.SCHEMA}"):
        ended(tmp_path, results.SCHEMA + other)
