"""`cronocast accuracy` and its section of the report."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cronocast.commands.application import application
from cronocast.durations import UNIT_NS
from cronocast.handoff.evaluation import EVALUATION, SCHEMA, LeadAccuracy, MemberEvaluation, to_document
from cronocast.handoff.files import run_name, series_id, write_json
from cronocast.handoff.results import Outcome, result_path, write_result
from cronocast.report import write_report
from tests import report_runs
from tests.report_runs import NOW, Sample

HOUR = UNIT_NS["h"]


def lead(end: int, skill: float) -> LeadAccuracy:
    """One bucket of leads."""
    return LeadAccuracy(end, 40, 9.0, 1.25, -0.5, 0.8, 0.6, {"95": 0.9}, {"95": 0.71}, {"95": 0.97}, skill)


MEMBERS = [
    MemberEvaluation("cpu", "host=a", leads=(lead(1, 0.4), lead(4, 0.2)), useful_ns=4 * HOUR, pit=(4,) * 10),
    MemberEvaluation("cpu", "host=b"),
]


def evaluated(folder: Path, series: str) -> None:
    """Leave what evaluate leaves."""
    path = folder / EVALUATION
    write_json(path, {"schema": SCHEMA, "series": series, "members": [to_document(member) for member in MEMBERS]})
    outcome = Outcome(window={"every_ns": HOUR})
    outcome.add_output(path, len(MEMBERS))
    write_result(result_path("evaluate", path), "evaluate", series, "2026-03-10T14:00:00Z", outcome, 0.1, None, {})


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with one run of one series."""
    evaluated(tmp_path / series_id("cpu") / "runs" / run_name(NOW), "cpu")
    return tmp_path


def test_each_lead_has_a_row_with_the_range_of_its_coverage(root: Path) -> None:
    ended = CliRunner().invoke(application(["accuracy", "run"]), ["accuracy", "--root", str(root)])
    assert ended.exit_code == 0, ended.output
    rows = [line.split() for line in ended.output.splitlines()]
    assert [row[2] for row in rows[1:3] if row[0] == "cpu"] == ["1h"]
    assert "2h to 4h" in ended.output
    assert "71\u00a0% to 97\u00a0%" in ended.output
    assert "up to 4 hours ahead" in ended.output
    assert "1 member has no past forecast" in ended.output


def test_as_data_it_has_all(root: Path) -> None:
    ended = CliRunner().invoke(application(["accuracy", "run"]), ["accuracy", "--root", str(root), "--json"])
    first, second = json.loads(ended.output)
    assert [one["lead_ns"] for one in first["leads"]] == [HOUR, 4 * HOUR]
    assert (first["member"], first["useful_ns"], sum(first["pit"])) == ("host=a", 4 * HOUR, 40)
    assert (second["member"], second["leads"]) == ("host=b", [])


def test_the_report_has_a_section_for_members_that_were_judged(tmp_path: Path) -> None:
    samples = [Sample("host=a", report_runs.daily(50, 5)), Sample("host=b", report_runs.daily(50, 5))]
    folder = report_runs.write_run(tmp_path / "run", samples, series="cpu", measurement="cpu")
    evaluated(folder, "cpu")
    write_report([folder], tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert page.count("<h3>Past forecasts</h3>") == 1
    assert "Coverage of past forecasts of host=a" in page
