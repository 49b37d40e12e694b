"""The report page in a real browser.

No console message, no request, nothing wider than a phone, values by pointer and by keys.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cronocast.report import write_plot, write_report
from tests import report_runs
from tests.browser import Browser
from tests.report_runs import HOUR, NOW, Sample

CHART = "document.querySelector('figure[data-hover] svg.{}')"
TIP = "document.querySelector('figure[data-hover] .tip').innerText"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One page per sample run."""
    root = tmp_path_factory.mktemp("pages")
    made = {}
    for write in (
        report_runs.one,
        report_runs.several,
        report_runs.failed_load,
        report_runs.failed_extract,
        report_runs.nasty,
    ):
        made[write.__name__] = root / f"{write.__name__}.html"
        write_report([write(root / write.__name__)], made[write.__name__])
    made["many"] = root / "many.html"
    write_report([report_runs.many(root / "many", 200)], made["many"])
    made["two"] = root / "two.html"
    sample = Sample("", report_runs.daily(50, 14))
    write_report(
        [report_runs.write_run(root / f"two{i}", [sample], now=NOW + 24 * i * HOUR) for i in range(2)], made["two"]
    )
    return made


NAMES = ("one", "several", "failed_load", "failed_extract", "nasty", "many", "two")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [360, 768, 1280])
@pytest.mark.parametrize("name", NAMES)
def test_page_is_quiet_and_fits(name: str, width: int, dark: bool, browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages[name], width, dark=dark)
    browser.run("document.querySelectorAll('details').forEach((d) => (d.open = true))")
    assert browser.run("document.documentElement.scrollWidth") <= width
    beyond = "(e) => !e.closest('svg, .scroll, .vh') && e.getBoundingClientRect().right > innerWidth + 1"
    wider = f"[...document.querySelectorAll('body *')].filter({beyond}).map((e) => e.outerHTML.slice(0, 120))"
    assert browser.run(wider) == []
    assert browser.console == []
    assert browser.requests == [pages[name].as_uri()]
    ground = browser.run("getComputedStyle(document.body).backgroundColor")
    assert ground == ("rgb(15, 20, 27)" if dark else "rgb(246, 247, 249)")


@pytest.mark.parametrize(("width", "cells"), [(768, ".overview td:nth-child(3)"), (360, ".more td:first-child")])
def test_classes_and_times_are_not_broken(width: int, cells: str, browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["several"], width)
    browser.run("document.querySelectorAll('details').forEach((d) => (d.open = true))")
    lines = (
        "(c) => { const r = document.createRange(); r.selectNodeContents(c); return new"
        " Set([...r.getClientRects()].map((b) => b.top)).size; }"
    )
    words = "(c) => c.matches('.overview td') ? c.innerText.split(' ').length : 1"
    assert (
        browser.run(
            f"[...document.querySelectorAll('{cells}')].filter((c) => ({lines})(c) > ({words})(c)).map((c) =>"
            " c.innerText)"
        )
        == []
    )


@pytest.mark.parametrize(("width", "shown"), [(360, "narrow"), (768, "medium"), (1280, "wide")])
def test_one_chart_of_the_right_size_is_shown(width: int, shown: str, browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["one"], width)
    visible = (
        "[...document.querySelector('figure').querySelectorAll('svg')].filter((s) => s.getBoundingClientRect().width >"
        " 0).map((s) => s.classList[1])"
    )
    assert browser.run(visible) == [shown]
    letters = (
        f"Math.min(...[...{CHART.format(shown)}.querySelectorAll('text')].map((t) => t.getBoundingClientRect().height))"
    )
    assert browser.run(letters) >= 10


@pytest.mark.parametrize("name", ["one", "several", "two"])
@pytest.mark.parametrize("width", [360, 768, 1280])
def test_labels_of_charts_do_not_overlap_as_the_browser_draws_them(
    name: str, width: int, browser: Browser, pages: dict[str, Path]
) -> None:
    browser.open(pages[name], width)
    browser.run("document.querySelectorAll('details.member').forEach((d) => (d.open = true))")
    overlapping = """[...document.querySelectorAll('figure svg.chart')].flatMap((svg) => {
      const boxes = [...svg.querySelectorAll('text')]
        .map((t) => [t.textContent, t.getBoundingClientRect()]).filter(([, b]) => b.width);
      return boxes.flatMap(([a, p], i) => boxes.slice(0, i).filter(([, q]) =>
        Math.min(p.right, q.right) - Math.max(p.left, q.left) > 1 &&
        Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top) > 5).map(([b]) => `${a} | ${b}`));
    })"""
    assert browser.run(overlapping) == []


@pytest.mark.parametrize(("share", "said"), [(0.85, "forecast"), (0.2, "measured")])
def test_pointer_reads_values_off_the_chart(share: float, said: str, browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["several"], 1280)
    browser.run("document.querySelectorAll('details.member').forEach((d, i) => (d.open = i === 4))")
    browser.run("document.querySelectorAll('details.member')[4].scrollIntoView()")
    chart = "document.querySelectorAll('details.member')[4].querySelector('figure[data-hover] svg.wide')"
    left, top, width, height = browser.run(
        f"(() => {{ const b = {chart}.getBoundingClientRect(); return [b.left, b.top, b.width, b.height]; }})()"
    )
    browser.hover(left + share * width, top + height / 2)
    tip = browser.run("document.querySelectorAll('details.member')[4].querySelector('.tip').innerText")
    assert f"\n{said} " in tip
    assert tip.startswith(("Wed 11 Mar", "Tue 10 Mar", "Sun 8 Mar", "Mon 9 Mar"))
    browser.hover(2, 2)
    assert browser.run("document.querySelectorAll('details.member')[4].querySelector('.tip').hidden") is True


def test_arrow_keys_read_values_step_by_step(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["one"], 1280)
    browser.run(f"{CHART.format('wide')}.focus()")
    tips = []
    for key in ("ArrowRight", "ArrowLeft", "End", "Home"):
        browser.press(key)
        tips.append(browser.run(TIP).splitlines())
    assert [tip[0] for tip in tips] == [
        "Tue 10 Mar, 15:00",
        "Tue 10 Mar, 14:00",
        "Wed 11 Mar, 13:00",
        "Sat 7 Mar, 14:00",
    ]
    assert [tip[1].split()[0] for tip in tips] == ["forecast", "forecast", "forecast", "measured"]
    table = browser.run("[...document.querySelectorAll('details.more td')].slice(0, 2).map((t) => t.textContent)")
    assert float(table[1]) == pytest.approx(float(tips[1][1].split()[1]), abs=0.06)
    browser.press("Escape")
    assert browser.run("document.querySelector('.tip').hidden") is True


def test_tooltip_stays_on_a_phone(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["two"], 360)
    browser.run(f"{CHART.format('narrow')}.focus()")
    for key in ("Home", "End"):
        browser.press(key)
        left, right = browser.run(
            "(() => { const b = document.querySelector('.tip').getBoundingClientRect(); return [b.left, b.right]; })()"
        )
        assert 0 <= left < right <= 360


def test_earlier_forecast_is_read_beside_what_was_measured(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["two"], 1280)
    browser.run(f"{CHART.format('wide')}.focus()")
    browser.press("ArrowLeft")
    assert [line.split()[0] for line in browser.run(TIP).splitlines()[1:]] == ["measured", "forecast"]
    assert "2026-03-10 14:00" in browser.run(TIP)


def test_filter_finds_members_and_a_link_unfolds_one(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["many"], 1280)
    browser.run(
        "(() => { const f = document.querySelector('.filter'); f.value = 'node-0123'; f.dispatchEvent(new"
        " Event('input')); })()"
    )
    assert browser.run("[...document.querySelectorAll('.overview tbody tr')].filter((r) => !r.hidden).length") == 1
    assert browser.run("document.getElementById('s0o-count').textContent").startswith("1 ")
    assert browser.run("document.getElementById('s0m40').closest('details').open") is False
    browser.run("location.hash = '#s0m40'")
    assert (
        browser.run(
            "new Promise((done) => setTimeout(() => done(document.getElementById('s0m40').closest('details').open),"
            " 50))"
        )
        is True
    )


def test_text_of_data_stays_text(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["nasty"], 1280)
    assert browser.run("document.querySelectorAll('script:not([type])').length") == 1
    assert browser.run("document.querySelectorAll('img, [onload], [onerror], [onmouseover]').length") == 0
    assert "<script>alert(1)</script>" in browser.run("document.body.innerText")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_plot_is_a_picture_that_a_browser_shows(theme: str, browser: Browser, tmp_path: Path) -> None:
    write_plot(report_runs.several(tmp_path / "run"), tmp_path / "plot.svg", None, theme)
    browser.open(tmp_path / "plot.svg", 1400)
    assert browser.run("document.documentElement.tagName") == "svg"
    assert browser.run("document.querySelectorAll('svg svg').length") == 8
    assert browser.console == []
