"""What a datagram on a media port is, told by its first bytes (RFC 7983; RTCP by RFC 5761). Pure."""

import enum

_RTCP_TYPES = range(192, 224)


class Kind(enum.Enum):
    STUN = enum.auto()
    DTLS = enum.auto()
    RTP = enum.auto()
    RTCP = enum.auto()
    UNKNOWN = enum.auto()


def classify(data: bytes) -> Kind:
    """The kind of the datagram: where to route it. Whether it is well formed is its parser's word."""
    if len(data) < 2:
        return Kind.UNKNOWN
    first = data[0]
    if 128 <= first <= 191:
        # Most common first. RFC 5761 section 4: with the marker bit, packet types 192..223 collide with payload
        # types 64..95, which RTP therefore does not use beside RTCP.
        return Kind.RTCP if data[1] in _RTCP_TYPES else Kind.RTP
    if 20 <= first <= 63:
        return Kind.DTLS
    if first <= 3:
        return Kind.STUN
    return Kind.UNKNOWN
