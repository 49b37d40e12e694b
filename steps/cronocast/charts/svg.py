"""The little of SVG and colour that the charts need: escaped elements, text widths, two palettes, one style.

Standard library only.
"""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from string import Template

from cronocast.errors import printable

FONT = (
    "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'Noto Sans', 'Liberation Sans', 'DejaVu Sans',"
    " Arial, sans-serif"
)
# Text has a contrast of at least 4.5 to 1 on paper and on panel, lines and marks at least 3 to 1; measured and forecast
# differ in lightness as well as in hue, so that they can be told apart by everybody and in grey.
PALETTES = {
    "light": {
        "paper": "#f6f7f9", "panel": "#ffffff", "ink": "#18202b", "soft": "#566273", "grid": "#e4e8ee",
        "edge": "#cfd6df", "measured": "#3d4c60", "forecast": "#1f5fd6", "band": "#1f5fd6",
        "earlier": "#0b6f6a", "naive": "#5d6877",
        "change": "#a85400", "good": "#14713f", "warn": "#8f5200", "bad": "#b3261e", "tint": "#eef3fd",
    },
    "dark": {
        "paper": "#0f141b", "panel": "#171e28", "ink": "#e8edf4", "soft": "#a3afbf", "grid": "#263140",
        "edge": "#364456", "measured": "#c3cedd", "forecast": "#74a7ff", "band": "#74a7ff",
        "earlier": "#4fc7bf", "naive": "#8d99aa",
        "change": "#f0a95b", "good": "#67d197", "warn": "#f0b35e", "bad": "#ff938a", "tint": "#1b2636",
    },
}  # fmt: skip
STYLE = Template("""
.chart text{font-family:$font;fill:$soft;font-size:12px}
.chart.small text{font-size:11px}
.chart .strong{fill:$ink;font-weight:600}
.chart .grid{stroke:$grid;stroke-width:1;fill:none}
.chart .axis{stroke:$edge;stroke-width:1;fill:none}
.chart .measured{stroke:$measured;stroke-width:1.6;fill:none;stroke-linejoin:round;stroke-linecap:round}
.chart .forecast{stroke:$forecast;stroke-width:2.2;fill:none;stroke-linejoin:round;stroke-linecap:round}
.chart .band{fill:$band;fill-opacity:.2;stroke:none}
.chart .guess{fill:$band;fill-opacity:.07;stroke:$band;stroke-opacity:.75;stroke-width:1;stroke-dasharray:3 3}
.chart .earlier{stroke:$earlier;stroke-width:1.6;fill:none;stroke-dasharray:5 3}
.chart .naive{stroke:$naive;stroke-width:1.8;fill:none;stroke-dasharray:5 4;stroke-linejoin:round}
.chart .change{stroke:$change;stroke-width:1.4;fill:none;stroke-dasharray:2 3}
.chart .change.before{stroke-opacity:.4}
.chart .wild{fill:$change;stroke:none}
.chart .limit{stroke:$bad;stroke-width:1.6;fill:none}
.chart .range{fill:$bad;fill-opacity:.16;stroke:none}
.chart .date{fill:$bad;stroke:$panel;stroke-width:1.5}
.chart .now{stroke:$ink;stroke-width:1.2;fill:none}
.chart .ahead{fill:$tint}
.chart .gap{fill:$grid}
.chart .focus{fill:$forecast;fill-opacity:.1;stroke:$forecast;stroke-opacity:.6}
.chart text.of-forecast{fill:$forecast;font-weight:600}
.chart text.of-naive{fill:$naive}
.chart text.of-earlier{fill:$earlier}
.chart text.of-measured{fill:$measured}
.chart text.of-change{fill:$change}
.chart text.of-limit{fill:$bad;font-weight:600}
""")


@dataclass(frozen=True)
class Size:
    """Width and height of a chart in its own pixels, and how large its letters are."""

    width: int
    height: int
    name: str = "wide"
    font: float = 12.0


def chart_style(colours: dict[str, str]) -> str:
    """The style of all charts, with colours given as values or as `var(--name)`."""
    return STYLE.substitute(colours, font=FONT)


def element(name: str, *children: str, **attributes: str | float | None) -> str:
    """One element; attributes are escaped, children are markup.

    `cls` is class, `_` in names is `-`, None leaves out.
    """
    given = "".join(f' {_attribute(key)}="{_value(value)}"' for key, value in attributes.items() if value is not None)
    inner = "".join(children)
    return (
        f"<{name}{given}>{inner}</{name}>"
        if inner or name not in ("path", "rect", "line", "circle")
        else f"<{name}{given}/>"
    )


def _attribute(key: str) -> str:
    return {"cls": "class", "viewbox": "viewBox"}.get(key, key.replace("_", "-"))


def _value(value: str | float) -> str:
    return escape(value, quote=True) if isinstance(value, str) else short(value)


def short(value: float) -> str:
    """A coordinate with one decimal: a tenth of a pixel can't be seen."""
    return (
        f"{value:.1f}".removesuffix(".0").replace("-0", "0") if abs(value) < 0.05 else f"{value:.1f}".removesuffix(".0")
    )


def text(content: str, x: float, y: float, cls: str | None = None, anchor: str | None = None) -> str:
    """A line of text; the content is escaped."""
    return element("text", safe(content), x=x, y=y, cls=cls, text_anchor=anchor)


def safe(content: str) -> str:
    """Escape text; characters that XML forbids, or that turn the writing direction of what follows.

    Are shown as a replacement sign.
    """
    return escape(
        "".join(
            c if c not in "\ufffe\uffff" and not "\ud800" <= c <= "\udfff" else "\ufffd" for c in printable(content)
        ),
        quote=True,
    )


def text_width(content: str, font: float) -> float:
    """About how wide a text is, a little too much rather than too little: fonts differ from one machine to the next."""
    return sum(_share(c) for c in content) * font


def _share(c: str) -> float:
    if unicodedata.east_asian_width(c) in "WF":
        return 1.0
    if c in "ijl.,:;|!' \u00a0":
        return 0.31
    if c in "mwMW%":
        return 0.82
    return 0.68 if c.isupper() else 0.58


def polyline(points: Iterable[tuple[float, float]]) -> str:
    """Path data through points; a lone point becomes a small circle around it, which can be seen beside lines."""
    parts = [f"{short(x)} {short(y)}" for x, y in points]
    if len(parts) == 1:
        return f"M{parts[0]}m-1 0a1 1 0 1 0 2 0a1 1 0 1 0-2 0"
    return f"M{'L'.join(parts)}" if parts else ""
