"""The page stands alone, escapes everything, says what failed, and stays small with a thousand members."""

import base64
import hashlib
import json
import math
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from cronocast.chain.table import chain_steps
from cronocast.charts.hover import script_json
from cronocast.errors import DataError
from cronocast.report import sentences, write_report
from cronocast.report.model import StepView
from cronocast.report.page import DETAILED_MEMBERS
from tests import report_runs
from tests.report_runs import HOUR, NASTY, NOW, Sample

READ_BACK = "SELECT "  # begins the query that reads back what was written
WRITTEN = r"\b24 \w+ 24\b"  # points that the database has
VOID = {"meta", "link", "br", "input", "img"}


class Page(HTMLParser):
    """Elements, attributes and texts of a page; raises where an element is left open."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.scripts: list[str] = []
        self.styles: list[str] = []
        self.texts: list[str] = []
        self.feed(source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        kept = {"script": self.scripts, "style": self.styles}.get(self.open[-1] if self.open else "", self.texts)
        kept.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def page_of(*folders: Path) -> tuple[Page, str]:
    out = folders[0].parent / "report.html"
    write_report(list(folders), out)
    source = out.read_text("utf-8")
    return Page(source), source


RUNS = [report_runs.one, report_runs.several, report_runs.failed_load, report_runs.failed_extract, report_runs.nasty]


@pytest.mark.parametrize("write", RUNS, ids=lambda f: f.__name__)
def test_page_is_well_formed_and_loads_nothing(write: object, tmp_path: Path) -> None:
    page, source = page_of(write(tmp_path / "run"))  # type: ignore[operator]
    ids = [attrs["id"] for _, attrs in page.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    targets = [
        attrs[name] or ""
        for _, attrs in page.elements
        for name in ("src", "href", "data", "action", "srcset", "xlink:href")
        if name in attrs
    ]
    assert [t for t in targets if not t.startswith(("#", "data:,"))] == []
    assert not re.search(r"@import|url\(", source)


@pytest.mark.parametrize("write", RUNS, ids=lambda f: f.__name__)
def test_policy_allows_just_the_style_and_script_of_the_page(write: object, tmp_path: Path) -> None:
    page, _ = page_of(write(tmp_path / "run"))  # type: ignore[operator]
    policy = next(
        attrs["content"] or "" for tag, attrs in page.elements if attrs.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert len(page.styles) == 1
    for part in (page.styles[0], page.scripts[-1]):
        assert f"'sha256-{base64.b64encode(hashlib.sha256(part.encode()).digest()).decode()}'" in policy
    assert [attrs for tag, attrs in page.elements if tag == "script"][:-1] == [
        {"type": "application/json", "id": attrs["id"]}
        for tag, attrs in page.elements
        if tag == "script" and "id" in attrs
    ]
    assert [
        (tag, name) for tag, attrs in page.elements for name in attrs if name == "style" or name.startswith("on")
    ] == []
    for data in page.scripts[:-1]:
        json.loads(data)


def test_nothing_from_data_becomes_markup(tmp_path: Path) -> None:
    page, source = page_of(report_runs.nasty(tmp_path / "run"))
    known = {
        "html",
        "head",
        "meta",
        "link",
        "title",
        "style",
        "body",
        "header",
        "b",
        "span",
        "main",
        "section",
        "h1",
        "h2",
        "h3",
        "p",
        "br",
        "ol",
        "li",
        "div",
        "article",
    }
    known |= {
        "details",
        "summary",
        "dl",
        "dt",
        "dd",
        "small",
        "figure",
        "figcaption",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "a",
        "code",
        "footer",
        "script",
    }
    known |= {"svg", "g", "path", "rect", "text", "title", "desc"}
    assert {tag for tag, _ in page.elements} <= known
    for value in NASTY[:3]:
        assert value in page.text
        assert value not in source
    assert "<!--" not in source
    assert "</script><script>alert(6)" in page.text


@pytest.mark.parametrize("value", ["</script>", "<!--<script>", "]]>", "\u2028", "&amp;", "\ud800"])
def test_inline_json_can_not_leave_its_element(value: str) -> None:
    text = script_json({"x": value})
    assert not set("<>&\u2028") & set(text)
    assert json.loads(text) == {"x": value}


def test_a_failed_load_says_what_happened_and_shows_the_forecast(tmp_path: Path) -> None:
    page, _ = page_of(report_runs.failed_load(tmp_path / "run"))
    assert re.search(rf"load failed .*\b75: {sentences.EXITS[75]}", page.text)
    assert f"{report_runs.REFUSED}" in page.text
    assert READ_BACK not in page.text
    assert re.search(r"\b0\.62 \w+ .*\bday\b", page.text)


def test_a_run_that_read_nothing_is_a_useful_page(tmp_path: Path) -> None:
    page, _ = page_of(report_runs.failed_extract(tmp_path / "run"))
    assert re.search(r"extract failed .*\b75\b", page.text)
    assert page.text.count(sentences.step_fact(StepView("load"))) == len(chain_steps()) - 1  # the steps after it


def test_every_forecast_row_stands_in_a_table(tmp_path: Path) -> None:
    page, _ = page_of(report_runs.one(tmp_path / "run"))
    assert "24 rows" in page.text
    assert "Wed 11 Mar 2026 13:00" in page.text
    assert re.search(WRITTEN, page.text)
    assert "requests_forecast" in page.text


CLOSE = {"large": (1.773e9, 3.0), "below one": (0.9999, 1e-8)}


@pytest.mark.parametrize(("base", "swing"), CLOSE.values(), ids=CLOSE)
def test_values_that_lie_close_are_told_apart(base: float, swing: float, tmp_path: Path) -> None:
    page, _ = page_of(
        report_runs.write_run(tmp_path / "run", [Sample("", lambda i: base + swing * math.sin(i / 4), swing / 10)])
    )
    bands = re.findall(r"95 % \w+ ([\d.,]+) \w+ ([\d.,]+)", page.text)
    assert len({value for band in bands for value in band}) == 4
    rows = re.findall(r"1[01] Mar 2026 \d\d:00 (\d[\d.]*) (\d[\d.]*) (\d[\d.]*)", page.text)
    assert len(set(rows)) == len(rows) == 24
    assert all(len(set(row)) == 3 for row in rows)


def test_what_was_written_comes_with_a_query_that_reads_it(tmp_path: Path) -> None:
    page, _ = page_of(
        report_runs.write_run(
            tmp_path / "run", [Sample("", report_runs.daily(5, 1))], series="it's \\ here", measurement='m"x'
        )
    )
    assert (
        "FROM \"m\\\"x_forecast\" WHERE \"series\" = 'it\\'s \\\\ here' AND time >= '2026-03-10T14:00:00Z' AND time <="
        " '2026-03-11T13:00:00Z'" in page.text
    )


@pytest.mark.parametrize(
    "settings",
    [
        {"timezone": "Asia/Kathmandu"},
        {"calendar.timezone": "Asia/Kathmandu"},
        {"timezone": "America/Lima", "calendar.timezone": "Asia/Kathmandu"},
    ],
)
def test_times_are_in_the_zone_of_the_entry(settings: dict[str, str], tmp_path: Path) -> None:
    page, _ = page_of(report_runs.write_run(tmp_path / "run", [Sample("", report_runs.daily(5, 1))], settings=settings))
    assert "run Tue 10 Mar 2026 19:45 Asia/Kathmandu" in page.text
    assert page.text.count("Asia/Kathmandu") > 1  # of the charts too


READ = {  # points, step in hours: what was read
    "within a year": (672, 1, ("Tue 10 Feb 14:00", "Tue 10 Mar 14:00")),
    "over the turn of a year": (100, 24, ("Sun 30 Nov 2025 14:00", "Tue 10 Mar 2026 14:00")),
    "longer than a year": (400, 24, ("Mon 3 Feb 2025 14:00", "Tue 10 Mar 2026 14:00")),
}


@pytest.mark.parametrize(("points", "hours", "ends"), READ.values(), ids=READ)
def test_the_year_stands_where_it_changes(points: int, hours: int, ends: tuple[str, str], tmp_path: Path) -> None:
    page, _ = page_of(
        report_runs.write_run(tmp_path / "run", [Sample("", report_runs.daily(5, 1))], points=points, step=hours * HOUR)
    )
    assert re.search(rf"{ends[0]} \w+ {ends[1]}", page.text)


ENDS = {
    "the same year": (290, ", Thu 24 Dec 14:00"),
    "the next year": (310, ", Wed 13 Jan 2027 14:00"),
}


@pytest.mark.parametrize(("horizon", "expected"), ENDS.values(), ids=ENDS)
def test_the_end_of_a_forecast_in_another_year_names_it(horizon: int, expected: str, tmp_path: Path) -> None:
    page, _ = page_of(
        report_runs.write_run(tmp_path / "run", [Sample("", report_runs.daily(5, 1))], horizon=horizon, step=24 * HOUR)
    )
    assert expected in page.text


@pytest.mark.parametrize(("horizon", "expected"), [(7, False), (120, True)], ids=["weeks", "more than 300 days"])
def test_the_year_stands_in_tooltips_of_long_charts(horizon: int, expected: bool, tmp_path: Path) -> None:
    page, _ = page_of(
        report_runs.write_run(
            tmp_path / "run", [Sample("", report_runs.daily(5, 1))], points=900, horizon=horizon, step=24 * HOUR
        )
    )
    assert json.loads(page.scripts[0])["years"] is expected
    assert "data.years" in page.scripts[-1]


@pytest.mark.slow
def test_a_thousand_members_stay_under_ten_megabytes_and_the_limit_is_told(tmp_path: Path) -> None:
    page, source = page_of(report_runs.many(tmp_path / "run", 1000))
    assert len(source.encode()) < 10_000_000
    assert re.search(rf"\b{DETAILED_MEMBERS} \w+ 1,000 members", page.text)
    assert sum(tag == "tr" for tag, _ in page.elements) > 1000
    assert page.text.index("node-0007") < page.text.index("node-0000")  # those that deserve a look come first


def test_the_table_of_members_has_an_end_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cronocast.report.page.LISTED_MEMBERS", 5)
    page, _ = page_of(report_runs.several(tmp_path / "run"))
    assert re.search(r"\b5\b[^.]*\bforecast\.result\.json\b", page.text)


def test_rows_left_out_and_notes_of_steps_are_told(tmp_path: Path) -> None:
    folder = report_runs.one(tmp_path / "run")
    path = folder / "extract.result.json"
    path.write_text(
        json.dumps(
            {
                **json.loads(path.read_text()),
                "rows_dropped": {"unfinished_step": 2, "null": 0},
                "notes": ["the server said <warn>"],
            }
        )
    )
    assert re.search("extract: .*2 unfinished step.*the server said <warn>", page_of(folder)[0].text)


def test_runs_of_one_series_are_one_section_and_other_series_another(tmp_path: Path) -> None:
    sample = Sample("", report_runs.daily(50, 14))
    folders = [report_runs.write_run(tmp_path / str(i), [sample], now=NOW + i * 24 * HOUR) for i in range(2)]
    folders.append(report_runs.write_run(tmp_path / "other", [sample], series="other"))
    page, _ = page_of(*folders)
    assert sum(tag == "h1" for tag, _ in page.elements) == 2
    assert "(run 2026-03-10T14:00:00Z)" in page.text  # how the earlier forecast did
    assert "2 series" in page.text


def test_the_same_run_gives_the_same_page(tmp_path: Path) -> None:
    folder = report_runs.several(tmp_path / "run")
    assert page_of(folder)[1] == page_of(folder)[1]


def test_no_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="E_INPUT_MISSING report: "):
        write_report([], tmp_path / "report.html")


def test_report_imports_nothing_heavy() -> None:
    script = (
        "import sys, cronocast.report; print([m for m in ('numpy', 'pandas', 'scipy', 'matplotlib', 'resvg_py',"
        " 'requests', 'typer') if m in sys.modules])"
    )
    assert (
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.strip()
        == "[]"
    )


def test_models_stand_in_the_order_of_the_error_that_is_shown(tmp_path: Path) -> None:
    folder = report_runs.one(tmp_path / "run")
    path = folder / "forecast.result.json"
    document = json.loads(path.read_text())
    document["members"][0]["backtest"]["models"] |= {
        "naive": {"ratio": 2.36, "mase": 2.06},
        "linear": {"ratio": 1.84, "mase": 2.5},
    }
    path.write_text(json.dumps(document))
    text = page_of(folder)[0].text
    assert text.index("1.84") < text.index("2.36")


def test_rows_that_classify_leaves_out_are_told_in_words(tmp_path: Path) -> None:
    folder = report_runs.one(tmp_path / "run")
    path = folder / "classify.result.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "rows_dropped": {"gap": 9, "prepared": 2}}))
    assert re.search(r"classify: .*\b9 .*holidays.*\b2 .*\bprepare\b", page_of(folder)[0].text)


def test_a_superseded_load_wrote_nothing(tmp_path: Path) -> None:
    folder = report_runs.one(tmp_path / "run")
    path = folder / "load.result.json"
    path.write_text(
        json.dumps(
            {
                **json.loads(path.read_text()),
                "status": "superseded",
                "reason": "newer_run: one is loaded",
                "expected": 0,
                "acked": 0,
                "members": [],
            }
        )
    )
    page, _ = page_of(folder)
    assert "newer_run: one is loaded" in page.text
    assert READ_BACK not in page.text


def test_no_step_is_said_not_to_have_run_that_failed(tmp_path: Path) -> None:
    folder = report_runs.several(tmp_path / "run")
    path = folder / "forecast.result.json"
    path.write_text(
        json.dumps(
            {**json.loads(path.read_text()), "status": "failed", "exit": 78, "message": "E_MODEL no", "members": []}
        )
    )
    page, _ = page_of(folder)
    assert re.search(r"forecast failed .*\b78\b", page.text)
    assert (
        page.text.count(sentences.step_fact(StepView("load")))
        == len(chain_steps()[chain_steps().index("forecast") :]) - 1
    )


def test_steps_of_seconds_are_told_apart(tmp_path: Path) -> None:
    start = NOW - 10 * 10**9
    page, _ = page_of(
        report_runs.write_run(
            tmp_path / "run", [report_runs.Sample("", report_runs.daily(50, 14))], step=10 * 10**9, now=start
        )
    )
    assert " Tue 10 Mar 13:59:50" in page.text
    rows = [f"Tue 10 Mar 2026 {clock}" for clock in ("13:59:50", "14:00:00", "14:00:10")]
    assert all(row in page.text for row in rows)


def test_a_name_does_not_turn_what_follows_it(tmp_path: Path) -> None:
    _, source = page_of(report_runs.nasty(tmp_path / "run"))
    assert "\u202e" not in source
    assert "\ufffdright to left" in source
