"""What an entry says of an InfluxDB to write to."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from cronocast.durations import Duration, stamp
from cronocast.errors import ContractError
from cronocast.formats.influx_names import DATABASE, TARGET, quoted
from cronocast.settings.declare import setting
from cronocast.settings.kinds import Flag, Number, Span, Text
from cronocast.settings.server import FILE, URL, Server
from cronocast.sinks.points import Run

TAKEN = ("url", "auth", "username", "ca_file", "database")  # from a source of the same family


@dataclass(frozen=True)
class Settings:
    """Where the forecast goes. What is not given is taken from the source."""

    kind: str = setting(Text(("influx",)), "influx", "Kind of sink.", "load")
    url: str | None = setting(URL, None, "Address of the server; the source's if not given.", "load")
    auth: str | None = setting(
        Text(("none", "basic", "token", "bearer")), None, "How to sign in; the source's if not given.", "load"
    )
    username: str | None = setting(
        Text(about="a user name", data=True), None, "User name for basic; the source's if not given.", "load"
    )
    password_file: str | None = setting(FILE, None, "File that holds the password; the source's if not given.", "load")
    token_file: str | None = setting(FILE, None, "File that holds the token; the source's if not given.", "load")
    ca_file: str | None = setting(FILE, None, "Certificates to trust; the source's if not given.", "load")
    timeout: Duration = setting(Span(), Duration.parse("60s"), "Total time for one request.", "load")
    retry_for: Duration = setting(
        Span(zero=True), Duration.parse("90s"), "How long to keep retrying transient errors.", "load"
    )
    database: str | None = setting(DATABASE, None, "Database to write to; the source's if not given.", "load")
    retention_policy: str | None = setting(
        DATABASE, None, "Retention policy to write to; the database's default if not given.", "load"
    )
    measurement: str | None = setting(
        TARGET, None, "Measurement to write; <source measurement>_forecast if not given.", "load"
    )
    batch: int = setting(Number(1, 100_000, whole=True), 10_000, "Lines in one request.", "load")
    runs: bool = setting(
        Flag(),
        True,
        "Also write run metadata to <measurement>_runs: one point per member and run, and on a cluster one for the"
        " run's outcome.",
        "load",
    )
    read_back: bool = setting(
        Flag(), False, "Verify the number of written points by a query before reporting success.", "load"
    )

    @property
    def server(self) -> Server:
        """How to reach the server; the secret that it names is the sink's own."""
        sign_in = (self.auth or "none", self.username, self.password_file, self.token_file, self.ca_file)
        return Server(self.url or "", *sign_in, timeout=self.timeout, retry_for=self.retry_for)


@dataclass(frozen=True)
class FilledSettings(Settings):
    """Settings with what they leave open taken from a source of the same family; no document holds them."""

    lender: Server | None = None  # the source, whose secret stands in where the sink names no user and none of its own


def filled(sink: Settings, source: Any) -> FilledSettings:  # noqa: ANN401 - settings of a source
    """The settings of a sink beside those of a source whose server it shares."""
    taken = {name: getattr(sink, name) or getattr(source, name) for name in TAKEN}
    return FilledSettings(**{**vars(sink), **taken}, lender=source)


def member_fault(run: Run, tags: str) -> str:
    """Why line protocol can't carry a member; "" if it can. See `sinks/table.py`."""
    from cronocast.sinks.influx.target import target_of

    try:
        target = target_of(run)
        target.key(run.measurement, tags), target.key(run.runs, tags)
    except ContractError as error:
        return error.problem
    return ""


def reading_query(measurement: str, series: str, fields: Iterable[str], first_ns: int, last_ns: int) -> str:
    """InfluxQL that reads a written curve, to be shown; both ends of the window are included."""
    named = series.replace("\\", "\\\\").replace("'", "\\'")
    between = f"time >= '{stamp(first_ns)}' AND time <= '{stamp(last_ns)}'"
    selected = f"SELECT {', '.join(fields)} FROM {quoted(measurement)}"  # noqa: S608 - shown to users
    return f"{selected} WHERE \"series\" = '{named}' AND {between} GROUP BY *"
