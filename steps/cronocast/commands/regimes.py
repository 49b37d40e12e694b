"""`cronocast regimes`: learn regimes, tell them of what arrives, send a past to a topic. Heavy imports stand inside."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cronocast.chain.shell import guarded
from cronocast.commands.people import Debug, Json, Root, Values

if TYPE_CHECKING:
    from cronocast.stream.settings import Regimes

Name = Annotated[
    str | None, typer.Argument(metavar="[NAME]", help="Entry of `regimes:`; may be left out where there is one.")
]
Once = Annotated[bool, typer.Option("--once", help="End when what lies on the topic now is done.")]
Port = Annotated[
    int | None,
    typer.Option("--port", envvar="CRONOCAST_PORT", metavar="NUMBER", help="Serve /metrics and /healthz on this port."),
]
Address = Annotated[
    str,
    typer.Option(
        "--address",
        envvar="CRONOCAST_ADDRESS",
        metavar="ADDRESS",
        help="Address that --port is served on; 0.0.0.0 in a pod.",
    ),
]
File = Annotated[
    Path | None,
    typer.Option(
        "--file", metavar="CSV", help="Rows to send, columns named as keys of messages; the history if not given."
    ),
]
Speed = Annotated[
    float | None,
    typer.Option(
        "--speed",
        metavar="NUMBER",
        min=0.001,
        help="So many times as fast as it happened; as fast as it goes if not given.",
    ),
]
ToNow = Annotated[bool, typer.Option("--to-now", help="Move the times so that the first message happens now.")]

NEEDED = ("yaml", "numpy", "scipy", "pyarrow", "pyspark", "confluent_kafka", "prometheus_client")

regimes = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None, help="Regimes of machines.")


@regimes.command()
def train(
    values: Values, name: Name = None, root: Root = Path("cronocast-data"), json: Json = False, debug: Debug = False
) -> None:
    """Learn the regimes of an entry from its history."""

    def action() -> int:
        _need()
        import json as json_module

        from cronocast.stream.train import REPORT, folder_of
        from cronocast.stream.train import train as learn

        entry = _entry(values, name)
        result = learn(entry, root)
        if json:
            typer.echo(json_module.dumps(result, indent=1))
        else:
            typer.echo(folder_of(root, entry.name) / REPORT)
        return 0

    raise typer.Exit(guarded(action, debug=debug))


@regimes.command()
def stream(
    values: Values,
    name: Name = None,
    root: Root = Path("cronocast-data"),
    once: Once = False,
    port: Port = None,
    address: Address = "127.0.0.1",
    debug: Debug = False,
) -> None:
    """Tell the regime of every value that arrives on a topic."""

    def action() -> int:
        _need()
        from cronocast.stream.running import stream as run

        return run(_entry(values, name), root, once=once, address=address, port=port)

    raise typer.Exit(guarded(action, debug=debug))


@regimes.command()
def replay(
    values: Values,
    name: Name = None,
    file: File = None,
    speed: Speed = None,
    to_now: ToNow = False,
    debug: Debug = False,
) -> None:
    """Send the history of an entry, or a file, to its topic."""

    def action() -> int:
        _need()
        from cronocast.stream import replay as module

        entry = _entry(values, name)
        events = module.events_of_file(entry, file) if file else module.events_of_history(entry)
        module.replay(entry, events, speed, to_now=to_now)
        return 0

    raise typer.Exit(guarded(action, debug=debug))


def _need() -> None:
    """Refuse to begin without the libraries of the extra.

    Raises:
        ConfigError: one of them is not installed.
    """
    from importlib.util import find_spec

    from cronocast.errors import ConfigError

    if lacking := [name for name in NEEDED if find_spec(name) is None]:
        sentence = f"{', '.join(lacking)} not installed; regimes need: pip install 'cronocast[stream]'"
        raise ConfigError.one("E_MISSING_EXTRA", "regimes", sentence)


def _entry(values: Path, name: str | None) -> "Regimes":
    """The entry that is meant.

    Raises:
        ConfigError: the values are wrong, or it is not clear which.
    """
    from cronocast.errors import ConfigError, seen
    from cronocast.stream.settings import load_regimes

    entries = load_regimes(values)
    if name is None and len(entries) == 1:
        return next(iter(entries.values()))
    if name not in entries:
        sentence = f"{seen(name) if name else 'none is named'}; allowed: {', '.join(entries)}"
        raise ConfigError.one("E_CONFIG_CHOICE", "NAME", sentence)
    return entries[name]
