"""Why a leg cannot be made or changed, each with its refusal code of relay.api; and what is wrong with a datagram.

LegError
├── BadSdp            bad_sdp
├── NoCommonCodec     no_common_codec
├── SrtpRequired      srtp_required
├── SrtpNotAllowed    srtp_not_allowed
└── NoPort            no_port
Malformed             (relay.streams.malformed) counted, never a reason to end a call
├── StunError
├── RtcpError
└── SrtpError
"""

from relay.streams.malformed import Malformed


class LegError(Exception):
    """The text names what is wrong and never quotes the peer."""

    code = "internal"


class BadSdp(LegError):
    """The session description is malformed, or lacks what this kind of leg needs."""

    code = "bad_sdp"


class NoCommonCodec(LegError):
    """None of the peer's codecs is allowed here."""

    code = "no_common_codec"


class SrtpRequired(LegError):
    """The peer does not encrypt in a way that we know, and the leg has to be encrypted."""

    code = "srtp_required"


class SrtpNotAllowed(LegError):
    """The peer insists on SRTP where it is off, or in no suite that we have."""

    code = "srtp_not_allowed"


class NoPort(LegError):
    """The address cannot be listened on, or no port of the range is free."""

    code = "no_port"


class StunError(Malformed):
    """Not a STUN message, a damaged one, or not one that is expected here."""


class RtcpError(Malformed):
    """Not a compound of RTCP packets, or a damaged one."""


class SrtpError(Malformed):
    """A packet is not authentic, is replayed, or is no packet at all."""
