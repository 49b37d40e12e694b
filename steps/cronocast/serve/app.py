"""What the server answers: the page of metrics, whether it lives and is ready, and what manages series."""

import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse
from starlette.exceptions import HTTPException
from starlette.routing import Match

from cronocast import __version__
from cronocast.console import say
from cronocast.errors import Problem, sentence
from cronocast.serve.answers import Refused, problem
from cronocast.serve.own import OwnMetrics
from cronocast.serve.page import Page, with_end

if TYPE_CHECKING:
    from cronocast.serve.api import Api

TEXT_FORMAT = "text/plain; version=0.0.4; charset=utf-8"  # which every Prometheus reads
METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"))
LATE_S = 900.0  # without a refresh after which the server counts as stuck: to read a large volume takes minutes
NOT_YET: dict[int | str, dict[str, Any]] = {503: {"description": "Not yet, or not any more."}}


def make_app(page: Page, refresh_s: float, api: "Api | None" = None) -> FastAPI:
    """The application.

    Args:
        page: The page of forecasts; it is refreshed while the application runs.
        refresh_s: Seconds from one refresh to the next.
        api: What manages series; their runs start while the application runs.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        ended = threading.Event()
        # A thread that nothing waits for: a volume that hangs must not keep the process from ending.
        threading.Thread(target=page.refresh_every, args=(refresh_s, ended), daemon=True).start()
        if api:
            threading.Thread(target=api.runner.keep_time, daemon=True).start()
        yield
        ended.set()
        if api:
            await run_in_threadpool(api.runner.stop)

    app = FastAPI(
        title="cronocast",
        description="Series that are forecast on a schedule, and what was forecast as metrics.",
        version=__version__,
        lifespan=lifespan,
        docs_url=None,  # a page that would load its scripts from elsewhere
        redoc_url=None,
        openapi_url="/openapi.json" if api else None,
    )
    own = OwnMetrics()
    count_requests(app, own)
    say_problems(app)
    add_page(app, page, own, refresh_s)
    if api:
        add_api(app, api)
    return app


def add_api(app: FastAPI, api: "Api") -> None:
    """The routes that manage series, and the document that describes them all."""
    from cronocast.serve.api import router_of
    from cronocast.serve.api_schema import with_problems

    app.include_router(router_of(api))
    made = with_problems(app.openapi())
    app.openapi = lambda: made  # type: ignore[method-assign]


def add_page(app: FastAPI, page: Page, own: OwnMetrics, refresh_s: float) -> None:
    """The page of metrics, and what Kubernetes asks."""

    @app.get("/metrics", response_class=PlainTextResponse)
    def metrics(request: Request) -> Response:
        """All metrics, in the text that Prometheus reads."""
        text = page.text
        mine = own.text(text)
        if "gzip" not in request.headers.get("accept-encoding", ""):
            return Response(text.plain + mine, media_type=TEXT_FORMAT)
        packed = with_end(text, mine)
        return Response(packed, media_type=TEXT_FORMAT, headers={"Content-Encoding": "gzip", "Vary": "Accept-Encoding"})

    @app.get("/healthz", responses=NOT_YET)
    def alive() -> Response:
        """Whether the page is still being refreshed."""
        late_s = page.late_s()
        if late_s > LATE_S + refresh_s:
            return JSONResponse({"status": "stuck", "late_s": round(late_s)}, 503)
        return JSONResponse({"status": "ok"})

    @app.get("/readyz", responses=NOT_YET)
    def ready() -> Response:
        """Whether the volume could be read."""
        text = page.text
        if not text.readable:
            said = text.problems[0] if text.problems else "the volume is being read"
            return JSONResponse({"status": "not ready", "reason": said}, 503)
        return JSONResponse({"status": "ok", "series": text.series, "samples": text.samples})


def count_requests(app: FastAPI, own: OwnMetrics) -> None:
    """Have every request counted by its route, never by its address, of which there is no end."""

    @app.middleware("http")
    async def count(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        with own.request(request.method if request.method in METHODS else "other") as told:
            response = await call_next(request)
            route = request.scope.get("route")
            told["route"], told["code"] = getattr(route, "path", "other"), str(response.status_code)
            response.headers["X-Content-Type-Options"] = "nosniff"
            return response


def say_problems(app: FastAPI) -> None:
    """Have all that goes wrong answered as RFC 9457 has it."""

    @app.exception_handler(Refused)
    def refused(_: Request, error: Refused) -> Response:
        return error.answer

    @app.exception_handler(HTTPException)
    def no_route(request: Request, error: HTTPException) -> Response:
        headers = dict(error.headers or {})
        if error.status_code == 405:  # the router names the methods of one route alone, and each method is one
            headers["Allow"] = ", ".join(sorted(methods_of(app, request)))
        return problem(error.status_code, headers=headers)

    @app.exception_handler(RequestValidationError)
    def no_parameter(_: Request, error: RequestValidationError) -> Response:
        faults = [Problem("E_REQUEST", ".".join(map(str, item["loc"][1:])), item["msg"]) for item in error.errors()]
        return problem(422, f"{len(faults)} problem{'s' * (len(faults) != 1)}", faults)

    @app.exception_handler(Exception)
    def bug(_: Request, error: Exception) -> Response:
        say(f"serve: E_BUG {type(error).__name__}: {sentence(str(error))}; this is a bug in cronocast")
        return problem(500)


def methods_of(app: FastAPI, request: Request) -> set[str]:
    """The methods by which an address may be asked."""
    tried = ({**request.scope, "method": method} for method in METHODS)
    routes = app.router.routes
    return {scope["method"] for scope in tried if any(route.matches(scope)[0] is Match.FULL for route in routes)}
