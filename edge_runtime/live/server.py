"""The page's server, in a thread beside the run."""

import socket
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType

import uvicorn

from edge_runtime.errors import PageError
from edge_runtime.live.address import PageAddress
from edge_runtime.live.app import application
from edge_runtime.live.door import Door
from edge_runtime.live.state import LiveState
from edge_runtime.live.token import Token

_GRACE_S = 2
_BACKLOG = 64
# Browsers hold one connection each and open a few more at once; beyond this somebody is playing.
_MOST_CONNECTIONS = 128


class PageServer(AbstractContextManager["PageServer"]):
    """Serves the page from entering to leaving."""

    def __init__(
        self, live: LiveState, address: PageAddress, *, token: Token | None, say: Callable[[str], None]
    ) -> None:
        """Takes the address, so that one that is taken is known at once.

        Args:
            live: what is shown.
            address: where; port 0 takes a free one.
            token: what visitors must bring; None for loopback alone.
            say: is told refusals and failures, one line each.

        Raises:
            PageError: the address cannot be had.
        """
        self._socket = _listen(address)
        port = self._socket.getsockname()[1]
        self.url = address.url(port)
        app = application(live, Door(PageAddress(address.host, port), token), say)
        config = uvicorn.Config(
            app,
            log_config=None,
            log_level="critical",  # we tell what matters, and nothing of theirs may show a query
            access_log=False,
            server_header=False,
            proxy_headers=False,
            ws="websockets-sansio",
            ws_per_message_deflate=False,  # JPEG does not get smaller
            ws_max_size=1024,
            limit_concurrency=_MOST_CONNECTIONS,
            timeout_graceful_shutdown=_GRACE_S,
            lifespan="on",
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), name="page", daemon=True)

    def __enter__(self) -> "PageServer":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join(_GRACE_S + 1)
        self._socket.close()


def _listen(address: PageAddress) -> socket.socket:
    try:
        family = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)[0][0]
        listening = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise PageError(f"{address.host}: {error.strerror}; give this machine's address to --live") from None
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((address.host, address.port))
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        raise PageError(
            f"{address.host} port {address.port}: {error.strerror}; give another address or port to --live"
        ) from None
    return listening
