"""`cronocast serve`: what was forecast, for Prometheus. Heavy imports stand inside."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cronocast.chain.shell import guarded
from cronocast.commands.people import Debug, Root

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cronocast.durations import Duration
    from cronocast.errors import Problem
    from cronocast.serve.api import Api, Runs
    from cronocast.serve.policy import Policy
    from cronocast.serve.shelf import Shelf
    from cronocast.serve.store import Store

    Place = tuple[
        Shelf | None, Mapping[str, Any], Callable[[Store], Runs]
    ]  # where entries are kept, over what, and run

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
Entries = Annotated[
    Path | None,
    typer.Option(
        "--entries",
        envvar="CRONOCAST_SERVE_ENTRIES",
        metavar="FOLDER",
        help="Also take series over HTTP, keep them in this folder, and run them by their schedules.",
    ),
]
TokensFile = Annotated[
    Path | None,
    typer.Option(
        "--tokens-file",
        envvar="CRONOCAST_SERVE_TOKENS_FILE",
        metavar="FILE",
        help="Who may ask: a line NAME read|write|read,write sha256:HASH for each token.",
    ),
]
Defaults = Annotated[
    Path | None,
    typer.Option(
        "--defaults",
        envvar="CRONOCAST_SERVE_DEFAULTS",
        metavar="FILE",
        help="A values file whose defaults every series that is put is merged over.",
    ),
]
Hosts = Annotated[
    str,
    typer.Option(
        "--allowed-hosts",
        envvar="CRONOCAST_SERVE_ALLOWED_HOSTS",
        metavar="A,B,...",
        help="Hosts that series may name, *.example.org for all below one; if not given any that is not this machine.",
    ),
]
SecretsFolder = Annotated[
    str,
    typer.Option(
        "--secrets",
        envvar="CRONOCAST_SERVE_SECRETS",
        metavar="FOLDER",
        help="Folder whose files series may name as passwords, tokens and certificates; none if not given.",
    ),
]
OnCluster = Annotated[
    Path | None,
    typer.Option(
        "--cluster",
        envvar="CRONOCAST_SERVE_CLUSTER",
        metavar="FILE",
        help="On a cluster: what the chart says of CronWorkflows, which series then become; --entries keeps requests.",
    ),
]
AtOnce = Annotated[
    int,
    typer.Option(
        "--at-once",
        envvar="CRONOCAST_SERVE_AT_ONCE",
        metavar="NUMBER",
        min=1,
        max=64,
        help="Runs at the same time, 64 at most.",
    ),
]
PerMinute = Annotated[
    int,
    typer.Option(
        "--requests-per-minute",
        metavar="NUMBER",
        envvar="CRONOCAST_SERVE_REQUESTS_PER_MINUTE",
        min=1,
        max=100_000,
        help="Requests that each token may make in a minute.",
    ),
]
MOST_LEADS = 20


def serve(
    root: Root = Path("cronocast-data"),
    listen: Listen = "127.0.0.1:9108",
    leads: Leads = "1h,24h",
    refresh: Refresh = "15s",
    train_prometheus: Compatible = "",
    entries: Entries = None,
    tokens_file: TokensFile = None,
    defaults: Defaults = None,
    cluster: OnCluster = None,
    allowed_hosts: Hosts = "",
    secrets: SecretsFolder = "",
    at_once: AtOnce = 1,
    requests_per_minute: PerMinute = 120,
    debug: Debug = False,
) -> None:
    """Serve what was forecast as metrics, for Prometheus to scrape at /metrics; also take series over HTTP."""

    def action() -> int:
        from cronocast.errors import ConfigError, MissingExtraError, Problem

        problems: list[Problem] = []
        ahead, pause = _leads(leads, problems), _pause(refresh, problems)
        if entries is not None and tokens_file is None:
            said = "not given although --entries takes series over HTTP; name a file of token hashes"
            problems.append(Problem("E_CONFIG_MISSING", "--tokens-file", said))
        if secrets and not allowed_hosts:
            said = (
                "not given although series may name files of --secrets, which could then be sent anywhere; name hosts"
            )
            problems.append(Problem("E_CONFIG_MISSING", "--allowed-hosts", said))
        if problems:
            raise ConfigError(problems)
        try:
            from cronocast.serve.app import make_app
            from cronocast.serve.server import bound
            from cronocast.serve.server import serve as answer

            if entries is not None:
                import cronocast.serve.api  # noqa: F401 - what it needs must be here before anything listens

                if cluster is None:
                    import yaml  # noqa: F401 - runs on this machine read values files
        except ModuleNotFoundError as error:
            said = f"the module {error.name!r} is not installed; pip install 'cronocast[run,serve]', or use the image"
            raise MissingExtraError([Problem("E_MISSING_EXTRA", "serve", said)]) from error
        from cronocast.serve.page import Page

        api = None
        if entries is not None and tokens_file is not None:
            from cronocast.serve.policy import Policy

            hosts = tuple(host.strip() for host in allowed_hosts.split(",") if host.strip())
            make = partial(_api, entries, tokens_file, Policy(hosts, secrets), root.absolute(), requests_per_minute)
            api = make(_on_cluster(cluster) if cluster else _here(defaults, root.absolute(), at_once))
        page = Page(root, ahead, train_prometheus)
        return answer(make_app(page, pause, api), bound(listen))

    raise typer.Exit(guarded(action, debug=debug))


def _api(entries: Path, tokens: Path, policy: "Policy", root: Path, per_minute: int, place: "Place") -> "Api":
    """What manages series, in the place where they run.

    Raises:
        ConfigError: the tokens can't be read.
    """
    from cronocast.serve.api import Api
    from cronocast.serve.guard import STRANGERS_A_MINUTE, Guard
    from cronocast.serve.store import Store
    from cronocast.serve.tokens import Rate, Tokens

    shelf, defaults, runner_of = place
    store = Store(entries, defaults, policy, shelf)
    guard = Guard(Tokens(tokens), Rate(per_minute), Rate(STRANGERS_A_MINUTE))
    return Api(store, runner_of(store), guard, root)


def _here(defaults: Path | None, root: Path, at_once: int) -> "Place":
    """Series in files of this machine, which runs them."""
    from cronocast.serve.schedule import Runner, defaults_of

    return None, defaults_of(defaults), lambda store: Runner(store, root, at_once)


def _on_cluster(path: Path) -> "Place":
    """Series as CronWorkflows of the cluster that this pod runs on."""
    from cronocast.serve.kube import in_cluster
    from cronocast.serve.on_cluster import Cluster, ClusterRunner, skeleton_of

    skeleton, defaults, namespace = skeleton_of(path)
    kube = in_cluster(namespace)
    cluster = Cluster(kube, skeleton)
    return cluster, defaults, lambda store: ClusterRunner(store, cluster, kube)


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
