"""The envelope: requests, replies, failures and events as msgpack of frozen structs. Pure.

A package that answers on a socket declares its commands as `class X(Command[Answer], frozen=True)`; the answer's
type travels with the command, so that `await client.ask(X(...))` is typed.
"""

from typing import Any, Generic, TypeVar

import msgspec

Answer = TypeVar("Answer", bound=msgspec.Struct)


class Command(msgspec.Struct, Generic[Answer], frozen=True, tag=True):
    """A request for exactly one answer or one Refusal."""


class Event(msgspec.Struct, frozen=True, tag=True):
    """Something that happened; nobody answers it."""


class Done(msgspec.Struct, frozen=True, tag=True):
    """The answer of a command that has nothing to tell but success."""


class Refusal(Exception):
    """A command was understood and not carried out: a code for programs, a sentence for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class Request(msgspec.Struct, frozen=True, tag="request"):
    id: int
    body: msgspec.Raw


class Reply(msgspec.Struct, frozen=True, tag="reply"):
    id: int
    body: msgspec.Raw


class Failure(msgspec.Struct, frozen=True, tag="failure"):
    id: int
    code: str
    message: str


class Notice(msgspec.Struct, frozen=True, tag="notice"):
    body: msgspec.Raw


Envelope = Request | Reply | Failure | Notice

_encoder = msgspec.msgpack.Encoder()
_envelopes: msgspec.msgpack.Decoder[Envelope] = msgspec.msgpack.Decoder(Envelope)


def encode(message: msgspec.Struct) -> bytes:
    """A struct as msgpack bytes."""
    return _encoder.encode(message)


def wrap(message: msgspec.Struct) -> msgspec.Raw:
    """A struct as the body of an envelope."""
    return msgspec.Raw(_encoder.encode(message))


def decode_envelope(data: bytes) -> Envelope:
    """The envelope in one frame. Raises msgspec.MsgspecError on anything else."""
    return _envelopes.decode(data)


def decoder(union: Any) -> msgspec.msgpack.Decoder[Any]:
    """A decoder for a union of tagged structs."""
    return msgspec.msgpack.Decoder(union)
