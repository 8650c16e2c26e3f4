"""What the sound part of `relay` raises for bytes from the network that are not what they should be. Pure.

ValueError
└── Malformed       counted by the caller, never a reason to end a call
    ├── RtpError    not an RTP packet
    ├── EventError  not a telephone-event
    ├── NoiseError  not a comfort noise descriptor
    ├── OpusError   not an Opus packet
    ├── G722Error   not sound of G.722
    └── L16Error    not whole samples

The texts name what is wrong and never hold a value from the packet.
"""


class Malformed(ValueError):
    """Bytes from the network that do not have the form they claim."""


class RtpError(Malformed):
    """The bytes are not an RTP packet (RFC 3550 §5.1)."""


class EventError(Malformed):
    """The payload is not a telephone-event (RFC 4733 §2.3)."""


class NoiseError(Malformed):
    """The payload is not a comfort noise descriptor (RFC 3389 §3)."""


class OpusError(Malformed):
    """The payload is not an Opus packet (RFC 6716 §3)."""


class G722Error(Malformed):
    """The payload is not G.722 (RFC 3551 §4.5.2)."""


class L16Error(Malformed):
    """The payload is not a number of whole samples (RFC 3551 §4.5.11)."""
