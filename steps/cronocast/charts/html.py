"""A whole page around its body; it loads nothing from elsewhere."""

import base64
import hashlib
from importlib.resources import files

from cronocast import __version__
from cronocast.charts.svg import PALETTES, chart_style, safe

LOGO = (
    '<svg width="34" height="20" viewBox="0 0 34 20" aria-hidden="true" class="chart"><path class="band" d="M16 11L32'
    ' 1V15Z"/><path class="measured" d="M2 14L7 8L11 13L16 11"/><path class="forecast" d="M16 11L22 5L26 10L32'
    ' 7"/></svg>'
)


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
