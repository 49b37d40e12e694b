"""`cronocast crossings`: the order, what is shown as one row, and words for dates."""

import json
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cronocast.commands.application import application
from cronocast.commands.crossings import Ranked, ranked
from cronocast.durations import UNIT_NS
from cronocast.handoff.evaluation import SCHEMA, Crossing, MemberEvaluation, to_document
from cronocast.handoff.files import run_name, series_id, write_json
from cronocast.handoff.results import Outcome, result_path, write_result
from cronocast.report.dates import when

DAY = UNIT_NS["d"]
NOW = 20_454 * DAY
BASE = Crossing("full", 90.0, True, "value", "quiet", "", now=50.0, slope_day=1.0, reach_ns=28 * DAY)


def dated(earliest: int, crosses: int | None = None, latest: int | None = None, **more: Any) -> Crossing:
    """A crossing in so many days."""
    times = [None if day is None else NOW + day * DAY for day in (earliest, crosses, latest)]
    state = "date" if latest else "open" if crosses else "chance"
    found = BASE._replace(state=state, earliest_ns=times[0], crosses_ns=times[1], latest_ns=times[2])
    return found._replace(**more)


OVER_LONG = BASE._replace(state="over", since_ns=NOW - 5 * DAY)
OVER = BASE._replace(state="over", since_ns=NOW - DAY)
SOON = dated(3, 4, 5)
LATER_BUT_SLOW_TO_MEND = dated(20, 25, 30, act_by_ns=NOW + DAY)
CHANCE = dated(6)
QUIET = BASE._replace(p_30d=0.05)
LIKELIER = BASE._replace(p_30d=0.08)


def test_the_most_urgent_comes_first() -> None:
    wanted = [OVER_LONG, OVER, LATER_BUT_SLOW_TO_MEND, SOON, CHANCE, LIKELIER, QUIET]
    rows = [Ranked("disk", f"host={i}", crossing) for i, crossing in enumerate(reversed(wanted))]
    assert [row.crossing for row in ranked(rows)] == wanted


def test_members_with_the_same_history_share_a_row_unless_nothing_is_told_of_them() -> None:
    rows = [Ranked("disk", f"path={i}", crossing) for i, crossing in enumerate((SOON, QUIET, SOON, QUIET))]
    first, *rest = ranked(rows)
    assert (first.member, first.others) == ("path=0", ("path=2",))
    assert [row.others for row in rest] == [(), ()]
    assert not ranked([rows[0], rows[2]._replace(series="other")])[0].others


@pytest.mark.parametrize(
    ("crossing", "words"),
    [
        (OVER, "over now"),
        (dated(1, 1, 2), "Fri 2 Jan 00:00"),
        (dated(3, 8, 30), "Fri 9 Jan"),
        (dated(3, 8, 30, rough=True), "about Fri 9 Jan"),
        (dated(3, 8), "about Fri 9 Jan"),
        (CHANCE, "not before Wed 7 Jan"),
        (QUIET, "not within 4 weeks"),
        (BASE._replace(state="not_growing"), "not growing"),
        (BASE._replace(state="cleaned"), "cleaned, stays below"),
        (BASE._replace(state="too_little"), "too little data"),
    ],
)
def test_when_in_few_words(crossing: Crossing, words: str) -> None:
    assert when(crossing, UTC) == words


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with one run of one series."""
    folder = tmp_path / series_id("disk") / "runs" / run_name(NOW)
    path = folder / "evaluation.json"
    members = [
        MemberEvaluation("disk", "host=a", crossings=(SOON._replace(words="full on 7 January"),)),
        MemberEvaluation("disk", "host=b", crossings=(QUIET,)),
    ]
    write_json(path, {"schema": SCHEMA, "series": "disk", "members": [to_document(member) for member in members]})
    outcome = Outcome()
    outcome.add_output(path, len(members))
    write_result(result_path("evaluate", path), "evaluate", "disk", "2026-01-01T00:00:00Z", outcome, 0.1, None, {})
    return tmp_path


def test_the_command_shows_what_comes_and_counts_the_rest(root: Path) -> None:
    ended = CliRunner().invoke(application(["crossings", "run"]), ["crossings", "--root", str(root)])
    assert ended.exit_code == 0, ended.output
    assert "full on 7 January" in ended.output
    assert "host=b" not in ended.output
    assert "1 more" in ended.output
    everything = CliRunner().invoke(application(["crossings", "run"]), ["crossings", "--root", str(root), "--all"])
    assert "host=b" in everything.output


def test_as_data_it_has_all_with_times_as_text(root: Path) -> None:
    ended = CliRunner().invoke(application(["crossings", "run"]), ["crossings", "--root", str(root), "--json"])
    first, second = json.loads(ended.output)
    assert (first["member"], first["crosses"], first["latest"]) == (
        "host=a",
        "2026-01-05T00:00:00Z",
        "2026-01-06T00:00:00Z",
    )
    assert (second["member"], second["crosses"]) == ("host=b", None)
