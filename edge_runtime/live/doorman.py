"""The door as a layer around the web application, and the headers every answer carries."""

import json
from collections.abc import Callable, MutableMapping
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edge_runtime.live.door import Door, Refusal

# Only this server's own files, no frames, no forms elsewhere: what a browser is told to refuse.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "same-origin",  # with none at all browsers say "null" for the origin of a form
    "x-content-type-options": "nosniff",
}
_POLICY_VIOLATION = 1008  # RFC 6455, 7.4.1


class Doorman:
    """Refuses what the door refuses, in one line each."""

    def __init__(
        self,
        app: ASGIApp,
        door: Door,
        *,
        tell: Callable[[Scope, Refusal], None],
        refused: Callable[[Scope, Refusal], ASGIApp | None],
    ) -> None:
        """Goes around an application.

        Args:
            app: what is behind the door.
            door: judges.
            tell: is told each refusal that `refused` does not answer.
            refused: may answer a refusal with a page; None is answered with JSON.
        """
        self._app = app
        self._door = door
        self._tell = tell
        self._refused = refused

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Judges one request."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        refusal = self._door.judge(scope["type"], scope.get("method", "GET"), scope["path"], headers)
        if refusal is None:
            await self._app(scope, receive, _with_headers(send))
            return
        if page := self._refused(scope, refusal):
            await page(scope, receive, _with_headers(send))
            return
        self._tell(scope, refusal)
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION, "reason": ""})
        else:
            await _answer(refusal, _with_headers(send))


async def _answer(refusal: Refusal, send: Send) -> None:
    body = json.dumps({"error": refusal.reason}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _with_headers(send: Send) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=_as_scope(message))
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return send_with_headers


def _as_scope(message: Message) -> MutableMapping[str, Any]:
    message.setdefault("headers", [])
    return message
