"""What the server answers: the page of metrics, and whether it lives and is ready."""

import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from cronocast import __version__
from cronocast.serve.own import OwnMetrics
from cronocast.serve.page import Page, with_end

TEXT_FORMAT = "text/plain; version=0.0.4; charset=utf-8"  # which every Prometheus reads
METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"))
LATE_S = 900.0  # without a refresh after which the server counts as stuck: to read a large volume takes minutes


def make_app(page: Page, refresh_s: float) -> FastAPI:
    """The application.

    Args:
        page: The page of forecasts; it is refreshed while the application runs.
        refresh_s: Seconds from one refresh to the next.
    """
    own = OwnMetrics()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        ended = threading.Event()
        # A thread that nothing waits for: a volume that hangs must not keep the process from ending.
        threading.Thread(target=page.refresh_every, args=(refresh_s, ended), daemon=True).start()
        yield
        ended.set()

    app = FastAPI(
        title="cronocast", version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None
    )

    @app.middleware("http")
    async def count(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        with own.request(request.method if request.method in METHODS else "other") as told:
            response = await call_next(request)
            route = request.scope.get("route")
            told["route"], told["code"] = getattr(route, "path", "other"), str(response.status_code)
            response.headers["X-Content-Type-Options"] = "nosniff"
            return response

    @app.get("/metrics", include_in_schema=False)
    def metrics(request: Request) -> Response:
        text = page.text
        mine = own.text(text)
        if "gzip" not in request.headers.get("accept-encoding", ""):
            return Response(text.plain + mine, media_type=TEXT_FORMAT)
        return Response(
            with_end(text, mine),
            media_type=TEXT_FORMAT,
            headers={"Content-Encoding": "gzip", "Vary": "Accept-Encoding"},
        )

    @app.get("/healthz", include_in_schema=False)
    def alive() -> Response:
        late_s = page.late_s()
        if late_s > LATE_S + refresh_s:
            return JSONResponse({"status": "stuck", "late_s": round(late_s)}, 503)
        return JSONResponse({"status": "ok"})

    @app.get("/readyz", include_in_schema=False)
    def ready() -> Response:
        text = page.text
        if not text.readable:
            said = text.problems[0] if text.problems else "the volume is being read"
            return JSONResponse({"status": "not ready", "reason": said}, 503)
        return JSONResponse({"status": "ok", "series": text.series, "samples": text.samples})

    return app
