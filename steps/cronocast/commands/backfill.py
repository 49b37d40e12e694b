"""`cronocast backfill`: what the command takes; `past_runs` does it, with libraries that a help page does without."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from cronocast.chain.shell import guarded
from cronocast.commands.people import Debug, Json, Names, Root, Values

From = Annotated[
    str,
    typer.Option(
        "--from", metavar="TIME", help="First time, such as 2026-01-31T12:00:00Z or 2026-01-31; 60d: so long ago."
    ),
]
To = Annotated[str | None, typer.Option("--to", metavar="TIME", help="Last time, in the same forms; now if not given.")]
Every = Annotated[
    str | None,
    typer.Option("--every", metavar="DURATION", help="Distance of the runs; those of the schedules if not given."),
]
Again = Annotated[bool, typer.Option("--again", help="Also runs that are there already.")]
List = Annotated[bool, typer.Option("--list", help="Only name the runs that are missing.")]
Argo = Annotated[
    bool,
    typer.Option("--argo", help="Print the missing runs as Argo workflows for `kubectl create`; helm must be on PATH."),
]
AtOnce = Annotated[
    int, typer.Option("--at-once", metavar="NUMBER", help="With --argo: series that run at the same time.")
]
Release = Annotated[str, typer.Option("--release", metavar="NAME", help="With --argo: name of the chart's release.")]
Namespace = Annotated[str, typer.Option("--namespace", "-n", metavar="NAME", help="With --argo: its namespace.")]


def backfill(
    values: Values,
    from_: From,
    to: To = None,
    every: Every = None,
    series: Names = None,
    root: Root = Path("cronocast-data"),
    list: List = False,  # noqa: A002 - name of the option
    again: Again = False,
    argo: Argo = False,
    at_once: AtOnce = 2,
    release: Release = "cronocast",
    namespace: Namespace = "default",
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Run the chain as of past times: for runs that were missed, or accuracy from the first day."""

    def action() -> int:
        from cronocast.commands import past_runs

        due = past_runs.due_of(values, series or [], root, (from_, to, every), again=again, argo=argo)
        if argo:
            from cronocast.cluster.backfill import workflows

            runs = {one.entry.name: [slot.run_ns for slot in one.missing] for one in due}
            sys.stdout.write(workflows(values, runs, release, namespace, at_once))
            return 0
        chains = [] if list else past_runs.run_missing(due, root)
        past_runs.print_runs(due, chains, as_json=json)
        return next((chain.exit_code for chain in chains if chain.exit_code), 0)

    raise typer.Exit(guarded(action, debug=debug))
