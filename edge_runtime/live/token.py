"""The token that a page on an open address demands."""

import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass

from edge_runtime.errors import PageError

TOKEN_VARIABLE = "EDGE_CLASSIFY_TOKEN"
TOKEN_FILE_VARIABLE = "EDGE_CLASSIFY_TOKEN_FILE"
SHORTEST_TOKEN = 16
_GENERATED_BYTES = 18  # 144 bits, 24 characters


@dataclass(frozen=True, repr=False)
class Token:
    """A secret that opens the page. It shows itself nowhere unless `text` is asked for.

    Attributes:
        text: the secret.
        generated: made here, so somebody must be told.
    """

    text: str
    generated: bool

    @property
    def cookie(self) -> str:
        """What a browser keeps instead, so that the token itself lies in no profile."""
        return hmac.new(self.text.encode(), b"edge-classify page cookie", hashlib.sha256).hexdigest()

    def opens(self, text: str) -> bool:
        """Whether this text is the token; takes as long for a wrong one."""
        return hmac.compare_digest(text.encode("utf-8", "replace"), self.text.encode())

    def opens_by_cookie(self, text: str) -> bool:
        """Whether this text is the token's cookie."""
        return hmac.compare_digest(text.encode("utf-8", "replace"), self.cookie.encode())


def find_token() -> Token:
    """The token of `EDGE_CLASSIFY_TOKEN`, of the file that `EDGE_CLASSIFY_TOKEN_FILE` names, or a new one.

    Raises:
        PageError: a token of fewer than `SHORTEST_TOKEN` characters, or a file that cannot be read.
    """
    text, origin = os.environ.get(TOKEN_VARIABLE, ""), TOKEN_VARIABLE
    path = os.environ.get(TOKEN_FILE_VARIABLE, "")
    if not text and path:
        origin = f"{TOKEN_FILE_VARIABLE}={path}"
        try:
            with open(path, encoding="utf-8") as file:
                text = file.read().strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "not UTF-8"
            raise PageError(f"{origin}: cannot be read ({reason}); check the path and its permissions") from None
    elif not text:
        return Token(secrets.token_urlsafe(_GENERATED_BYTES), generated=True)
    if len(text) < SHORTEST_TOKEN or not text.isascii() or not text.isprintable() or " " in text:
        raise PageError(
            f"{origin}: a token must be {SHORTEST_TOKEN} or more printable ASCII characters, without spaces"
        )
    return Token(text, generated=False)
