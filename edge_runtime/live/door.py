"""Who may come in: the checks every request passes before anything else sees it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from edge_runtime.live.address import PageAddress
from edge_runtime.live.token import Token

# What needs no token: whether the run goes on, and what the form that asks for the token needs.
OPEN_PATHS = frozenset({"/healthz", "/login", "/static/login.css"})
_SAFE_METHODS = frozenset({"GET", "HEAD"})
_OTHER_SITES = frozenset({"cross-site", "same-site"})
_BEARER = "bearer "


@dataclass(frozen=True)
class Refusal:
    """Why a request does not come in.

    Attributes:
        status: of HTTP.
        reason: one line for whoever asked and for the log; holds nothing of the request.
    """

    status: int
    reason: str


@dataclass(frozen=True)
class Door:
    """The checks.

    Attributes:
        address: where the page is served.
        token: what a request must bring; None on loopback.
    """

    address: PageAddress
    token: Token | None

    def judge(
        self, kind: Literal["http", "websocket"], method: str, path: str, headers: Mapping[str, str]
    ) -> Refusal | None:
        """Whether a request comes in.

        Args:
            kind: what the request wants to become.
            method: of HTTP, upper case.
            path: without query.
            headers: by lower-case name.

        Returns:
            None when it may.
        """
        host = headers.get("host", "")
        if not self.address.is_asked_by(host):
            return Refusal(421, "asked by a name that is not this machine's; open the page by the address it was given")
        changes = kind == "websocket" or method not in _SAFE_METHODS
        if changes and self._is_foreign(headers, host):
            return Refusal(403, "asked by another site; open the page itself")
        if self.token is not None and path not in OPEN_PATHS and not self._is_known(self.token, headers):
            return Refusal(401, "no token or a wrong one; it was printed when edge-classify started")
        return None

    @property
    def cookie_name(self) -> str:
        """Of the cookie that stands for the token; cookies are shared by the ports of a machine, names are not."""
        return f"edge-classify-{self.address.port}"

    def _is_known(self, token: Token, headers: Mapping[str, str]) -> bool:
        said = headers.get("authorization", "")
        if said.lower().startswith(_BEARER):
            return token.opens(said[len(_BEARER) :].strip())
        return any(
            name == self.cookie_name and token.opens_by_cookie(value)
            for name, _, value in (part.strip().partition("=") for part in headers.get("cookie", "").split(";"))
        )

    @staticmethod
    def _is_foreign(headers: Mapping[str, str], host: str) -> bool:
        """Browsers say where a request comes from; a program that is none says nothing and brings no cookies."""
        origin = headers.get("origin")
        if origin is not None and origin.lower() != f"http://{host.lower()}":
            return True
        return headers.get("sec-fetch-site", "none") in _OTHER_SITES
