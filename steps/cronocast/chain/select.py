"""The select step: merges the parts that several containers forecast, and chooses where several tried one member."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from cronocast.chain.job import Job
from cronocast.chain.parts import ForecastPart, models_by_image, parts
from cronocast.errors import ContractError, seen
from cronocast.handoff.files import atomic, chosen_part_file, write_json
from cronocast.handoff.profile import Profile, read_profiles
from cronocast.handoff.results import Outcome, check_handoff, result_path
from cronocast.handoff.series import Member, forecast_columns, header, rows
from cronocast.handoff.strict import read_members

Key = tuple[str, str]
RANKS = {"ok": 0, "fallback": 1}  # a forecast as planned before one that stands in for it


def run(job: Job, outcome: Outcome) -> None:
    """Publish forecast.csv and its result as if one container had forecast every member.

    Rows of members stand in the order of the parts.

    Raises:
        ContractError, DataError: a part is missing, or is not what its container published.
    """
    assert job.profile is not None  # noqa: S101 - a run folder always has one
    profiles = read_profiles(job.profile, *job.handoff_names())
    outcome.add_input(job.profile)
    if not profiles:
        outcome.skip("no_data: there are no members")
        return
    documents = {
        part: _documents(job, part, outcome)
        for part in parts(job.entry, [profile.series_class for profile in profiles.values()])
    }
    chosen: dict[Key, ForecastPart] = {}
    for key, profile in profiles.items():
        chosen[key], document = choose(
            {part: found[key] for part, found in documents.items() if key in found}, profile, job
        )
        outcome.members.append(document)
    several = [[*key, chosen[key].name] for key in chosen if sum(key in found for found in documents.values()) > 1]
    if several and job.state is not None:
        write_json(job.state / chosen_part_file(job.run_ns), several)
    with atomic(job.forecast) as file:
        file.write(header(forecast_columns(job.entry.levels)))
        written = 0
        for part in documents:
            for member in _forecasts(job, part, outcome):
                if chosen.get(member.key) == part:
                    file.write(rows(member))
                    written += len(member.time_ns)
    outcome.rows_kept = outcome.expected = written
    outcome.add_output(job.forecast, written)
    bad = [
        status for status in ("failed", "skipped", "fallback") if any(m["status"] == status for m in outcome.members)
    ]
    outcome.status = "skipped" if not written else "fallback" if bad else "ok"
    outcome.reason = ", ".join(
        f"{sum(m['status'] == status for m in outcome.members)} of {len(outcome.members)} members {status}"
        for status in bad
    )


def _documents(job: Job, part: ForecastPart, outcome: Outcome) -> dict[Key, dict[str, Any]]:
    """What the result of one part says of each of its members."""
    path = job.forecast.parent / part.file
    result = check_handoff(path, "forecast", *job.handoff_names(), result=result_path(part.name, path))
    outcome.window = outcome.window or result.get("window", {})
    try:
        outcome.notes = list(dict.fromkeys((*outcome.notes, *result["notes"])))
        documents = {(m["name"], m["tags"]): {"status": m["status"], "why": m["why"], **m} for m in result["members"]}
        if result["status"] != "skipped" or path.name in result["outputs"]:
            outcome.rows_in += int(result["outputs"][path.name]["rows"])
            outcome.add_input(path)
    except (KeyError, TypeError, ValueError) as error:
        raise ContractError(
            "E_HANDOFF", str(path), f"its result is incomplete or ill-typed: {seen(str(error))}; run forecast again"
        ) from error
    return documents


def _forecasts(job: Job, part: ForecastPart, outcome: Outcome) -> Iterator[Member]:
    """The members of one part's file one after the other, so that memory does not grow with their number.

    A part that was skipped has no members.
    """
    path = job.forecast.parent / part.file
    return read_members(path, forecast_columns(job.entry.levels)) if path.name in outcome.inputs else iter(())


def choose(
    tried: Mapping[ForecastPart, dict[str, Any]], profile: Profile, job: Job
) -> tuple[ForecastPart, dict[str, Any]]:
    """Pick the best forecast of one member.

    One made as planned goes before a fallback, then the lower backtest error relative to naive counts, then the lighter
    image.

    Raises:
        ContractError: no part has the member.
    """
    if not tried:
        wanted = ", ".join(models_by_image(job.entry, profile.series_class))
        sentence = f"member {seen(profile.tags)} is in no part, expected in one of {wanted}; run forecast again"
        raise ContractError("E_HANDOFF", str(job.forecast), sentence)
    order = list(tried)
    best = min(
        order, key=lambda part: (RANKS.get(tried[part]["status"], 2), relative_error(tried[part]), order.index(part))
    )
    if len(tried) == 1:
        return best, tried[best]
    return best, _of_several(tried[best], tried)


def _of_several(best: dict[str, Any], tried: Mapping[ForecastPart, dict[str, Any]]) -> dict[str, Any]:
    """The document of the best forecast of a member, with the errors of all that were tried."""
    relative = {part.image: relative_error(document) for part, document in tried.items()}
    errors = {image: round(error, 3) for image, error in relative.items() if math.isfinite(error)}
    said = ", ".join(f"{image} {error:.2f}" for image, error in errors.items()) or "no backtest"
    why = f"{best['why']} (of several images, backtest error relative to naive: {said})"
    return {**best, "why": why, "tried": errors}


def relative_error(document: Mapping[str, Any]) -> float:
    """Backtest error over that of the naive forecast; infinite where it is not known, so that it comes last."""
    ratio = (document.get("backtest") or {}).get("ratio")
    return float(ratio) if ratio is not None else math.inf
