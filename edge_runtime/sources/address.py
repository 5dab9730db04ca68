"""Addresses of streams, and how a path or an address may be shown."""

import os
import re

# Any scheme, so that a mistyped or misplaced address does not show its password either.
_ANY_ADDRESS = r"(?i)\s*[a-z][a-z0-9+.-]*:/+"
_STREAM = r"(?i)(https?|rtsps?)://"


def is_stream(source: str) -> bool:
    """Whether this is an address that a camera can be read from."""
    return re.match(_STREAM, source) is not None


def shown(source: str) -> str:
    """A path or address as it may be written.

    Bytes that are not UTF-8 become backslash escapes; an address loses user, password, query and fragment. Where a
    `?` or `#` stands before an `@`, the password or the query may hold either, so the whole rest is left out.
    """
    text = os.fsencode(source).decode("utf-8", "backslashreplace")
    scheme = re.match(_ANY_ADDRESS, text) if ":/" in text else None  # few paths need the slow question
    if scheme is None:
        return text
    user, _, rest = text[scheme.end() :].rpartition("@")
    if re.search(r"[?#]", user):
        rest = "..."
    return scheme.group().strip() + re.split(r"[?#]", rest)[0]
