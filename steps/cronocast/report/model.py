"""What is known of a run and its members, as plain dataclasses. Standard library only."""

from dataclasses import dataclass, field
from typing import Any

from cronocast.durations import parse_stamp
from cronocast.handoff.evaluation import MemberEvaluation
from cronocast.handoff.profile import Profile
from cronocast.handoff.series import Member, parse_tags
from cronocast.report.scores import BacktestView


@dataclass(frozen=True)
class StepView:
    """How one step ended. `status` is "missing" where it left no result."""

    name: str
    status: str = "missing"
    exit: int = 0
    reason: str = ""
    message: str = ""
    duration_s: float = 0.0
    rows_in: int = 0
    rows_kept: int = 0
    rows_out: int = 0  # rows of the files it published
    dropped: dict[str, int] = field(default_factory=dict)
    expected: int = 0
    acked: int = 0
    members: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class MemberView:
    """All that is known of one member. Times are ns UTC; history and forecast may be empty."""

    name: str
    tags: str
    history: Member
    forecast: Member
    step_ns: int
    profile: Profile | None = None
    status: str = ""
    reason: str = ""
    series_class: str = ""
    model: str = ""
    why: str = ""
    backtest: BacktestView | None = None
    # what was done with the values before, as the forecast step counts it
    prepared: dict[str, Any] = field(default_factory=dict)
    written: int | None = None  # points acknowledged; None where load did not say
    earlier: tuple[tuple[str, Member], ...] = ()  # (run, forecast) of earlier runs that were given too
    evaluation: MemberEvaluation | None = None  # what evaluate found

    @property
    def measured(self) -> int:
        """Rows of the forecast whose interval comes from measured errors: all, unless the backtest says otherwise."""
        rows = len(self.forecast.time_ns)
        known = self.backtest.measured if self.backtest else None
        return rows if known is None else min(rows, known)

    @property
    def label(self) -> str:
        """What people read."""
        return ", ".join(f"{key}={value}" for key, value in parse_tags(self.tags)) or self.name


@dataclass(frozen=True)
class RunView:
    """One run of one series."""

    folder: str
    series: str
    title: str
    run: str
    steps: tuple[StepView, ...]
    members: tuple[MemberView, ...]
    window: tuple[int, int] | None  # start_ns, end_ns of what was read; the end is where the forecast begins
    zone: str
    level: float
    settings: dict[str, Any]  # path of a setting -> value, of all steps together
    problems: tuple[str, ...]
    earlier_runs: tuple[str, ...] = ()
    further: tuple[float, ...] = ()  # nominal coverages of further intervals, ascending


def run_ns(view: RunView) -> int | None:
    """The run's time in ns UTC; None where it can't be read."""
    try:
        return parse_stamp(view.run)
    except ValueError:
        return None


def now_of(view: RunView) -> int:
    """The run's time, or where the forecast begins where it can't be read, in ns UTC."""
    at = run_ns(view)
    if at is not None:
        return at
    return view.window[1] if view.window else 0
