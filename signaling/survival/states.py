"""Values that outlive the process, as octets and back. Personal texts are written as they are: who keeps them seals
them."""

from typing import Any, TypeVar

import msgspec

from vault.pii import Pii

Value = TypeVar("Value")


class StateError(ValueError):
    """The octets are no such value: another release wrote them, or they are damaged."""


def encode(value: Any) -> str:
    """JSON. Raises StateError for a value that cannot be written."""
    try:
        return msgspec.json.encode(value, enc_hook=_reveal).decode()
    except (TypeError, ValueError, NotImplementedError) as error:
        raise StateError(f"not to be written: {type(error).__name__}") from None


def decode(text: str, kind: type[Value]) -> Value:
    """Raises StateError."""
    try:
        return msgspec.json.decode(text, type=kind, dec_hook=_conceal)
    except (ValueError, TypeError) as error:
        raise StateError(f"not a {kind.__name__}: {type(error).__name__}") from None


def _reveal(value: Any) -> Any:
    if isinstance(value, Pii):
        # What came off a wire may be no UTF-8 at all: it is written octet by octet.
        return value.reveal().encode("utf-8", "surrogateescape").decode("latin-1")
    raise NotImplementedError(type(value).__name__)


def _conceal(kind: Any, value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("a personal value is a text")
    return Pii(value.encode("latin-1").decode("utf-8", "surrogateescape"))
