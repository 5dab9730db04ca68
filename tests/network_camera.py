"""A network camera: MJPEG over HTTP, served on loopback."""

import io
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
from PIL import Image

SIDE = 64


def numbered(number: int) -> np.ndarray:
    """A picture whose brightness tells its number."""
    return np.full((SIDE, SIDE, 3), number * 8, np.uint8)


@contextmanager
def mjpeg_server(
    send: Callable[[Callable[[int], None]], None], *, picture: Callable[[int], np.ndarray] = numbered
) -> Iterator[str]:
    """A network camera on loopback; `send` is given a function that sends the picture (RGB) of a number."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
            self.end_headers()

            def send_picture(number: int) -> None:
                file = io.BytesIO()
                Image.fromarray(picture(number)).save(file, "JPEG", quality=95)
                head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(file.getvalue())}\r\n\r\n"
                self.wfile.write(head.encode() + file.getvalue() + b"\r\n")

            with suppress(OSError):  # the reader may have gone
                send(send_picture)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/video"
        finally:
            server.shutdown()
            thread.join()
