"""The command line: which commands there are, and how the program ends. Heavy imports stand inside."""

import importlib
import os
import sys
from collections.abc import Callable, Iterable
from typing import Annotated, Any

import typer

from cronocast import __version__
from cronocast.chain.table import STEPS
from cronocast.console import say
from cronocast.errors import Terminated, sentence, subject

# Commands for users -> the module that has them.
USER_COMMANDS = {
    **dict.fromkeys(("run", "validate", "schema", "render", "clean"), "cronocast.commands.people"),
    **dict.fromkeys(("report", "plot", "backtest"), "cronocast.commands.looking"),
    "accuracy": "cronocast.commands.accuracy",
    "alerts": "cronocast.commands.alerts",
    "backfill": "cronocast.commands.backfill",
    "crossings": "cronocast.commands.crossings",
    "serve": "cronocast.commands.serve",
    "regimes": "cronocast.commands.regimes",
    "tend": "cronocast.commands.tend",
    **dict.fromkeys(("check", "init", "forget"), "cronocast.commands.before"),
}
GROUPS = ("regimes",)  # of them, those with commands of their own
UsageError: Any = typer.BadParameter.__mro__[1]  # typer has it in different modules by version


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


def cronocast(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Turn any metric in a time-series database into a forecast in that database."""


def application(names: Iterable[str] = ()) -> typer.Typer:
    """The command line with these commands, in this order; all if none is named."""
    # Plain help pages: rich's would cost a fifth of a second at every start of every step.
    app = typer.Typer(
        name="cronocast",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    app.callback()(cronocast)
    for name in names or (*STEPS, *USER_COMMANDS):
        if name in GROUPS:
            app.add_typer(getattr(importlib.import_module(USER_COMMANDS[name]), name), name=name)
        else:
            app.command(name)(_function(name))
    return app


def _function(name: str) -> Callable[..., None]:
    if name in STEPS:
        from cronocast.commands.steps import step_function

        return step_function(name)
    command: Callable[..., None] = getattr(importlib.import_module(USER_COMMANDS[name]), name)
    return command


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
            # a closed stream: else the next file to be opened would get its number, and its text
            os.open(os.devnull, os.O_RDWR)
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
    # The options of all commands take longer to make than a light step needs for all else, so that only those of the
    # one typed are made.
    app = application([name for name in sys.argv[1:2] if name in (*STEPS, *USER_COMMANDS)])
    try:
        return int(app(prog_name="cronocast", standalone_mode=False) or 0)
    except UsageError as error:
        _say_usage(error)
        return 2
    except (typer.Abort, BrokenPipeError):
        return 130


def _say_usage(error: Any) -> None:  # noqa: ANN401 - typer has its class in different modules by version
    """Say what was wrong with what was typed."""
    context, text = getattr(error, "ctx", None), error.format_message()
    if text.startswith("Usage:"):  # nothing was typed: the whole help page
        typer.echo(text, err=True)
        return
    command = context.command_path if context else "cronocast"
    options = getattr(getattr(error, "param", None), "opts", ())
    name = getattr(error, "option_name", None) or next(iter(options), command.split()[-1])
    say(f"error: E_USAGE {subject(name)}: {sentence(text).rstrip('.')}; allowed: what `{command} --help` lists")
