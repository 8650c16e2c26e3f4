"""What the two ends of a leg agreed to send: codecs and their parameters. Pure values."""

from typing import Literal

import msgspec

CodecName = Literal["PCMU", "PCMA", "G722", "L16", "opus", "CN", "telephone-event"]

TICK_MS = 20
"""The length of a tick, and of the frame that every source gives in it."""


class Codec(msgspec.Struct, frozen=True):
    """A payload format as negotiated in SDP."""

    name: CodecName
    clock: int = 8000
    """RTP clock in Hz: 8000, of G.722 too (RFC 3551 §4.5.2); of L16 as sampled; of Opus 48000 (RFC 7587 §4.1)."""
    channels: int = 1
    """As in SDP. Opus says 2 there whatever is sent; the engine sends mono and takes either."""


class SendFormat(msgspec.Struct, frozen=True):
    """How a leg's outgoing sound is packed."""

    codec: Codec
    """A voice codec: not CN, not telephone-event."""
    payload_type: int
    ptime_ms: int = 20
    """Of sound in a packet: 10, 20, 30, 40 or 60. Opus has no 30 and sends 20 then."""
    bitrate: int = 28_000
    """Opus only, bit/s; from 32000 on the leg may be a full-band party."""
    fec: bool = True
    """Opus only: in-band forward error correction (RFC 6716 §2.1.7)."""
    dtx: bool = False
    """Opus only: the peer wants to be sent nothing while there is silence (RFC 7587 §3.1.3)."""
    max_playback_rate: int = 48_000
    """Opus only, Hz (RFC 7587 §6.1): below 16000 the leg is a narrow-band party and is encoded from 8 kHz, below 48000
    a wide-band one."""


class EventFormat(msgspec.Struct, frozen=True):
    """How telephone events are sent to a peer (RFC 4733)."""

    payload_type: int
    clock: int = 8000
    """Of their durations, Hz; that of the sound beside them where the peer has one."""
