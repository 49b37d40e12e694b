"""`cronocast alerts`: what fires now, what would be sent, and what rules would have told in the past."""

from pathlib import Path
from typing import Annotated

import typer

from cronocast.chain.shell import guarded
from cronocast.commands.people import Debug, Json, Names, Root, Values

Replay = Annotated[
    str | None,
    typer.Option(
        "--replay", metavar="DURATION", help="Tell what the rules would have sent in so long a time, by kept forecasts."
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what each notifier would be sent for what fires now.")]


def alerts(
    values: Values,
    series: Names = None,
    root: Root = Path("cronocast-data"),
    replay: Replay = None,
    dry_run: DryRun = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Show the alerts of every series: what fires, what would be sent, what would have been sent."""

    def action() -> int:
        from cronocast.commands import alert_list

        if replay:
            return alert_list.show_replay(values, series or [], root, replay, as_json=json)
        return alert_list.show(values, series or [], root, dry_run=dry_run, as_json=json)

    raise typer.Exit(guarded(action, debug=debug))
