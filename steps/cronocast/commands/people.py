"""The commands that users type. Heavy imports stand inside."""

import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cronocast.chain.shell import guarded
from cronocast.chain.table import chain_steps
from cronocast.console import say
from cronocast.settings.declare import plain

if TYPE_CHECKING:
    from cronocast.document.entry import Entry
    from cronocast.durations import Duration
    from cronocast.errors import Problem

Values = Annotated[
    Path,
    typer.Option(
        "--values", "-f", envvar="CRONOCAST_VALUES", metavar="FILE", help="Values file: defaults and a map of series."
    ),
]
Only = Annotated[
    str | None, typer.Option("--only", metavar="STEPS", help=f"Run these steps only: {','.join(chain_steps())}.")
]
Names = Annotated[list[str] | None, typer.Option("--series", metavar="NAME", help="This series only; may be repeated.")]
Root = Annotated[
    Path, typer.Option("--root", envvar="CRONOCAST_ROOT", metavar="FOLDER", help="Folder that holds the run folders.")
]
When = Annotated[
    str | None,
    typer.Option(
        "--run",
        envvar="CRONOCAST_RUN",
        metavar="TIME",
        help="The run's scheduled time, such as 2026-01-31T12:00:00Z; now if not given.",
    ),
]
Folder = Annotated[
    Path | None,
    typer.Option(
        "--out",
        "-o",
        metavar="FOLDER",
        help="Folder for one file per series, and cronocast.yaml for what they share; stdout if not given.",
    ),
]
Release = Annotated[str, typer.Option("--release", metavar="NAME", help="Name of the shared objects.")]
Namespace = Annotated[str, typer.Option("--namespace", "-n", metavar="NAME", help="Namespace of the objects.")]
Volume = Annotated[Path, typer.Option("--root", envvar="CRONOCAST_ROOT", metavar="FOLDER", help="Root of the volume.")]
Keep = Annotated[
    str,
    typer.Option(
        "--keep",
        envvar="CRONOCAST_KEEP",
        metavar="DURATION",
        help="Keep run folders changed within this time, such as 7d.",
    ),
]
Gone = Annotated[
    str | None,
    typer.Option(
        "--gone",
        envvar="CRONOCAST_GONE",
        metavar="DURATION",
        help="Remove all of a series in whose folder nothing changed for this time, such as 90d; nothing if not given.",
    ),
]
Debug = Annotated[bool, typer.Option("--debug", help="Show where an error was raised.")]
Json = Annotated[bool, typer.Option("--json", help="Print data as JSON.")]


def run(
    values: Values,
    series: Names = None,
    only: Only = None,
    root: Root = Path("cronocast-data"),
    run: When = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Run the whole chain for the series of a values file on this machine."""
    from cronocast.commands.run import run_chain

    raise typer.Exit(guarded(lambda: run_chain(values, series or [], only, root, run, as_json=json), debug=debug))


def validate(values: Values, json: Json = False, debug: Debug = False) -> None:
    """Check a values file and report every problem at once (twenty as lines, all with --json)."""

    def action() -> int:
        import json as json_module

        from cronocast.errors import ConfigError

        try:
            entries = _valid_entries(values)
        except ConfigError as error:
            if json:
                typer.echo(json_module.dumps({"problems": [asdict(problem) for problem in error.problems]}, indent=1))
            raise
        _print_entries(values, entries, as_json=json)
        return 0

    raise typer.Exit(guarded(action, debug=debug))


def _valid_entries(values: Path) -> "dict[str, Entry]":
    """Read a values file and check it with all that the libraries know.

    Raises:
        ConfigError: with every problem found.
    """
    from cronocast.document.values import read_values
    from cronocast.errors import ConfigError

    entries, problems = read_values(values)
    for name, entry in entries.items():
        problems += _problems_of_libraries(entry, f"series.{name}")
    if problems:
        raise ConfigError(problems)
    return entries


def _print_entries(values: Path, entries: "dict[str, Entry]", *, as_json: bool) -> None:
    """Print the whole entries, or a line for each series and that there is nothing to complain of."""
    if as_json:
        import json

        whole = {name: replace(entry, source=entry.source_settings()) for name, entry in entries.items()}
        typer.echo(json.dumps({name: plain(entry) for name, entry in whole.items()}, indent=1))
        return
    _say_notes(entries)
    for name, entry in entries.items():
        typer.echo(
            f"{name}: every {entry.every}, {entry.lookback} back, {entry.horizon} ahead, model {entry.model},"
            f" writes {entry.sink_measurement()}"
        )
    typer.echo(f"{values}: {len(entries)} series, no problem found")


def _say_notes(entries: "dict[str, Entry]") -> None:
    """Say what is no problem and may still not be meant: once, with the first series that it is about."""
    if all(entry.calendar.holidays is None for entry in entries.values()):
        return
    from cronocast.timeseries.holidays import parts_note

    said = {""}
    for name, entry in entries.items():
        note = parts_note(entry.calendar.holidays, time.time_ns())
        if note not in said:
            say(f"series.{name}: {note}")
        said.add(note)


def _problems_of_libraries(entry: "Entry", where: str) -> "list[Problem]":
    """What only libraries know: models and options that they have, places whose holidays they know.

    Those that are not installed here say nothing.
    """
    from cronocast.forecast.candidates import option_problems

    problems = option_problems(entry, where)
    if entry.calendar.holidays is not None:
        from cronocast.timeseries.holidays import place_problems

        problems += place_problems(entry.calendar.holidays, where)
    return problems


def schema(debug: Debug = False) -> None:
    """Print the JSON schema of a values file."""

    def action() -> int:
        import json as json_module

        from cronocast.document.values_schema import values_schema

        typer.echo(json_module.dumps(values_schema(), indent=1))
        return 0

    raise typer.Exit(guarded(action, debug=debug))


def render(
    values: Values,
    out: Folder = None,
    release: Release = "cronocast",
    namespace: Namespace = "default",
    debug: Debug = False,
) -> None:
    """Render a values file with the Helm chart, as plain YAML for kubectl and argo; helm must be on PATH."""

    def action() -> int:
        from cronocast.cluster.render import render as render_chart

        return render_chart(values, out, release, namespace)

    raise typer.Exit(guarded(action, debug=debug))


def clean(root: Volume, keep: Keep = "7d", gone: Gone = None, debug: Debug = False) -> None:
    """Remove old run folders; saved models and the newest run of every series are kept."""

    def action() -> int:
        from cronocast.commands.clean import clean as remove_old
        from cronocast.commands.clean import fullness
        from cronocast.errors import StorageError

        cleaned = remove_old(root, _span("--keep", keep), gone=_span("--gone", gone) if gone else None)
        count = len(cleaned.failed)
        say(f"clean: {cleaned.removed} run folders removed, {cleaned.kept} kept, {count} could not be removed")
        for name in cleaned.gone:
            say(f"clean: {name}: nothing changed for {gone}, all of it removed")
        full, sizes = fullness(root)
        largest = ", ".join(f"{name} {size / 2**20:.1f} MiB" for name, size in sizes[:3])
        say(f"clean: the volume is {full:.0%} full{f'; the largest: {largest}' if largest else ''}")
        if cleaned.failed:
            said = f"{count} run folders could not be removed; make them writable for this user"
            raise StorageError("E_STORAGE", cleaned.failed[0].split(":")[0], said)
        return 0

    raise typer.Exit(guarded(action, debug=debug))


def _span(flag: str, text: str) -> "Duration":
    """The duration that a flag gives.

    Raises:
        ConfigError: it is none.
    """
    from cronocast.errors import ConfigError, Problem
    from cronocast.settings.kinds import Span

    problems: list[Problem] = []
    span = Span().check(text, flag, problems)
    if span is None:
        raise ConfigError(problems)
    return span
