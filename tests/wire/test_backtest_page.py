"""The page of a backtest in a real browser.

No console message, no request, nothing wider than a phone, values by keys, text stays text.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from cronocast.backtest.page import write_page
from cronocast.backtest.scores import document
from cronocast.backtest.study import run_study
from tests.backtest_sample import member, request, wave, write
from tests.browser import Browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One member, and many of whom one has an unkind name and one ends early."""
    root = tmp_path_factory.mktemp("pages")
    many = [member(wave, 240, f"host=node-{i:02d}", noise=1 + i) for i in range(14)]
    many += [
        member(wave, 100, "host=gone"),
        member(lambda i: 1e300 * (1 + i % 2), 240, "host=<script>alert(1)</script>"),
    ]
    made = {}
    for name, members, origins in (("one", [member(wave, 300, noise=3)], None), ("many", many, 3)):
        order = request(write(root / f"{name}.csv", members), "theta,linear", origins)
        study = run_study(order, members)
        made[name] = root / f"{name}.html"
        write_page(study, document(study, order), made[name])
    return made


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [360, 768, 1280])
@pytest.mark.parametrize("name", ["one", "many"])
def test_page_is_quiet_and_fits(name: str, width: int, dark: bool, browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages[name], width, dark=dark)
    browser.run("document.querySelectorAll('details').forEach((d) => (d.open = true))")
    assert browser.run("document.documentElement.scrollWidth") <= width
    beyond = "(e) => !e.closest('svg, .scroll, .vh') && e.getBoundingClientRect().right > innerWidth + 1"
    assert (
        browser.run(f"[...document.querySelectorAll('body *')].filter({beyond}).map((e) => e.outerHTML.slice(0, 120))")
        == []
    )
    assert browser.console == []
    assert browser.requests == [pages[name].as_uri()]


@pytest.mark.parametrize("name", ["one", "many"])
@pytest.mark.parametrize("width", [360, 768, 1280])
def test_labels_of_charts_do_not_overlap(name: str, width: int, browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages[name], width)
    overlapping = """[...document.querySelectorAll('figure svg.chart')].flatMap((svg) => {
      const boxes = [...svg.querySelectorAll('text')]
        .map((t) => [t.textContent, t.getBoundingClientRect()]).filter(([, b]) => b.width);
      return boxes.flatMap(([a, p], i) => boxes.slice(0, i).filter(([, q]) =>
        Math.min(p.right, q.right) - Math.max(p.left, q.left) > 1 &&
        Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top) > 5).map(([b]) => `${a} | ${b}`));
    })"""
    assert browser.run(overlapping) == []


def test_keys_read_every_chart(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["one"], 1280)
    tips = []
    for i in range(3):
        browser.run(f"document.querySelectorAll('figure[data-hover]')[{i}].querySelector('svg.wide').focus()")
        browser.press("End")
        tips.append(
            browser.run(
                f"document.querySelectorAll('figure[data-hover]')[{i}].querySelector('.tip').innerText"
            ).splitlines()
        )
    errors, held, fan = tips
    assert errors[0] == held[0]
    assert errors[0].startswith("12 hours")
    assert [line.rsplit(" ", 1)[0] for line in errors[1:]] == ["seasonal naive", "theta", "linear"]
    assert all(line.endswith("%") for line in held[1:])
    assert fan[0] == "Sat 17 Jan, 11:00"
    assert [line.split()[0] for line in fan[1:3]] == ["measured", "forecast"]
    assert len(fan) == 4  # and the interval


def test_members_are_filtered_limited_and_named_as_text(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["many"], 1280)
    browser.run(
        "(() => { const f = document.querySelector('.filter'); f.value = 'node-03'; f.dispatchEvent(new"
        " Event('input')); })()"
    )
    assert browser.run("[...document.querySelectorAll('#members tbody tr')].filter((r) => !r.hidden).length") == 1
    assert browser.run("document.querySelectorAll('#members tbody tr').length") == 16
    assert browser.run("document.querySelectorAll('details.member').length") == 12
    assert re.search(r"\b12 \w+ 16 members", browser.run("document.body.textContent"))
    assert "<script>alert(1)</script>" in browser.run("document.body.textContent")
    assert browser.run("document.querySelectorAll('script:not([type])').length") == 1
