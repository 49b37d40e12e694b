"""`report` and `plot` find the newest run of a series, or take the run folder that is named."""

from pathlib import Path

import pytest

from cronocast.commands.find_runs import chosen_runs, one_run
from cronocast.errors import DataError
from cronocast.handoff.files import series_id

OLD, NEW = "20260101T000000Z", "20260102T000000Z"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A root with two series of two runs each, below the current folder."""
    monkeypatch.chdir(tmp_path)
    for name in ("disk", "Net eth/0"):
        for run in (OLD, NEW, "not-a-run", f"{NEW}.tmp"):
            (Path("data") / series_id(name) / "runs" / run).mkdir(parents=True)
        (Path("data") / series_id(name) / "state").mkdir()
    (Path("data") / "lost+found").mkdir()
    return Path("data")


def newest(root: Path, name: str) -> Path:
    return root / series_id(name) / "runs" / NEW


def test_a_root_means_the_newest_run_of_every_series(root: Path) -> None:
    every = sorted(newest(root, name) for name in ("disk", "Net eth/0"))
    assert chosen_runs([str(root)], Path("elsewhere"), []) == every
    assert chosen_runs([], root, []) == every
    assert chosen_runs([str(root.absolute())], Path("elsewhere"), []) == [path.absolute() for path in every]


def test_a_name_means_the_newest_run_of_that_series(root: Path) -> None:
    disk = newest(root, "disk")
    assert chosen_runs([str(root), "disk"], Path("elsewhere"), []) == [disk]
    assert chosen_runs(["disk"], root, []) == [disk]
    assert chosen_runs([], root, ["disk"]) == [disk]
    assert chosen_runs([str(root)], Path("elsewhere"), ["Net eth/0"]) == [newest(root, "Net eth/0")]
    assert chosen_runs(["disk"], root, ["Net eth/0"]) == [disk, newest(root, "Net eth/0")]


def test_folders_are_taken_as_they_are(root: Path) -> None:
    old, disk = root / series_id("disk") / "runs" / OLD, newest(root, "disk")
    assert chosen_runs([str(old)], root, []) == [old]
    assert chosen_runs([str(old), str(disk)], root, []) == [old, disk]
    assert chosen_runs([str(old), str(root), "disk"], root, []) == [old, disk]
    assert chosen_runs([str(old.parents[1])], root, []) == [disk]  # the folder of a series
    assert chosen_runs(["a/b"], root, []) == [Path("a/b")]  # which the report then says of


def test_what_is_not_there_is_said_with_what_is(root: Path) -> None:
    with pytest.raises(DataError, match=r"'nope'.*\bdisk\b"):
        chosen_runs([str(root), "nope"], root, [])
    with pytest.raises(DataError, match="no run"):
        chosen_runs([], root / "lost+found", [])
    with pytest.raises(DataError, match="no runs"):
        chosen_runs(["disk"], Path("elsewhere"), [])


def test_a_picture_is_of_one_run(root: Path) -> None:
    assert one_run([str(root), "disk"], root, []) == newest(root, "disk")
    with pytest.raises(DataError, match="2 runs"):
        one_run([str(root)], root, [])
