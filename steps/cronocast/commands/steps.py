"""The commands of the steps: their options are made from the one definition of the settings.

Heavy imports stand inside.
"""

import inspect
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from cronocast.chain.job import Job
from cronocast.chain.provenance import provenance_line
from cronocast.chain.resolve import PUBLISHED_AS, Invocation, make_job, refused_place, step_leaves
from cronocast.chain.shell import guarded, run_step
from cronocast.console import say
from cronocast.errors import CronocastError, MissingExtraError, Problem, seen
from cronocast.handoff.results import Outcome, write_result
from cronocast.settings.declare import Leaf, plain
from cronocast.settings.kinds import Flag, ListOf, MapOf, Number, Span, Text


@dataclass(frozen=True)
class Option:
    """A text option of a step that is no setting of a series; its variable is CRONOCAST_ and the name."""

    name: str
    metavar: str
    about: str
    annotation: Any = str | None

    def parameter(self) -> inspect.Parameter:
        """The option as typer takes it."""
        return _parameter(
            self.name,
            self.annotation,
            f"--{self.name.replace('_', '-')}",
            f"CRONOCAST_{self.name.upper()}",
            self.metavar,
            self.about,
        )


@dataclass(frozen=True)
class StepCommand:
    """What the command of one step takes beside the settings."""

    about: str
    files: dict[str, str] = field(default_factory=dict)  # name -> what it holds
    options: tuple[Option, ...] = ()


_HISTORY, _PROFILE, _FORECAST = (
    "File with the history (name,tags,time,value).",
    "File with the classes.",
    "File with the forecast.",
)
_OUTPUTS = Option("outputs", "FOLDER", "Folder for the small values that a workflow engine branches on.", Path | None)
_PART = Option("part", "PART", "Forecast this container's share only, such as lstm-0/3 (image-index/count).")
_STATUS = Option("status", "WORD", "The engine's word for the whole run: Succeeded, Failed or Error.")
_FAILURES = Option("failures", "JSON", "The engine's list of failed pods as JSON.")
_DRY_RUN = "Write the lines to this file and send nothing."
_BEFORE = (
    Option("entry", "JSON", "The series document as JSON text, or @FILE."),
    Option("root", "FOLDER", "Root of the volume: the files lie in ROOT/<series id>/runs/<run>.", Path | None),
    Option("run", "TIME", "The run's scheduled time, such as 2026-01-31T12:00:00Z; now if not given."),
)
STEPS: dict[str, StepCommand] = {
    "extract": StepCommand("Read the history of a series from its database into history.csv.", {"history": _HISTORY}),
    "classify": StepCommand(
        "Say what kind of series each member is: history.csv to profile.json.",
        {"history": _HISTORY, "profile": _PROFILE},
        (_OUTPUTS,),
    ),
    "forecast": StepCommand(
        "Forecast each member with an honest interval: history.csv to forecast.csv.",
        {"history": _HISTORY, "profile": _PROFILE, "forecast": _FORECAST},
        (_PART,),
    ),
    "select": StepCommand(
        "Merge the parts that several forecast containers wrote; choose where several models tried a member."
    ),
    "load": StepCommand(
        "Write forecast.csv into the database, every point acknowledged.", {"forecast": _FORECAST, "dry_run": _DRY_RUN}
    ),
    "record": StepCommand(
        "Write what became of a run into the database, also when a step failed.", options=(_STATUS, _FAILURES)
    ),
}


def step_function(step: str) -> Callable[..., None]:
    """The command of one step as a function whose signature typer reads."""
    files, leaves = STEPS[step].files, step_leaves(step)

    def command(**values: Any) -> None:  # noqa: ANN401
        context: typer.Context = values["context"]
        given = Invocation(
            step=step,
            entry=values["entry"],
            root=values["root"],
            run=values["run"],
            files={name: values[name] for name in files},
            texts={leaf.path: values[_name(leaf)] for leaf in leaves},
            outputs=values.get("outputs"),
            part=values.get("part"),
            told={name: values[name] for name in ("status", "failures") if values.get(name)},
            from_env=frozenset(
                leaf.path for leaf in leaves if str(context.get_parameter_source(_name(leaf))).endswith("ENVIRONMENT")
            ),
        )
        raise typer.Exit(guarded(lambda: _run(given, debug=values["debug"]), debug=values["debug"]))

    parameters = _parameters(step)
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    command.__doc__ = STEPS[step].about
    return command


def _parameters(step: str) -> list[inspect.Parameter]:
    """Everything that the command of a step takes: context, fixed options, files, further options, settings."""
    files = [Option(name, "FILE", about, Path | None) for name, about in STEPS[step].files.items()]
    fixed = [option.parameter() for option in (*_BEFORE, *files, *STEPS[step].options)]
    debug = inspect.Parameter(
        "debug",
        inspect.Parameter.KEYWORD_ONLY,
        default=False,
        annotation=Annotated[bool, typer.Option("--debug", help="Show where an error was raised.")],
    )
    settings = [
        _parameter(_name(leaf), str | None, leaf.flag, leaf.env, metavar(leaf), _help(leaf), show_default=False)
        for leaf in step_leaves(step)
    ]
    return [
        inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context),
        *fixed,
        debug,
        *settings,
    ]


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


def _run(given: Invocation, *, debug: bool) -> int:
    try:
        job = make_job(given)
    except CronocastError as error:
        _leave_result(given, error)
        raise
    say(f"{given.step}: series {job.entry.name}, run {job.run}; {provenance_line(job.settings)}")

    def work(job: Job, outcome: Outcome) -> None:
        # Imported inside the step: libraries take seconds to load, and SIGTERM must be obeyed in them too.
        _work(given.step)(job, outcome)

    return run_step(work, job, debug=debug)


def _leave_result(given: Invocation, error: CronocastError) -> None:
    """Publish that a step failed before it could begin; the result of an earlier try must not stand for this one."""
    if (place := refused_place(given)) is not None:
        path, series, run = place
        with suppress(CronocastError):  # what was wrong first is what people are told
            write_result(path, PUBLISHED_AS.get(given.step, given.step), series, run, Outcome(), 0.0, error, {})


def _work(step: str) -> Callable[[Job, Outcome], None]:
    """Import the one function that does a step's work.

    Raises:
        MissingExtraError: the libraries of the step are not installed.
    """
    try:
        return _imported(step)
    except ModuleNotFoundError as error:
        sentence = (
            f"needs the module {seen(error.name)}, which is not installed here: pip install 'cronocast[linear]' or use"
            " the image that carries it"
        )
        raise MissingExtraError([Problem("E_MISSING_EXTRA", step, sentence)]) from error


def _imported(step: str) -> Callable[[Job, Outcome], None]:
    if step == "extract":
        from cronocast.chain.extract import run
    elif step == "classify":
        from cronocast.chain.classify import run
    elif step == "forecast":
        from cronocast.chain.forecast import run
    elif step == "select":
        from cronocast.chain.select import run
    elif step == "record":
        from cronocast.chain.record import run
    else:
        from cronocast.chain.load import run
    return run
