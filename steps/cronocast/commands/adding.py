"""How a source is added: a section of steps/README.md, with the code of the worked example from the tests."""

from collections.abc import Iterator
from pathlib import Path

EXAMPLE = Path(__file__).parents[3] / "tests" / "conformance" / "toy_source.py"  # the page is made in a checkout only
TEXT = """\
## Add a source in five steps

1. Write one file `steps/cronocast/sources/NAME.py` (or a folder, as `influxql/`) with a class `Settings` and a class
   with `read`. Settings are loaded at the start of every step, so import the libraries of the source inside `read`.
   What goes wrong is an error of `errors.py`; the client of `http/` raises all those that are not about the answer.
2. Add one row to `SOURCES` in `steps/cronocast/sources/table.py`. Its key is the `kind`; the messages of
   `cronocast validate`, flags and variables, JSON schemas, this page and the chart follow from it.
3. Where settings can contradict each other, add `problems` beside `Settings`. Where a sink writes to the same server,
   give both rows one `family`, so that the sink takes address and sign-in from the source, and add `reads`, so that no
   series reads what it writes. `sources/table.py` describes both.
4. Add one line to `ADAPTERS` in `tests/conformance/source_adapters.py`: settings for an address, and how the server
   writes given values. Then the suite lies to the source in every way that it knows:
   `pytest tests/conformance/test_sources.py tests/conformance/test_kinds.py`.
5. Renew what is generated: `python helm/generate.py` and `UPDATE_GOLDEN=1 pytest tests/repo/test_docs.py`.

The tests add a whole source in this way. The change to the program is one row, and nothing else:
"""
SINK = """\
A sink is added in the same way: `SINKS` in `steps/cronocast/sinks/table.py`, where `Sink` says what one does,
`ADAPTERS` in `tests/conformance/sink_adapters.py`, and `tests/conformance/test_sinks.py`.
`tests/conformance/toy_sink.py` is a whole one, which writes lines of JSON.

So is a notifier: a file in `steps/cronocast/notify/` with a class of `send` and `render`, its settings in
`notify/settings.py` and a row in `NOTIFIERS` (`notify/table.py`, where `Notifier` says what one does). What speaks HTTP
builds requests and leaves the rest to `notify/post.py`; a line in `ADAPTERS` of
`tests/conformance/notifier_adapters.py` has `tests/conformance/test_notifiers.py` lie to it. `notify/slack.py` is a
short one.
"""


def adding_a_source() -> Iterator[str]:
    """The section as lines of Markdown."""
    code = EXAMPLE.read_text(encoding="utf-8")
    row = next(line for line in code.splitlines() if line.startswith("ROW = ")).removeprefix("ROW = ")
    yield from (
        *TEXT.splitlines(),
        "",
        "```diff",
        " SOURCES: Mapping[str, KindRow] = {",
        '     "influxql": KindRow(...),',
    )
    yield from (f'+    "toy": {row},', " }", "```", "", "Its file:", "")
    yield from ("```python", *code.splitlines(), "```", "", *SINK.splitlines(), "")
