"""`cronocast plot`: SVG and PNG from the one chart code, and plain words where that can't be."""

import functools
import re
import struct
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from cronocast.charts.svg import PALETTES
from cronocast.errors import ConfigError, DataError, MissingExtraError
from cronocast.report import write_plot
from cronocast.report.plot import picture
from cronocast.report.run_folder import read_run
from tests import report_runs


def texts(path: Path) -> str:
    return " ".join(e.text or "" for e in ET.parse(path).iter() if e.tag.endswith("}text"))


@pytest.mark.parametrize("theme", PALETTES)
def test_svg_stands_alone_in_its_theme(theme: str, tmp_path: Path) -> None:
    out = tmp_path / "plot.svg"
    write_plot(report_runs.one(tmp_path / "run"), out, None, theme)
    source = out.read_text("utf-8")
    assert "var(" not in source
    assert "$" not in source
    assert PALETTES[theme]["panel"] in source
    assert re.search(r"\b0\.62 \w+ .*\bday\b", texts(out))
    assert "href" not in source


def test_png_shows_the_same_at_twice_the_size(tmp_path: Path) -> None:
    folder = report_runs.one(tmp_path / "run")
    for name in ("plot.svg", "plot.png"):
        write_plot(folder, tmp_path / name, None, "dark")
    data = (tmp_path / "plot.png").read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    root = ET.parse(tmp_path / "plot.svg").getroot()
    assert struct.unpack(">II", data[16:24]) == (2 * int(root.get("width", 0)), 2 * int(root.get("height", 0)))
    assert len(data) > 30_000  # lines and letters, not an empty page


def test_one_member_by_its_tags(tmp_path: Path) -> None:
    out = tmp_path / "plot.svg"
    write_plot(report_runs.several(tmp_path / "run"), out, "host=disk-1,path=/var", "light")
    assert "host=disk-1, path=/var" in texts(out)
    assert "web-1" not in texts(out)


def test_labels_may_reach_beyond_their_chart(tmp_path: Path) -> None:
    out = tmp_path / "plot.svg"
    write_plot(report_runs.several(tmp_path / "run"), out, None, "light")
    charts = [chart for chart in ET.parse(out).getroot().iter() if chart.tag.endswith("svg")][1:]
    assert [chart.get("overflow") for chart in charts] == ["visible"] * len(charts)
    assert len(charts) == 8


@pytest.mark.parametrize("written", ["path=/var,host=disk-1", "host=disk-1, path=/var"])
def test_tags_can_be_written_in_any_order_and_as_the_picture_shows_them(written: str, tmp_path: Path) -> None:
    folder = report_runs.several(tmp_path / "run")
    assert picture(read_run(folder), written, "light") == picture(read_run(folder), "host=disk-1,path=/var", "light")


@pytest.mark.parametrize("tags", ["host=a", r"host=a\,b\=c\\d", "host=we 'i\"rd", "host=Z\u00fcrich"])
def test_a_name_can_be_taken_from_the_message(tags: str, tmp_path: Path) -> None:
    """Messages are ASCII, so that what they make of other letters is understood too."""
    folder = report_runs.write_run(tmp_path / "run", [report_runs.Sample(tags, report_runs.daily(5, 1))], points=48)
    with pytest.raises(DataError) as caught:
        write_plot(folder, tmp_path / "plot.svg", "host=x", "light")
    shown = "host=" + caught.value.problem.rpartition("host=")[2]
    for name in (tags, shown):
        write_plot(folder, tmp_path / "plot.svg", name, "light")


def test_many_members_are_a_grid_that_says_how_many_it_leaves_out(tmp_path: Path) -> None:
    out = tmp_path / "plot.svg"
    write_plot(report_runs.many(tmp_path / "run", 30), out, None, "light")
    assert re.search(r"\b12 \w+ 30 members", texts(out))


def test_names_can_not_break_out_of_the_picture(tmp_path: Path) -> None:
    out = tmp_path / "plot.svg"
    write_plot(report_runs.nasty(tmp_path / "run"), out, None, "light")
    assert not [e.tag for e in ET.parse(out).iter() if e.tag.endswith(("}script", "}image", "}foreignObject", "}a"))]


WRONG = {
    "format": ("plot.pdf", None, "light", ConfigError, r"--out: 'plot\.pdf' .*\.svg, \.png"),
    "theme": ("plot.svg", None, "blue", ConfigError, r"--theme: 'blue' .*light, dark"),
    "member": (
        "plot.svg",
        "host=x",
        "light",
        DataError,
        r"--member: 'host=x' .*\b8\b.* host=web-1; ",
    ),
}


@pytest.mark.parametrize(("name", "member", "theme", "kind", "said"), WRONG.values(), ids=WRONG)
def test_a_wrong_wish_is_told(
    name: str, member: str | None, theme: str, kind: type[Exception], said: str, tmp_path: Path
) -> None:
    folder = report_runs.several(tmp_path / "run")
    with pytest.raises(kind, match=said):
        write_plot(folder, tmp_path / name, member, theme)
    assert not (tmp_path / name).exists()


def test_a_run_without_data_has_no_picture(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"E_INPUT_MISSING run: .*history\.csv.*forecast\.csv"):
        write_plot(report_runs.failed_extract(tmp_path / "run"), tmp_path / "plot.svg", None, "light")


def test_png_without_its_extra_names_it_and_svg_does_not_need_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    folder = report_runs.one(tmp_path / "run")
    with pytest.raises(MissingExtraError, match=r"cronocast\[plot\]"):
        write_plot(folder, tmp_path / "plot.png", None, "light")
    write_plot(folder, tmp_path / "plot.svg", None, "light")


def test_a_machine_without_fonts_is_an_error_not_a_picture_without_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import resvg_py

    monkeypatch.setattr(resvg_py, "svg_to_bytes", functools.partial(resvg_py.svg_to_bytes, skip_system_fonts=True))
    with pytest.raises(ConfigError, match=r"E_FONT --out: .*\.svg"):
        write_plot(report_runs.one(tmp_path / "run"), tmp_path / "plot.png", None, "light")
    assert not (tmp_path / "plot.png").exists()
