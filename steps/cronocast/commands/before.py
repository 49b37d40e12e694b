"""The commands for the time before the first run, and after the last: check, init, forget. Heavy imports inside."""

import time
from pathlib import Path
from typing import Annotated

import typer

from cronocast.chain.shell import guarded
from cronocast.commands.people import Debug, Json, Names, Values
from cronocast.console import say

Really = Annotated[bool, typer.Option("--really", help="Delete them; what is deleted does not come back.")]
Elsewhere = Annotated[
    bool,
    typer.Option("--elsewhere", help="Forecasts are made elsewhere: do not look for the libraries of models here."),
]
Write = Annotated[
    bool,
    typer.Option(
        "--write",
        help="Also write a point at the end of the horizon to <measurement>_canary, write it again, read it back and"
        " delete it.",
    ),
]
Url = Annotated[str, typer.Option("--url", envvar="CRONOCAST_SOURCE_URL", metavar="URL", help="Address of the server.")]
DatabaseName = Annotated[
    str, typer.Option("--database", envvar="CRONOCAST_SOURCE_DATABASE", metavar="NAME", help="Database to look into.")
]
Policy = Annotated[
    str | None,
    typer.Option(
        "--retention-policy",
        envvar="CRONOCAST_SOURCE_RETENTION_POLICY",
        metavar="NAME",
        help="Retention policy to look into; the database's default if not given.",
    ),
]
Auth = Annotated[
    str | None,
    typer.Option(
        "--auth",
        envvar="CRONOCAST_SOURCE_AUTH",
        metavar="none|basic|token|bearer",
        help="How to sign in; if not given: basic with a user name, token with a token, else none.",
    ),
]
User = Annotated[
    str | None,
    typer.Option("--username", envvar="CRONOCAST_SOURCE_USERNAME", metavar="NAME", help="User name for basic."),
]
PasswordFile = Annotated[
    str | None,
    typer.Option(
        "--password-file",
        envvar="CRONOCAST_SOURCE_PASSWORD_FILE",
        metavar="FILE",
        help="File that holds the password; CRONOCAST_SOURCE_PASSWORD if not given.",
    ),
]
TokenFile = Annotated[
    str | None,
    typer.Option(
        "--token-file",
        envvar="CRONOCAST_SOURCE_TOKEN_FILE",
        metavar="FILE",
        help="File that holds the token; CRONOCAST_SOURCE_TOKEN if not given.",
    ),
]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE", help="The values file to write; stdout if not given."),
]


def check(
    values: Values,
    series: Names = None,
    write: Write = False,
    elsewhere: Elsewhere = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Look at the databases of a values file before the first run: what would go wrong, and how to fix it."""

    def action() -> int:
        from cronocast.check.command import run_check

        return run_check(values, series or [], write=write, as_json=json, elsewhere=elsewhere)

    raise typer.Exit(guarded(action, debug=debug))


def forget(values: Values, series: Names = None, really: Really = False, debug: Debug = False) -> None:
    """Delete the future points of a series that is to be removed or renamed; without --really only count them."""

    def action() -> int:
        from cronocast.check.forget import forget as forget_series
        from cronocast.document.values import load_values
        from cronocast.errors import ConfigError

        entries = load_values(values)
        chosen = [entries[name] for name in series or [] if name in entries]
        if len(chosen) < max(1, len(series or [])):
            raise ConfigError.one(
                "E_CONFIG_CHOICE", "--series", f"name what to forget; known: {', '.join(sorted(entries))}"
            )
        for entry in chosen:
            forget_series(entry, time.time_ns(), say, really=really)
        return 0

    raise typer.Exit(guarded(action, debug=debug))


def init(
    url: Url,
    database: DatabaseName,
    retention_policy: Policy = None,
    output: Output = None,
    auth: Auth = None,
    username: User = None,
    password_file: PasswordFile = None,
    token_file: TokenFile = None,
    debug: Debug = False,
) -> None:
    """Propose a values file for what a database holds."""

    def action() -> int:
        from cronocast.propose.command import run_init

        given = {"retention_policy": retention_policy, "auth": auth, "username": username}
        given |= {"password_file": password_file, "token_file": token_file}
        return run_init(url, database, given, output)

    raise typer.Exit(guarded(action, debug=debug))
