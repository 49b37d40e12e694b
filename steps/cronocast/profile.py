"""What classify finds out about a member, and how it stands in profile.json. Standard library only."""

from dataclasses import asdict, dataclass, field
from typing import Any

from cronocast.entry import CLASSES
from cronocast.errors import ContractError, seen


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
    change_points_ns: tuple[int, ...] = ()  # starts of new levels or slopes, ascending; the last one bounds what still holds
    gaps: Gaps = Gaps()
    evidence: dict[str, float] = field(default_factory=dict)  # named, scale-free numbers, finite
    notes: tuple[str, ...] = ()  # reason codes such as duplicated_times, off_grid_times, counter_like


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
            gaps=Gaps(**data["gaps"]),
            evidence={str(k): float(v) for k, v in data["evidence"].items()},
            notes=tuple(str(n) for n in data["notes"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ContractError("E_CLASS", where, f"profile is incomplete or ill-typed: {seen(str(error))}; run classify again") from error
    if profile.series_class not in CLASSES:
        raise ContractError("E_CLASS", where, f"unknown class {seen(profile.series_class)}; allowed: {', '.join(CLASSES)}")
    if profile.step_ns <= 0 or any(not 2 <= p <= max(2, profile.points) for p in profile.periods):
        raise ContractError("E_CLASS", where, f"step {profile.step_ns} ns or periods {seen(profile.periods)} are impossible for {profile.points} points")
    return profile


def _typed(value: Any, kind: type) -> Any:  # noqa: ANN401
    if not isinstance(value, kind) or isinstance(value, bool):
        raise TypeError(f"{seen(value)} is not {kind.__name__}")
    return value
