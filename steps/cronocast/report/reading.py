"""The files of a run folder, each read as far as it can be; what is wrong becomes a sentence in `problems`.

Standard library only.
"""

from pathlib import Path
from typing import Any

from cronocast.chain.table import chain_steps
from cronocast.errors import CronocastError
from cronocast.handoff.evaluation import MemberEvaluation
from cronocast.handoff.evaluation import from_document as evaluation_of
from cronocast.handoff.files import read_json
from cronocast.handoff.profile import Profile, from_document
from cronocast.handoff.results import read_result
from cronocast.handoff.series import Member
from cronocast.handoff.strict import read_members
from cronocast.report.scores import dict_of, list_of, number_of

Key = tuple[str, str]


def step_result(folder: Path, step: str, problems: list[str]) -> dict[str, Any]:
    """The result of a step; empty where it left none."""
    path = folder / f"{step}.result.json"
    if not path.exists():
        return {}
    try:
        return read_result(path, step)
    except CronocastError as error:
        problems.append(str(error))
        return {}


def set_aside_earlier(results: dict[str, dict[str, Any]], problems: list[str]) -> tuple[str, ...]:
    """Empty the results of steps after one that failed: it ended the chain, so they are of an earlier try of this run.

    Returns:
        Steps whose files are of that try too: these, and the one that failed.
    """
    failed = next((step for step, result in results.items() if result.get("status") == "failed"), None)
    if failed is None:
        return ()
    later = chain_steps()[chain_steps().index(failed) + 1 :]
    earlier = [step for step in later if results[step]]
    results |= {step: {} for step in later}
    if earlier:
        problems.append(
            f"{', '.join(earlier)}: from an earlier attempt of this run and not shown, since {failed} has failed after"
            " it"
        )
    return (failed, *later)


def json_file(path: Path, problems: list[str]) -> dict[str, Any]:
    """A mapping as JSON; empty where there is none."""
    if not path.exists():
        return {}
    try:
        return dict_of(read_json(path))
    except CronocastError as error:
        problems.append(str(error))
        return {}


def file_members(path: Path, columns: tuple[str, ...], problems: list[str]) -> dict[Key, Member]:
    """Members of a file; where it breaks, those before are kept and the break is told."""
    found: dict[Key, Member] = {}
    if path.exists():
        try:
            for member in read_members(path, columns):
                found[member.key] = member
        except CronocastError as error:
            problems.append(str(error))
    return found


def profiles_of(document: dict[str, Any], path: Path, problems: list[str]) -> dict[Key, Profile]:
    """What classify found of each member."""
    found = {}
    for item in list_of(document.get("members")):
        try:
            profile = from_document(item, str(path))
            found[profile.name, profile.tags] = profile
        except CronocastError as error:
            problems.append(str(error))
    return found


def evaluations_of(document: dict[str, Any], path: Path, problems: list[str]) -> dict[Key, MemberEvaluation]:
    """What evaluate found of each member."""
    found = {}
    for item in list_of(document.get("members")):
        try:
            evaluation = evaluation_of(item, str(path))
            found[evaluation.name, evaluation.tags] = evaluation
        except CronocastError as error:
            problems.append(str(error))
    return found


def points_written(result: dict[str, Any]) -> dict[Key, int]:
    """Points of each member that are known to be written.

    Load counts acknowledgements of all together, so all or nothing is known.
    """
    whole = bool(result.get("acked")) and result.get("acked") == result.get("expected")
    return (
        {key: int(number_of(row.get("points")) or 0) for key, row in by_key(result.get("members")).items()}
        if whole
        else {}
    )


def by_key(rows: Any) -> dict[Key, dict[str, Any]]:  # noqa: ANN401 - untrusted JSON
    """Rows of a result by name and tags of their member."""
    return {(str(r.get("name", "")), str(r.get("tags", ""))): r for r in list_of(rows) if isinstance(r, dict)}
