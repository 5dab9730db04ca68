"""Tells refused requests, in one line each."""

import time
from collections.abc import Callable

from starlette.types import Scope

from edge_runtime.live.door import Refusal

# The same refusal of the same visitor is told once in this time: nobody can fill the log by asking.
_TELL_AGAIN_S = 60.0
_MOST_TOLD = 256
_LONGEST_PATH = 80


class Refusals:
    """Says each refusal of each visitor once a minute."""

    def __init__(self, say: Callable[[str], None], *, clock_s: Callable[[], float] = time.monotonic) -> None:
        """Says it to `say`."""
        self._say = say
        self._clock_s = clock_s
        self._told_s: dict[tuple[str, str], float] = {}

    def tell(self, scope: Scope, refusal: Refusal) -> None:
        """Says who was refused what and why; never a query, a header or a token."""
        visitor = (scope.get("client") or ("unknown", 0))[0]
        now_s = self._clock_s()
        key = (visitor, refusal.reason)
        if now_s - self._told_s.get(key, -_TELL_AGAIN_S) < _TELL_AGAIN_S:
            return
        if len(self._told_s) >= _MOST_TOLD:
            self._told_s.clear()
        self._told_s[key] = now_s
        path = "".join(c if c.isprintable() else "?" for c in scope["path"])[:_LONGEST_PATH]
        self._say(f"page: refused {visitor} at {path}: {refusal.reason}")
