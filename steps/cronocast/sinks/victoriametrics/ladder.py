"""Stamps by which a newer forecast comes after an older one of the same time. Standard library only.

VictoriaMetrics keeps every value that is written for one time, and answers with the largest. So a forecast of time t is
stamped a little before t: one millisecond for each minute from the run to t. A newer run has less to go, its stamp is
later, and a query at t takes the latest value before it.
"""

from cronocast.errors import ConfigError
from cronocast.handoff.rows import Rows

MINUTE_NS, MS_NS = 60 * 10**9, 10**6


def stamp(time_ns: int, run_ns: int, behind_ns: int = 0) -> int:
    """The stamp of a value for a time, as a run writes it; what lies before `run_ns - behind_ns` keeps its time.

    Args:
        time_ns: The time that the value is for, in ns since 1970.
        run_ns: Scheduled time of the run; runs of one minute have the same stamps.
        behind_ns: How long before its run a forecast may begin.
    """
    lead = max(0, time_ns - run_ns // MINUTE_NS * MINUTE_NS + behind_ns)
    return time_ns - -(-lead // MINUTE_NS) * MS_NS


def behind(every_ns: int) -> int:
    """How long before its run a forecast may begin: the step that the run lies in, and a delay of the source."""
    return 2 * every_ns + 60 * MINUTE_NS


def stamped(rows: Rows, run_ns: int, every_ns: int) -> Rows:
    """Rows of a forecast with stamps in place of their times."""
    times = [b"%d" % stamp(int(time), run_ns, behind(every_ns)) for time in rows.times]
    return Rows(rows.name, rows.tags, times, rows.values, rows.columns)


def step_of(rows: Rows) -> int:
    """Step size of a member's rows in ns; 0 where one row can't tell."""
    return int(rows.times[1]) - int(rows.times[0]) if rows.count > 1 else 0


def refuse_too_long(rows: Rows, run_ns: int, every_ns: int) -> None:
    """Refuse a horizon whose stamps would reach into the step before.

    Raises:
        ConfigError: it has about 60,000 steps or more.
    """
    last = int(rows.times[-1])
    if every_ns and last - stamp(last, run_ns, behind(every_ns)) >= every_ns:
        sentence = (
            f"ends {(last - run_ns) // every_ns} steps ahead; VictoriaMetrics takes fewer than about 59000: shorten it"
        )
        raise ConfigError.one("E_CONFIG_RANGE", "horizon", sentence)
