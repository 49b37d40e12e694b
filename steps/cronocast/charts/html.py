"""A whole page around its body, which loads nothing from elsewhere, and parts that several pages have."""

import base64
import hashlib
from importlib.resources import files
from typing import Any

from cronocast import __version__
from cronocast.charts.hover import script_json
from cronocast.charts.svg import PALETTES, chart_style, safe

LOGO = (
    '<svg width="34" height="20" viewBox="0 0 34 20" aria-hidden="true" class="chart"><path class="band" d="M16 11L32'
    ' 1V15Z"/><path class="measured" d="M2 14L7 8L11 13L16 11"/><path class="forecast" d="M16 11L22 5L26 10L32'
    ' 7"/></svg>'
)
FILTER_FROM = 12  # members: fewer are seen at a glance
BAR_END = 2.0  # twice the naive error: bars of worse models end there, their number stands beside


def html_page(title: str, kind: str, body: str, made_from: str) -> str:
    """A whole page around its body: style and script within it, and a policy that allows nothing else.

    Args:
        title: What the browser shows; escaped here.
        kind: What the page is, in two words.
        body: Markup of the main part.
        made_from: Markup of what it was made from.
    """
    folder = files("cronocast.charts")
    style = page_style() + folder.joinpath("style.css").read_text("utf-8")
    script = folder.joinpath("script.js").read_text("utf-8")
    policy = (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; img-src data:; base-uri 'none';"
        " form-action 'none'"
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy"'
        f' content="{policy}"><meta name="viewport" content="width=device-width,initial-scale=1"><meta'
        f' name="color-scheme" content="light dark"><link rel="icon" href="data:,"><title>{safe(title)} -'
        f" cronocast</title><style>{style}</style></head>\n<body><header"
        f' class="top">{LOGO}<b>cronocast</b><span>{kind}</span></header>\n<main>{body}</main>\n<footer'
        f' class="foot">Made by cronocast {__version__} from {made_from}. This page loads nothing from'
        f" elsewhere.</footer><script>{script}</script></body></html>\n"
    )


def hover_figure(pictures: str, caption: str, name: str = "", data: dict[str, Any] | None = None) -> str:
    """Charts of one thing with their caption, and what the pointer reads off them under its name, if anything."""
    inner = f"<figcaption>{safe(caption)}</figcaption>{pictures}"
    if data is None:
        return f"<figure>{inner}</figure>"
    script = f'<script type="application/json" id="{name}">{script_json(data)}</script>'
    return f'<figure data-hover="{name}">{inner}{script}</figure>'


def scrolled(label: str, table: str) -> str:
    """A table that scrolls within the page where it is wider."""
    return f'<div class="scroll" tabindex="0" role="region" aria-label="{safe(label)}">{table}</div>'


def error_bar(ratio: float | None) -> str:
    """A bar as long as an error relative to the naive one, with a mark where both are alike."""
    width = min(ratio or 0.0, BAR_END) / BAR_END * 100
    return (
        '<svg class="bar" viewBox="0 0 100 12" preserveAspectRatio="none" aria-hidden="true"><rect class="back"'
        f' width="100" height="12" rx="2"/><rect class="own" width="{width:.1f}" height="12" rx="2"/><path class="one"'
        ' d="M50 0V12"/></svg>'
    )


def filter_field(name: str, count: int) -> str:
    """A field that filters the members in the table of that name; "" where they are few."""
    if count < FILTER_FROM:
        return ""
    box = (
        f'<input class="filter" type="search" data-filter="{name}" aria-label="Filter members" placeholder="Filter'
        ' members">'
    )
    return f'<div class="filter-row" hidden>{box}<span class="soft" id="{name}-count" role="status"></span></div>'


def page_style() -> str:
    """Both palettes as CSS variables, and the style of the charts that uses them."""
    light, dark = (
        ";".join(f"--{name}:{colour}" for name, colour in PALETTES[theme].items()) for theme in ("light", "dark")
    )
    return (
        f":root{{color-scheme:light dark;{light}}}\n@media(prefers-color-scheme:dark){{:root{{{dark}}}}}"
        + chart_style({name: f"var(--{name})" for name in PALETTES["light"]})
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
