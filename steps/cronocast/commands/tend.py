"""`cronocast tend`: looks after runs and schedules in a cluster. Heavy imports stand inside."""

import time
from typing import Annotated

import typer

from cronocast.chain.shell import guarded
from cronocast.commands.people import Debug
from cronocast.console import say

Instance = Annotated[str, typer.Option("--instance", metavar="RELEASE", help="Release whose objects are looked after.")]
Pending = Annotated[
    int,
    typer.Option("--pending", metavar="SECONDS", min=1, help="A run is stopped where a pod waits longer than this."),
]


def tend(
    instance: Instance,
    pending: Pending = 900,
    debug: Debug = False,
) -> None:
    """In a cluster: stop runs whose pods do not start, and have Argo take up schedules that it missed."""

    def action() -> int:
        from cronocast.cluster.api import InCluster
        from cronocast.cluster.tend import tend as look_after

        done = look_after(InCluster(), instance, pending, time.time_ns(), say)
        say(f"tend: {len(done.touched)} schedules touched, {len(done.stopped)} runs stopped")
        return 0

    raise typer.Exit(guarded(action, debug=debug))
