"""What the API answers: the shapes of its documents, and problems as RFC 9457 has them."""

import re
from collections.abc import Sequence
from typing import Any

from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field

from cronocast.errors import (
    AccessError,
    BugError,
    ConfigError,
    ContractError,
    CronocastError,
    DataError,
    RefusedError,
    StorageError,
    TemporaryError,
)
from cronocast.errors import Problem as Fault

PROBLEM = "application/problem+json"
TITLES = {
    400: "The request can't be read",
    401: "Who asks is not known",
    403: "This token may not do that",
    404: "There is no such thing",
    405: "This can't be done here",
    409: "It is there already",
    413: "The request is too large",
    415: "The request is no JSON",
    422: "The request has problems",
    429: "Too many requests",
    500: "A bug in cronocast",
    503: "Not possible at the moment",
}
STATUS = {
    ConfigError: 422,
    RefusedError: 409,
    DataError: 404,
    ContractError: 500,
    StorageError: 503,
    TemporaryError: 503,
    AccessError: 503,
}


class Refused(Exception):  # noqa: N818 - carries an answer
    """A request that is answered without being looked at further."""

    def __init__(self, answer: Response) -> None:
        super().__init__()
        self.answer = answer


class Wrong(BaseModel):
    """One thing that is wrong."""

    token: str = Field(description="A stable word for it.", examples=["E_CONFIG_DURATION"])
    pointer: str = Field(description="Where in the document, as a JSON pointer.", examples=["#/horizon"])
    detail: str = Field(description="What was seen, and what would be right.")


class ProblemDocument(BaseModel):
    """A problem, as RFC 9457 has it."""

    type: str = Field(default="about:blank", description="Always about:blank: `errors` say what it is.")
    title: str
    status: int
    detail: str = ""
    errors: list[Wrong] = Field(default_factory=list, description="All that is wrong, at once.")


class SeriesDocument(BaseModel):
    """A series as it is kept."""

    name: str = Field(examples=["disk"])
    document: dict[str, Any] = Field(description="The entry as it was given, without the server's defaults.")
    by: str = Field(description="Name of the token that put it.")
    at: str = Field(description="When, in UTC.")
    asked_by: dict[str, str] = Field(description="user_name, project and owner of a queue's request.")
    next_run: str | None = Field(description="When it is due next, in UTC; null where it is suspended.")
    running: str | None = Field(description="The run that goes on now.")


class SeriesList(BaseModel):
    """All series."""

    series: list[SeriesDocument]
    unreadable: list[str] = Field(description="Files of entries that can't be read, in words.")


class RunDocument(BaseModel):
    """A run, and how it went."""

    series: str
    run: str = Field(description="Its scheduled time, in UTC.")
    status: str = Field(description="running, ok, fallback, skipped, superseded, failed or unfinished.")
    step: str = Field(description="The step that failed, else the last one that has ended.")
    members: int = Field(description="Members that were forecast, or have a reason why not.")
    told: str = Field(description="Why it failed or was skipped.")


class RunList(BaseModel):
    """Runs, the newest first."""

    runs: list[RunDocument]


class RunStarted(BaseModel):
    """A run that was started."""

    series: str
    run: str


class RequestDocument(BaseModel):
    """What was asked for."""

    at: str = Field(description="When, in UTC.")
    by: str = Field(description="Name of the token.")
    address: str = Field(description="Where from.")
    method: str
    path: str
    status: int = Field(description="What it was answered.")
    series: str
    tokens: list[str] = Field(description="What was wrong, as words.")
    sha256: str = Field(description="Checksum of its body.")
    asked_by: dict[str, str] = Field(default_factory=dict)


class RequestList(BaseModel):
    """What was asked for, the newest first."""

    requests: list[RequestDocument]


def pointer(where: str) -> str:
    """The path of a setting as a JSON pointer: thresholds[0].above is #/thresholds/0/above."""
    names = [name for name in re.split(r"\.|\[|\]\.?", where) if name]
    return "#" + "".join(f"/{name.replace('~', '~0').replace('/', '~1')}" for name in names)


def problem(
    status: int, detail: str = "", faults: Sequence[Fault] = (), headers: dict[str, str] | None = None
) -> JSONResponse:
    """An answer that says what is wrong."""
    errors = [Wrong(token=f.token, pointer=pointer(f.where), detail=f.sentence) for f in faults]
    body = ProblemDocument(title=TITLES.get(status, "Not done"), status=status, detail=detail, errors=errors)
    return JSONResponse(body.model_dump(), status, headers=headers, media_type=PROBLEM)


def problem_of(error: CronocastError) -> JSONResponse:
    """The answer to what ended with an error of ours."""
    status = next((code for kind, code in STATUS.items() if isinstance(error, kind)), 500)
    faults = error.problems if isinstance(error, ConfigError) else [Fault(error.token, "", error.problem)]
    count = len(faults)
    detail = f"{count} problem{'s' * (count != 1)}" if isinstance(error, ConfigError) else error.problem
    return problem(status if not isinstance(error, BugError) else 500, detail, faults)
