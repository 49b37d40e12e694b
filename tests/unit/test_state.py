"""Saved weights: what is damaged, foreign or hostile is never used, and the reason is told."""

import hashlib
import json
import os
import pickle
import re
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cronocast.errors import StorageError
from cronocast.models import weights as state
from cronocast.models.weights_manifest import Identity, Saved

HOUR_NS = 3600 * 10**9
IDENTITY = Identity(
    "cpu{host=a}", {"inputs": 48, "units": 4}, {"lstm0.kernel": (3, 8), "rest.bias": (5,)}, HOUR_NS, 9 * HOUR_NS
)
Change = Callable[[Path], None]


def weights(value: float = 0.5) -> Saved:
    return Saved({name: np.full(shape, value, np.float32) for name, shape in IDENTITY.shapes.items()}, 0.9)


def load(folder: Path, identity: Identity = IDENTITY) -> tuple[Saved | None, list[str]]:
    notes: list[str] = []
    return state.load(folder, identity, notes), notes


def run(number: int) -> Identity:
    """The same weights wanted in another run."""
    return replace(IDENTITY, end_ns=number * HOUR_NS)


def newest(folder: Path) -> Path:
    return folder / (folder / "CURRENT").read_text().strip()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two generations: an old one full of 0.25, the current one full of 0.5, of the two runs before."""
    for number, value in ((7, 0.25), (8, 0.5)):
        state.save(tmp_path / "state", run(number), weights(value))
    return tmp_path / "state"


def value_of(saved: Saved | None) -> float | None:
    return float(saved.arrays["rest.bias"][0]) if saved else None


def test_what_was_saved_is_loaded(folder: Path) -> None:
    saved, notes = load(folder)
    assert saved is not None
    assert notes == []
    assert saved.score == 0.9
    assert {name: array.shape for name, array in saved.arrays.items()} == IDENTITY.shapes
    assert value_of(saved) == 0.5


def test_nothing_saved_is_no_fault(tmp_path: Path) -> None:
    assert load(tmp_path / "never") == (None, [])


def test_two_generations_are_kept(folder: Path) -> None:
    for number in range(9, 14):
        state.save(folder, run(number), weights(0.75))
    assert sorted(p.name for p in folder.iterdir()) == ["CURRENT", "gen-00000006", "gen-00000007"]


def test_a_repeated_run_starts_from_what_its_first_execution_started_from(folder: Path) -> None:
    state.save(folder, run(9), weights(0.75))
    assert value_of(load(folder, run(9))[0]) == 0.5
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    state.save(folder, run(9), weights(0.125))
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    assert value_of(load(folder, run(10))[0]) == 0.75


def test_a_repeated_first_run_starts_from_nothing_and_says_nothing(tmp_path: Path) -> None:
    state.save(tmp_path, run(7), weights())
    assert load(tmp_path, run(7)) == (None, [])


def test_what_a_run_started_from_is_kept_although_a_newer_generation_is_damaged(folder: Path) -> None:
    _write(newest(folder) / "weights.f32", b"")
    assert value_of(load(folder, run(9))[0]) == 0.25
    state.save(folder, run(9), weights(0.75))
    assert value_of(load(folder, run(9))[0]) == 0.25
    assert value_of(load(folder, run(10))[0]) == 0.75


def test_a_damaged_generation_of_the_same_run_is_replaced(folder: Path) -> None:
    state.save(folder, run(9), weights(0.75))
    _write(newest(folder) / "weights.f32", b"")
    assert value_of(load(folder, run(9))[0]) == 0.5
    state.save(folder, run(9), weights(0.75))
    assert value_of(load(folder, run(9))[0]) == 0.5
    assert value_of(load(folder, run(10))[0]) == 0.75


def test_a_run_of_earlier_times_learns_nothing_from_later_ones_and_takes_nothing_from_them(folder: Path) -> None:
    saved, notes = load(folder, run(5))
    assert saved is None
    assert re.match("model_retrained: E_MODEL_LATER gen-00000002: .*1970-01-01T08:00:00Z", notes[0])
    state.save(folder, run(5), weights(0.75))
    assert value_of(load(folder)[0]) == 0.5


def test_weights_of_another_step_size_are_not_used(folder: Path) -> None:
    saved, notes = load(folder, replace(IDENTITY, step_ns=HOUR_NS // 2))
    assert saved is None
    assert re.match("model_retrained: E_MODEL_FOREIGN gen-00000002: .*3600000000000 ns.*1800000000000 ns", notes[0])


def _edit(change: Callable[[dict[str, Any]], Any]) -> Change:
    def edit(generation: Path) -> None:
        path = generation / "manifest.json"
        data = json.loads(path.read_text())
        change(data)
        path.write_text(json.dumps(data))

    return edit


def _raw(change: Callable[[bytes], bytes]) -> Change:
    return lambda generation: _write(generation / "weights.f32", change((generation / "weights.f32").read_bytes()))


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _forged(value: float) -> Change:
    """Weights of a value, with a checksum that fits."""

    def forge(generation: Path) -> None:
        array = np.full((3, 8), 0.5, "<f4")
        array[0, 0] = value
        rest = np.full(5, 0.5, "<f4")
        _write(generation / "weights.f32", array.tobytes() + rest.tobytes())
        _edit(lambda d: d["arrays"][0].update(sha256=hashlib.sha256(array.tobytes()).hexdigest()))(generation)

    return forge


class Canary:
    """Unpickling it creates a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mknod, (str(self.path),)


def _pickled(generation: Path) -> None:
    _write(generation / "weights.f32", pickle.dumps(Canary(generation.parent.parent / "canary")))


def _linked(name: str) -> Change:
    def link(generation: Path) -> None:
        (generation / name).rename(generation.parent.parent / f"elsewhere-{name}")
        (generation / name).symlink_to(generation.parent.parent / f"elsewhere-{name}")

    return link


def _piped(generation: Path) -> None:
    (generation / "weights.f32").unlink()
    os.mkfifo(generation / "weights.f32")


def _flip(raw: bytes) -> bytes:
    return raw[:13] + bytes([raw[13] ^ 64]) + raw[14:]


def _doubled(generation: Path) -> None:
    path = generation / "manifest.json"
    path.write_text(path.read_text().replace("{", '{"key": "mine", ', 1))


DAMAGED: dict[str, tuple[Change, str]] = {
    "pickle under our name": (_pickled, "E_MODEL_DAMAGED"),
    "npz under our name": (_raw(lambda raw: b"PK\x03\x04" + raw[4:]), "E_MODEL_DAMAGED"),
    "shape bomb": (_edit(lambda d: d["arrays"][0].update(shape=[2**17, 2**17])), "E_MANIFEST"),
    "negative shape": (_edit(lambda d: d["arrays"][0].update(shape=[-3, -8])), "E_MANIFEST"),
    "900 MiB file": (lambda g: os.truncate(g / "weights.f32", 900 * 2**20), "E_MANIFEST"),
    "cut to 0 %": (_raw(lambda _: b""), "E_MODEL_DAMAGED"),
    "cut to 30 %": (_raw(lambda raw: raw[: len(raw) * 3 // 10]), "E_MODEL_DAMAGED"),
    "cut to 90 %": (_raw(lambda raw: raw[: len(raw) * 9 // 10]), "E_MODEL_DAMAGED"),
    "appended": (_raw(lambda raw: raw + b"\0"), "E_MANIFEST"),
    "HTML": (_raw(lambda _: b"<html>502</html>"), "E_MODEL_DAMAGED"),
    "weights gone": (lambda g: (g / "weights.f32").unlink(), "E_MANIFEST"),
    "one bit": (_raw(_flip), "lstm0.kernel"),
    "NaN with a fitting checksum": (_forged(float("nan")), "E_MODEL_DAMAGED gen-00000002: "),
    "infinity": (_forged(float("inf")), "E_MODEL_DAMAGED gen-00000002: "),
    "beyond a million": (_forged(1.1e38), "1e+06"),
    "other architecture": (_edit(lambda d: d["architecture"].update(units=64)), "E_MODEL_FOREIGN"),
    "other member": (_edit(lambda d: d.update(key="cpu{host=b}")), "E_MODEL_FOREIGN"),
    "other names": (_edit(lambda d: d["arrays"][0].update(name="lstm1.kernel")), "E_MANIFEST"),
    "path in a name": (_edit(lambda d: d["arrays"][0].update(name="../../x")), "E_MANIFEST"),
    "a path beside the arrays": (_edit(lambda d: d.update(file="/etc/passwd")), "E_MANIFEST"),
    "linked weights": (_linked("weights.f32"), "E_MANIFEST"),
    "linked manifest": (_linked("manifest.json"), "E_MANIFEST"),
    "manifest a pipe": (_piped, "E_MANIFEST"),
    "manifest of 10 MB": (lambda g: _write(g / "manifest.json", b"[" + b"1," * 5_000_000 + b"1]"), "E_MANIFEST"),
    "manifest nested deeply": (lambda g: _write(g / "manifest.json", b"[" * 30_000 + b"]" * 30_000), "E_MANIFEST"),
    "manifest with a key twice": (_doubled, "E_MANIFEST"),
    "manifest not JSON": (lambda g: _write(g / "manifest.json", b"\x80\x04\x95"), "E_MANIFEST"),
    "manifest empty": (lambda g: _write(g / "manifest.json", b""), "E_MANIFEST"),
    "manifest a list": (lambda g: _write(g / "manifest.json", b"[]"), "E_MODEL_VERSION"),
    "newer format": (_edit(lambda d: d.update(format=3)), "E_MODEL_VERSION"),
    "true is not 1": (_edit(lambda d: d.update(format=True)), "E_MODEL_VERSION"),
    "float16": (_edit(lambda d: d["arrays"][0].update(dtype="<f2")), "E_MANIFEST"),
    "complex": (_edit(lambda d: d["arrays"][0].update(dtype="<c8")), "E_MANIFEST"),
    "zero size": (_edit(lambda d: d["arrays"][0].update(shape=[0, 8])), "E_MANIFEST"),
    "scale of NaN": (
        lambda g: _write(g / "manifest.json", (g / "manifest.json").read_bytes().replace(b"0.9", b"NaN")),
        "E_MANIFEST",
    ),
    "score out of range": (_edit(lambda d: d.update(score=-3)), "E_MANIFEST"),
    "score as text": (_edit(lambda d: d.update(score="0.9")), "E_MANIFEST"),
    "end out of range": (_edit(lambda d: d.update(end_ns=10**30)), "E_MANIFEST"),
    "end as text": (_edit(lambda d: d.update(end_ns="9")), "E_MANIFEST"),
    "arrays as text": (_edit(lambda d: d.update(arrays="all")), "E_MANIFEST"),
    "array without checksum": (_edit(lambda d: d["arrays"][0].pop("sha256")), "E_MANIFEST"),
}


@pytest.mark.parametrize(("damage", "expected"), DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_generation_falls_back_to_the_one_before(folder: Path, damage: Change, expected: str) -> None:
    damage(newest(folder))
    tracemalloc.start()
    saved, notes = load(folder)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert value_of(saved) == 0.25
    assert len(notes) == 1
    assert notes[0].startswith("model_previous_generation: ")
    assert expected in notes[0]
    assert not (folder.parent / "canary").exists()
    assert peak < 20 * 2**20


@pytest.mark.parametrize(("damage", "expected"), DAMAGED.values(), ids=DAMAGED)
def test_no_sound_generation_means_training_anew_with_the_reason(folder: Path, damage: Change, expected: str) -> None:
    """Never a crash loop; the next save works again."""
    current = newest(folder)
    for generation in folder.glob("gen-*"):
        if generation != current:
            state._remove(generation)
    damage(current)
    saved, notes = load(folder)
    assert saved is None
    assert notes[0].startswith("model_retrained: ")
    assert expected in notes[0]
    state.save(folder, IDENTITY, weights(0.75))
    assert value_of(load(folder, run(10))[0]) == 0.75


def _folder_current(folder: Path) -> None:
    (folder / "CURRENT").unlink()
    (folder / "CURRENT").mkdir()


CURRENT: dict[str, tuple[Change, float]] = {
    "missing": (lambda f: (f / "CURRENT").unlink(), 0.5),
    "empty": (lambda f: _write(f / "CURRENT", b""), 0.5),
    "a missing generation": (lambda f: _write(f / "CURRENT", b"gen-00000099\n"), 0.5),
    "itself": (lambda f: _write(f / "CURRENT", b"CURRENT\n"), 0.5),
    "a path": (lambda f: _write(f / "CURRENT", b"../../etc\n"), 0.5),
    "long": (lambda f: _write(f / "CURRENT", b"x" * 10**6), 0.5),
    "a folder": (_folder_current, 0.5),
    "the one before": (lambda f: _write(f / "CURRENT", b"gen-00000001\n"), 0.25),
}


@pytest.mark.parametrize(("change", "expected"), CURRENT.values(), ids=CURRENT)
def test_a_lost_pointer_means_the_newest_sound_generation(folder: Path, change: Change, expected: float) -> None:
    change(folder)
    assert value_of(load(folder)[0]) == expected


def test_a_linked_generation_is_refused(folder: Path) -> None:
    current = newest(folder)
    current.rename(folder.parent / "elsewhere")
    current.symlink_to(folder.parent / "elsewhere")
    saved, notes = load(folder)
    assert value_of(saved) == 0.25
    assert "E_MANIFEST gen-00000002: " in notes[0]


@pytest.mark.parametrize("name", ["model.keras", "trend.h5", "scaler.pkl", "net.PT", "w.npz", "a.joblib"])
def test_full_models_and_pickles_are_never_opened(folder: Path, name: str) -> None:
    _write(folder / name, pickle.dumps(Canary(folder.parent / "canary")))
    saved, notes = load(folder)
    assert value_of(saved) == 0.5
    assert len(notes) == 1
    assert "E_MODEL_FORMAT" in notes[0]
    assert not (folder.parent / "canary").exists()


def test_ten_thousand_generations_are_no_burden(folder: Path) -> None:
    for i in range(3, 10_003):
        (folder / f"gen-{i:08d}").mkdir()
    (folder / "CURRENT").unlink()
    saved, notes = load(folder)
    assert saved is None  # the newest ones are empty; looking further would cost more than training
    assert len(notes) == state.TRIES
    before = len(list(folder.iterdir()))
    state.save(folder, IDENTITY, weights(0.75))
    assert value_of(load(folder, run(10))[0]) == 0.75
    assert before - len(list(folder.iterdir())) >= state.MAX_REMOVED - 2


def test_a_file_in_place_of_the_folder_is_the_volumes_fault(tmp_path: Path) -> None:
    _write(tmp_path / "state", b"x")
    with pytest.raises(StorageError):
        load(tmp_path / "state")


def test_foreign_files_are_left_alone(folder: Path) -> None:
    _write(folder / "notes.txt", b"mine")
    _write(folder / "gen-00000001" / "other", b"mine")
    for number in range(9, 12):
        state.save(folder, run(number), weights())
    assert (folder / "notes.txt").exists()
    assert (folder / "gen-00000001" / "other").exists()


def test_a_forged_checksum_is_refused_where_manifests_are_signed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write(tmp_path / "key", b"secret of this tenant\n")
    monkeypatch.setenv("CRONOCAST_MODEL_KEY_FILE", str(tmp_path / "key"))
    folder = tmp_path / "state"
    state.save(folder, run(7), weights(0.25))
    state.save(folder, run(8), weights(0.5))
    assert value_of(load(folder)[0]) == 0.5
    _forged(0.75)(newest(folder))
    saved, notes = load(folder)
    assert value_of(saved) == 0.25
    assert "E_MODEL_SIGNATURE" in notes[0]
    _edit(lambda d: d.pop("hmac"))(folder / "gen-00000001")
    assert load(folder)[0] is None


def test_a_kill_at_any_write_leaves_sound_weights(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every rename in turn is the last thing that happens."""
    real = os.replace
    for dies_at in range(1, 4):
        calls = iter(range(1, 10))

        def dying(source: str, target: Path, at: int = dies_at, calls: Any = calls) -> None:
            if next(calls) == at:
                raise KeyboardInterrupt
            real(source, target)

        monkeypatch.setattr(os, "replace", dying)
        with pytest.raises(KeyboardInterrupt):
            state.save(folder, IDENTITY, weights(0.75))
        monkeypatch.setattr(os, "replace", real)
        assert value_of(load(folder)[0]) == 0.5
    state.save(folder, IDENTITY, weights(0.75))
    assert value_of(load(folder, run(10))[0]) == 0.75
