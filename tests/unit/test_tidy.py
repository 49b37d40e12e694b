"""What the runs of a series leave stays bounded: histories that were used go, and runs beyond a number or a size."""

from pathlib import Path

import pytest

from cronocast.chain.tidy import size_of, tidy


@pytest.fixture
def runs(tmp_path: Path) -> list[Path]:
    """Five run folders, the oldest first, each of 1,100 bytes."""
    made = [tmp_path / "cpu-1" / "runs" / f"2026010{day}T000000Z" for day in range(1, 6)]
    for folder in made:
        (folder / "forecast").mkdir(parents=True)
        (folder / "history.csv").write_bytes(b"x" * 1000)
        (folder / "forecast" / "light.csv").write_bytes(b"x" * 100)
    (made[0].parent / "notes").mkdir()
    return made


def left(runs: list[Path]) -> str:
    """H of a run with its history, r of one without, - of one that is gone."""
    return "".join("H" if (run / "history.csv").exists() else "r" if run.exists() else "-" for run in runs)


@pytest.mark.parametrize(
    ("at", "most", "held", "expected", "removed"),
    [
        (4, 100, 10**6, "rrrrH", 0),
        (4, 3, 10**6, "--rrH", 2),
        (4, 1, 10**6, "----H", 4),
        (2, 100, 10**6, "rrHrH", 0),  # of a past run that was done again the newest stays whole, too
        (2, 2, 10**6, "--H-H", 3),
        (4, 100, 1350, "--rrH", 2),  # 1,100 bytes of the newest and twice 100
        (4, 100, 1, "----H", 4),
    ],
)
def test_what_stays(runs: list[Path], at: int, most: int, held: int, expected: str, removed: int) -> None:
    assert tidy(runs[at], most, held) == removed
    assert left(runs) == expected
    assert (runs[0].parent / "notes").exists()


def test_a_link_is_neither_followed_nor_counted(runs: list[Path], tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "history.csv").write_bytes(b"x" * 5000)
    link = runs[0].parent / "20250101T000000Z"
    link.symlink_to(tmp_path / "elsewhere")
    assert tidy(runs[4], 1) == 4
    assert link.exists()
    assert size_of(runs[0].parent) == 1100


def test_without_a_folder_there_is_nothing_to_do(tmp_path: Path) -> None:
    assert tidy(tmp_path / "nowhere" / "runs" / "20260101T000000Z", 3) == 0
