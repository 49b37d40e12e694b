"""The charts are well-formed, stay in their frame, break at gaps, and no two of their labels overlap."""

import re
import xml.etree.ElementTree as ET
from array import array
from dataclasses import replace
from datetime import UTC
from pathlib import Path

import pytest

from cronocast.backtest.charts import FAN_SIZES, Fan, fan_chart, fan_domain
from cronocast.charts.svg import PALETTES, Size, text_width
from cronocast.handoff.profile import Profile
from cronocast.handoff.series import Member
from cronocast.report.charts import context_chart, focus_domain, forecast_chart, sparkline, steps_chart, wild_words
from cronocast.report.focus import Focus, focus_of
from cronocast.report.hover import forecast_hover
from cronocast.report.model import MemberView
from cronocast.report.run_folder import read_run
from cronocast.report.scores import backtest_of
from cronocast.report.sections import CONTEXT_SIZES, SIZES, STEPS_SIZES
from tests import report_runs
from tests.messages import numbers
from tests.report_runs import HOUR, NOW, Sample

SVG = "{http://www.w3.org/2000/svg}"


def view(
    values: list[float],
    ahead: list[tuple[float, float, float]],
    *,
    missing: tuple[int, ...] = (),
    step: int = HOUR,
    changes: tuple[int, ...] = (),
) -> MemberView:
    """A member whose history ends right before NOW."""
    start = NOW - len(values) * step
    kept = [i for i in range(len(values)) if i not in missing]
    history = Member("m", "", array("q", [start + i * step for i in kept]), (array("d", [values[i] for i in kept]),))
    columns = tuple(array("d", column) for column in zip(*ahead, strict=True)) or tuple(array("d") for _ in range(3))
    forecast = Member("m", "", array("q", [NOW + i * step for i in range(len(ahead))]), columns)
    profile = Profile(
        "m", "", "seasonal", "", step, len(kept), start, NOW - step, (24,), tuple(NOW + k * step for k in changes)
    )
    return MemberView("m", "", history, forecast, step, profile)


def draw(member: MemberView, size: Size = SIZES[0]) -> ET.Element:
    return ET.fromstring(forecast_chart(member, focus_of(member, NOW), size, UTC, (0.95,), "u"))


def paths(root: ET.Element, cls: str) -> list[str]:
    return [path.get("d", "") for path in root.iter("path") if path.get("class") == cls]


def test_line_breaks_at_a_gap_and_the_gap_is_shaded() -> None:
    root = draw(view([1.0 * i for i in range(20)], [(20, 19, 21)] * 5, missing=(7, 8, 9)))
    line = next(d for d in paths(root, "measured") if d.count("L") > 3)
    assert line.count("M") == 2
    assert [rect.get("class") for rect in root.iter("rect")].count("gap") == 1


def test_a_lone_value_between_gaps_is_a_dot() -> None:
    root = draw(view([5.0] * 10, [(5, 4, 6)] * 3, missing=(3, 4, 6, 7)))
    assert any("m-1 0a1 1" in d for d in paths(root, "measured"))


def test_what_is_missing_before_now_is_a_gap_and_the_lines_do_not_meet() -> None:
    whole, cut = (draw(view([5.0] * 20, [(5, 4, 6)] * 5, missing=missing)) for missing in ((), (16, 17, 18, 19)))
    assert "gap" in [rect.get("class") for rect in cut.iter("rect")]
    assert "gap" not in [rect.get("class") for rect in whole.iter("rect")]

    def start(root: ET.Element) -> float:
        return float(re.findall(r"[\d.]+", max(paths(root, "forecast"), key=len))[0])

    assert start(whole) < start(cut)


# steps before now that are missing, where the gap begins as a share of the chart, whether anything measured is in it
REACHING = {
    "the whole window": (range(1, 190), 0.0, False),
    "from before the window": (range(10, 190), 0.0, True),
    "from the edge": (range(10, 73), 0.0, True),
    "two steps across the edge": (range(72, 75), 0.0, True),
    "within": (range(10, 30), 42 / 95, True),
    "none in the window": (range(80, 190), None, True),
}


@pytest.mark.parametrize(("missing", "begin", "measured"), REACHING.values(), ids=REACHING)
def test_a_gap_is_shaded_from_the_left_edge_where_it_reaches_it(
    missing: range, begin: float | None, measured: bool
) -> None:
    root = draw(view([5.0] * 400, [(5, 4, 6)] * 24, missing=tuple(400 - i for i in missing)))
    gaps = [float(rect.get("x", 0)) for rect in root.iter("rect") if rect.get("class") == "gap"]
    left, right = min(float(re.findall(r"M([\d.]+)", d)[0]) for d in paths(root, "axis")), SIZES[0].width
    assert (
        gaps == []
        if begin is None
        else gaps == [pytest.approx(left + begin * (right - left), abs=30 if begin else 0.2)]
    )
    assert ("measured" in [text.text for text in root.iter("text")]) == measured


def test_no_forecast_draws_history_alone() -> None:
    root = draw(view([1.0, 2.0, 3.0], []))
    assert not [d for d in paths(root, "band") if d]
    described = root.findtext("desc") or ""
    assert "3.00" in described
    assert "%" not in described  # no interval either


def test_now_and_the_newest_change_are_labelled() -> None:
    root = draw(view([1.0 * (i > 20) for i in range(60)], [(1, 0, 2)] * 24, changes=(-39,)))
    texts = [t.text or "" for t in root.iter("text")]
    assert any(text.endswith(" Tue 10 Mar 14:00") for text in texts)
    assert any(text.endswith(" Sun 8 Mar 23:00") for text in texts)


def test_focus_holds_the_longest_season_between_three_and_seven_horizons() -> None:
    member = view([1.0] * 2000, [(1, 0, 2)] * 24)
    assert focus_of(member, NOW).t0 == NOW - 72 * HOUR
    weekly = MemberView(**{**member.__dict__, "profile": Profile("m", "", "seasonal", "", HOUR, 2000, 0, 0, (24, 168))})
    assert focus_of(weekly, NOW).t0 == NOW - 168 * HOUR
    assert focus_of(view([1.0] * 80, [(1, 0, 2)] * 24), NOW).first == 0


def test_a_long_history_is_drawn_by_its_extremes() -> None:
    values = [float(i % 977) for i in range(200_000)]
    values[123_456] = 5000.0
    member = view(values, [(1, 0, 2)] * 288, step=300 * 10**9)
    drawn = context_chart(member, focus_of(member, NOW), CONTEXT_SIZES[0], UTC, "u")
    assert len(drawn) < 120_000
    line = max(re.findall(r'class="measured" d="([^"]*)"', drawn), key=len)
    heights = sorted(float(y) for _, y in re.findall(r"([\d.]+) ([\d.]+)", line))
    assert heights[0] < 30  # the one peak stands at the top
    assert heights[1] > heights[0] + 20


EXTREMES = {
    "largest doubles": ([-1.7e308, 1.7e308] * 30, [(0.0, -1.7e308, 1.7e308)] * 4),
    "smallest doubles": ([5e-324, 0.0] * 30, [(0.0, 0.0, 5e-324)] * 4),
    "constant": ([3.0] * 60, [(3.0, 3.0, 3.0)] * 4),
    "zero": ([0.0] * 60, [(0.0, 0.0, 0.0)] * 4),
    "huge and close": ([1e15 + i for i in range(60)], [(1e15, 1e15 - 1, 1e15 + 1)] * 4),
    "large in a small range": ([1.773e9 + i % 7 for i in range(60)], [(1.773e9, 1.773e9 - 1, 1.773e9 + 1)] * 4),
    "below one in a small range": (
        [0.9999 + i % 7 * 1e-9 for i in range(60)],
        [(0.9999, 0.9999 - 1e-9, 0.9999 + 1e-9)] * 4,
    ),
    "one value, one step": ([1.0], [(1.0, 0.5, 1.5)]),
    "forecast alone": ([], [(1.0, 0.5, 1.5)] * 3),
    "far below zero": ([-1e6 - i for i in range(60)], [(-1e6, -2e6, 0.0)] * 4),
}


@pytest.mark.parametrize(("values", "ahead"), EXTREMES.values(), ids=EXTREMES)
@pytest.mark.parametrize("size", SIZES, ids=[s.name for s in SIZES])
def test_extreme_values_stay_in_the_picture(
    values: list[float], ahead: list[tuple[float, float, float]], size: Size
) -> None:
    inside(draw(view(values, ahead), size), size)


def inside(root: ET.Element, size: Size) -> None:
    """Every coordinate is finite and in the picture, every text too."""
    for path in root.iter("path"):
        numbers = [
            float(n)
            for n in re.findall(r"-?[\d.]+(?:e[-+]?\d+)?", re.sub(r"[hv][\d.]+|m-1 0a[^MZ]*", "", path.get("d", "")))
        ]
        assert "nan" not in path.get("d", "")
        assert "inf" not in path.get("d", "")
        assert all(-1 <= n <= size.width + 1 for n in numbers)
    boxes = [box(text, size.font) for text in root.iter("text")]
    for left, top, right, bottom in boxes:
        assert left >= -1
        assert right <= size.width + 1
        assert top >= -3
        assert bottom <= size.height + 3
    for i, a in enumerate(boxes):
        for b in boxes[:i]:
            assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1], "two labels overlap"


def box(text: ET.Element, font: float) -> tuple[float, float, float, float]:
    """The room a text takes, by a narrow estimate.

    0.9 of what the charts reckon with, letters without their line spacing.
    """
    x, y, width = float(text.get("x", 0)), float(text.get("y", 0)), 0.9 * text_width(text.text or "", font)
    left = {"middle": x - width / 2, "end": x - width}.get(text.get("text-anchor", ""), x)
    return left, y - 0.72 * font, left + width, y + 0.1 * font


@pytest.mark.parametrize(
    "write",
    [report_runs.one, report_runs.several, report_runs.failed_load, report_runs.nasty],
    ids=lambda f: f.__name__,
)
def test_charts_of_whole_runs_are_well_formed_and_tidy(write: object, tmp_path: Path) -> None:
    run = read_run(write(tmp_path / "run"))  # type: ignore[operator]
    assert run.members
    for member in run.members:
        focus = focus_of(member, NOW)
        for size in SIZES:
            inside(draw(member, size), size)
        for size in CONTEXT_SIZES:
            inside(ET.fromstring(context_chart(member, focus, size, UTC, "c")), size)
        for size in STEPS_SIZES:
            if drawn := steps_chart(member, size, "s"):
                inside(ET.fromstring(drawn), size)
        assert ET.fromstring(sparkline(member, focus)).get("aria-hidden") == "true"


STEPS = {"1 s": 10**9, "5 min": 300 * 10**9, "1 d": 24 * HOUR, "7 min": 420 * 10**9}


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_any_sampling_step_gives_a_tidy_chart(step: int, tmp_path: Path) -> None:
    sample = Sample("", report_runs.daily(50, 14))
    member = read_run(
        report_runs.write_run(tmp_path / "run", [sample], step=step, points=500, horizon=48, now=NOW // step * step)
    ).members[0]
    for size in SIZES:
        inside(
            ET.fromstring(forecast_chart(member, focus_of(member, NOW // step * step), size, UTC, (0.95,), "u")), size
        )
    for size in STEPS_SIZES:
        inside(ET.fromstring(steps_chart(member, size, "s")), size)


def test_a_chart_has_a_title_and_says_its_numbers_in_words() -> None:
    root = draw(view([5.0] * 20, [(6, 4, 8)] * 5))
    assert root.get("role") == "img"
    assert root.get("aria-labelledby", "").split() == [
        e.get("id") for e in (root.find("title"), root.find("desc")) if e is not None
    ]
    assert {"5.00", "6.00", "4.00", "8.00"} <= set(numbers(root.findtext("desc") or ""))


def test_focus_edges_never_meet() -> None:
    focus = focus_of(view([1.0], []), NOW)
    assert isinstance(focus, Focus)
    assert focus.t1 > focus.t0


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2, definition)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("theme", PALETTES)
@pytest.mark.parametrize("ground", ["paper", "panel", "tint"])
def test_text_and_lines_have_contrast(theme: str, ground: str) -> None:
    colours = PALETTES[theme]

    def contrast(name: str) -> float:
        pair = sorted((luminance(colours[name]), luminance(colours[ground])))
        return (pair[1] + 0.05) / (pair[0] + 0.05)

    assert {
        name: round(contrast(name), 2)
        for name in ("ink", "soft", "forecast", "earlier", "change", "good", "warn", "bad", "naive")
        if contrast(name) < 4.5
    } == {}
    assert contrast("measured") >= 3


def test_both_palettes_name_the_same_colours() -> None:
    assert PALETTES["light"].keys() == PALETTES["dark"].keys()


@pytest.mark.parametrize(("measured", "shown"), [(24, (1, 0)), (10, (1, 1)), (1, (1, 1)), (0, (0, 1))])
def test_what_nobody_measured_looks_different_and_is_named(measured: int, shown: tuple[int, int]) -> None:
    member = replace(view([1.0] * 80, [(1, 0, 2)] * 24), backtest=backtest_of({"measured_steps": measured}))
    root = draw(member)
    assert (len(paths(root, "band")), len(paths(root, "guess"))) == shown
    legend = [text.text for text in root.iter("text") if "not measured" in (text.text or "")]
    assert len(legend) == shown[1]
    if measured:
        # the last measured row is where both parts meet
        edge = min(xs(paths(root, "guess")[0])) if shown[1] else max(xs(paths(root, "forecast")[0]))
        assert max(xs(paths(root, "band")[0])) == pytest.approx(edge)
    inside(root, SIZES[0])


def xs(path: str) -> list[float]:
    return [float(x) for x in re.findall(r"[ML](-?[\d.]+) ", path)]


WILD: dict[str, tuple[dict[int, float], int]] = {
    "above": ({40: 9999.0}, 1),
    "below": ({40: -5000.0}, 1),
    "both": ({30: 9999.0, 40: -5000.0}, 2),
    "three": ({20: 900.0, 40: 900.0, 60: 900.0}, 3),
    "the last": ({79: 1e9}, 1),
    "as large as doubles are": ({40: 1.7e308}, 1),
    "no wilder than the others": ({40: 8.0}, 0),
    "more than exceptions": (dict.fromkeys(range(0, 80, 10), 900.0), 0),
}


@pytest.mark.parametrize(("values", "marked"), WILD.values(), ids=WILD)
@pytest.mark.parametrize("size", SIZES, ids=[s.name for s in SIZES])
def test_a_wild_value_does_not_flatten_a_chart_and_is_told(values: dict[int, float], marked: int, size: Size) -> None:
    member = view([values.get(i, 5.0 + i % 5) for i in range(80)], [(7, 5, 9)] * 24)
    focus = focus_of(member, NOW)
    low, high = focus_domain(member, focus)
    assert (high - low < 20) is (marked > 0 or max(values.values()) < 20)
    root = draw(member, size)
    assert len(paths(root, "wild")) == marked
    inside(root, size)
    assert wild_words(member, focus, UTC).count(" on ") == marked
    heights = forecast_hover(member, focus, "UTC")["rows"][0]["y"]
    assert all(h is None or 0 <= h <= 1 for h in heights)


def test_a_flat_line_hides_none_of_its_exceptions() -> None:
    member = view([3.0] * 40 + [2.0] + [3.0] * 39, [(3, 3, 3)] * 24)
    assert focus_domain(member, focus_of(member, NOW))[0] < 2
    assert paths(draw(member), "wild") == []


def test_a_spike_that_is_forecast_is_not_wild() -> None:
    spikes = [200.0 if i == 40 else 0.0 for i in range(80)]
    member = view([v + i % 3 for i, v in enumerate(spikes)], [(200, 190, 210), *[(1, 0, 2)] * 23])
    assert paths(draw(member), "wild") == []


@pytest.mark.parametrize("value", [34.7, 1e9 / 3, -0.1, 1e-7])
def test_a_mean_of_equal_values_is_drawn_as_a_constant(value: float) -> None:
    values = [sum([value] * n) / n for n in range(40, 120)]
    assert len(set(values)) > 1
    member = view(values, [(values[3],) * 3] * 24)
    low, high = focus_domain(member, focus_of(member, NOW))
    assert high - low == pytest.approx(abs(value) * 0.2, rel=0.01)


def test_now_is_the_time_of_the_run_and_the_step_that_goes_on_is_no_gap() -> None:
    member = view([1.0 * i for i in range(80)], [(20, 19, 21)] * 24)
    late = NOW + HOUR * 9 // 10
    focus = focus_of(member, late)
    assert (focus.now, focus.until) == (late, NOW)
    root = ET.fromstring(forecast_chart(member, focus, SIZES[0], UTC, (0.95,), "u"))
    assert "gap" not in {rect.get("class") for rect in root.iter("rect")}
    assert any("now" in (text.text or "") and "14:54" in (text.text or "") for text in root.iter("text"))


def test_a_change_shortly_before_now_keeps_its_date() -> None:
    member = view([1.0 * i for i in range(80)], [(20, 19, 21)] * 24, changes=(-6,))
    for size in SIZES[:2]:
        said = [text.text or "" for text in draw(member, size).iter("text")]
        assert any("08:00" in text and "change" in text for text in said)
        inside(draw(member, size), size)


@pytest.mark.parametrize("value", [9999.0, -5000.0, 1.7e308])
def test_a_wild_value_does_not_flatten_past_forecasts(value: float) -> None:
    times = [NOW + k * HOUR for k in range(80)]
    actual = [value if k == 40 else 5.0 + k % 5 for k in range(80)]
    fan = Fan("m", HOUR, times, actual, [(times[60:], [7.0] * 20, [5.0] * 20, [9.0] * 20)])
    low, high = fan_domain(fan)
    assert high - low < 20
    for size in FAN_SIZES:
        root = ET.fromstring(fan_chart(fan, size, "u"))
        assert len(paths(root, "wild")) == 1
        inside(root, size)
