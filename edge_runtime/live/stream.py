"""The WebSocket that keeps a browser up to date: pictures as fast as it draws them, the state when it changes."""

import asyncio
import time
from contextlib import suppress

from starlette.websockets import WebSocket, WebSocketDisconnect

from edge_runtime.live.state import LiveState

# Pictures on their way to one browser: one is drawn while the next travels. More would lag on a slow network.
PICTURES_AHEAD = 2
MOST_BROWSERS = 16
# How soon a change shows, and how often rate, latency and temperature are told.
_LOOK_EVERY_S = 0.1
_TELL_EVERY_S = 1.0
_TRY_LATER = 1013  # RFC 6455 registry of close codes


class Stream:
    """Serves every connected browser."""

    def __init__(self, live: LiveState) -> None:
        """Serves this state."""
        self._live = live
        self._browsers = 0
        self._told: tuple[int, str, float] = (-1, "", 0.0)
        self._text = ""

    async def serve(self, socket: WebSocket) -> None:
        """Serves one browser until it goes. It sends any text after drawing a picture."""
        await socket.accept()
        if self._browsers >= MOST_BROWSERS:
            await socket.close(_TRY_LATER, f"{MOST_BROWSERS} browsers look already")
            return
        self._browsers += 1
        credit = asyncio.Semaphore(PICTURES_AHEAD)
        tasks = [
            asyncio.create_task(work)
            for work in (self._hear(socket, credit), self._send_pictures(socket, credit), self._send_state(socket))
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._browsers -= 1
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _hear(self, socket: WebSocket, credit: asyncio.Semaphore) -> None:
        with suppress(WebSocketDisconnect):
            while True:
                await socket.receive_text()
                credit.release()

    async def _send_pictures(self, socket: WebSocket, credit: asyncio.Semaphore) -> None:
        serial = 0
        while True:
            await credit.acquire()
            shot = await self._live.desk.next_shot(serial)
            serial = shot.serial
            await socket.send_bytes(shot.message)

    async def _send_state(self, socket: WebSocket) -> None:
        sent = ""
        while True:
            text = self._state()
            if text is not sent:
                sent = text
                await socket.send_text(text)
            await asyncio.sleep(_LOOK_EVERY_S)

    def _state(self) -> str:
        """The state as JSON, made once for all browsers."""
        now_s = time.monotonic()
        version, problem, told_s = self._told
        now = self._live.count.version, self._live.problem
        if (version, problem) != now or now_s - told_s >= _TELL_EVERY_S:
            self._told = (*now, now_s)
            self._text = self._live.as_json()
        return self._text
