"""What an entry says of a VictoriaMetrics to write to."""

from dataclasses import dataclass

from cronocast.durations import Duration
from cronocast.formats.influx_names import TARGET
from cronocast.settings.declare import setting
from cronocast.settings.kinds import Flag, Number, Span, Text
from cronocast.settings.server import FILE, URL, Server
from cronocast.sinks.influx.settings import member_fault

__all__ = ["Settings", "member_fault"]


@dataclass(frozen=True)
class Settings:
    """Where the forecast goes. The server keeps what lies ahead only as far as its `-futureRetention` says."""

    kind: str = setting(Text(("victoriametrics",)), "victoriametrics", "Kind of sink.", "load")
    url: str = setting(URL, ..., "Address of the server.", "load")
    auth: str = setting(Text(("none", "basic", "token", "bearer")), "none", "How to sign in.", "load")
    username: str | None = setting(Text(about="a user name", data=True), None, "User name for basic.", "load")
    password_file: str | None = setting(FILE, None, "File that holds the password.", "load")
    token_file: str | None = setting(FILE, None, "File that holds the token.", "load")
    ca_file: str | None = setting(FILE, None, "Certificates to trust.", "load")
    timeout: Duration = setting(Span(), Duration.parse("60s"), "Total time for one request.", "load")
    retry_for: Duration = setting(
        Span(zero=True), Duration.parse("90s"), "How long to keep retrying transient errors.", "load"
    )
    measurement: str | None = setting(
        TARGET, None, "First part of the metrics' names; <source measurement>_forecast if not given.", "load"
    )
    batch: int = setting(Number(1, 100_000, whole=True), 10_000, "Lines in one request.", "load")
    runs: bool = setting(Flag(), True, "Also write run metadata to <measurement>_runs_*.", "load")
    read_back: bool = setting(
        Flag(),
        True,
        "Succeed only when a range query returns every point of this run: what is dropped is acknowledged, too.",
        "load",
    )

    @property
    def server(self) -> Server:
        """How to reach the server; the secret that it names is the sink's own."""
        sign_in = (self.auth, self.username, self.password_file, self.token_file, self.ca_file)
        return Server(self.url, *sign_in, timeout=self.timeout, retry_for=self.retry_for)

    @property
    def database(self) -> str:
        """None: the server has no databases, and would make a label of a name."""
        return ""

    @property
    def retention_policy(self) -> None:
        """None: the server has one period for all."""
        return None
