"""JSON-RPC 2.0: text to typed requests, typed results, errors and notifications to text.

Bad input has one exit, `BadMessage`. Batches (§6) and parameters by position (§4.2) are refused. Unknown members are
ignored, so that a newer client may speak to an older server.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from signaling.softphone.errors import BadMessage, Code, RpcError
from signaling.softphone.protocol import METHODS, NOTIFICATIONS, Notification, OpenSession, Request, Result
from vault.pii import Pii

Id = Annotated[str, msgspec.Meta(max_length=64)] | int | None


class Call(msgspec.Struct, frozen=True):
    """A request as it was asked."""

    id: Id | UnsetType
    """UNSET: a notification in the sense of JSON-RPC 2.0 §4.1, carried out and never answered."""
    request: OpenSession | Request


class _Envelope(msgspec.Struct, frozen=True):
    jsonrpc: Literal["2.0"]
    method: str
    id: Id | UnsetType = UNSET
    params: msgspec.Raw = msgspec.Raw(b"{}")


def _reveal(value: Any) -> Any:
    if isinstance(value, Pii):
        return value.reveal()
    raise NotImplementedError(f"{type(value).__name__} does not go over the wire")


def _conceal(kind: Any, value: Any) -> Any:
    if not isinstance(value, str) or not 1 <= len(value) <= 256:
        raise ValueError("Expected `str` of length 1 to 256")
    return Pii(value)


_envelopes = msgspec.json.Decoder(_Envelope)
_params = {method: msgspec.json.Decoder(kind, dec_hook=_conceal) for method, kind in METHODS.items()}
_encoder = msgspec.json.Encoder(enc_hook=_reveal)


def parse(message: str) -> Call:
    """Raises BadMessage for whatever is not one request of this protocol."""
    envelope = _envelope(message)
    answer = None if envelope.id is UNSET else envelope.id
    decoder = _params.get(envelope.method)
    if decoder is None:
        raise BadMessage(Code.METHOD_NOT_FOUND, "There is no such method.", answer)
    try:
        return Call(envelope.id, decoder.decode(envelope.params))
    except (msgspec.ValidationError, RecursionError) as error:
        raise BadMessage(Code.INVALID_PARAMS, _sentence(error), answer) from None
    except (msgspec.DecodeError, UnicodeError):
        raise BadMessage(Code.PARSE_ERROR, "This is not JSON.") from None


def _envelope(message: str) -> _Envelope:
    try:
        return _envelopes.decode(message)
    except msgspec.ValidationError as error:
        raise _not_a_request(message, error) from None
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise BadMessage(Code.PARSE_ERROR, "This is not JSON.") from None


def _not_a_request(message: str, error: msgspec.ValidationError) -> BadMessage:
    """The decoder stops at the first wrong member: what comes after it may hold the id, or be no JSON at all."""
    try:
        value = msgspec.json.decode(message)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return BadMessage(Code.PARSE_ERROR, "This is not JSON.")
    if isinstance(value, list):
        return BadMessage(Code.INVALID_REQUEST, "Batches are not served: send one request a message.")
    return BadMessage(Code.INVALID_REQUEST, _sentence(error), _id_of(value))


def _id_of(value: Any) -> int | str | None:
    found = value.get("id") if isinstance(value, dict) else None
    if isinstance(found, str) and len(found) <= 64:
        return found
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def _sentence(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "The parameters are nested too deeply."
    return f"{error}."


def result(id: Id, value: Result) -> bytes:
    return _encoder.encode({"jsonrpc": "2.0", "id": id, "result": value})


def failure(id: Id, error: RpcError) -> bytes:
    body: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.data is not None:
        body["data"] = error.data
    return _encoder.encode({"jsonrpc": "2.0", "id": id, "error": body})


def notification(value: Notification, seq: int) -> bytes:
    members = {name: getattr(value, field) for field, name in _members(type(value))}
    return _encoder.encode({"jsonrpc": "2.0", "method": NOTIFICATIONS[type(value)], "params": {"seq": seq, **members}})


def _members(kind: type[Notification]) -> Iterator[tuple[str, str]]:
    return zip(kind.__struct_fields__, kind.__struct_encode_fields__, strict=True)
