"""JSON to frozen dataclasses and back, with no defaults: every key present, known and of its type."""

import dataclasses
import functools
import json
import math
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

T = TypeVar("T")


class StrictJsonError(ValueError):
    """A missing, unknown or ill-typed key; the message names it."""


def dumps(value: Any, *, indent: int | None = 2) -> str:
    """Writes a dataclass as JSON, keys in field order; without an indent on one line."""
    return json.dumps(dataclasses.asdict(value), indent=indent, ensure_ascii=False, allow_nan=False)


def loads(text: str, cls: type[T]) -> T:
    """Reads one dataclass from JSON text.

    Args:
        text: a JSON object.
        cls: the frozen dataclass it must match, key by key.

    Raises:
        StrictJsonError: the text is not JSON, or a key is missing, unknown, repeated or ill-typed.
    """
    try:
        document = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except StrictJsonError:
        raise
    except (ValueError, RecursionError) as error:  # ValueError: also an integer of more digits than Python reads
        raise StrictJsonError(f"not JSON: {error}") from None
    return read_value(document, cls)


def read_value(document: Any, cls: type[T]) -> T:
    """Reads one dataclass from a parsed document (JSON or TOML).

    Raises:
        StrictJsonError: a key is missing, unknown or ill-typed.
    """
    return typing.cast(T, _read(document, cls, ""))


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [key for key, _ in pairs]
    repeated = sorted({key for key in keys if keys.count(key) > 1})
    if repeated:
        raise StrictJsonError(f"key {repeated[0]!r} stands twice")
    return dict(pairs)


def _no_constant(name: str) -> Any:
    raise StrictJsonError(f"{name} is not a number JSON knows")


def _read(value: Any, kind: Any, where: str) -> Any:
    origin = typing.get_origin(kind)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return _read_dataclass(value, kind, where)
    if origin is typing.Literal:
        allowed = typing.get_args(kind)
        if type(value) not in {type(choice) for choice in allowed} or value not in allowed:
            raise StrictJsonError(f"{_key(where)} is {value!r}, must be {' or '.join(map(repr, allowed))}")
        return value
    if origin is types.UnionType:  # something or null
        (wanted,) = set(typing.get_args(kind)) - {types.NoneType}
        return None if value is None else _read(value, wanted, where)
    if origin is tuple:
        item = typing.get_args(kind)[0]
        if not isinstance(value, list):
            raise StrictJsonError(f"{_key(where)} must be a list")
        return tuple(_read(entry, item, f"{where}[{i}]") for i, entry in enumerate(value))
    if origin is dict:
        if not isinstance(value, Mapping):
            raise StrictJsonError(f"{_key(where)} must be an object")
        item = typing.get_args(kind)[1]
        return {name: _read(entry, item, f"{where}.{name}") for name, entry in value.items()}
    return _read_scalar(value, kind, where)


def _read_scalar(value: Any, kind: Any, where: str) -> Any:
    if kind is float and type(value) in (int, float) and _is_finite(value):
        return float(value)
    if kind in (int, str, bool) and type(value) is kind:
        return value
    if kind in (None, types.NoneType) and value is None:
        return None
    name = getattr(kind, "__name__", str(kind))
    wanted = "null" if kind in (None, types.NoneType) else name
    raise StrictJsonError(f"{_key(where)} is {value!r}, must be {wanted}")


def _is_finite(value: int | float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond the largest float
        return False


def _read_dataclass(value: Any, kind: type, where: str) -> Any:
    if not isinstance(value, Mapping):
        raise StrictJsonError(f"{_key(where)} must be an object")
    hints = _types_of(kind)
    prefix = f"{where}." if where else ""
    for name in hints:
        if name not in value:
            raise StrictJsonError(f"key '{prefix}{name}' is missing")
    for name in value:
        if name not in hints:
            raise StrictJsonError(f"key '{prefix}{name}' is unknown")
    fields = {name: _read(value[name], hint, f"{prefix}{name}") for name, hint in hints.items()}
    try:
        return kind(**fields)
    except ValueError as error:
        raise StrictJsonError(f"{_key(where)}: {error}" if where else str(error)) from None


@functools.cache  # resolving them is most of what reading a contract takes
def _types_of(kind: type) -> dict[str, Any]:
    """The types of a dataclass's fields, in their order."""
    hints = typing.get_type_hints(kind)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}


def _key(where: str) -> str:
    return f"key '{where}'" if where else "the document"
