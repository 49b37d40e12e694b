"""Drift by simulation: needless runs of everything, days until a change is seen, and what must start nothing.

drift.py [--members 2000] [--seed 2026]

Members have errors of eight stationary kinds, hour by hour, judged day by day as evaluate does. Exit 1 where an aim is
missed.
"""

import argparse
import sys
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from cronocast.monitor.daily import DAY_NS
from cronocast.monitor.drift import (
    FLEET,
    KEEP,
    REFERENCE_MAX,
    REFERENCE_MIN,
    REFERENCE_SHORT,
    WATCHED,
    WATCHED_SHORT,
    drift,
    evidence,
    reference_of,
    threshold,
)
from cronocast.monitor.meaning import History
from cronocast.monitor.verdict import Kept, Member, Rules, verdicts

Floats = NDArray[np.float64]

HOURS = 24
WIDTH = 3.92  # of a 95 % interval, in standard deviations of the errors
LEVEL = 0.95
KNOWN = REFERENCE_MIN + WATCHED_SHORT  # days before what is watched; the reference stays at 28 for two weeks
FIRST_DAY = 20_000  # since 1970
HOUR_NS = DAY_NS // HOURS
FEW = 200  # members of an entry where single ones count
DAYS_AFTER = 3  # an incident; later alarms are those of any member


def autoregressive(rng: np.random.Generator, noise: Floats, phi: float) -> Floats:
    """AR(1) along the last axis with the variance of the noise; its start is drawn."""
    out: Floats = noise * np.sqrt(1 - phi**2)
    out[..., 0] = rng.standard_normal(noise.shape[:-1])
    for i in range(1, noise.shape[-1]):
        out[..., i] += phi * out[..., i - 1]
    return out


def _ar(phi: float) -> Callable[[np.random.Generator, int, int], Floats]:
    return lambda rng, members, days: autoregressive(rng, rng.standard_normal((members, days * HOURS)), phi)


def _heavy(rng: np.random.Generator, members: int, days: int) -> Floats:
    return autoregressive(rng, rng.standard_t(3, (members, days * HOURS)) / np.sqrt(3), 0.5)


def _office_hours(rng: np.random.Generator, members: int, days: int) -> Floats:
    hour = np.arange(days * HOURS) % HOURS
    return _ar(0.5)(rng, members, days) * np.where((hour >= 8) & (hour < 18), 1.5, 0.375)


def _quiet_weekends(rng: np.random.Generator, members: int, days: int) -> Floats:
    return _ar(0.5)(rng, members, days) * np.where(np.arange(days * HOURS) // HOURS % 7 < 5, 1.15, 0.5)


def _day_effects(rng: np.random.Generator, members: int, days: int) -> Floats:
    of_day = autoregressive(rng, rng.standard_normal((members, days)), 0.3)
    return 0.8 * _ar(0.5)(rng, members, days) + 0.6 * np.repeat(of_day, HOURS, axis=1)


KINDS = {
    "white": _ar(0.0),
    "AR(.5)": _ar(0.5),
    "AR(.8)": _ar(0.8),
    "t3, AR(.5)": _heavy,
    "office hours, spread x4": _office_hours,
    "quiet week-ends": _quiet_weekends,
    "effects of whole days": _day_effects,
    "AR(.95)": _ar(0.95),
}
# Reference in days -> days known before, days watched, most needless ones a week among 500.
PHASES = {
    "14 to 27": (REFERENCE_SHORT, KNOWN - REFERENCE_SHORT - 1, 1.5),
    "28": (KNOWN - 1, KEEP - REFERENCE_MAX - WATCHED_SHORT + 1, 1.5),
    "56": (KEEP - 1, WATCHED, 1.0),
}
MOST_MEMORY = "AR(.95)", 4.0  # of these errors, unless the reference is 56 days


def errors(kind: str, rng: np.random.Generator, members: int, days: int) -> Floats:
    """Errors over the width of the interval, (members, days, 24)."""
    return KINDS[kind](rng, members, days).reshape(members, days, HOURS) / WIDTH


def level(size: float) -> Callable[[Floats], Floats]:
    """A new level, in standard deviations of the errors."""
    return lambda after: after + size / WIDTH


def season_gone(after: Floats) -> Floats:
    """The forecast goes on with a daily wave that no longer is."""
    return after + 2 / WIDTH * np.sin(2 * np.pi * np.arange(HOURS) / HOURS)


def slope(after: Floats) -> Floats:
    """A quarter of a standard deviation more each day."""
    return after + 0.25 / WIDTH * np.arange(1, after.shape[1] + 1)[:, None]


# Change -> what it does to the days after it, most days to the alarm in the median: AR(.5), AR(.8).
CHANGES: dict[str, tuple[Callable[[Floats], Floats], tuple[int, int]]] = {
    "level 2 sd": (level(2.0), (3, 5)),
    "level 4 sd": (level(4.0), (2, 3)),
    "season of 2 sd vanishes": (season_gone, (7, 10)),
    "variance x4": (lambda after: after * 2, (5, 8)),
    "slope .25 sd a day": (slope, (8, 10)),
}
INCIDENTS = {"one day 4 sd too low": (slice(None), 4.0), "12 h 6 sd too low": (slice(6, 18), 6.0)}


def first_alarms(found: Floats, known: int) -> Floats:
    """Days after the first `known` ones, from 1, until a member is first in alarm; inf for never. Shape (m,)."""
    above = []
    for end in range(known + 1, found.shape[1] + 1):
        kept = found[:, max(0, end - KEEP) : end]
        reference = reference_of(kept.shape[1])
        limit = threshold(FLEET, reference)
        above.append(evidence(kept, np.arange(kept.shape[1]), reference, limit).statistic[:, -1] >= limit)
    alarms = np.stack(above, axis=1)
    return np.where(alarms.any(axis=1), alarms.argmax(axis=1) + 1.0, np.inf)


def needless(kind: str, phase: str, members: int, seed: int) -> float:
    """Alarms a week among 500 members of which none changes."""
    known, days, _ = PHASES[phase]
    first = first_alarms(errors(kind, np.random.default_rng([seed, known]), members, known + days), known)
    return float(FLEET * np.isfinite(first).sum() / (np.minimum(first, days).sum() / 7))


def days_to_alarm(change: str, kind: str, members: int, seed: int) -> float:
    """Median days from a change to the alarm that starts everything anew."""
    found = errors(kind, np.random.default_rng([seed, 1]), members, KNOWN + WATCHED)
    found[:, KNOWN:] = CHANGES[change][0](found[:, KNOWN:])
    return float(np.median(first_alarms(found, KNOWN)))


def alarms_after(incident: str, kind: str, members: int, seed: int) -> float:
    """Of 200 members, how many are in alarm within three days after one bad day, and would not be without it."""
    found = errors(kind, np.random.default_rng([seed, 2]), members, KNOWN + DAYS_AFTER)
    without = np.isfinite(first_alarms(found, KNOWN))
    hours, size = INCIDENTS[incident]
    found[:, KNOWN, hours] -= size / WIDTH
    return float((np.isfinite(first_alarms(found, KNOWN)) & ~without).mean() * FEW)


def broken_exporter(kind: str, days: int, seed: int) -> list[int]:
    """Runs of everything on each of eight days, where a fault changes 200 members of an entry for so many days."""
    rng = np.random.default_rng([seed, 3])
    found = errors(kind, rng, FEW, KNOWN + 8)
    found[:, KNOWN : KNOWN + days] -= (rng.uniform(2, 8, FEW) / WIDTH)[:, None, None]
    kept = [Kept(FIRST_DAY * DAY_NS, 0, "first", HOUR_NS, 672, (24,), "", "") for _ in range(FEW)]
    begun = [0] * FEW
    counts = []
    for end in range(KNOWN + 1, KNOWN + 9):
        now_ns = (FIRST_DAY + end) * DAY_NS
        rules = Rules(now_ns, HOUR_NS, DAY_NS, "", "", every_ns=365 * DAY_NS)
        history = History(now_ns - HOUR_NS, np.array([now_ns - HOUR_NS]), np.array([1.0]))
        numbers = FIRST_DAY + np.arange(end)
        drifts = [drift(found[i, begun[i] : end], numbers[begun[i] :], FEW, LEVEL) for i in range(FEW)]
        members = [Member(*each, history) for each in zip(kept, begun, drifts, strict=True)]
        full = [i for i, one in enumerate(verdicts(members, rules)) if one.kind == "full"]
        for i in full:
            begun[i] = end
            kept[i] = Kept(now_ns, 0, "drift", HOUR_NS, 672, (24,), "", "")
        counts.append(len(full))
    return counts


def main() -> int:
    """Simulate, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--members", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=2026)
    given = parser.parse_args()
    fine = [_print_needless(given.members, given.seed), _print_days(given.members, given.seed)]
    fine += [_print_incidents(given.members, given.seed), _print_exporter(given.seed)]
    print(f"\n{'every aim met' if all(fine) else 'an aim was MISSED'}")
    return 0 if all(fine) else 1


def _print_needless(members: int, seed: int) -> bool:
    print(f"needless runs of everything, a week among {FLEET} members ({members} simulated)\n")
    print("| errors |" + "".join(f" {phase} days of reference | aim |" for phase in PHASES))
    print("|---|" + "---|" * 2 * len(PHASES))
    fine = True
    for kind in KINDS:
        cells = []
        for phase, (_, _, usual) in PHASES.items():
            found = needless(kind, phase, members, seed)
            most = MOST_MEMORY[1] if kind == MOST_MEMORY[0] and usual > 1 else usual
            cells.append(f" {found:.2f} | {most:g} |")
            fine = fine and found <= most
        print(f"| {kind} |" + "".join(cells), flush=True)
    return fine


def _print_days(members: int, seed: int) -> bool:
    print("\nmedian days to the run of everything\n\n| change | AR(.5) | aim | AR(.8) | aim |\n|---|---|---|---|---|")
    fine = True
    for change, (_, most) in CHANGES.items():
        found = [days_to_alarm(change, kind, members // 4, seed) for kind in ("AR(.5)", "AR(.8)")]
        print(
            f"| {change} | " + " | ".join(f"{f:g} | {m}" for f, m in zip(found, most, strict=True)) + " |", flush=True
        )
        fine = fine and all(f <= m for f, m in zip(found, most, strict=True))
    return fine


def _print_incidents(members: int, seed: int) -> bool:
    print(
        f"\nof {FEW} members, those with a run of everything within {DAYS_AFTER} days because of one bad day; aim: 0\n"
    )
    print("| incident | AR(.5) | AR(.8) | t3, AR(.5): no aim |\n|---|---|---|---|")
    fine = True
    for name in INCIDENTS:
        counts = [alarms_after(name, kind, members, seed) for kind in ("AR(.5)", "AR(.8)", "t3, AR(.5)")]
        print(f"| {name} | " + " | ".join(f"{count:.1f}" for count in counts) + " |", flush=True)
        fine = fine and all(round(count) == 0 for count in counts[:2])
    return fine


def _print_exporter(seed: int) -> bool:
    print(
        f"\nruns of everything on each day, an exporter of {FEW} members being broken; aim: at most one in two days\n"
    )
    print("| broken for | " + " | ".join(f"day {i}" for i in range(1, 9)) + " |\n|" + "---|" * 9)
    fine = True
    for days in (2, 3, 8):
        counts = broken_exporter("AR(.5)", days, seed)
        print(f"| {days} days | " + " | ".join(map(str, counts)) + " |", flush=True)
        begin = next((i for i, count in enumerate(counts) if count), 0)
        fine = fine and sum(counts[begin : begin + 2]) <= 1
    return fine


if __name__ == "__main__":
    sys.exit(main())
