"""What a browser is shown: the page, its own files, the form that asks for the token, the report."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Scope

from edge_runtime.live.door import Door, Refusal
from edge_runtime.live.report import report_of
from edge_runtime.live.state import LiveState

_STATIC = Path(__file__).parent / "static"
_TYPES = {".css": "text/css", ".html": "text/html", ".js": "text/javascript", ".svg": "image/svg+xml"}
_MOST_FORM_BYTES = 1024
_COOKIE_AGE_S = 30 * 24 * 3600
_UNAUTHORIZED, _SEE_OTHER = 401, 303
_NEVER = {"cache-control": "no-store"}
_CHECK_ANEW = {"cache-control": "no-cache"}
_REPORT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'"


class Pages:
    """Answers that are not JSON."""

    def __init__(self, live: LiveState, door: Door, refuse: Callable[[Scope, Refusal], None]) -> None:
        """Reads the files of the page into memory: no path of a request ever reaches the disk."""
        self._live = live
        self._door = door
        self._refuse = refuse
        self._files = {path.name: path.read_bytes() for path in _STATIC.iterdir() if path.suffix in _TYPES}

    def routes(self) -> list[Route]:
        """All of them."""
        return [
            Route("/", self.page),
            Route("/static/{name}", self.file),
            Route("/login", self.login, methods=["POST"]),
            Route("/report", self.report),
        ]

    async def page(self, request: Request) -> Response:
        """The page; a token does not stay in the address bar."""
        if request.url.query:
            return RedirectResponse("/", _SEE_OTHER, headers=_NEVER)
        return self._file("page.html")

    async def file(self, request: Request) -> Response:
        """A file of the page."""
        name = request.path_params["name"]
        if name not in self._files:
            return Response("there is no such file", 404, media_type="text/plain")
        return self._file(name)

    async def report(self, _: Request) -> Response:
        """The count as a page to print."""
        html = report_of(self._live.count.record(), model=self._live.model)
        return HTMLResponse(html, headers=_NEVER | {"content-security-policy": _REPORT_POLICY})

    async def login(self, request: Request) -> Response:
        """Takes the token from the form."""
        data = b""
        async for chunk in request.stream():
            data += chunk
            if len(data) > _MOST_FORM_BYTES:
                return self._ask()
        said = parse_qs(data.decode("utf-8", "replace")).get("token", [""])[0].strip()
        return self._let_in(request.scope, said)

    def refused(self, scope: Scope, refusal: Refusal) -> ASGIApp | None:
        """An answer to somebody without a token who asks for the page itself; None for all else.

        `/?token=...`, the address that was printed, opens the page; without it comes the form.
        """
        if refusal.status != _UNAUTHORIZED or scope["type"] != "http" or scope["path"] != "/":
            return None
        said = parse_qs(scope["query_string"].decode("utf-8", "replace")).get("token")
        return self._let_in(scope, said[0]) if said else self._ask()

    def _let_in(self, scope: Scope, said: str) -> Response:
        token = self._door.token
        if token is None:
            return RedirectResponse("/", _SEE_OTHER)
        if not token.opens(said):
            self._refuse(scope, Refusal(_UNAUTHORIZED, "a wrong token; it was printed when edge-classify started"))
            return self._ask(wrong=True)
        answer = RedirectResponse("/", _SEE_OTHER, headers=_NEVER)
        answer.set_cookie(self._door.cookie_name, token.cookie, max_age=_COOKIE_AGE_S, httponly=True, samesite="strict")
        return answer

    def _ask(self, *, wrong: bool = False) -> Response:
        html = self._files["login.html"].decode("utf-8")
        told = "That is not the token." if wrong else ""
        return HTMLResponse(html.replace("{{problem}}", told), _UNAUTHORIZED, headers=_NEVER)

    def _file(self, name: str) -> Response:
        kind = _TYPES[Path(name).suffix]
        return Response(self._files[name], media_type=f"{kind}; charset=utf-8", headers=_CHECK_ANEW)
