"""The table by member on the page of a backtest."""

from typing import Any

from cronocast.backtest.table import number, percent
from cronocast.charts.html import filter_field, scrolled
from cronocast.charts.svg import safe
from cronocast.charts.words import counted, model_words

MOST_ROWS = 2000  # of the table of members

Shown = dict[str, Any]


def member_table(document: Shown, models: list[str]) -> str:
    """The table with the figures of these models by member; "" where there is just one member."""
    rows = document["by_member"]
    if len(rows) < 2:
        return ""
    head = "<th>Member</th><th>Class</th><th>Compared with</th>"
    head += "".join(
        f'<th class="n">{safe(model_words(name))}: error / naive</th><th class="n">coverage</th><th class="n">MAE</th>'
        for name in models
    )
    body = "".join(_member(row, models) for row in rows[:MOST_ROWS])
    rest = f'<p class="soft">The first {MOST_ROWS:,} are shown; --json has all.</p>' if len(rows) > MOST_ROWS else ""
    table = f'<table id="members"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    shown = filter_field("members", len(rows)) + scrolled("Members", table) + rest
    return f'<section class="card"><h2>{counted(len(rows), "member")}</h2>{shown}</section>'


def _member(row: Shown, models: list[str]) -> str:
    cells = ""
    for name in models:
        found = row["models"][name]
        mae = (found["in_unit"] or {}).get("mae")
        cells += (
            f'<td class="n">{number((found["ratio"] or {}).get("value"))}</td><td'
            f' class="n">{percent(found["coverage"])}</td>'
        )
        cells += f'<td class="n">{"-" if mae is None else format(mae, ".4g")}</td>'
    classes = ", ".join(name.replace("_", " ") for name in row["classes"])
    words = "".join(
        f"<td>{safe(text)}</td>" for text in (row["tags"] or row["name"], classes, model_words(row["reference"]))
    )
    return f"<tr>{words}{cells}</tr>"
