"""Which part of time the main chart shows."""

from dataclasses import dataclass

from cronocast.report.model import MemberView

# horizons of history that stand before the forecast: enough to judge it, not so much that it shrinks
BACK_LEAST, BACK_MOST = (3, 7)


@dataclass(frozen=True)
class Focus:
    """The part of time that the main chart shows.

    It is given by the index of the first history row, its edges, the run's time, and where the forecast begins.
    """

    first: int
    t0: int
    t1: int
    now: int
    until: int


def focus_of(member: MemberView, now: int) -> Focus:
    """As much history as helps to judge the forecast: its longest season, between three and seven horizons."""
    times, ahead = member.history.time_ns, member.forecast.time_ns
    start = next((row[0] for row in (times, ahead) if len(row)), now)
    end = ahead[-1] if len(ahead) else max([now, *times[-1:]])
    horizon = len(ahead) * member.step_ns
    if horizon:
        season = member.profile.periods[-1] * member.step_ns if member.profile and member.profile.periods else 0
        back = min(max(season, BACK_LEAST * horizon), BACK_MOST * horizon)
        if now - start > 1.3 * back:
            start = now - back
    first = next((i for i, t in enumerate(times) if t >= start), len(times))
    until = min(now, ahead[0]) if len(ahead) else now - now % member.step_ns
    return Focus(first, start, max(end, start + member.step_ns), now, until)
