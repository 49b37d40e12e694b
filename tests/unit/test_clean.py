"""The janitor removes old run folders, and nothing else."""

import os
from pathlib import Path

import pytest

from cronocast.commands.clean import Cleaned, clean, fullness
from cronocast.durations import Duration
from cronocast.errors import StorageError

DAY = 86400
NOW = 1_800_000_000.0
WEEK = Duration.parse("7d")


def run(root: Path, name: str, age_days: float, series: str = "cpu-1") -> Path:
    folder = root / series / "runs" / name
    (folder / "forecast").mkdir(parents=True)
    (folder / "history.csv").write_text("x")
    for path in (folder / "history.csv", folder / "forecast", folder):
        os.utime(path, (NOW - age_days * DAY,) * 2)
    return folder


def test_old_runs_go_and_young_ones_the_newest_and_the_models_stay(tmp_path: Path) -> None:
    old, young, newest = (
        run(tmp_path, "20260101T000000Z", 30),
        run(tmp_path, "20260102T000000Z", 6),
        run(tmp_path, "20260103T000000Z", 30),
    )
    alone = run(tmp_path, "20250101T000000Z", 300, "disk-2")
    models = tmp_path / "cpu-1" / "state" / "models"
    models.mkdir(parents=True)
    os.utime(models, (0, 0))
    assert clean(tmp_path, WEEK, NOW) == Cleaned(1, 3, ())
    assert not old.exists()
    assert all(path.exists() for path in (young, newest, alone, models))


def test_a_run_in_which_something_changed_lately_stays(tmp_path: Path) -> None:
    old = run(tmp_path, "20260101T000000Z", 30)
    run(tmp_path, "20260102T000000Z", 30)
    os.utime(old / "forecast", (NOW, NOW))
    assert clean(tmp_path, WEEK, NOW) == Cleaned(0, 2, ())


def test_only_folders_named_like_runs_are_looked_at(tmp_path: Path) -> None:
    run(tmp_path, "20260103T000000Z", 1)
    others = [run(tmp_path, name, 300) for name in ("backup", "20260101", "20260101T000000Z.old", "2026-01-01")]
    (tmp_path / "lost+found").mkdir()
    (tmp_path / "file").write_text("x")
    assert clean(tmp_path, WEEK, NOW) == Cleaned(0, 1, ())
    assert all(path.exists() for path in others)


def test_links_are_never_followed(tmp_path: Path) -> None:
    root, elsewhere = tmp_path / "root", tmp_path / "elsewhere"
    target = run(elsewhere, "20260101T000000Z", 300)
    run(elsewhere, "20260102T000000Z", 300)
    run(root, "20260103T000000Z", 1)
    (root / "cpu-1" / "runs" / "20260101T000000Z").symlink_to(target)
    (root / "linked").symlink_to(elsewhere / "cpu-1")
    (root / "half").mkdir()
    (root / "half" / "runs").symlink_to(elsewhere / "cpu-1" / "runs")
    assert clean(root, WEEK, NOW) == Cleaned(0, 1, ())
    assert target.exists()


def test_one_folder_that_cannot_be_removed_stops_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = run(tmp_path, "20260101T000000Z", 30), run(tmp_path, "20260102T000000Z", 30)
    run(tmp_path, "20260103T000000Z", 30)
    remove = __import__("shutil").rmtree

    def stubborn(path: Path) -> None:
        if path == first:
            raise PermissionError(13, "Permission denied")
        remove(path)

    monkeypatch.setattr("cronocast.commands.clean.shutil.rmtree", stubborn)
    assert clean(tmp_path, WEEK, NOW) == Cleaned(1, 1, ("cpu-1/runs/20260101T000000Z: Permission denied",))
    assert not second.exists()
    assert "cpu-1/runs/20260101T000000Z: Permission denied" in capsys.readouterr().err


def test_a_run_that_vanishes_meanwhile_is_no_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(tmp_path, "20260101T000000Z", 30)
    gone = run(tmp_path, "20260102T000000Z", 30)
    run(tmp_path, "20260103T000000Z", 30)

    def changed(folder: Path) -> float:
        if folder == gone:
            raise FileNotFoundError(2, "No such file or directory")
        return 0.0

    monkeypatch.setattr("cronocast.commands.clean._changed_s", changed)
    assert clean(tmp_path, WEEK, NOW).removed == 1


@pytest.mark.parametrize("call", ["is_dir", "is_symlink", "lstat"])
def test_a_folder_that_nobody_may_look_into_stops_no_other(
    call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As lost+found at the root of a volume, which belongs to root alone."""
    old = run(tmp_path, "20260101T000000Z", 30)
    run(tmp_path, "20260102T000000Z", 30)
    (tmp_path / "lost+found").mkdir()
    look = getattr(Path, call)

    def refused(path: Path) -> object:
        if path.parent.name == "lost+found":
            raise PermissionError(13, "Permission denied")
        return look(path)

    monkeypatch.setattr(Path, call, refused)
    assert clean(tmp_path, WEEK, NOW) == Cleaned(1, 1, ())
    assert not old.exists()


@pytest.mark.parametrize(("changed_days", "kept"), [(30, 1), (0, 2)], ids=["and the run is old", "and the run goes on"])
def test_a_temporary_file_that_vanishes_is_gone(
    changed_days: float, kept: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = run(tmp_path, "20260101T000000Z", 30)
    run(tmp_path, "20260102T000000Z", 30)
    look = Path.lstat

    def vanished(path: Path) -> os.stat_result:
        if path.name == "history.csv":
            os.utime(path.parent, (NOW - changed_days * DAY,) * 2)  # as its removal does
            raise FileNotFoundError(2, "No such file or directory")
        return look(path)

    monkeypatch.setattr(Path, "lstat", vanished)
    assert clean(tmp_path, WEEK, NOW) == Cleaned(2 - kept, kept, ())
    assert old.exists() == (kept == 2)


def test_a_root_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="E_STORAGE"):
        clean(tmp_path / "nowhere", WEEK)


def test_a_series_in_which_nothing_changed_for_long_goes_with_its_models(tmp_path: Path) -> None:
    run(tmp_path, "20260101T000000Z", 100, "gone-1")
    run(tmp_path, "20260101T000000Z", 100, "kept-1")
    (tmp_path / "kept-1" / "state").mkdir()
    for path in sorted(tmp_path.rglob("*"), reverse=True):
        if path.is_dir():
            os.utime(path, (NOW - 100 * DAY,) * 2)
    os.utime(tmp_path / "kept-1" / "state", (NOW, NOW))
    done = clean(tmp_path, WEEK, NOW, Duration.parse("90d"))
    assert (done.gone, done.failed) == (("gone-1",), ())
    assert {path.name for path in tmp_path.iterdir()} == {"kept-1"}


def test_how_full_the_volume_is_and_by_which_series(tmp_path: Path) -> None:
    run(tmp_path, "20260101T000000Z", 1, "small-1")
    (run(tmp_path, "20260101T000000Z", 1, "large-1") / "history.csv").write_text("x" * 1000)
    full, sizes = fullness(tmp_path)
    assert 0 < full <= 1
    assert [name for name, _ in sizes] == ["large-1", "small-1"]
