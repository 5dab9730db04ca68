"""The JSON API: reads and changes the count; see docs/live-api.md."""

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from edge_runtime.errors import CountError
from edge_runtime.live.cell import SeenCell
from edge_runtime.live.export import csv_of, training_zip_of
from edge_runtime.live.state import LiveState, cell_as_dict, count_as_dict

_MOST_BODY_BYTES = 4096
_CONFLICT, _NOT_FOUND, _BAD, _TOO_LARGE, _WRONG_TYPE, _UNWELL = 409, 404, 400, 413, 415, 503
# Not even a cell's pictures are kept by a browser: after a restart its number may be another cell's.
_NEVER = {"cache-control": "no-store"}


class Api:
    """Answers of the API."""

    def __init__(self, live: LiveState) -> None:
        """Answers from this state."""
        self._live = live

    def routes(self) -> list[Route]:
        """All of them."""
        return [
            Route("/healthz", self.health),
            Route("/api/state", self.state),
            Route("/api/picture.jpg", self.picture),
            Route("/api/cells", self.cells),
            Route("/api/cells/{number:int}", self.cell),
            Route("/api/cells/{number:int}", self.overrule, methods=["POST"]),
            Route("/api/cells/{number:int}/thumbnail.jpg", self.thumbnail),
            Route("/api/cells/{number:int}/picture.png", self.cell_picture),
            Route("/api/count", self.change, methods=["POST"]),
            Route("/api/count.csv", self.table),
            Route("/api/overruled.zip", self.overruled),
        ]

    async def health(self, _: Request) -> Response:
        """Whether frames are being looked at; for monitors, needs no token and tells nothing else."""
        well = self._live.is_well
        answer = {"status": "ok" if well else "no frames"}
        return JSONResponse(answer, status_code=200 if well else _UNWELL, headers=_NEVER)

    async def state(self, _: Request) -> Response:
        """The whole state."""
        return Response(self._live.as_json(), media_type="application/json", headers=_NEVER)

    async def picture(self, _: Request) -> Response:
        """The newest picture, without outlines."""
        if self._live.meter.read().frames == 0:
            return _error("no picture came yet", _NOT_FOUND)
        shot = await self._live.desk.next_shot(0)
        return Response(shot.jpeg, media_type="image/jpeg", headers=_NEVER)

    async def cells(self, _: Request) -> Response:
        """Every cell of the count."""
        record = self._live.count.record()
        return JSONResponse([cell_as_dict(cell) for cell in record.cells], headers=_NEVER)

    async def cell(self, request: Request) -> Response:
        """One cell."""
        cell = self._find(request)
        return JSONResponse(cell_as_dict(cell), headers=_NEVER) if cell else _no_cell()

    async def thumbnail(self, request: Request) -> Response:
        """One cell's small picture."""
        cell = self._find(request)
        if cell is None or not cell.thumbnail:
            return _no_cell()
        return Response(cell.thumbnail, media_type="image/jpeg", headers=_NEVER)

    async def cell_picture(self, request: Request) -> Response:
        """The pixels the model judged; counted cells have them."""
        cell = self._find(request)
        if cell is None or not cell.picture:
            return _no_cell()
        return Response(cell.picture, media_type="image/png", headers=_NEVER)

    async def overrule(self, request: Request) -> Response:
        """Sets or takes back a verdict: `{"verdict": LABEL | "out" | null}`."""
        body, problem = await _read(request, {"verdict": (str, type(None))})
        if problem:
            return problem
        if "verdict" not in body:
            return _error('say {"verdict": LABEL}, "out" or null', _BAD)
        try:
            cell = self._live.count.overrule(request.path_params["number"], body["verdict"])
        except CountError as error:
            return _error(str(error), _CONFLICT)
        return JSONResponse(cell_as_dict(cell))

    async def change(self, request: Request) -> Response:
        """Changes the count: `action` (start, stop, reset), `slide`, `target`, in this order: slide, target, action."""
        body, problem = await _read(request, {"action": (str,), "slide": (str,), "target": (int,)})
        if problem:
            return problem
        count = self._live.count
        actions = {"start": count.start, "stop": count.stop, "reset": count.reset}
        if body.get("action", "start") not in actions:
            return _error(f"action must be one of {', '.join(actions)}", _BAD)
        try:
            if "slide" in body:
                count.name_slide(body["slide"])
            if "target" in body:
                count.aim(body["target"])
            if "action" in body:
                actions[body["action"]]()
        except CountError as error:
            return _error(str(error), _CONFLICT)
        return JSONResponse(count_as_dict(count.record()))

    async def table(self, _: Request) -> Response:
        """The count as CSV."""
        record = self._live.count.record()
        text = csv_of(record, self._live.count.labels)
        return Response(text, media_type="text/csv; charset=utf-8", headers=_NEVER | _saved_as("count.csv"))

    async def overruled(self, _: Request) -> Response:
        """The overruled cells for training."""
        try:
            data = training_zip_of(self._live.count.record(), self._live.count.labels)
        except CountError as error:
            return _error(str(error), _CONFLICT)
        return Response(data, media_type="application/zip", headers=_NEVER | _saved_as("overruled.zip"))

    def _find(self, request: Request) -> SeenCell | None:
        return self._live.count.find(request.path_params["number"])


async def _read(request: Request, known: dict[str, tuple[type, ...]]) -> tuple[dict[str, Any], Response | None]:
    """A small JSON object with known keys, or what is wrong with it."""
    # Only a page of this server can send this type without asking first, so no form elsewhere reaches here.
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        return {}, _error("send JSON, with the content type application/json", _WRONG_TYPE)
    data = b""
    async for chunk in request.stream():
        data += chunk
        if len(data) > _MOST_BODY_BYTES:
            return {}, _error(f"more than {_MOST_BODY_BYTES} bytes", _TOO_LARGE)
    try:
        body = json.loads(data)
    except (ValueError, RecursionError):
        return {}, _error("not JSON", _BAD)
    if not isinstance(body, dict) or not body.keys() <= known.keys():
        return {}, _error(f"send an object with {', '.join(known)}", _BAD)
    for name, value in body.items():
        if type(value) not in known[name]:
            return {}, _error(f"{name} is of another type; see docs/live-api.md", _BAD)
    return body, None


def _error(reason: str, status: int) -> Response:
    return JSONResponse({"error": reason}, status_code=status, headers=_NEVER)


def _no_cell() -> Response:
    return _error("no such cell: it is neither counted nor one of the last", _NOT_FOUND)


def _saved_as(name: str) -> dict[str, str]:
    return {"content-disposition": f'attachment; filename="{name}"'}
