"""The commands that look at what was done: report, plot, backtest. Heavy imports stand inside."""

import os
from pathlib import Path
from typing import Annotated

import typer

from cronocast.chain.shell import guarded
from cronocast.commands.people import Debug, Json, Names, Root

Runs = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="RUN",
        help="Run folders, or a root and names of series, whose newest run is taken; all of --root if not given.",
    ),
]
Page = Annotated[
    Path | None,
    typer.Option(
        "--out", "-o", metavar="FILE", help="The page to write; report.html in the first run folder if not given."
    ),
]
OneRun = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="RUN", help="A run folder, or a root and the name of a series, of which the newest run is taken."
    ),
]
Image = Annotated[
    Path, typer.Option("--out", "-o", metavar="FILE", help="The image to write: a name that ends in .png or .svg.")
]
OneMember = Annotated[
    str | None,
    typer.Option("--member", metavar="TAGS", help="Tags of the member to draw, such as host=a; all if not given."),
]
Theme = Annotated[str, typer.Option("--theme", metavar="light|dark", help="light or dark.")]

Data = Annotated[
    str, typer.Argument(metavar="DATA", help="A table, CSV or Parquet, or - for stdin; also a history of a run folder.")
]
TimeColumn = Annotated[
    str | None,
    typer.Option(
        "--time",
        metavar="COLUMN",
        help="The times, or date and time of day as A,B; the only column that looks so if not given.",
    ),
]
ValueColumns = Annotated[
    str | None,
    typer.Option(
        "--value",
        metavar="COLUMN",
        help="The column with the values, or several as A,B,...; the only numbers if not given.",
    ),
]
ByColumns = Annotated[
    str | None,
    typer.Option("--by", metavar="COLUMN", help="The column that tells members apart, or several as A,B,..."),
]
Horizon = Annotated[
    str | None,
    typer.Option(
        "--horizon",
        envvar="CRONOCAST_HORIZON",
        metavar="DURATION",
        help="How far ahead to forecast; a day if not given, or 24 steps where that is more.",
    ),
]
Models = Annotated[
    str | None,
    typer.Option(
        "--models",
        metavar="A,B,...",
        help="Models to compare, auto among them; the naive ones always run. auto if not given.",
    ),
]
Origins = Annotated[
    int | None,
    typer.Option(
        "--origins",
        metavar="NUMBER",
        help="Number of forecast origins, spread over the last third; at most ten, one horizon apart, if not given.",
    ),
]
Every = Annotated[
    str | None,
    typer.Option(
        "--every",
        envvar="CRONOCAST_EVERY",
        metavar="DURATION",
        help="Step size of the grid; that of the file if not given.",
    ),
]
Lookback = Annotated[
    str | None,
    typer.Option(
        "--lookback",
        envvar="CRONOCAST_LOOKBACK",
        metavar="DURATION",
        help="How much history a run reads; all of it if not given.",
    ),
]
Level = Annotated[
    str | None,
    typer.Option(
        "--level",
        envvar="CRONOCAST_LEVEL",
        metavar="NUMBER",
        help="Nominal coverage of the interval; 0.95 if not given.",
    ),
]
Jobs = Annotated[
    str | None,
    typer.Option(
        "--jobs",
        envvar="CRONOCAST_JOBS",
        metavar="NUMBER",
        help="Forecasts made in parallel; one per core if not given.",
    ),
]
EntryText = Annotated[
    str | None,
    typer.Option(
        "--entry",
        envvar="CRONOCAST_ENTRY",
        metavar="JSON",
        help="A series document as JSON text, or @FILE, for settings without a flag; name and source may be missing.",
    ),
]
ChartsPage = Annotated[Path | None, typer.Option("--out", "-o", metavar="FILE", help="Also write a page with charts.")]


def report(
    runs: Runs = None,
    out: Page = None,
    root: Root = Path("cronocast-data"),
    series: Names = None,
    debug: Debug = False,
) -> None:
    """Write one self-contained page about one or several runs."""

    def action() -> int:
        from cronocast.commands.find_runs import chosen_runs
        from cronocast.report import write_report

        folders = chosen_runs(runs or [], root, series or [])
        page = out or folders[0] / "report.html"
        write_report(folders, page)
        typer.echo(page)
        return 0

    raise typer.Exit(guarded(action, debug=debug))


def plot(
    out: Image,
    runs: OneRun = None,
    member: OneMember = None,
    theme: Theme = "light",
    root: Root = Path("cronocast-data"),
    series: Names = None,
    debug: Debug = False,
) -> None:
    """Draw history and forecast as an image, SVG or PNG."""

    def action() -> int:
        from cronocast.commands.find_runs import one_run
        from cronocast.report import write_plot

        write_plot(one_run(runs or [], root, series or []), out, member, theme)
        typer.echo(out)
        return 0

    raise typer.Exit(guarded(action, debug=debug))


def backtest(
    data: Data,
    time: TimeColumn = None,
    value: ValueColumns = None,
    by: ByColumns = None,
    horizon: Horizon = None,
    models: Models = None,
    origins: Origins = None,
    every: Every = None,
    lookback: Lookback = None,
    level: Level = None,
    jobs: Jobs = None,
    entry: EntryText = None,
    out: ChartsPage = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Replay the past as scheduled runs, and compare their forecasts with naive ones."""

    def action() -> int:
        from cronocast.backtest.command import run_backtest
        from cronocast.backtest.request import make_request
        from cronocast.commands.print_table import say_found
        from cronocast.tables.layout import Named

        texts = {"horizon": horizon, "every": every, "lookback": lookback, "level": level}
        texts["jobs"] = jobs or str(os.cpu_count() or 1)
        named = Named(time, value, by)
        request = make_request(Path(data), out, entry, models, origins, texts, named)
        say_found(request.table, Path(data), guessed=not every)
        return run_backtest(request, out, as_json=json)

    raise typer.Exit(guarded(action, debug=debug))
