"""What `--live` adds to a camera's run: the page beside it, and a run that outlives its troubles."""

import importlib.util
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from edge_runtime.errors import PageError
from edge_runtime.live.address import parse_address
from edge_runtime.live.token import TOKEN_VARIABLE, Token, find_token

if TYPE_CHECKING:
    from edge_runtime.classifier import Classifier
    from edge_runtime.live.sights import Sights
    from edge_runtime.live.state import LiveState
    from edge_runtime.look import Look
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

    def show_problem(self, problem: Callable[[], str]) -> None:
        """Shows on the page what this gives, while it is not empty."""
        self._live.problems.append(problem)

    def stay(self) -> None:
        """Keeps the page there after the camera's end, so that a count can be finished; a signal ends it."""
        ended = "the camera has ended; finish the count, then end edge-classify with Ctrl-C"
        self._live.problems.append(lambda: ended)
        self._say(ended)
        threading.Event().wait()


@contextmanager
def live_run(
    address: str,
    classifier: "Classifier",
    *,
    camera: "Camera",
    say: Callable[[str], None],
    session: Path | None = None,
) -> Iterator[LiveRun]:
    """Serves the page until left.

    Args:
        address: see `parse_address`.
        classifier: whose answers are shown.
        camera: whose name and state are shown.
        say: is told the page's address, then refusals and troubles, one line each.
        session: folder where the count is kept as it happens, and gone on with; None keeps it in memory alone.

    Raises:
        PageError: the extra is missing, or the address cannot be had.
        OutputError: the folder cannot be used.
    """
    where = parse_address(address)
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise PageError(f"--live needs {', '.join(missing)}; pip install 'edge-classify[live]'")
    from edge_runtime.journal import Identity
    from edge_runtime.live.count import Count
    from edge_runtime.live.count_journal import CountJournal
    from edge_runtime.live.meter import Meter
    from edge_runtime.live.picture import PictureDesk
    from edge_runtime.live.server import PageServer
    from edge_runtime.live.sights import Sights
    from edge_runtime.live.state import LiveState

    token: Token | None = find_token()
    if where.is_loopback and token is not None and token.generated:
        token = None
    contract = classifier.contract
    with ExitStack() as stack:
        keeper = None
        if session is not None:
            model = Identity.of(classifier.bundle, {}).model
            keeper = stack.enter_context(CountJournal(session, model=model, labels=contract.labels, notice=say))
        count = Count(contract.labels, keeper=keeper, saved=keeper.saved if keeper else None)
        live = LiveState(contract.name, camera, count, PictureDesk(), Meter())
        if keeper:
            live.problems.append(lambda: keeper.problem)
        server = stack.enter_context(PageServer(live, where, token=token, say=say))
        say(_welcome(server.url, token))
        yield LiveRun(live, Sights(crop=contract.input.crop), say)


def _welcome(url: str, token: Token | None) -> str:
    if token is None:
        return f"page: {url}"
    if token.generated:
        return f"page: {url}?token={token.text} (the token is told this once; {TOKEN_VARIABLE} sets one that stays)"
    return f"page: {url} asks for the token you set"
