"""The commands of the steps: their options are made from the one definition of the settings.

Heavy imports stand inside.
"""

import inspect
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cronocast import registry
from cronocast.chain.job import Job
from cronocast.chain.provenance import provenance_line
from cronocast.chain.resolve import Invocation, make_job, step_leaves
from cronocast.chain.shell import guarded, run_step, stop_after
from cronocast.chain.table import COMMON, FILES, STEPS, Option
from cronocast.console import say
from cronocast.errors import CronocastError
from cronocast.handoff.results import Outcome, write_result
from cronocast.settings.containers import ListOf, MapOf
from cronocast.settings.declare import Leaf, Nested, plain
from cronocast.settings.kinds import Flag, Number, Span, Text

if TYPE_CHECKING:
    from cronocast.commands.own_table import Asked

CONTEXT = inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
TABLE_ABOUT = "A table of your own, CSV or Parquet, or - for stdin; the result is printed."
TABLE_COLUMNS = (
    (
        "time",
        "COLUMN",
        "Of DATA: its times, or date and time of day as A,B; the only one that looks so if not given.",
    ),
    ("value", "COLUMN", "Of DATA: the column with the values, or several as A,B,...; the only numbers if not given."),
    ("by", "COLUMN", "Of DATA: the column that tells members apart, or several as A,B,..."),
)
DEBUG = inspect.Parameter(
    "debug",
    inspect.Parameter.KEYWORD_ONLY,
    default=False,
    annotation=Annotated[bool, typer.Option("--debug", help="Show where an error was raised.")],
)
# What a step that takes a table of one's own is called with beside it.
OF_TABLE = (
    inspect.Parameter(
        "data",
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[
            str | None,
            typer.Argument(metavar="DATA", help=TABLE_ABOUT, show_default=False),
        ],
    ),
    *(
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[str | None, typer.Option(f"--{name}", metavar=metavar, help=about)],
        )
        for name, metavar, about in TABLE_COLUMNS
    ),
    inspect.Parameter(
        "json",
        inspect.Parameter.KEYWORD_ONLY,
        default=False,
        annotation=Annotated[bool, typer.Option("--json", help="Of DATA: print the result as JSON.")],
    ),
)


def step_function(step: str) -> Callable[..., None]:
    """The command of one step as a function whose signature typer reads."""

    def command(**values: Any) -> None:  # noqa: ANN401
        if values["deadline"]:
            stop_after(values["deadline"])
        given, asked = _invocation(step, values), _asked(values) if STEPS[step].of_table else None
        raise typer.Exit(guarded(lambda: _run(given, asked, debug=values["debug"]), debug=values["debug"]))

    parameters = _parameters(step)
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    command.__doc__ = STEPS[step].about
    return command


def _invocation(step: str, values: dict[str, Any]) -> Invocation:
    """What a step was called with, from the values of its parameters."""
    row, leaves, context = STEPS[step], step_leaves(step), values["context"]
    files = (*row.files, *(option.name for option in row.flags if option.written))
    own = {option.name for option in row.flags} - {"outputs", "part", *files}
    sources = {leaf.path: str(context.get_parameter_source(_name(leaf))) for leaf in leaves}
    return Invocation(
        step=step,
        entry=values["entry"],
        root=values["root"],
        run=values["run"],
        files={name: values[name] for name in files},
        texts={leaf.path: values[_name(leaf)] for leaf in leaves},
        outputs=values.get("outputs"),
        part=values.get("part"),
        flags={name: values[name] for name in own if values[name]},
        from_env=frozenset(path for path, source in sources.items() if source.endswith("ENVIRONMENT")),
    )


def _asked(values: dict[str, Any]) -> "Asked | None":
    """What was said of a table; None where nothing was."""
    said = {name: values[name] for name in ("data", "time", "value", "by", "json")}
    if not any(said.values()):
        return None
    from cronocast.commands.own_table import Asked

    return Asked(**said)


def _parameters(step: str) -> list[inspect.Parameter]:
    """Everything that the command of a step takes: context, fixed options, files, further options, settings."""
    files = [Option(name, "FILE", FILES[name].about, Path | None) for name in STEPS[step].files]
    fixed = [
        _parameter(option.name, option.annotation, option.flag, option.env, option.metavar, option.about)
        for option in (*COMMON, *files, *STEPS[step].flags)
    ]
    settings = [
        _parameter(_name(leaf), str | None, leaf.flag, leaf.env, metavar(leaf), _help(leaf), show_default=False)
        for leaf in step_leaves(step)
    ]
    return [CONTEXT, *(OF_TABLE if STEPS[step].of_table else ()), *fixed, DEBUG, *settings]


def _parameter(
    name: str,
    annotation: Any,  # noqa: ANN401 - any type
    flag: str,
    env: str,
    metavar: str,
    about: str,
    **more: Any,  # noqa: ANN401 - as typer.Option
) -> inspect.Parameter:
    option = typer.Option(flag, envvar=env, metavar=metavar, help=about, **more)
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[annotation, option]
    )


def _name(leaf: Leaf) -> str:
    return leaf.path.replace(".", "__")


def metavar(leaf: Leaf) -> str:
    """What a help screen shows for the value of a setting."""
    kind = leaf.kind
    if isinstance(kind, Text) and kind.choices:
        return "|".join(kind.choices) if len(kind.choices) <= 4 else "NAME"
    if leaf.path.endswith(("_file", "url")):
        return "URL" if leaf.path.endswith("url") else "FILE"
    if isinstance(kind, ListOf) and isinstance(kind.item, Nested):
        return "JSON"
    names: dict[type, str] = {
        Text: "TEXT",
        Number: "NUMBER",
        Flag: "true|false",
        Span: "DURATION",
        ListOf: "A,B,...",
        MapOf: "JSON",
    }
    return names.get(type(kind), "VALUE")


def _help(leaf: Leaf) -> str:
    """The sentence of a setting; choices that its metavar has no room for, and its default."""
    choices = f" One of {leaf.kind.words()}." if metavar(leaf) == "NAME" else ""
    default = (
        ""
        if leaf.default in (None, (), {})
        else (
            f" [default: {str(plain(leaf.default)).lower() if isinstance(leaf.default, bool) else plain(leaf.default)}]"
        )
    )
    return leaf.about + choices + default


def _run(given: Invocation, asked: "Asked | None", *, debug: bool) -> int:
    if asked is not None:
        from cronocast.commands.own_table import run_on_table

        return run_on_table(given, asked, debug=debug)
    try:
        job = make_job(given)
    except CronocastError as error:
        _leave_result(given, error)
        raise
    say(f"{given.step}: series {job.entry.name}, run {job.run}; {provenance_line(job.settings)}")

    def work(job: Job, outcome: Outcome) -> None:
        # Imported inside the step: libraries take seconds to load, and SIGTERM must be obeyed in them too.
        registry.load(STEPS, given.step, given.step)(job, outcome)

    return run_step(work, job, debug=debug)


def _leave_result(given: Invocation, error: CronocastError) -> None:
    """Publish that a step failed before it could begin; the result of an earlier try must not stand for this one."""
    from cronocast.chain.refused import refused_place

    if (place := refused_place(given)) is not None:
        path, series, run = place
        with suppress(CronocastError):  # what was wrong first is what people are told
            write_result(path, STEPS[given.step].publishes_as or given.step, series, run, Outcome(), 0.0, error, {})
