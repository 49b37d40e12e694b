"""The page of a backtest: one self-contained HTML file in the style of the report."""

from pathlib import Path
from typing import Any

from cronocast.backtest.figures import fans, step_figures
from cronocast.backtest.member_table import member_table
from cronocast.backtest.notes import notes
from cronocast.backtest.request import NAIVE
from cronocast.backtest.study import Study
from cronocast.backtest.table import among, number, percent, sentences
from cronocast.charts.html import error_bar, html_page, scrolled
from cronocast.charts.svg import safe
from cronocast.charts.words import counted, length, model_words, sentence
from cronocast.handoff.files import atomic

Shown = dict[str, Any]


def write_page(study: Study, document: Shown, out: Path) -> None:
    """Write the page; it is replaced as a whole.

    Raises:
        StorageError: it can't be written.
    """
    with atomic(out) as file:
        file.write(page(study, document).encode("utf-8", "replace"))


def page(study: Study, document: Shown) -> str:
    """The page as text."""
    step_ns = study.history.step_ns
    said = "".join(f'<div class="banner warn"><p>{safe(note)}</p></div>' for note in notes(document))
    about = (
        "Each forecast used only the values before its origin: class, model, interval and everything else were"
        " determined again at every origin."
    )
    name = safe(document["history"])
    body = (
        f'<section class="run"><h1>Backtest of {name}</h1>'
        f'<p class="meta">{safe(_meta(document, step_ns))}<br>{about}</p>{said}'
        f"{_models(document)}{_by_step(document, step_ns)}{member_table(document, _judged(document))}"
        f"{fans(study, document, _judged(document)[0])}"
        f'<div class="notes"><p class="soft">{safe(sentence(document["unit"]))}</p></div></section>'
    )
    return html_page(f"Backtest of {document['history']}", "backtest", body, name)


def _meta(document: Shown, step_ns: int) -> str:
    """How much was forecast and compared."""
    first, last = document["origins"][0], document["origins"][-1]
    return " · ".join(
        (
            counted(len(document["by_member"]), "member"),
            f"{counted(len(document['origins']), 'forecast origin')} from {_time(first)} to {_time(last)} UTC",
            f"each {document['horizon']} ahead, one value per {length(step_ns)}",
            f"{document['values']:,} values to compare with",
        )
    )


def _time(stamp: str) -> str:
    """2026-01-31T12:00:00Z as people write it; its seconds where it has some."""
    return stamp.replace("T", " ").removesuffix("Z").removesuffix(":00")


def _models(document: Shown) -> str:
    names = ["error / naive", "95 % range", "MASE", "sMAPE, %", "RMSE", "pinball", "MSIS", "coverage", "bias", "CPU s"]
    head = '<th>Model</th><th><span class="vh">Picture</span></th>' + "".join(
        f'<th class="n">{name}</th>' for name in names
    )
    rows = "".join(_model(name, found) for name, found in document["models"].items())
    lines = "".join(
        f"<li>{safe(said)}</li>"
        for name, found in document["models"].items()
        for said in sentences(name, found, document["level"], document["levels"])
    )
    table = scrolled("Measures by model", f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>")
    return f'<section class="card"><h2>Models</h2>{table}<ul>{lines}</ul></section>'


def _model(name: str, found: Shown) -> str:
    ratio = found["ratio"] or {}
    figures = [
        number(ratio.get("value")),
        among(ratio),
        *(number(found[key]) for key in ("mase", "smape", "rmse", "pinball", "msis")),
    ]
    figures += [percent(found["coverage"]), number(found["bias"]), f"{found['cpu_s']:.1f}"]
    cells = "".join(f'<td class="n">{value}</td>' for value in figures)
    row_class = "" if name in NAIVE else "used"
    bar = error_bar(ratio.get("value"))
    return f'<tr class="{row_class}"><td>{safe(model_words(name))}</td><td>{bar}</td>{cells}</tr>'


def _by_step(document: Shown, step_ns: int) -> str:
    if len(document["by_step"]["steps"]) < 2 or document["values"] == 0:
        return ""
    figures = step_figures(document, step_ns)
    return f'<section class="card"><h2>By step ahead</h2>{figures}{_step_table(document, step_ns)}</section>'


def _step_table(document: Shown, step_ns: int) -> str:
    table = document["by_step"]["models"]
    head = "".join(f'<th class="n">{safe(model_words(name))}</th>' for name in table)
    rows = []
    for i, k in enumerate(document["by_step"]["steps"]):
        cells = "".join(
            f'<td class="n">{number(found["mase"][i])} · {percent(found["coverage"][i])}</td>'
            for found in table.values()
        )
        rows.append(f"<tr><td>{length(k * step_ns, counted=True, exact=True)}</td>{cells}</tr>")
    inner = scrolled(
        "MASE and coverage by step",
        f"<table><thead><tr><th>Ahead</th>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>",
    )
    return f'<details class="more"><summary>MASE and coverage by step ahead</summary>{inner}</details>'


def _judged(document: Shown) -> list[str]:
    """Models whose figures are shown by member: those asked for."""
    return [name for name in document["models"] if name not in NAIVE] or list(document["models"])
