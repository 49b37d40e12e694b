"""Series over HTTP: put, listed, removed, run; every request that could change something is kept."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi import Path as InPath
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from cronocast.durations import parse_stamp, stamp
from cronocast.errors import ConfigError, CronocastError, seen
from cronocast.serve.answers import (
    Refused,
    RequestList,
    RunList,
    RunStarted,
    SeriesDocument,
    SeriesList,
    problem,
    problem_of,
)
from cronocast.serve.api_schema import DOCUMENT_BODY, NAME_ABOUT, RUN_BODY, responses
from cronocast.serve.guard import Guard, address_of, body_of, document_of
from cronocast.serve.runs import runs_of
from cronocast.serve.shelf import Kept
from cronocast.serve.store import Store
from cronocast.serve.tokens import Caller

EARLIEST_RUN_NS = parse_stamp("2000-01-01T00:00:00Z")
Name = Annotated[str, InPath(description=NAME_ABOUT, min_length=1, max_length=300)]
Limit = Annotated[int, Query(ge=1, le=500, description="At most so many.")]


@dataclass
class Asked:
    """A request that could change something, as it is kept."""

    request: Request
    caller: Caller
    body: bytes
    series: str = ""
    asked_by: dict[str, str] | None = None

    def note(self, store: Store, status: int, tokens: list[str]) -> None:
        """Keep it with its outcome."""
        store.note(
            {
                "at": stamp(time.time_ns()),
                "by": self.caller.name,
                "address": address_of(self.request),
                "method": self.request.method,
                "path": self.request.url.path[:400],
                "status": status,
                "series": self.series[:300],
                "tokens": tokens,
                "sha256": hashlib.sha256(self.body).hexdigest(),
                "asked_by": self.asked_by or {},
            }
        )


class Runs(Protocol):
    """Starts runs, and knows of them."""

    def running(self) -> dict[str, str]:
        """Runs that go on, by series."""
        ...

    def next_ns(self, kept: Kept) -> int | None:
        """When a series is due next; None where it is not."""
        ...

    def start(self, kept: Kept, run_ns: int) -> bool:
        """Start a run; False where one goes on."""
        ...

    def keep_time(self) -> None:
        """Do what is to be done beside requests, until `stop`."""
        ...

    def stop(self) -> None:
        """End what was begun."""
        ...


@dataclass(frozen=True)
class Api:
    """What the routes do."""

    store: Store
    runner: Runs
    guard: Guard
    root: Path

    def list_series(self) -> SeriesList:
        """All series."""
        unreadable: list[str] = []
        return SeriesList(
            series=[self._shown(kept) for kept in self.store.shelf.all(unreadable)], unreadable=unreadable
        )

    def get_series(self, name: Name) -> Any:  # noqa: ANN401 - a document or a problem
        """One series."""
        kept = self.store.shelf.get(name)
        return self._shown(kept) if kept else problem(404, f"there is no series {seen(name)}")

    async def post_series(self, request: Request) -> Response:
        """Put a new series: an entry, or the request of a queue forecast."""
        return await self._asked(request, lambda one: self._put(one, None, replace=False))

    async def put_series(self, name: Name, request: Request) -> Response:
        """Put a series, whether it is there or not."""
        return await self._asked(request, lambda one: self._put(one, name, replace=True))

    async def delete_series(self, name: Name, request: Request) -> Response:
        """Remove a series; what its runs wrote stays."""

        def work(_: Asked) -> Response:
            gone = self.store.shelf.remove(name)
            return Response(status_code=204) if gone else problem(404, f"there is no series {seen(name)}")

        return await self._asked(request, work)

    async def post_run(self, name: Name, request: Request) -> Response:
        """Run a series now, or as of a past time."""

        def work(one: Asked) -> Response:
            kept = self.store.shelf.get(name)
            if kept is None:
                return problem(404, f"there is no series {seen(name)}")
            run_ns = run_time(document_of(request, one.body) if one.body else {})
            if not self.runner.start(kept, run_ns):
                return problem(409, f"a run of {seen(name)} goes on")
            return JSONResponse(RunStarted(series=name, run=stamp(run_ns)).model_dump(), 202)

        return await self._asked(request, work)

    def list_runs(
        self,
        series: Annotated[str | None, Query(description="Of this series alone.", max_length=300)] = None,
        limit: Limit = 50,
    ) -> Any:  # noqa: ANN401 - checked against RunList
        """Runs, the newest first."""
        names = [kept.name for kept in self.store.shelf.all([])]
        some = [name for name in names if series in (None, name)]
        return {"runs": runs_of(self.root, some, self.runner.running(), limit)}

    def list_requests(self, limit: Limit = 50) -> Any:  # noqa: ANN401 - checked against RequestList
        """What was asked for, the newest first."""
        return {"requests": self.store.noted(limit)}

    def _shown(self, kept: Kept) -> SeriesDocument:
        next_ns = self.runner.next_ns(kept)
        due = None if next_ns is None else stamp(next_ns)
        return SeriesDocument(**vars(kept), next_run=due, running=self.runner.running().get(kept.name))

    def _put(self, one: Asked, name: str | None, *, replace: bool) -> Response:
        """Check a document and keep it."""
        own, entry, asked_by = self.store.checked(document_of(one.request, one.body), name)
        one.series, one.asked_by = entry.name, asked_by
        if not replace and self.store.shelf.get(entry.name) is not None:
            return problem(409, f"series {seen(entry.name)} is there; PUT /series/NAME replaces it")
        kept = Kept(entry.name, own, one.caller.name, stamp(time.time_ns()), asked_by)
        new = self.store.put(kept)
        where = {"Location": str(one.request.app.url_path_for("get_series", name=entry.name))}
        return JSONResponse(self._shown(kept).model_dump(), 201 if new else 200, headers=where)

    async def _asked(self, request: Request, work: Callable[[Asked], Response]) -> Response:
        """Read the body, do the work in a thread, and keep what was asked for with its outcome."""
        one = Asked(request, request.state.caller, b"", str(request.path_params.get("name", "")))
        tokens: list[str] = []

        def done() -> Response:
            try:
                return work(one)
            except CronocastError as error:
                faults = error.problems if isinstance(error, ConfigError) else [error]
                tokens.extend(fault.token for fault in faults)
                return problem_of(error)

        try:
            one.body = await body_of(request)
            answer = await run_in_threadpool(done)
        except Refused as refused:
            answer = refused.answer
        try:
            await run_in_threadpool(one.note, self.store, answer.status_code, tokens[:20])
        except CronocastError as error:  # what can't be kept must not look as if it were
            return problem_of(error)
        return answer


def router_of(api: Api) -> APIRouter:
    """The routes, each with what it takes, what it may answer, and who may ask."""
    router = APIRouter(responses=responses(401, 403, 429))
    written, new = responses(413, 415, 422, 503), {201: {"model": SeriesDocument, "description": "It is new."}}

    def add(method: str, path: str, work: Callable[..., Any], scope: str, status: int = 200, **more: Any) -> None:  # noqa: ANN401
        router.add_api_route(
            path, work, methods=[method], status_code=status, dependencies=[Depends(api.guard.may(scope))],
            summary=(work.__doc__ or "").strip(), name=work.__name__, **more,
        )  # fmt: skip

    def take(method: str, path: str, work: Callable[..., Any], status: int, body: dict[str, Any], **more: Any) -> None:  # noqa: ANN401
        add(method, path, work, "write", status, openapi_extra=body, **more)

    one, document = "/series/{name}", SeriesDocument
    add("GET", "/series", api.list_series, "read", response_model=SeriesList)
    add("GET", one, api.get_series, "read", response_model=document, responses=responses(404, 422))
    add("GET", "/runs", api.list_runs, "read", response_model=RunList, responses=responses(422))
    add("GET", "/requests", api.list_requests, "read", response_model=RequestList, responses=responses(422))
    take(
        "POST",
        "/series",
        api.post_series,
        201,
        DOCUMENT_BODY,
        response_model=document,
        responses={**responses(409), **written},
    )
    take("PUT", one, api.put_series, 200, DOCUMENT_BODY, response_model=document, responses={**new, **written})
    take("DELETE", one, api.delete_series, 204, {}, response_model=None, responses={**responses(404), **written})
    take(
        "POST",
        f"{one}/runs",
        api.post_run,
        202,
        RUN_BODY,
        response_model=RunStarted,
        responses={**responses(404, 409), **written},
    )
    return router


def run_time(document: Any) -> int:  # noqa: ANN401 - untrusted data
    """The time of a run that is asked for, in ns UTC: now, in whole seconds, if none is named.

    Raises:
        ConfigError: it is no time, lies ahead, or something else is said.
    """
    now_ns = time.time_ns() // 10**9 * 10**9
    if not isinstance(document, dict) or document.keys() - {"run"}:
        raise ConfigError.one("E_CONFIG_TYPE", "", f'{seen(document)} is no run; allowed: {{"run": TIME}}, or nothing')
    text = document.get("run")
    if text is None:
        return now_ns
    try:
        run_ns = parse_stamp(text) if isinstance(text, str) else -1
    except ValueError:
        run_ns = -1
    if not EARLIEST_RUN_NS <= run_ns <= now_ns:
        right = "allowed: a past time such as 2026-01-31T12:00:00Z"
        raise ConfigError.one("E_CONFIG_TIME", "run", f"{seen(text)} is no such time; {right}")
    return run_ns
