"""Bencoding: text, whole numbers, lists, dictionaries. Pure."""

from typing import Any


def encode(value: Any) -> bytes:
    """Raises TypeError for what has no such form."""
    match value:
        case str():
            data = value.encode()
            return b"%d:%s" % (len(data), data)
        case int():
            return b"i%de" % value
        case list():
            return b"l" + b"".join(map(encode, value)) + b"e"
        case dict():
            return b"d" + b"".join(encode(key) + encode(value[key]) for key in sorted(value)) + b"e"
    raise TypeError(f"{type(value).__name__} cannot be bencoded")


def decode(data: bytes) -> Any:
    """The one value in the data; text that is not UTF-8 has its strange octets replaced. Raises ValueError."""
    try:
        value, end = _value(data, 0)
    except (IndexError, RecursionError):
        raise ValueError("bencoded value is cut, or nested too deep") from None
    if end != len(data):
        raise ValueError("something follows the bencoded value")
    return value


def _value(data: bytes, at: int) -> tuple[Any, int]:
    kind = data[at : at + 1]
    if kind == b"i":
        end = data.index(b"e", at)
        return int(data[at + 1 : end]), end + 1
    if kind in (b"l", b"d"):
        items, at = [], at + 1
        while data[at] != ord("e"):
            item, at = _value(data, at)
            items.append(item)
        return (items if kind == b"l" else _dictionary(items)), at + 1
    colon = data.index(b":", at)
    size = data[at:colon]
    if not size.isdigit() or colon + 1 + int(size) > len(data):
        raise ValueError("bencoded text has no valid length")
    end = colon + 1 + int(size)
    return data[colon + 1 : end].decode(errors="replace"), end


def _dictionary(items: list[Any]) -> dict[str, Any]:
    if len(items) % 2 or not all(isinstance(key, str) for key in items[::2]):
        raise ValueError("bencoded dictionary has a key without value or that is not text")
    return dict(zip(items[::2], items[1::2], strict=True))
