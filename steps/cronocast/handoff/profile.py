"""What classify finds out about a member, and how it stands in profile.json. Standard library only."""

import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from cronocast.durations import MAX_NS
from cronocast.errors import ContractError, seen
from cronocast.handoff.classes import CLASSES
from cronocast.handoff.files import read_json
from cronocast.handoff.results import check_handoff

SCHEMA = 2

CHANGES = ("", "level", "slope")

MAX_PERIOD = 50_000_000  # steps; as many as the longest history that extract takes


@dataclass(frozen=True)
class Gaps:
    """Missing steps between the first and the last observation."""

    missing: int = 0  # steps without a value
    longest: int = 0  # longest run of them
    share: float = 0.0  # missing / all steps of the grid, 0..1


@dataclass(frozen=True)
class Profile:
    """Class of one member with the numbers that decided it. Times are ns UTC, periods are whole steps, ascending."""

    name: str
    tags: str
    series_class: str
    why: str  # one plain sentence
    step_ns: int
    points: int
    first_ns: int
    last_ns: int
    periods: tuple[int, ...] = ()
    change_points_ns: tuple[
        int, ...
    ] = ()  # starts of new levels or slopes, ascending; the last one bounds what still holds
    gaps: Gaps = Gaps()
    evidence: dict[str, float] = field(default_factory=dict)  # named, scale-free numbers, finite
    notes: tuple[str, ...] = ()  # reason codes such as duplicated_times, off_grid_times, counter_like
    last_change: str = ""  # what began at the last change point: "level" or "slope"; "" where nothing changed
    slope_now: float = 0.0  # per step, in the member's unit, since then; 0 for classes without a trend


def to_document(profile: Profile) -> dict[str, Any]:
    """The JSON form of a profile."""
    document = asdict(profile)
    document["class"] = document.pop("series_class")
    return document


def from_document(data: Any, where: str) -> Profile:  # noqa: ANN401 - untrusted JSON
    """Read a profile back.

    Raises:
        ContractError: a key is missing, of the wrong type, or out of range.
    """
    try:
        profile = Profile(
            name=_typed(data["name"], str),
            tags=_typed(data["tags"], str),
            series_class=data["class"],
            why=_typed(data["why"], str),
            step_ns=_typed(data["step_ns"], int),
            points=_typed(data["points"], int),
            first_ns=_typed(data["first_ns"], int),
            last_ns=_typed(data["last_ns"], int),
            periods=tuple(_typed(p, int) for p in data["periods"]),
            change_points_ns=tuple(_typed(p, int) for p in data["change_points_ns"]),
            gaps=Gaps(
                _typed(data["gaps"]["missing"], int),
                _typed(data["gaps"]["longest"], int),
                float(_typed(data["gaps"]["share"], int | float)),
            ),
            evidence={str(k): float(_typed(v, int | float)) for k, v in data["evidence"].items()},
            notes=tuple(_typed(n, str) for n in data["notes"]),
            last_change=_typed(data["last_change"], str),
            slope_now=float(_typed(data["slope_now"], int | float)),
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise ContractError(
            "E_CLASS", where, f"profile is incomplete or ill-typed: {seen(str(error))}; run classify again"
        ) from error
    if profile.series_class not in CLASSES:
        raise ContractError(
            "E_CLASS", where, f"unknown class {seen(profile.series_class)}; allowed: {', '.join(CLASSES)}"
        )
    if not 0 <= profile.first_ns <= profile.last_ns <= MAX_NS or profile.points < 0:
        raise ContractError(
            "E_CLASS",
            where,
            f"{profile.points} points from {profile.first_ns} to {profile.last_ns} ns are impossible; run classify"
            " again",
        )
    if profile.last_change not in CHANGES or not math.isfinite(profile.slope_now):
        raise ContractError(
            "E_CLASS",
            where,
            f"change {seen(profile.last_change)} or slope {profile.slope_now} is impossible; run classify again",
        )
    if profile.step_ns <= 0 or any(not 2 <= p <= MAX_PERIOD for p in profile.periods):
        raise ContractError(
            "E_CLASS",
            where,
            f"step {profile.step_ns} ns or periods {seen(list(profile.periods))} are impossible; run classify again",
        )
    return profile


def _typed(value: Any, kind: Any) -> Any:  # noqa: ANN401 - a type or a union of types
    if not isinstance(value, kind) or isinstance(value, bool):
        raise TypeError(f"{seen(value)} is not {getattr(kind, '__name__', kind)}")
    return value


def read_profiles(path: Path, series: str | None, run: str | None) -> dict[tuple[str, str], Profile]:
    """Read profile.json by member, in its order.

    Args:
        path: The file that classify published.
        series: Exact name of the series, None where the file stands alone.
        run: Name of the run, None as for series.

    Raises:
        ContractError: it is not what classify published, or a profile in it is impossible.
    """
    if check_handoff(path, "classify", series, run).get("status") == "skipped":
        return {}
    document = read_json(path)
    if (
        not isinstance(document, dict)
        or document.get("schema") != SCHEMA
        or not isinstance(document.get("members"), list)
    ):
        raise ContractError(
            "E_CLASS", str(path), f"not a profile of schema {SCHEMA}: {seen(document)}; run classify again"
        )
    profiles = [from_document(item, f"{path}:members[{i}]") for i, item in enumerate(document["members"])]
    return {(profile.name, profile.tags): profile for profile in profiles}


LONG_SILENCE = 3  # steps; fewer are data that come late


def silent(missing: int, steps: int) -> bool:
    """Tell whether a history that ends with so many steps without a value deserves a word, where so many are forecast.

    The forecast looks as well as any other.
    """
    return missing >= max(LONG_SILENCE, steps)
