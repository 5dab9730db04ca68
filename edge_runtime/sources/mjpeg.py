"""A network camera that sends MJPEG over HTTP.

FFmpeg could read it too. Here a picture that is no longer the newest is passed over before it is decoded, one that came
half is seen as such instead of being filled up with grey, and each time-out is one's own.
"""

import http.client
import select
import socket
import time
import urllib.error
import urllib.request
from contextlib import suppress
from email.message import Message
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

from edge_runtime.errors import CameraError, PictureError
from edge_runtime.preprocess import PixelArray, decode
from edge_runtime.sources.multipart import MultipartParser

# In a local network a camera that is on answers within milliseconds; a longer wait delays the next attempt.
CONNECT_TIMEOUT_S = 1.0
# Some cameras wake their sensor before they answer.
ANSWER_TIMEOUT_S = 5.0
_READ_BYTES = 1 << 20
# What has queued up is passed over for so long; a sender that outruns the reader must not keep it from a picture.
_DRAIN_S = 0.02
_LOGIN_WANTED = 401


class NotMultipartError(Exception):
    """The address sends something else than MJPEG; FFmpeg may know it."""


class MjpegCamera:
    """An opened `multipart/x-mixed-replace` stream; user and password by basic or digest authentication."""

    def __init__(self, address: str) -> None:
        """Connects.

        Raises:
            CameraError: nobody there, or not let in.
            NotMultipartError: it sends something else.
        """
        self.skipped = 0
        try:
            self._response, self._socket = _request(address)
        except urllib.error.HTTPError as error:
            error.close()
            reason = "wants another user or password" if error.code == _LOGIN_WANTED else f"answers HTTP {error.code}"
            raise CameraError(f"no stream there ({reason}); {_ADVICE}") from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise CameraError(f"no stream there ({_reason(error)}); {_ADVICE}") from None
        headers: Message = self._response.headers
        boundary = headers.get_param("boundary")
        if headers.get_content_type() != "multipart/x-mixed-replace" or not isinstance(boundary, str):
            self._response.close()
            raise NotMultipartError
        self._parser = MultipartParser(boundary)
        self._newest: bytes | None = None

    def read(self, timeout_s: float) -> PixelArray | None:
        """The newest picture that has arrived, uint8 BGR; waits for one. None when it came broken.

        Raises:
            CameraError: silence for `timeout_s`, or the end of the stream.
        """
        self._socket.settimeout(timeout_s)
        drained_by_s = float("inf")
        while self._newest is None or (time.monotonic() < drained_by_s and self._has_more()):
            try:
                data = self._response.read1(_READ_BYTES)
            except TimeoutError:
                raise CameraError(f"sent nothing for {timeout_s:.1f} s") from None
            except (OSError, http.client.HTTPException, ValueError) as error:
                raise CameraError(f"broke the connection ({_reason(error)})") from None
            if not data:
                raise CameraError("ended its stream")
            for part in self._parser.feed(data):
                self.skipped += self._newest is not None
                self._newest = part
                drained_by_s = min(drained_by_s, time.monotonic() + _DRAIN_S)
        data, self._newest = self._newest, None
        try:
            return decode(data)
        except PictureError:
            return None

    def interrupt(self) -> None:
        """Ends a read in progress."""
        with suppress(OSError):  # closed already
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Ends the connection."""
        self._response.close()

    def _has_more(self) -> bool:
        return bool(select.select([self._socket], [], [], 0)[0])


_ADVICE = "check the address, the user and the password, and that the camera is on"


def _request(address: str) -> tuple[Any, socket.socket]:
    """The answer to a GET, and the socket it comes through."""
    parts = urlsplit(address)
    netloc = parts.netloc.rpartition("@")[2]
    bare = urlunsplit((parts.scheme, netloc, parts.path or "/", parts.query, ""))
    passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    if parts.username is not None:
        passwords.add_password(None, bare, unquote(parts.username), unquote(parts.password or ""))
    sockets: list[socket.socket] = []
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}),  # a camera stands in the same network; a proxy would hold its stream back
        _QuickHttp(sockets),
        _QuickHttps(sockets),
        urllib.request.HTTPBasicAuthHandler(passwords),
        urllib.request.HTTPDigestAuthHandler(passwords),
    )
    response = opener.open(bare, timeout=ANSWER_TIMEOUT_S)
    return response, sockets[-1]


class _QuickConnection(http.client.HTTPConnection):
    """Waits less for a connection than for the answer, and keeps the socket, whose time-out changes later."""

    def __init__(self, host: str, *, sockets: list[socket.socket], **others: Any) -> None:
        super().__init__(host, **others)
        self._sockets = sockets

    def connect(self) -> None:
        self.timeout = CONNECT_TIMEOUT_S
        super().connect()
        self.sock.settimeout(ANSWER_TIMEOUT_S)
        self._sockets.append(self.sock)


class _QuickSecureConnection(_QuickConnection, http.client.HTTPSConnection):
    pass


class _QuickHttp(urllib.request.HTTPHandler):
    def __init__(self, sockets: list[socket.socket]) -> None:
        super().__init__()
        self._sockets = sockets

    def http_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        connection: Any = _QuickConnection  # its further argument is handed on, which typeshed does not know
        return self.do_open(connection, request, sockets=self._sockets)


class _QuickHttps(urllib.request.HTTPSHandler):
    def __init__(self, sockets: list[socket.socket]) -> None:
        super().__init__()
        self._sockets = sockets

    def https_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        connection: Any = _QuickSecureConnection
        return self.do_open(connection, request, sockets=self._sockets)


def _reason(error: Exception) -> str:
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    return getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
