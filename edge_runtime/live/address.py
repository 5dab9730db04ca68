"""Where the page is served, and by which names it may be asked for."""

import ipaddress
import re
import socket
from dataclasses import dataclass

from edge_runtime.errors import PageError
from edge_runtime.live.option import DEFAULT_PORT

_ADDRESS = re.compile(r"(?:\[(?P<v6>[^\]]+)\]|(?P<host>[^:\[\]]*))(?::(?P<port>\d{1,5}))?")
_PORT = re.compile(r"[0-9]{1,5}")
_LARGEST_PORT = 65535


@dataclass(frozen=True)
class PageAddress:
    """A host and a port to listen on; port 0 takes any free one."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return _is_loopback(self.host)

    def url(self, port: int) -> str:
        """What to open in a browser, with the port that was really taken."""
        host = self.host
        if host in ("0.0.0.0", "::"):
            host = socket.gethostname()
        return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"

    def is_asked_by(self, header: str) -> bool:
        """Whether a request with this Host header means this page.

        Another site whose name was bound anew to this machine's number (DNS rebinding) asks by its own name, so names
        are taken only when they are this machine's; numbers cannot be bound anew.
        """
        match = _ADDRESS.fullmatch(header)
        if match is None:
            return False
        host = (match["v6"] or match["host"]).lower().rstrip(".")
        if self.is_loopback:
            return _is_loopback(host)
        own = socket.gethostname().lower()
        return host in {self.host.lower(), own, own.partition(".")[0], f"{own.partition('.')[0]}.local"} or (
            _is_loopback(host) or _is_number(host)
        )


def parse_address(text: str) -> PageAddress:
    """Reads `HOST:PORT`, `HOST`, `:PORT` (every address) or `PORT` (this machine only).

    Raises:
        PageError: none of these.
    """
    match = _ADDRESS.fullmatch(f"127.0.0.1:{text}" if _PORT.fullmatch(text) else text.strip())
    if match is None or not text.strip():
        raise PageError(f"{text!r} is no address for the page; give a port, HOST:PORT, or [IPV6]:PORT")
    port = int(match["port"]) if match["port"] else DEFAULT_PORT
    if port > _LARGEST_PORT:
        raise PageError(f"{text}: ports end at {_LARGEST_PORT}; give a smaller one")
    return PageAddress(match["v6"] or match["host"] or "0.0.0.0", port)


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    return host.lower() == "localhost" or (_is_number(host) and ipaddress.ip_address(host).is_loopback)
