"""The command line: one thin command per step, and the commands that people type. Heavy imports stand inside."""

import inspect
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from cronocast import __version__
from cronocast.document import Flag, Leaf, ListOf, MapOf, Number, Span, Text, plain
from cronocast.errors import MissingExtraError, Problem, Terminated, seen, sentence, subject
from cronocast.results import Outcome
from cronocast.settings import Given, make_job, provenance_line, step_leaves
from cronocast.step import Job, guarded, run_step, say

# Plain help pages: rich's would cost a fifth of a second at every start of every step.
UsageError: Any = typer.BadParameter.__mro__[1]  # typer has it in different modules by version
app = typer.Typer(name="cronocast", no_args_is_help=True, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)

Values = Annotated[Path, typer.Option("--values", "-f", envvar="CRONOCAST_VALUES", metavar="FILE", help="Values file: defaults and a map of series.")]
Only = Annotated[str | None, typer.Option("--only", metavar="STEPS", help="Run these steps only: extract,classify,forecast,load.")]
Names = Annotated[list[str] | None, typer.Option("--series", metavar="NAME", help="Run this series only; may be repeated.")]
Root = Annotated[Path, typer.Option("--root", envvar="CRONOCAST_ROOT", metavar="FOLDER", help="Folder that holds the run folders.")]
When = Annotated[str | None, typer.Option("--run", envvar="CRONOCAST_RUN", metavar="TIME", help="The run's scheduled time, such as 2026-01-31T12:00:00Z; now if not given.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show where an error was raised.")]
Json = Annotated[bool, typer.Option("--json", help="Print data as JSON.")]


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def cronocast(version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False) -> None:
    """Turn any metric in a time-series database into a forecast in that database."""


def _option(annotation: Any, name: str, default: Any, *flags: str, **more: Any) -> inspect.Parameter:  # noqa: ANN401
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[annotation, typer.Option(*flags, **more)])


def _file_option(name: str, about: str) -> inspect.Parameter:
    return _option(Path | None, name, None, f"--{name.replace('_', '-')}", envvar=f"CRONOCAST_{name.upper()}", help=about, metavar="FILE")


def metavar(leaf: Leaf) -> str:
    """What a help screen shows for the value of a setting."""
    kind = leaf.kind
    if isinstance(kind, Text) and kind.choices:
        return "|".join(kind.choices) if len(kind.choices) <= 4 else "NAME"
    if leaf.path.endswith(("_file", "url")):
        return "URL" if leaf.path.endswith("url") else "FILE"
    names: dict[type, str] = {Text: "TEXT", Number: "NUMBER", Flag: "true|false", Span: "DURATION", ListOf: "A,B,...", MapOf: "JSON"}
    return names.get(type(kind), "VALUE")


def _help(leaf: Leaf) -> str:
    """The sentence of a setting; choices that its metavar has no room for, and its default."""
    choices = f" One of {leaf.kind.words()}." if metavar(leaf) == "NAME" else ""
    default = "" if leaf.default in (None, (), {}) else f" [default: {str(plain(leaf.default)).lower() if isinstance(leaf.default, bool) else plain(leaf.default)}]"
    return leaf.about + choices + default


def step_command(step: str, about: str, files: dict[str, str], *extra: inspect.Parameter) -> None:
    """Add the command of one step: its options are made from the one definition of the settings."""
    leaves = step_leaves(step)
    fixed = [
        _option(str | None, "entry", None, "--entry", envvar="CRONOCAST_ENTRY", metavar="JSON", help="The series document as JSON text, or @FILE."),
        _option(Path | None, "root", None, "--root", envvar="CRONOCAST_ROOT", metavar="FOLDER", help="Root of the volume: the files lie in ROOT/<series id>/runs/<run>."),
        _option(str | None, "run", None, "--run", envvar="CRONOCAST_RUN", metavar="TIME", help="The run's scheduled time, such as 2026-01-31T12:00:00Z; now if not given."),
        *[_file_option(name, help_text) for name, help_text in files.items()],
        *extra,
        _option(bool, "debug", False, "--debug", help="Show where an error was raised."),
    ]
    settings = [_option(str | None, leaf.path.replace(".", "__"), None, leaf.flag, envvar=leaf.env, help=_help(leaf), metavar=metavar(leaf), show_default=False) for leaf in leaves]

    def command(**values: Any) -> None:  # noqa: ANN401
        context: typer.Context = values["context"]
        given = Given(
            step=step,
            entry=values["entry"],
            root=values["root"],
            run=values["run"],
            files={name: values[name] for name in files},
            texts={leaf.path: values[leaf.path.replace(".", "__")] for leaf in leaves},
            outputs=values.get("outputs"),
            part=values.get("part"),
            told={name: values[name] for name in ("status", "failures") if values.get(name)},
            from_env=frozenset(leaf.path for leaf in leaves if str(context.get_parameter_source(leaf.path.replace(".", "__"))).endswith("ENVIRONMENT")),
        )
        raise typer.Exit(guarded(lambda: _run(given, debug=values["debug"]), debug=values["debug"]))

    parameters = [inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context), *fixed, *settings]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    command.__doc__ = about
    app.command(step)(command)


def _run(given: Given, *, debug: bool) -> int:
    job = make_job(given)
    say(f"{given.step}: series {job.entry.name}, run {job.run}; {provenance_line(job.settings)}")

    def work(job: Job) -> Outcome:
        # Imported inside the step: libraries take seconds to load, and SIGTERM must be obeyed in them too.
        return _work(given.step)(job)

    return run_step(work, job, debug=debug)


def _work(step: str) -> Callable[[Job], Outcome]:
    """Import the one function that does a step's work.

    Raises:
        MissingExtraError: the libraries of the step are not installed.
    """
    try:
        return _imported(step)
    except ModuleNotFoundError as error:
        sentence = f"needs the module {seen(error.name)}, which is not installed here: pip install 'cronocast[linear]' or use the image that carries it"
        raise MissingExtraError([Problem("E_MISSING_EXTRA", step, sentence)]) from error


def _imported(step: str) -> Callable[[Job], Outcome]:
    if step == "extract":
        from cronocast.extract import run
    elif step == "classify":
        from cronocast.classify.step import run
    elif step == "forecast":
        from cronocast.forecast.step import run
    elif step == "select":
        from cronocast.select import run
    elif step == "record":
        from cronocast.record import run
    else:
        from cronocast.load import run
    return run


_OUTPUTS = _option(Path | None, "outputs", None, "--outputs", envvar="CRONOCAST_OUTPUTS", metavar="FOLDER", help="Folder for the small values that a workflow engine branches on.")
_PART = _option(str | None, "part", None, "--part", envvar="CRONOCAST_PART", metavar="PART", help="Forecast this container's share only, such as lstm-0/3 (image-index/count).")
_HISTORY, _PROFILE, _FORECAST = "File with the history (name,tags,time,value).", "File with the classes.", "File with the forecast."
step_command("extract", "Read the history of a series from its database into history.csv.", {"history": _HISTORY})
step_command("classify", "Say what kind of series each member is: history.csv to profile.json.", {"history": _HISTORY, "profile": _PROFILE}, _OUTPUTS)
step_command("forecast", "Forecast each member with an honest interval: history.csv to forecast.csv.", {"history": _HISTORY, "profile": _PROFILE, "forecast": _FORECAST}, _PART)
step_command("select", "Merge the parts that several forecast containers wrote; choose where several models tried a member.", {})
step_command("load", "Write forecast.csv into the database, every point acknowledged.", {"forecast": _FORECAST, "dry_run": "Write the lines to this file and send nothing."})

_STATUS = _option(str | None, "status", None, "--status", envvar="CRONOCAST_STATUS", metavar="WORD", help="The engine's word for the whole run: Succeeded, Failed or Error.")
_FAILURES = _option(str | None, "failures", None, "--failures", envvar="CRONOCAST_FAILURES", metavar="JSON", help="The engine's list of failed pods as JSON.")
step_command("record", "Write what became of a run into the database, also when a step failed.", {}, _STATUS, _FAILURES)


@app.command()
def run(values: Values, series: Names = None, only: Only = None, root: Root = Path("cronocast-data"), run: When = None, json: Json = False, debug: Debug = False) -> None:
    """Run the whole chain for the series of a values file on this machine."""
    from cronocast.chain import run_chain

    raise typer.Exit(guarded(lambda: run_chain(values, series or [], only, root, run, as_json=json), debug=debug))


@app.command()
def validate(values: Values, json: Json = False, debug: Debug = False) -> None:
    """Check a values file and report every problem at once."""

    def action() -> int:
        import json as json_module

        from cronocast.values import load_values

        entries = load_values(values)
        if json:
            typer.echo(json_module.dumps({name: plain(entry) for name, entry in entries.items()}, indent=1))
        else:
            for name, entry in entries.items():
                typer.echo(f"{name}: every {entry.every}, {entry.lookback} back, {entry.horizon} ahead, model {entry.model}, writes {entry.sink_measurement()}")
            typer.echo(f"{values}: {len(entries)} series, no problem found")
        return 0

    raise typer.Exit(guarded(action, debug=debug))


@app.command()
def schema(debug: Debug = False) -> None:
    """Print the JSON schema of a values file."""

    def action() -> int:
        import json as json_module

        from cronocast.values import values_schema

        typer.echo(json_module.dumps(values_schema(), indent=1))
        return 0

    raise typer.Exit(guarded(action, debug=debug))


@app.command()
def render(
    values: Values,
    out: Annotated[Path | None, typer.Option("--out", "-o", metavar="FOLDER", help="Write a file per series, and cronocast.yaml for what they share; else to stdout.")] = None,
    release: Annotated[str, typer.Option("--release", metavar="NAME", help="Name that the shared objects are called by.")] = "cronocast",
    namespace: Annotated[str, typer.Option("--namespace", "-n", metavar="NAME", help="Namespace of the objects.")] = "default",
    debug: Debug = False,
) -> None:
    """Print what the Helm chart makes of a values file, as plain YAML for kubectl and argo."""

    def action() -> int:
        from cronocast.render import render as render_chart

        return render_chart(values, out, release, namespace)

    raise typer.Exit(guarded(action, debug=debug))


@app.command()
def clean(
    root: Annotated[Path, typer.Option("--root", envvar="CRONOCAST_ROOT", metavar="FOLDER", help="Root of the volume.")],
    keep: Annotated[str, typer.Option("--keep", envvar="CRONOCAST_KEEP", metavar="DURATION", help="Keep run folders that changed within this time, such as 7d.")] = "7d",
    debug: Debug = False,
) -> None:
    """Remove old run folders; saved models and the newest run of every series stay."""

    def action() -> int:
        from cronocast.clean import clean as remove_old
        from cronocast.document import Span
        from cronocast.errors import ConfigError, Problem, StorageError

        problems: list[Problem] = []
        span = Span().check(keep, "--keep", problems)
        if span is None:
            raise ConfigError(problems)
        cleaned = remove_old(root, span)
        say(f"clean: {cleaned.removed} run folders removed, {cleaned.kept} kept, {len(cleaned.failed)} could not be removed")
        if cleaned.failed:
            raise StorageError("E_STORAGE", cleaned.failed[0].split(":")[0], f"{len(cleaned.failed)} run folders could not be removed; make them writable for this user")
        return 0

    raise typer.Exit(guarded(action, debug=debug))


@app.command()
def report(
    folders: Annotated[list[Path], typer.Argument(metavar="FOLDER", help="Run folders, one or several.")],
    out: Annotated[Path | None, typer.Option("--out", "-o", metavar="FILE", help="The page to write; report.html in the first run folder if not given.")] = None,
    debug: Debug = False,
) -> None:
    """Write one self-contained page about one or several runs."""

    def action() -> int:
        from cronocast.report import write_report

        page = out or folders[0] / "report.html"
        write_report(folders, page)
        typer.echo(page)
        return 0

    raise typer.Exit(guarded(action, debug=debug))


@app.command()
def plot(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A run folder.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="The picture to write: a name that ends in .png or .svg.")],
    member: Annotated[str | None, typer.Option("--member", metavar="TAGS", help="Tags of the member to draw, such as host=a; all if not given.")] = None,
    theme: Annotated[str, typer.Option("--theme", metavar="light|dark", help="light or dark.")] = "light",
    debug: Debug = False,
) -> None:
    """Draw history and forecast as a picture."""

    def action() -> int:
        from cronocast.report import write_plot

        write_plot(folder, out, member, theme)
        typer.echo(out)
        return 0

    raise typer.Exit(guarded(action, debug=debug))


@app.command()
def backtest(
    history: Annotated[Path, typer.Option("--history", envvar="CRONOCAST_HISTORY", metavar="FILE", help="File with the history (name,tags,time,value).")],
    horizon: Annotated[str | None, typer.Option("--horizon", envvar="CRONOCAST_HORIZON", metavar="DURATION", help="How far ahead to forecast; 24h if not given.")] = None,
    models: Annotated[str | None, typer.Option("--models", metavar="A,B,...", help="Models to try, auto among them; the naive ones always run. auto if not given.")] = None,
    origins: Annotated[
        int | None, typer.Option("--origins", metavar="NUMBER", help="Past starts, spread over the last third; at most ten, one horizon apart, if not given.")
    ] = None,
    every: Annotated[str | None, typer.Option("--every", envvar="CRONOCAST_EVERY", metavar="DURATION", help="Step size of the grid; that of the file if not given.")] = None,
    lookback: Annotated[
        str | None, typer.Option("--lookback", envvar="CRONOCAST_LOOKBACK", metavar="DURATION", help="How much history a run reads; all of it if not given.")
    ] = None,
    level: Annotated[str | None, typer.Option("--level", envvar="CRONOCAST_LEVEL", metavar="NUMBER", help="Nominal coverage of the interval; 0.95 if not given.")] = None,
    jobs: Annotated[str | None, typer.Option("--jobs", envvar="CRONOCAST_JOBS", metavar="NUMBER", help="Forecasts made at the same time; one per core if not given.")] = None,
    entry: Annotated[
        str | None, typer.Option("--entry", envvar="CRONOCAST_ENTRY", metavar="JSON", help="A series document as JSON text, or @FILE: its settings, where no flag says otherwise.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", metavar="FILE", help="Also write a page with pictures.")] = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Forecast the past as scheduled runs would have, and measure what came of it against naive forecasts."""

    def action() -> int:
        from cronocast.backtest.command import run_backtest
        from cronocast.backtest.request import make_request

        texts = {"horizon": horizon, "every": every, "lookback": lookback, "level": level, "jobs": jobs or str(os.cpu_count() or 1)}
        return run_backtest(make_request(history, out, entry, models, origins, texts), out, as_json=json)

    raise typer.Exit(guarded(action, debug=debug))


def script() -> None:
    """Run as a program: as `main`, but ended by SIGTERM it leaves at once."""
    try:
        main()
    except SystemExit as end:
        if end.code == Terminated.exit_code:
            # The result is written. The long way out would join threads that feed workers which are gone already.
            os._exit(Terminated.exit_code)
        raise


def main() -> None:
    """Entry point: run the command and leave with its exit code."""
    os.environ.setdefault("PYTHONUTF8", "1")  # children read and write UTF-8 whatever the locale says
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # a closed stream: else the next file to be opened would get its number, and its text
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    code = _command()
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:  # nobody reads any more: that changes no exit code
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.exit(code)


def _command() -> int:
    """Run the command that was typed; wrong use gets the one error line that every failure has."""
    try:
        return int(app(prog_name="cronocast", standalone_mode=False) or 0)
    except UsageError as error:
        context, text = getattr(error, "ctx", None), error.format_message()
        if text.startswith("Usage:"):  # nothing was typed: the whole help page
            typer.echo(text, err=True)
            return 2
        command = context.command_path if context else "cronocast"
        name = getattr(error, "option_name", None) or next(iter(getattr(getattr(error, "param", None), "opts", ())), command.split()[-1])
        say(f"error: E_USAGE {subject(name)}: {sentence(text).rstrip('.')}; allowed: what `{command} --help` lists")
        return 2
    except (typer.Abort, BrokenPipeError):
        return 130
