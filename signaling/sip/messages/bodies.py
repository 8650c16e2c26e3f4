"""What a message carries: the session description, alone or as one of several parts (RFC 5621), or something else."""

from dataclasses import dataclass

from signaling.sip.errors import ParseError
from signaling.sip.headers.media_type import MediaType
from signaling.sip.messages.message import Message
from signaling.sip.messages.multipart import MAX_DEPTH, Part, split_parts

SDP = "application/sdp"
FRAGMENT = "message/sipfrag"
DTMF_RELAY = "application/dtmf-relay"
DTMF = "application/dtmf"


@dataclass(frozen=True, slots=True)
class Contents:
    sdp: str | None = None
    unknown: str = ""
    """The type of a part that must be understood and is not; empty if there is none."""


def read_contents(message: Message) -> Contents:
    """The first session description of a body. Raises ParseError for a multipart body that cannot be taken apart."""
    if not message.body:
        return Contents()
    part = Part(message.headers, message.body)
    contents = _read(part, _kind(message), MAX_DEPTH)
    return contents if not contents.unknown or part.disposition.required else Contents(contents.sdp)


def read_sdp(message: Message) -> str | None:
    """The session description; None without one, or if the body cannot be read."""
    try:
        return read_contents(message).sdp
    except ParseError:
        return None


def content_type(message: Message) -> str:
    """Without parameters, in lower case; a body of which nothing is said is taken for SDP. Raises ParseError."""
    return _kind(message).name


def _kind(message: Message) -> MediaType:
    return MediaType.parse(message.headers.get("Content-Type") or SDP)


def _read(part: Part, kind: MediaType, depth: int) -> Contents:
    if kind.name == SDP:
        return Contents(part.body.decode("utf-8", "replace"))
    if kind.kind != "multipart" or not depth or kind.boundary is None:
        return Contents(unknown=kind.name)
    found = [
        (_read(inner, inner.kind, depth - 1), inner.disposition.required)
        for inner in split_parts(part.body, kind.boundary)
    ]  # fmt: skip
    sdp = next((contents.sdp for contents, _ in found if contents.sdp is not None), None)
    # Of alternatives one is enough (RFC 2046 §5.1.4); of mixed parts each that is required counts.
    if kind.subtype == "alternative" and sdp is not None:
        return Contents(sdp)
    unknown = next((contents.unknown for contents, required in found if required and contents.unknown), "")
    return Contents(sdp, unknown)
