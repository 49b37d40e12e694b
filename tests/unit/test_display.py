"""The closing table of `cronocast run`: every column at every width, whatever the names.

Points show only where they are written.
"""

import re
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cronocast.commands import display
from cronocast.commands.series_run import Chain

HEADS = ["series", "member", "status", "class", "model", "found", "vs naive", "coverage", "points"]


def chain(*tags: str, series: str = "disk", acked: int = 24, exit_code: int = 0) -> Chain:
    test = {"ratio": 0.72, "coverage": 0.96}
    members = [
        {
            "name": "disk",
            "tags": t,
            "status": "fallback",
            "class": "trend_seasonal",
            "model": "median(linear,fourier,seasonal_naive)",
            "why": "why it is",
            "rows_asked": 672,
            "rows_found": 141,
            "backtest": test,
        }
        for t in tags
    ]
    load = {
        "acked": acked * len(tags),
        "expected": 24 * len(tags),
        "members": [{"name": "disk", "tags": t, "points": 24} for t in tags],
        "status": "ok",
        "reason": "",
    }
    entry: Any = SimpleNamespace(name=series)
    return Chain(
        entry, Path(), {"forecast": {"members": members}, "load": load}, exit_code, "load" if exit_code else "", "E_X"
    )


def table(width: int, made: Chain, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> list[str]:
    monkeypatch.setattr(display, "LOG_WIDTH", width)
    display.closing_table([made])
    return capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("width", [80, 100, 120, 160])
@pytest.mark.parametrize("tags", ["host=big", "host=" + "x" * 300, "host=\u65e5\u672c\u8a9e" * 40])
@pytest.mark.parametrize("series", ["disk", "a-series-of-quite-a-long-name-" * 2])
def test_no_column_is_lost(
    width: int, tags: str, series: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    head, row, *_ = table(width, chain(tags, series=series), monkeypatch, capsys)
    assert all(name in head for name in HEADS)
    assert all(cell in row for cell in ("fallback", "21%", "0.72", "96%", " 24"))
    assert "why it" not in row


@pytest.mark.parametrize("width", [80, 160])
def test_notes_on_the_history_stand_below(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = chain("host=a", series="cpu [all]")
    made.results["extract"] = {"status": "ok", "notes": ["points also differ by [path] (4)", "v has two types"]}
    lines = table(width, made, monkeypatch, capsys)
    assert lines[-2:] == ["cpu [all]: points also differ by [path] (4)", "cpu [all]: v has two types"]


def test_short_members_are_told_apart_at_80_columns(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = table(80, chain("host=good", "host=gone"), monkeypatch, capsys)[1:3]
    assert ["host=good" in rows[0], "host=gone" in rows[1]] == [True, True]


def test_members_that_begin_alike_are_told_apart_at_80_columns(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = table(
        80,
        chain(*(f"host=muenchen-rack-{i}-left" for i in range(3)), *(f"host=muenchen-rack-left-{i}" for i in range(3))),
        monkeypatch,
        capsys,
    )[1:7]
    assert all("\u2026" in row for row in rows)
    assert len({row[:20] for row in rows[3:]}) == 3


@pytest.mark.parametrize(
    ("width", "left_out"),
    [
        (79, set()),
        (71, {"class"}),
        (62, {"class", "points"}),
        (54, {"class", "points", "coverage"}),
        (46, {"class", "points", "coverage", "found"}),
        (40, {"class", "points", "coverage", "found", "model"}),
    ],
)
def test_a_very_narrow_screen_does_without_some_columns(
    width: int, left_out: set[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    head, row, *_ = table(width, chain("host=web-1", series="a-long-name"), monkeypatch, capsys)
    assert {name for name in HEADS if name not in head} == left_out
    assert len(row) <= width
    assert "fallback" in row


def test_points_that_nobody_acknowledged_are_not_called_written(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _, row, *_ = table(160, chain("host=a", acked=0, exit_code=69), monkeypatch, capsys)
    assert row.split("96%")[1].split()[0] == "-"


def test_points_are_shown_where_only_load_ran(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = chain("host=a", "host=b")
    del made.results["forecast"]
    rows = table(160, made, monkeypatch, capsys)[1:3]
    assert [row.split() for row in rows] == [
        ["disk", "host=a", "ok", "-", "-", "-", "-", "-", "24"],
        ["host=b", "ok", "-", "-", "-", "-", "-", "24"],
    ]


def test_a_tag_can_not_steer_the_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    out = "\n".join(table(160, chain("host=\x1b[2J\u202eevil"), monkeypatch, capsys))
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert "[2J\ufffdevil" in out


@pytest.mark.parametrize(
    ("found", "asked", "said"),
    [(672, 672, "100%"), (671, 672, "99%"), (1, 672, "1%"), (0, 672, "0%"), (900, 672, "100%"), (None, 672, "-")],
)
def test_a_share_of_rows_is_all_or_nothing_only_where_it_is(
    found: int | None, asked: int, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = chain("host=a")
    made.results["forecast"]["members"][0] |= {"rows_found": found, "rows_asked": asked}
    row = table(160, made, monkeypatch, capsys)[1]
    assert row.split("seasonal_naive)")[1].split()[0] == said


LONG = "a sentence that says why, at length, " * 20


def screen(made: Chain, width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What a terminal of that width shows, without its colours."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("NO_COLOR", "1")
    display.closing_table([made])
    return re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out).splitlines()


@pytest.mark.parametrize("count", [1, 30])
@pytest.mark.parametrize("width", [80, 160])
def test_a_file_has_each_reason_whole_and_once(
    width: int, count: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = chain(*(f"host=h{i}" for i in range(count)))
    for member in made.results["forecast"]["members"]:
        member |= {"status": "ok", "why": LONG}
    lines = table(width, made, monkeypatch, capsys)
    assert sum(LONG.strip() in line for line in lines) == count


def test_a_terminal_keeps_each_reason_to_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = chain("host=a")
    made.results["forecast"]["members"][0] |= {"status": "ok", "why": LONG}
    for width in (80, 120, 160):
        lines = screen(made, width, monkeypatch, capsys)
        assert all(len(line.rstrip()) <= width for line in lines)
        assert any("says why" in line for line in lines)


MEASURED: dict[str, tuple[int | None, int, str | None, int]] = {  # steps measured, of how many, cell, seconds each
    "all": (24, 24, None, 3600),
    "some": (8, 24, "8h of 1d", 3600),
    "some, in no whole unit": (25, 48, "12.5h of 1d", 1800),
    "none": (0, 24, "none", 3600),
    "not said": (None, 24, None, 3600),
}


@pytest.mark.parametrize(("steps", "rows", "said", "step_s"), MEASURED.values(), ids=MEASURED)
@pytest.mark.parametrize("width", [80, 160])
def test_how_much_of_the_horizon_was_measured_is_shown_where_it_is_not_all(
    steps: int | None, rows: int, said: str | None, step_s: int, width: int,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    made = chain("host=a", "host=b")
    made.results["forecast"]["window"] = {"every_ns": step_s * 10**9}
    first, second = made.results["forecast"]["members"]
    first |= {"rows": rows, "backtest": {**first["backtest"], "measured_steps": steps}}
    second |= {"rows": rows, "backtest": {**second["backtest"], "measured_steps": rows}}
    head, row, other, *_ = table(width, made, monkeypatch, capsys)
    assert ("measured" in head) is (said is not None)
    if said is not None:
        end = head.index("measured") + len("measured")
        assert row[: max(end, row.find(said) + len(said))].endswith(f" {said}")
        assert " all" in other[end - 4 : end + 4]


def test_members_are_told_apart_by_values_where_keys_have_no_room(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [f"host={host},path=/" for host in ("api-1", "db-1", "web-1", "web-2")]
    rows = table(80, chain(*names), monkeypatch, capsys)[1:5]
    assert ["api-1,/" in rows[0], "db-1,/" in rows[1], "web-1,/" in rows[2], "web-2,/" in rows[3]] == [True] * 4
    assert "host=api-1,path=/" in table(160, chain(*names), monkeypatch, capsys)[1]
