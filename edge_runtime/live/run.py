"""What `--live` adds to a camera's run: the page beside it, and a run that outlives its troubles."""

import importlib.util
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from edge_runtime.errors import PageError
from edge_runtime.live.address import parse_address
from edge_runtime.live.token import TOKEN_VARIABLE, Token, find_token

if TYPE_CHECKING:
    from edge_runtime.classifier import Classifier
    from edge_runtime.live.sights import Sights
    from edge_runtime.live.state import LiveState
    from edge_runtime.look import Look
    from edge_runtime.sinks.sink import Sink
    from edge_runtime.sources.camera import Camera

_NEEDED = ("starlette", "uvicorn", "websockets")


class LiveRun:
    """A run with a page."""

    def __init__(self, live: "LiveState", sights: "Sights", say: Callable[[str], None]) -> None:
        """Shows `live`; `sights` takes what a search in a field found; `say` is told troubles, one line each."""
        self.sights = sights
        self._live = live
        self._say = say

    def watch(self, look: "Look") -> "Look":
        """The same look, shown."""
        from edge_runtime.live.watch import watched

        return watched(look, count=self._live.count, desk=self._live.desk, meter=self._live.meter, sights=self.sights)

    def forgive(self, sink: "Sink | None") -> "Sink":
        """The same sink, whose troubles are told and do not end the run; None keeps no rows."""
        from edge_runtime.live.lenient import LenientSink

        return LenientSink(sink, self.trouble)

    def trouble(self, problem: str) -> None:
        """Shows a trouble on the page and says it; an empty text ends it."""
        self._live.problem = problem
        self._say(problem or "rows are written again")

    def stay(self) -> None:
        """Keeps the page there after the camera's end, so that a count can be finished; a signal ends it."""
        self.trouble("the camera has ended; finish the count, then end edge-classify with Ctrl-C")
        threading.Event().wait()


@contextmanager
def live_run(
    address: str,
    classifier: "Classifier",
    *,
    camera: "Camera",
    say: Callable[[str], None],
) -> Iterator[LiveRun]:
    """Serves the page until left.

    Args:
        address: see `parse_address`.
        classifier: whose answers are shown.
        camera: whose name and state are shown.
        say: is told the page's address, then refusals and troubles, one line each.

    Raises:
        PageError: the extra is missing, or the address cannot be had.
    """
    where = parse_address(address)
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise PageError(f"--live needs {', '.join(missing)}; pip install 'edge-classify[live]'")
    from edge_runtime.live.count import Count
    from edge_runtime.live.meter import Meter
    from edge_runtime.live.picture import PictureDesk
    from edge_runtime.live.server import PageServer
    from edge_runtime.live.sights import Sights
    from edge_runtime.live.state import LiveState

    token: Token | None = find_token()
    if where.is_loopback and token is not None and token.generated:
        token = None
    contract = classifier.contract
    live = LiveState(contract.name, camera, Count(contract.labels), PictureDesk(), Meter())
    with PageServer(live, where, token=token, say=say) as server:
        say(_welcome(server.url, token))
        yield LiveRun(live, Sights(crop=contract.input.crop), say)


def _welcome(url: str, token: Token | None) -> str:
    if token is None:
        return f"page: {url}"
    if token.generated:
        return f"page: {url}?token={token.text} (the token is told this once; {TOKEN_VARIABLE} sets one that stays)"
    return f"page: {url} asks for the token you set"
