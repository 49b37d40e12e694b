"""The section of the report that says when limits are reached."""

from pathlib import Path

import pytest

from cronocast.durations import UNIT_NS
from cronocast.handoff.evaluation import EVALUATION, SCHEMA, Crossing, MemberEvaluation, to_document
from cronocast.handoff.files import write_json
from cronocast.report import write_report
from tests import report_runs
from tests.report_runs import NOW, Sample

DAY = UNIT_NS["d"]
QUIET = Crossing("full", 90.0, True, "value", "quiet", "not within 4 weeks", 50.0, 0.1, reach_ns=28 * DAY)
DATE = QUIET._replace(
    state="date",
    words="reaches 90 on 22 Mar",
    earliest_ns=NOW + 9 * DAY,
    crosses_ns=NOW + 12 * DAY,
    latest_ns=NOW + 17 * DAY,
    moved_ns=2 * DAY,
    scored=9,
    inside=7,
    known_ns=8 * DAY,
)


@pytest.mark.parametrize(
    ("crossing", "pictures", "words"),
    [
        (DATE, 3, ["Sun 22 Mar", "Thu 19 Mar to Fri 27 Mar", "2 days later", "Of 9 dates told before, 7"]),
        (DATE._replace(latest_ns=None, state="open"), 3, ["about Sun 22 Mar", "from Thu 19 Mar on"]),
        (DATE._replace(settled=False), 3, ["2 days later, unsettled"]),
        (QUIET, 0, ["not within 4 weeks"]),
        (QUIET._replace(state="over", since_ns=NOW - DAY), 0, ["over now"]),
    ],
)
def test_a_limit_is_told_in_words_a_table_and_a_picture_where_there_is_a_date(
    tmp_path: Path, crossing: Crossing, pictures: int, words: list[str]
) -> None:
    folder = report_runs.write_run(
        tmp_path / "run", [Sample("host=a", lambda i: 60 + 0.03 * i, series_class="trend")], measurement="disk"
    )
    member = MemberEvaluation("disk", "host=a", crossings=(crossing,))
    write_json(folder / EVALUATION, {"schema": SCHEMA, "members": [to_document(member)]})
    write_report([folder], tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text().replace("\u00a0", " ")
    assert page.count("When host=a reaches 90") == pictures
    for text in words:
        assert text in page, text
