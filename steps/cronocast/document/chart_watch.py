"""What looks after the volume and the runs, and what is told of them: a part of the chart's values."""

from dataclasses import dataclass

from cronocast.document.shapes import CRON, LABELS, Shaped
from cronocast.durations import Duration
from cronocast.settings.declare import Part, setting
from cronocast.settings.kinds import Flag, Number, Span


@dataclass(frozen=True)
class Janitor:
    """The job that removes old run folders."""

    enabled: bool = setting(Flag(), True, "Create the job.")
    schedule: str = setting(CRON, "23 3 * * *", "When it runs, in UTC.")
    keep: Duration = setting(
        Span(),
        Duration.parse("7d"),
        "Run folders that changed within this time are kept; the newest of each series is always kept.",
    )
    runs: int = setting(
        Number(1, 100_000, whole=True),
        100,
        "Runs of a series that are kept, at most; each run removes what is more, and the history of those before it.",
    )
    gone: Duration = setting(
        Span(), Duration.parse("90d"), "All of a series in whose folder nothing changed for this time is removed."
    )


@dataclass(frozen=True)
class Tend:
    """The job that ends runs whose pods do not start, and has Argo take up schedules that it missed."""

    enabled: bool = setting(
        Flag(), True, "Create the job. Its account may list and change workflows and schedules in the namespace."
    )
    schedule: str = setting(CRON, "*/5 * * * *", "When it runs, in UTC.")
    pendingSeconds: int = setting(
        Number(1, 86400, whole=True),
        900,
        "A run is stopped where a pod waits longer than this for a node, a claim or an image; it leaves its record.",
    )


@dataclass(frozen=True)
class Rules:
    """Alerts for Prometheus, as an object of its operator."""

    enabled: bool = setting(Flag(), False, "Create a PrometheusRule; the cluster must have the Prometheus operator.")
    labels: dict[str, str] = setting(LABELS, {}, "Labels by which Prometheus finds its rules, such as release.")
    periods: int = setting(
        Number(1, 1000, whole=True), 3, "A series is alarmed on after this many of its periods without a success."
    )
    runbook: str = setting(
        Shaped(about="https://HOST/PATH#, without the name", pattern=r"https?://[^\s{}]+"),
        "https://github.com/cronocast/cronocast/blob/main/docs/runbook.md#",
        "Address of the runbook; the name of the alert, in small letters, comes behind it.",
    )


@dataclass(frozen=True)
class Monitoring:
    """What is told about runs to those who watch the cluster."""

    metrics: bool = setting(
        Flag(), True, "Have Argo's controller count runs by series and status: argo_workflows_cronocast_..."
    )
    rules: Rules = setting(Part(Rules), Rules(), "Alerts on what these metrics and those of the cluster say.")
