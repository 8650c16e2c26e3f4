"""What the control plane may ask of a relay worker, and what a worker tells. Nothing else of `relay` is imported from
outside.

A *leg* is one media connection: an RTP leg has a port pair of its own, a browser leg shares the worker's ICE port.
A *room* is a set of legs and players that may hear each other. A room exists while it has a leg.
A *player* is a source that plays a file; it hears nothing.
Who hears whom and who is recorded is one value, `SetRoom`, replaced whole between two ticks.

Refusal codes: `no_such_leg`, `no_such_room`, `exists`, `bad_sdp`, `no_common_codec`, `srtp_required`,
`srtp_not_allowed` (the peer wants SRTP only, and it is off or in no suite that we have), `no_port`, `draining`,
`bad_prompt`, `bad_command`, `internal`.
"""

from typing import Literal

import msgspec

from ipc.messages import Command, Done, Event

ToneName = Literal["dial", "ringback", "busy", "reorder", "beep"]

LATENESS_MS = (1, 2, 5, 10, 20, 50, 100)
"""Upper bounds of the classes of `Status.lateness`."""

Srtp = Literal["off", "offered", "required"]
Keys = Literal["sdes", "dtls"]
"""How SRTP keys are agreed on: in the SDP (RFC 4568), or by a DTLS handshake on the media ports (RFC 5763)."""
Direction = Literal["sendrecv", "sendonly", "recvonly", "inactive"]
Dtmf = Literal["auto", "events", "inband", "info"]
"""How digits travel on a leg. auto: as telephone events (RFC 4733) where both sides can, else as tones in the sound;
events: never as tones; inband: as tones, and those in the sound are found, which costs as much as the rest of a leg;
info: what we send is told as SendInfo. Events are understood in any case. Tones are made and found in G.711 only; while
digits are masked they are found on every leg."""

Alarm = Literal["no_media", "one_way", "silence"]
"""no_media: for 5 s nothing has come from the leg's peer. one_way: nothing has come though the peer receives what we
send, or the peer says that it does not. silence: packets come, and for 30 s no sound was in them."""


class Hear(msgspec.Struct, frozen=True):
    """One cell of the hearing matrix that is not zero."""

    listener: str
    """A leg."""
    source: str
    """A leg or a player."""
    gain: float = 1.0
    """Linear."""


class HearAll(msgspec.Struct, frozen=True):
    """Cells of the hearing matrix: each listener hears each source, but nobody himself."""

    listeners: tuple[str, ...]
    sources: tuple[str, ...]
    gain: float = 1.0


class Tap(msgspec.Struct, frozen=True):
    """What a leg sends is told to the recorder as one party of one recording."""

    leg: str
    recording: str
    """32 hexadecimal digits."""
    party: int
    """0 to 255, unique in the recording."""
    live: bool = True
    """False: the party belongs to the recording's time line but is silent in it now (hold, mute, suspended, not asked
    for)."""


class Media(msgspec.Struct, frozen=True, tag=True):
    """The worker's half of a leg's SDP."""

    sdp: str
    codec: str = ""
    """What we send, e.g. "PCMU/8000" or "opus/48000"; empty while the peer's half is not known."""
    direction: Direction = "sendrecv"
    """Ours after the negotiation: "recvonly" or "inactive" mean that the peer has us on hold."""
    encrypted: bool = False


class Flow(msgspec.Struct, frozen=True):
    """One direction of a leg, in an interval or over the call."""

    packets: int
    """That should have come."""
    lost: int
    """Never came, or too late to be played."""
    jitter_ms: float
    """Interarrival jitter (RFC 3550 section 6.4.1)."""
    round_trip_ms: float | None
    """None: not known, the peer quotes no report of ours."""
    mos: float
    """1 to 4.4 by the E-model (ITU-T G.107); over the call the mean."""
    mos_least: float
    """The lowest of an interval."""


class LegReport(msgspec.Struct, frozen=True, tag=True):
    """What a leg did from its beginning until now."""

    leg: str
    room: str
    kind: Literal["rtp", "browser"]
    codec: str
    packets_received: int = 0
    packets_sent: int = 0
    packets_lost: int = 0
    packets_discarded: int = 0
    """Unauthenticated, malformed or from a stranger's address."""
    frames_concealed: int = 0
    jitter_ms: float = 0.0
    faults: int = 0
    """Errors of the worker itself, each in one packet or tick of this leg alone."""
    received: Flow | None = None
    """None: nothing was measured in this direction."""
    sent: Flow | None = None
    """By the peer's reports."""
    alarms: tuple[Alarm, ...] = ()
    """That were raised at any time."""


class Legs(msgspec.Struct, frozen=True, tag=True):
    legs: tuple[LegReport, ...]


class Ended(msgspec.Struct, frozen=True):
    """Sums over the legs that a worker has carried to their end."""

    legs: int = 0
    received: int = 0
    sent: int = 0
    lost: int = 0
    discarded: int = 0
    concealed: int = 0
    """Frames."""
    faults: int = 0


class Status(msgspec.Struct, frozen=True, tag=True):
    """The worker itself."""

    worker: str
    legs: int
    ticks: int
    late_ticks: int
    """Ticks that began over 5 ms after their deadline."""
    tap_dropped: int
    cpu_seconds: float
    draining: bool
    lateness: tuple[int, ...] = ()
    """How many ticks began how long after their deadline: class i up to LATENESS_MS[i], the last one beyond."""
    lateness_seconds: float = 0.0
    """Of all ticks together."""
    lag_ms: float = 0.0
    """The latest that a tick began in the last 5 to 10 s: what else the loop does comes as late."""
    busy_seconds: float = 0.0
    """Spent in ticks."""
    garbage_seconds: float = 0.0
    """Spent in collecting garbage."""
    memory_bytes: int = 0
    """Resident."""
    rooms: int = 0
    taps: int = 0
    """Parties that are being recorded."""
    ended: Ended = Ended()


class AddRtpLeg(Command[Media], frozen=True):
    """Makes an RTP leg. With `offer`, the peer's SDP, the answer comes back; without it, our offer, and `SetAnswer`
    follows. A peer whose encryption is DTLS-SRTP with ICE gets it, on the browsers' port, unless SRTP is off.

    SRTP that is `offered` stands in an RTP/AVP line, and an answer without it is taken (RFC 8643)."""

    leg: str
    room: str
    address: str
    """What the SDP says; the worker listens on the address that it was started with."""
    offer: str | None = None
    srtp: Srtp = "offered"
    codecs: tuple[str, ...] = ("opus", "PCMU", "PCMA")
    """Allowed names in order of preference."""
    dtmf: Dtmf = "auto"
    suites: tuple[str, ...] = ()
    """Of SDES, in order of preference; empty: all, an offer's first one that is known."""
    symmetric: bool = False
    """The peer is behind a NAT: its address is where its packets come from, not what its SDP says. It is learned from
    the first packet that is authentic, or from five that belong together, and then stays until the SDP changes it."""
    keys: Keys = "sdes"
    """What we offer, and which goes first where the peer offers both; that of an offer alone is taken in any case."""


class AddBrowserLeg(Command[Media], frozen=True):
    """Makes an ICE-lite, DTLS-SRTP leg. With `offer`, a browser's SDP, the answer comes back with all candidates in
    it; without it, our offer, and `SetAnswer` follows."""

    leg: str
    room: str
    address: str
    offer: str | None = None


class SetAnswer(Command[Media], frozen=True):
    """The peer's answer to an offer of ours."""

    leg: str
    answer: str


class Renegotiate(Command[Media], frozen=True):
    """A new offer from the leg's peer: a re-INVITE, or a browser that restarts ICE or comes back with a new page.

    The leg keeps its hearing, taps and statistics."""

    leg: str
    offer: str


class Reoffer(Command[Media], frozen=True):
    """Wants an offer of ours for a leg whose peer asks for one: a re-INVITE without SDP.

    It keeps codecs, payload types, key and ICE credentials, and offers both directions. Until `SetAnswer` brings the
    answer all stays as it is."""

    leg: str


class SetRoom(Command[Done], frozen=True):
    """The whole hearing matrix and all taps of a room; what is not named is silent, what is no longer named stops."""

    room: str
    hearing: tuple[Hear, ...] = ()
    taps: tuple[Tap, ...] = ()
    groups: tuple[HearAll, ...] = ()
    """For rooms of many. Of two cells for a pair the one in `hearing` holds, else that of the later group."""


class Play(Command[Done], frozen=True):
    """Starts a player in a room. It is heard by those legs whose `Hear` rows name it, from now or from later on."""

    player: str
    room: str
    path: str
    """A sound file that the worker can read: WAV, FLAC, Ogg, MP3."""
    loop: bool = False


class PlayTone(Command[Done], frozen=True):
    """Starts a player that gives a tone of the telephone network: once if it is a `beep`, else until it is stopped."""

    player: str
    room: str
    tone: ToneName
    country: str = "US"
    """ISO 3166-1 alpha-2, of those in relay.playing.tones."""


class StopPlayer(Command[Done], frozen=True):
    player: str
    room: str


class SendDigits(Command[Done], frozen=True):
    """Presses digits for the leg's peer to receive, one after another, in place of what it hears."""

    leg: str
    digits: str
    """0-9 * # A-D, 32 at most."""
    duration_ms: int = 100
    """Of each digit; from 50 to 10000."""


class TakeDigit(Command[Done], frozen=True):
    """The leg's peer has pressed a digit and told of it elsewhere (SIP INFO): as if it had come in the media."""

    leg: str
    digit: str
    duration_ms: int


class MaskDigits(Command[Done], frozen=True):
    """While on: digits that the leg's peer presses are not relayed, audible, recorded or logged, and told as
    MaskedDigit only.

    Tones in G.711 become silence, for which the leg's sound is held back by 60 ms."""

    leg: str
    on: bool


class DropLeg(Command[LegReport], frozen=True):
    """Ends a leg, closes its taps, frees its port."""

    leg: str


class GetLegs(Command[Legs], frozen=True):
    """Every leg of the worker; also a new control plane's way to learn what it inherits."""


class GetStatus(Command[Status], frozen=True):
    """The worker's own figures."""


class Drain(Command[Done], frozen=True):
    """Takes no new rooms from now on."""


class LegUp(Event, frozen=True):
    """Media can flow: the first authenticated packet has come, or ICE and DTLS are done. Once a leg, and again after
    each new transport."""

    leg: str


HANDSHAKE_FAILED = "handshake failed"
"""Of `LegDown`: the peer has not the certificate that was signalled, or no DTLS; there will be no media."""


class LegDown(Event, frozen=True):
    """The leg lost its peer: consent expired, or DTLS closed or failed. The leg stays until it is renegotiated or
    dropped."""

    leg: str
    reason: str


class MaskedDigit(Event, frozen=True):
    """The same of a leg whose digits are masked: which it was is not told, but for the `#` that ends an entry."""

    leg: str
    pound: bool


class Quality(Event, frozen=True):
    """How a leg was heard in the last 5 s. None: nothing is known of that direction."""

    leg: str
    received: Flow | None
    sent: Flow | None


class MediaAlarm(Event, frozen=True):
    """Something is wrong with a leg's sound, or is so no longer. A leg has one alarm at a time, the gravest; it ends
    with the leg."""

    leg: str
    alarm: Alarm
    on: bool


class PlayerEnded(Event, frozen=True):
    """A player that does not loop has played its file to the end. One that cannot is refused at once."""

    player: str
    room: str


class SendInfo(Event, frozen=True):
    """A digit for the peer of a leg whose digits travel as SIP INFO."""

    leg: str
    digit: str
    duration_ms: int


class Digit(Event, frozen=True):
    """The peer of a leg has pressed a digit, and it has ended: a telephone event, a tone, or what TakeDigit told."""

    leg: str
    digit: str
    duration_ms: int


Commands = (
    AddRtpLeg
    | AddBrowserLeg
    | SetAnswer
    | Renegotiate
    | Reoffer
    | SetRoom
    | SendDigits
    | TakeDigit
    | MaskDigits
    | Play
    | PlayTone
    | StopPlayer
    | DropLeg
    | GetLegs
    | GetStatus
    | Drain
)
Answers = Done | Media | LegReport | Legs | Status
Events = LegUp | LegDown | PlayerEnded | Digit | MaskedDigit | SendInfo | Quality | MediaAlarm
