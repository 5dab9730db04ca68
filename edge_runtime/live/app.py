"""The web application: routes behind the door."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import WebSocketRoute
from starlette.types import ASGIApp

from edge_runtime.live.api import Api
from edge_runtime.live.door import Door, Refusal
from edge_runtime.live.doorman import Doorman
from edge_runtime.live.pages import Pages
from edge_runtime.live.refusals import Refusals
from edge_runtime.live.state import LiveState
from edge_runtime.live.stream import Stream

_NOT_FOUND, _FAILED = 404, 500


def application(live: LiveState, door: Door, say: Callable[[str], None]) -> ASGIApp:
    """Everything the page answers.

    Args:
        live: what it shows.
        door: who may come in.
        say: is told refusals and failures, one line each.
    """
    refusals = Refusals(say)
    pages = Pages(live, door, refusals.tell)

    async def not_found(request: Request, error: Exception) -> Response:
        refusals.tell(request.scope, Refusal(_NOT_FOUND, "there is no such page"))
        return JSONResponse({"error": "there is no such page"}, _NOT_FOUND)

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return JSONResponse({"error": error.detail}, error.status_code, headers=error.headers)

    async def failed(request: Request, error: Exception) -> Response:
        say(f"page: {request.url.path} failed ({type(error).__name__}: {error}); the run goes on, please report it")
        return JSONResponse({"error": "failed here; see the log"}, _FAILED)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        encoder = asyncio.create_task(live.desk.serve())
        yield
        encoder.cancel()
        with suppress(asyncio.CancelledError):
            await encoder

    routes = [*pages.routes(), *Api(live).routes(), WebSocketRoute("/api/live", Stream(live).serve)]
    handlers = {_NOT_FOUND: not_found, HTTPException: refused, Exception: failed}
    inside = Starlette(routes=routes, exception_handlers=handlers, lifespan=lifespan)
    return Doorman(inside, door, tell=refusals.tell, refused=pages.refused)
