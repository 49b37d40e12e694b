"""What is right for the database of `bench.telegraf`, by the formulas that made it, and how far forecasts are off."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from bench.telegraf_runs import HOUR_S, Curve, Floats, Member

DAY_S = 86400
FULL = 99.9  # %: what rounds to a full disk; forecast and truth are asked for the same level
LEAK, DATA, NEW, GONE = "host=api-1,path=/", "host=db-1,path=/data", "host=new-1", "host=old-1"
WEEKS_S = 35 * DAY_S  # what the database holds
LEAK_BEGAN_S = 33.5 * DAY_S  # from the beginning of the database
KNOWN_S = 6 * HOUR_S  # after its beginning a leak is to be seen
NEAR_S = 12 * HOUR_S
NEW_S = 26 * HOUR_S  # age of the new host
COVERED = 0.9
CHECKS = ("leak", "/data", "jump", "new-1", "old-1", "coverage")


@dataclass(frozen=True)
class Finding:
    """One line of the table: what was asked of one run, the figure, and whether that is good enough."""

    check: str
    what: str
    figure: str
    fine: bool
    said: str = ""  # class and model of the forecast


def leak(time_s: Floats, now_s: int) -> Floats:
    """Used % of api-1 /: 1 % an hour from day 33.5 on."""
    days = (time_s - (now_s - WEEKS_S)) / DAY_S
    return np.asarray(np.minimum(100, 55 + 0.1 * days + 24 * np.maximum(0, days - LEAK_BEGAN_S / DAY_S)))


def data(time_s: Floats, now_s: int) -> Floats:
    """Used % of db-1 /data from now on: 2.2 % a day in office hours, 0.55 otherwise; 97.4 now."""
    minutes = np.arange(now_s, time_s[-1] + 60, 60)
    weekday, day = (minutes // DAY_S + 4) % 7, minutes % DAY_S / DAY_S  # 0 is Sunday
    office = (weekday >= 1) & (weekday <= 5) & (day > 0.33) & (day < 0.75)
    used = 97.4 + np.cumsum(np.where(office, 2.2, 0.55)) * 60 / DAY_S
    return np.minimum(100, np.interp(time_s, minutes, used))


def new(time_s: Floats, now_s: int) -> Floats:
    """Used % of new-1 /: 3 % a day from 12."""
    return 12 + 3 * (time_s - (now_s - NEW_S)) / DAY_S


def hourly(truth: Callable[[Floats, int], Floats], time_s: Floats, now_s: int) -> Curve:
    """Means of the hours that start at `time_s`, shape (n,)."""
    minutes = (time_s[:, None] + np.arange(30, HOUR_S, 60)).ravel()
    return Curve(time_s, truth(minutes, now_s).reshape(-1, 60).mean(axis=1))


def full_at(curve: Curve) -> float:
    """When values reach FULL, in seconds since 1970, between the middles of hours; inf if they do not."""
    values = curve.values if curve.values.ndim == 1 else curve.values[:, 0]
    above = np.flatnonzero(values >= FULL)
    if not above.size:
        return np.inf
    i = int(above[0])
    share = (FULL - values[i - 1]) / (values[i] - values[i - 1]) if i else 1.0
    return float(curve.time_s[i] + HOUR_S * (share - 0.5))


def fills(
    members: Sequence[Member], tags: str, truth: float, check: str, allowed: Callable[[float], float]
) -> list[Finding]:
    """How far the time of a full disk is off, by run; `allowed` seconds by how far away it is.

    Where the curve ends before, the error is at least the rest of the horizon.
    """
    found = []
    for member in (m for m in members if m.tags == tags):
        away, full, times = truth - member.run_s, full_at(member.forecast), member.forecast.time_s
        off = (times[-1] if np.isinf(full) and times.size else full) - truth
        figure = f"{off / HOUR_S:+.1f} h" + (" or more: not full within the horizon" if np.isinf(full) else "")
        found.append(Finding(check, f"full in {away / HOUR_S:.1f} h", figure, abs(off) <= allowed(away), member.said))
    return found


def jumps(members: Sequence[Member]) -> list[Finding]:
    """The largest step of each curve against twice the largest in its history: the worst run of each member."""
    worst: dict[str, tuple[float, Finding]] = {}
    for member in members:
        if not member.forecast.time_s.size:
            continue
        step, allowed = steps(member)
        excess = step / allowed if allowed else float(step > 0)
        before = (max(m.run_s for m in members) - member.run_s) / HOUR_S
        what, figure = f"{member.label}, {before:.0f} h before now", f"{step:.4g}, allowed {allowed:.4g}"
        if excess >= worst.get(member.label, (0.0,))[0]:
            worst[member.label] = excess, Finding("jump", what, figure, excess <= 1, member.said)
    return [finding for _, finding in worst.values()]


def steps(member: Member) -> tuple[float, float]:
    """The largest change within an hour of a forecast, from the last value on, and twice that of its history."""
    past, history = np.diff(member.history.time_s) <= HOUR_S, np.abs(np.diff(member.history.values))
    curve = np.concatenate((member.history.values[-1:], member.forecast.values[:, 0]))
    hours = np.diff(np.concatenate((member.history.time_s[-1:], member.forecast.time_s))) / HOUR_S
    rounding = 1e-9 * float(np.abs(curve).max())
    return float(np.max(np.abs(np.diff(curve)) / hours)), 2 * float(np.max(history[past], initial=0.0)) + rounding


def new_line(members: Sequence[Member], now_s: int) -> list[Finding]:
    """Share of the new host's line that lies in its interval, by run."""
    found = []
    for member in members:
        if member.entry == "disk" and NEW in member.tags and member.forecast.time_s.size:
            truth = hourly(new, member.forecast.time_s, now_s).values
            inside = share(member, truth)
            age = (member.run_s - (now_s - NEW_S)) / HOUR_S
            found.append(
                Finding("new-1", f"{age:.1f} h old", f"{100 * inside:.0f} % covered", inside == 1, member.said)
            )
    return found


def share(member: Member, truth: Floats) -> float:
    """Share of the truth that lies in the interval."""
    _, lower, upper = member.forecast.values[: truth.size].T
    return float(np.mean((truth >= lower - 1e-9) & (truth <= upper + 1e-9)))


def gone(members: Sequence[Member]) -> list[Finding]:
    """Runs in which the host that vanished got a forecast."""
    got = [m for m in members if GONE in m.tags and m.forecast.time_s.size]
    seen = sum(GONE in m.tags for m in members)
    return [Finding("old-1", f"{seen} times in the history", f"{len(got)} forecasts", not got)]


def coverage(members: Sequence[Member], now_s: int) -> list[Finding]:
    """Share of the values that the database holds inside the interval, by member over all runs.

    Left out is what no history could tell: the leak before it was 6 hours old, and the new host, of which `new_line`
    asks more. Only the disks have an aim.
    """
    truths: dict[str, Mapping[float, float]] = {}
    for member in members:
        if member.run_s == now_s:
            truths[member.label] = dict(zip(member.history.time_s, member.history.values, strict=True))
    inside: dict[str, list[bool]] = {}
    for member in members:
        if (
            member.label not in truths
            or NEW in member.tags
            or (member.tags == LEAK and member.run_s < leak_known(now_s))
        ):
            continue
        for time_s, (_, lower, upper) in zip(member.forecast.time_s, member.forecast.values, strict=True):
            if (actual := truths[member.label].get(time_s)) is not None:
                inside.setdefault(member.label, []).append(bool(lower <= actual <= upper))
    return [
        Finding(
            "coverage" if label.startswith("disk ") else "coverage, no aim",
            label,
            f"{100 * np.mean(hits):.1f} % of {len(hits)}",
            bool(np.mean(hits) >= COVERED) or not label.startswith("disk "),
        )
        for label, hits in inside.items()
    ]


def leak_known(now_s: int) -> float:
    """From when on a run has to see the leak."""
    return now_s - WEEKS_S + LEAK_BEGAN_S + KNOWN_S


def judged(members: Sequence[Member], now_s: int) -> list[Finding]:
    """Every check of what was run."""
    ahead = np.arange(now_s // HOUR_S * HOUR_S, now_s + 8 * DAY_S, HOUR_S, dtype=float)
    leaking, filling = (full_at(hourly(truth, ahead, now_s)) for truth in (leak, data))
    disks = [m for m in members if m.entry == "disk"]
    return [
        *fills(
            [m for m in disks if m.run_s >= leak_known(now_s)],
            LEAK,
            leaking,
            "leak",
            lambda away: 2 * HOUR_S if away > NEAR_S else HOUR_S,
        ),
        *fills([m for m in disks if filling - m.run_s <= 3 * DAY_S], DATA, filling, "/data", lambda _: 6 * HOUR_S),
        *jumps(members),
        *(new_line(members, now_s) if disks else ()),
        *gone(members),
        *coverage(members, now_s),
    ]


def as_dicts(findings: Sequence[Finding]) -> list[dict[str, object]]:
    """For JSON."""
    return [asdict(finding) for finding in findings]
