"""Rows leave the spool grouped by member, ascending, each time once, whatever order they came in."""

import random
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import pytest

from cronocast.errors import ContractError
from cronocast.handoff.files import atomic, sha256
from cronocast.handoff.series import HISTORY_COLUMNS, header
from cronocast.handoff.strict import read_members
from cronocast.sources import spool as module
from cronocast.sources.spool import Arranged, Spool, one_per_time

HEAD = header(HISTORY_COLUMNS)
Part = tuple[str, list[tuple[int, float]]]


def spooled(
    folder: Path, parts: list[Part], keep_after: tuple[int, ...] = ()
) -> tuple[Arranged, dict[str, list[tuple[int, float]]]]:
    with atomic(folder / "history.csv") as file:
        spool = Spool(file, folder, HEAD)
        for i, (host, rows) in enumerate(parts):
            times = [t for t, _ in rows]
            ascending = all(a < b for a, b in pairwise(times))
            spool.add(
                "m",
                f"host={host}",
                [b"%d,%s" % (t, repr(v).encode()) for t, v in rows],
                min(times),
                max(times),
                ascending=ascending,
            )
            if i in keep_after:
                spool.commit()
        arranged = spool.arrange()
    members = read_members(folder / "history.csv", HISTORY_COLUMNS)
    return arranged, {m.tags.removeprefix("host="): list(zip(m.time_ns, m.columns[0], strict=True)) for m in members}


CASES: dict[str, tuple[list[Part], dict[str, list[tuple[int, float]]]]] = {
    "nothing": ([], {}),
    "in order": ([("a", [(1, 1.0), (2, 2.0)]), ("b", [(1, 3.0)])], {"a": [(1, 1.0), (2, 2.0)], "b": [(1, 3.0)]}),
    "slices": (
        [("a", [(1, 1.0)]), ("b", [(1, 2.0)]), ("a", [(2, 3.0)]), ("b", [(2, 4.0)])],
        {"a": [(1, 1.0), (2, 3.0)], "b": [(1, 2.0), (2, 4.0)]},
    ),
    "member appears later": (
        [("b", [(1, 1.0)]), ("a", [(2, 2.0)]), ("b", [(2, 3.0)])],
        {"b": [(1, 1.0), (2, 3.0)], "a": [(2, 2.0)]},
    ),
    "newest first": (
        [("a", [(5, 5.0), (6, 6.0)]), ("a", [(1, 1.0), (2, 2.0)])],
        {"a": [(1, 1.0), (2, 2.0), (5, 5.0), (6, 6.0)]},
    ),
    "unsorted inside": ([("a", [(3, 3.0), (1, 1.0), (2, 2.0)])], {"a": [(1, 1.0), (2, 2.0), (3, 3.0)]}),
    "overlap with equal rows": (
        [("a", [(1, 1.0), (2, 2.0)]), ("a", [(2, 2.0), (3, 3.0)])],
        {"a": [(1, 1.0), (2, 2.0), (3, 3.0)]},
    ),
}


@pytest.mark.parametrize(("parts", "expected"), CASES.values(), ids=CASES)
def test_rows_are_grouped_and_ascending(parts: list[Part], expected: dict[str, Any], tmp_path: Path) -> None:
    for kept in ((), (0,), (0, 1, 2)):
        arranged, got = spooled(tmp_path, parts, kept)
        assert got == expected
        assert arranged.sha256 in (None, sha256(tmp_path / "history.csv"))
        assert [(tags, rows) for _, tags, rows in arranged.members] == [
            (f"host={host}", len(rows)) for host, rows in expected.items()
        ]


def test_random_order_against_a_plain_sort(tmp_path: Path) -> None:
    rnd = random.Random(3)
    for _ in range(30):
        rows = [(rnd.choice("abc"), t, float(t)) for t in rnd.sample(range(100), 40)]
        parts = [(host, [(t, v) for _, t, v in part]) for host, part in groupby(rows, key=lambda row: row[0])]
        _, got = spooled(tmp_path, parts)
        assert got == {host: sorted((t, v) for h, t, v in rows if h == host) for host in {h for h, _, _ in rows}}


def test_rows_since_the_last_keep_are_forgotten(tmp_path: Path) -> None:
    with atomic(tmp_path / "history.csv") as file:
        spool = Spool(file, tmp_path, HEAD)
        spool.rewind()
        spool.add("m", "", [b"1,1"], 1, 1, ascending=True)
        spool.commit()
        for _ in range(2):
            spool.add("m", "", [b"2,2"], 2, 2, ascending=True)
            spool.add("m", "host=x", [b"3,3"] * 9999, 3, 3, ascending=True)
            spool.rewind()
        spool.add("m", "", [b"2,4"], 2, 2, ascending=True)
        arranged = spool.arrange()
        assert arranged.members == [("m", "", 2)]
    assert arranged.sha256 == sha256(tmp_path / "history.csv")
    assert (tmp_path / "history.csv").read_bytes() == HEAD + b"m,,1,1\nm,,2,4\n"


def test_members_with_odd_tags_are_quoted(tmp_path: Path) -> None:
    with atomic(tmp_path / "history.csv") as file:
        spool = Spool(file, tmp_path, HEAD)
        for time in (1, 2):
            for tags in ('k=a"b', "k=a\\,b,l=c"):
                spool.add("m m", tags, [b"%d,1" % time], time, time, ascending=True)
        spool.arrange()
    assert [(m.name, m.tags, list(m.time_ns)) for m in read_members(tmp_path / "history.csv", HISTORY_COLUMNS)] == [
        ("m m", 'k=a"b', [1, 2]),
        ("m m", "k=a\\,b,l=c", [1, 2]),
    ]


def test_too_much_to_sort_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_SORTED_ROWS", 2)
    with pytest.raises(ContractError, match=r"^E_ORDER"):
        spooled(tmp_path, [("a", [(3, 3.0), (1, 1.0), (2, 2.0)])])
    assert not list(tmp_path.iterdir())


def test_later_row_stands_and_rows_are_counted() -> None:
    assert one_per_time([b"5,1", b"4,2", b"5,1.0", b"5,3"]) == ([b"4,2", b"5,3"], 1, 1)


def test_long_tags_are_written_in_parts_and_read_back_whole(tmp_path: Path) -> None:
    """At once, rows of a member with 60 kB of tags would take hundreds of times what the answer took."""
    long, rows = "x" * 60_000, [(i + 1, i / 2) for i in range(50)]
    for parts in ([(long, rows), ("b", rows)], [("b", rows[:20]), (long, rows), ("b", rows[20:])]):
        arranged, found = spooled(tmp_path, parts)
        assert found == {long: rows, "b": rows}
        assert arranged.sha256 in (None, sha256(tmp_path / "history.csv"))


def test_rows_that_are_left_out_are_counted_once_also_after_a_retry(tmp_path: Path) -> None:
    with atomic(tmp_path / "history.csv") as file:
        spool = Spool(file, tmp_path, HEAD, lambda key: key[1] == "host=bad")

        def add(host: str, *times: int) -> None:
            spool.add("m", f"host={host}", [b"%d,1" % t for t in times], times[0], times[-1], ascending=True)

        add("bad", 1, 2)
        add("a", 1, 2)
        spool.commit()
        add("bad", 3)
        add("a", 3)
        spool.rewind()
        add("bad", 3)
        add("a", 3)
        arranged = spool.arrange()
    assert (arranged.members, arranged.dropped["unwritable"]) == ([("m", "host=a", 3)], 3)
