"""`cronocast serve`: what was forecast, for Prometheus. Heavy imports stand inside."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cronocast.chain.shell import guarded
from cronocast.commands.people import Debug, Root

if TYPE_CHECKING:
    from cronocast.durations import Duration
    from cronocast.errors import Problem

Listen = Annotated[
    str,
    typer.Option(
        "--listen",
        envvar="CRONOCAST_SERVE_LISTEN",
        metavar="HOST:PORT",
        help="Address to listen on; this machine alone may ask unless another is named.",
    ),
]
Leads = Annotated[
    str,
    typer.Option(
        "--leads",
        envvar="CRONOCAST_SERVE_LEADS",
        metavar="A,B,...",
        help="How far ahead forecasts are shown, beside now: durations such as 1h,24h.",
    ),
]
Refresh = Annotated[
    str,
    typer.Option(
        "--refresh",
        envvar="CRONOCAST_SERVE_REFRESH",
        metavar="DURATION",
        help="How often the page is held against the volume and the clock.",
    ),
]
Compatible = Annotated[
    str,
    typer.Option(
        "--train-prometheus",
        envvar="CRONOCAST_SERVE_TRAIN_PROMETHEUS",
        metavar="SERIES",
        help="Series that is also shown under the names of train-prometheus, predicted_values_prophet and so on.",
    ),
]
MOST_LEADS = 20


def serve(
    root: Root = Path("cronocast-data"),
    listen: Listen = "127.0.0.1:9108",
    leads: Leads = "1h,24h",
    refresh: Refresh = "15s",
    train_prometheus: Compatible = "",
    debug: Debug = False,
) -> None:
    """Serve what was forecast as metrics, for Prometheus to scrape at /metrics."""

    def action() -> int:
        from cronocast.errors import ConfigError, MissingExtraError, Problem

        problems: list[Problem] = []
        ahead, pause = _leads(leads, problems), _pause(refresh, problems)
        if problems:
            raise ConfigError(problems)
        try:
            from cronocast.serve.app import make_app
            from cronocast.serve.server import bound
            from cronocast.serve.server import serve as answer
        except ModuleNotFoundError as error:
            said = f"the module {error.name!r} is not installed here; pip install 'cronocast[serve]' or use the image"
            raise MissingExtraError([Problem("E_MISSING_EXTRA", "serve", said)]) from error
        from cronocast.serve.page import Page

        page = Page(root, ahead, train_prometheus)
        return answer(make_app(page, pause), bound(listen))

    raise typer.Exit(guarded(action, debug=debug))


def _leads(text: str, problems: "list[Problem]") -> "list[Duration]":
    """How far ahead, ascending."""
    from cronocast.settings.containers import ListOf
    from cronocast.settings.kinds import Span

    words = dict.fromkeys(word.strip() for word in text.split(",") if word.strip())
    found = ListOf(Span(), MOST_LEADS).check([*words], "--leads", problems) or ()
    return sorted(lead for lead in found if lead is not None)


def _pause(text: str, problems: "list[Problem]") -> float:
    """Seconds from one refresh to the next."""
    from cronocast.settings.kinds import Span

    span = Span().check(text, "--refresh", problems)
    return span / 10**9 if span else 0.0
