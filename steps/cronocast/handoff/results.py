"""`<step>.result.json`: what a step did, written last; and the check of it by the step that comes next.

Standard library only.
"""

import platform
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from cronocast import __version__
from cronocast.errors import ContractError, CronocastError, DataError, seen
from cronocast.handoff.files import check_plain_file, read_json, sha256, write_json

SCHEMA = 1
STATUSES = ("ok", "skipped", "fallback", "superseded", "failed")


@dataclass
class Outcome:
    """What a step reports about itself. Counts are rows of its files unless said otherwise."""

    status: str = "ok"
    reason: str = ""  # a code and a few words, such as "no_data: 0 rows in the window"
    rows_in: int = 0
    rows_kept: int = 0
    rows_dropped: dict[str, int] = field(default_factory=dict)  # reason code -> rows
    expected: int = 0  # load: points to be acknowledged; others: rows to be written
    acked: int = 0
    bytes: int = 0
    attempts: int = 1  # HTTP requests tried for the slowest request
    inputs: dict[str, str] = field(default_factory=dict)  # file name -> sha256
    outputs: dict[str, dict[str, Any]] = field(default_factory=dict)  # file name -> {"sha256", "rows"}
    members: list[dict[str, Any]] = field(default_factory=list)  # one mapping per member, each with "name" and "tags"
    # start_ns, end_ns (the first step that is not finished), every_ns
    window: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)  # such as warnings of the server
    facts: dict[str, Any] = field(default_factory=dict)  # the same as data: also_differ_by, field_types, unread_points

    def skip(self, reason: str) -> None:
        """There is nothing to hand on, for a good reason."""
        self.status, self.reason = "skipped", reason

    def add_input(self, path: Path) -> None:
        """Record a file that was read."""
        self.inputs[path.name] = sha256(path)

    def add_output(self, path: Path, rows: int, checksum: str | None = None) -> None:
        """Record a file that was published; its checksum is that of what was written, or is made from the file."""
        self.outputs[path.name] = {"sha256": checksum or sha256(path), "rows": rows}


def result_path(step: str, beside: Path) -> Path:
    """Where the result of a step lies: in the folder of its output."""
    return beside.parent / f"{step}.result.json"


def write_result(
    path: Path,
    step: str,
    series: str,
    run: str,
    outcome: Outcome,
    duration_s: float,
    error: CronocastError | None,
    settings: dict[str, Any],
) -> None:
    """Publish the result of a step; with an error its status is failed and its code and message stand beside."""
    head = {"schema": SCHEMA, "step": step, "series": series, "run": run}
    state: dict[str, Any] = {"exit": 0, "token": "", "message": ""}
    body = asdict(outcome)
    if error:
        state = {"exit": error.exit_code, "token": error.token, "message": str(error)}
        body |= {"status": "failed", "reason": f"{error.token}: {error.problem}"}
    versions = {"cronocast": __version__, "python": platform.python_version()}
    rest = {"duration_s": round(duration_s, 3), "versions": versions, "settings": settings}
    write_json(path, {**head, **state, **body, **rest})


def read_result(path: Path, step: str) -> dict[str, Any]:
    """Read the result of a step.

    Raises:
        ContractError: missing, or not a result of that step in a form this version knows.
    """
    try:
        document = read_json(path)
    except DataError as error:
        raise ContractError(
            "E_HANDOFF", str(path), f"the result of {step} is missing or empty; run {step} again"
        ) from error
    if not isinstance(document, dict) or document.get("step") != step or document.get("status") not in STATUSES:
        raise ContractError("E_HANDOFF", str(path), f"not a result of {step}; run {step} again")
    if document.get("schema") != SCHEMA:
        raise ContractError(
            "E_HANDOFF",
            str(path),
            f"schema {seen(document.get('schema'))}; this version reads {SCHEMA}, use the same version in all steps",
        )
    return document


def check_handoff(
    path: Path, step: str, series: str | None, run: str | None, result: Path | None = None
) -> dict[str, Any]:
    """Check that `path` is what `step` published for this series and run; return that step's result.

    Args:
        path: The file to be read.
        step: The step that wrote it.
        series: Exact name of the series; None where a file stands alone, and then a missing result is fine ({} is
            returned).
        run: Name of the run; None as for series.
        result: Where the step's result lies; beside `path`, named by the step, if not given.

    Raises:
        DataError: the file is missing or empty although its step did not skip.
        ContractError: checksum, series, run or status do not fit.
    """
    result = result or result_path(step, path)
    if series is None and not result.exists():
        check_plain_file(path)
        return {}
    document = read_result(result, step)
    for name, expected in (("series", series), ("run", run)):
        if expected is not None and document.get(name) != expected:
            raise ContractError(
                "E_HANDOFF",
                str(path),
                f"belongs to {name} {seen(document.get(name))}, expected {seen(expected)}; run {step} again",
            )
    if document["status"] == "skipped":
        return document
    if document["status"] == "failed":
        raise ContractError("E_HANDOFF", str(path), f"{step} failed ({seen(document.get('reason'))}); run it again")
    check_plain_file(path)
    listed = document.get("outputs")
    published = listed.get(path.name) if isinstance(listed, dict) else None
    checksum = published.get("sha256") if isinstance(published, dict) else None
    if isinstance(listed, dict) and path.name not in listed:  # the step has since run here for another file
        written = ", ".join(sorted(map(str, listed))) or "no file"
        raise ContractError(
            "E_HANDOFF",
            str(path),
            f"{result.name} beside it describes {seen(written)}; run {step} again for this file, or give each forecast"
            " a folder of its own",
        )
    if checksum != sha256(path):
        raise ContractError(
            "E_HANDOFF", str(path), f"differs from what {step} published (sha256 {seen(checksum)}); run {step} again"
        )
    return document
