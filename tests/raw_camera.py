"""An http camera on loopback whose every byte a test chooses, to send what a broken camera sends."""

import base64
import hashlib
import queue
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np

BOUNDARY = "frame"
NONCE = "5ca1ab1e"


def noisy_field(seed: int, *, height: int = 120, width: int = 160) -> np.ndarray:
    """A picture as a sensor gives it: bright, in colour, with noise, so that no two are the same."""
    rng = np.random.default_rng(seed)
    plain = np.full((height, width, 3), (190, 170, 210), np.int16)
    return np.clip(plain + rng.normal(0, 6, plain.shape), 0, 255).astype(np.uint8)


def jpeg(picture: np.ndarray) -> bytes:
    """The picture as JPEG."""
    return cv2.imencode(".jpg", picture)[1].tobytes()


class RawCamera:
    """Sends the pictures that are put in; None ends the connection."""

    def __init__(self, address: str) -> None:
        """Knows its address; `raw_camera` makes one."""
        self.address = address
        self.pictures: queue.Queue[bytes | None] = queue.Queue()

    def send(self, *pictures: bytes | None) -> None:
        """Puts pictures in line."""
        for picture in pictures:
            self.pictures.put(picture)


def digest_answers(header: str, login: str, path: str) -> bool:
    """Whether an Authorization header answers the challenge of `raw_camera` (RFC 7616, MD5)."""

    def md5(text: str) -> str:
        return hashlib.md5(text.encode()).hexdigest()

    user, _, password = login.partition(":")
    given = dict(re.findall(r'(\w+)="?([^",]*)"?', header.removeprefix("Digest ")))
    wanted = (md5(f"{user}:camera:{password}"), NONCE, given.get("nc"), given.get("cnonce"), "auth", md5(f"GET:{path}"))
    return header.startswith("Digest ") and given.get("response") == md5(":".join(map(str, wanted)))


@contextmanager
def raw_camera(*, login: str = "", digest: bool = False) -> Iterator[RawCamera]:
    """A camera; with `login`, `user:password`, it asks for it by basic or digest authentication."""
    basic = f"Basic {base64.b64encode(login.encode()).decode()}"
    challenge = f'Digest realm="camera", nonce="{NONCE}", qop="auth"' if digest else 'Basic realm="camera"'

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = self.headers.get("Authorization", "")
            if login and not (digest_answers(answer, login, self.path) if digest else answer == basic):
                self.send_response(401)
                self.send_header("WWW-Authenticate", challenge)
                self.end_headers()
                return
            self.send_response(200)
            self.send_header("Content-Type", f"multipart/x-mixed-replace; boundary={BOUNDARY}")
            self.end_headers()
            with suppress(OSError):  # the reader may have gone
                while (picture := camera.pictures.get()) is not None:
                    head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
                    self.wfile.write(head.encode() + picture + b"\r\n")

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        camera = RawCamera(f"http://127.0.0.1:{server.server_port}/video")
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield camera
        finally:
            camera.send(None, None)
            server.shutdown()
            thread.join()
