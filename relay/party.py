"""A leg and a room as the engine has them: what is received and sent, and who hears whom. Pure."""

from collections.abc import Mapping

import msgspec
import numpy as np

from relay.codecs import opus
from relay.formats import TICK_MS, Codec, SendFormat
from relay.mixing.hearing import NO_CELLS, Cells, Matrix
from relay.mixing.resample import NARROW, RATES
from relay.mixing.sending import OpusSender, Packet, Sender, make_sender, room_rate, sender_rate
from relay.mixing.sharing import Sharing
from relay.passing.direct import Passing
from relay.playing.player import Player
from relay.playout.receiving import Admitted, Receiver

NO_ROW = -1
LOSS_DECAY, LEAST_LOSS_PERCENT = 0.7, 0.5
"""What is left of a loss that was reported when a report without loss comes, and what counts as none."""


class Outgoing(msgspec.Struct, frozen=True):
    """One packet to send. The shell gives it SSRC, sequence number and timestamp."""

    leg: str
    payload_type: int
    payload: bytes
    """Empty: so much silence, for which nothing is sent."""
    marker: bool
    samples: int
    """How long this packet's sound is, in units of the codec's RTP clock: the next timestamp is this much higher."""
    skipped: int = 0
    """How much time went by unheard before it, in the same units."""


class Party:
    """A leg as the engine has it."""

    __slots__ = (
        "format", "is_mixed", "loss", "marker", "may_pass", "name", "passed_only", "passes_to", "passing", "receiver",
        "room", "row", "sender",
    )  # fmt: skip

    def __init__(self, name: str, room: "Room", format: SendFormat, receive: Mapping[int, Codec]) -> None:
        self.name = name
        self.room = room
        self.row = NO_ROW
        self.format = format
        self.loss = 0.0
        self.sender: Sender = make_sender(format, room.rate)
        self.receiver = Receiver(receive, room.rate)
        self.marker = True
        self.passing = Passing()
        self.may_pass = True
        """Whether nothing beyond the hearing stands against passing on to it."""
        self.passes_to: list[Party] = []
        """Those who hear this leg and nothing else."""
        self.is_mixed = False
        """Whether there are others who hear it."""
        self.passed_only = False
        """The last packet was passed on to all who hear this leg, and needs no decoding."""

    def set_format(self, format: SendFormat, receive: Mapping[int, Codec]) -> None:
        if format != self.format:
            sender = make_sender(format, self.room.rate)
            self.marker = self.marker or format.payload_type != self.format.payload_type
            self.format = format
            self._use(sender)
        self.receiver.set_formats(receive)

    def takes(self, sound: Admitted) -> bool:
        """Whether a packet is, as it is, what was negotiated to be sent to this leg."""
        if sound.codec.name == "CN":
            return self.receiver.knows(sound.packet.payload_type, sound.codec)
        milliseconds = sound.content.samples * 1000 // sound.codec.clock
        ptime_ms = 20 if sound.codec.name == "opus" and self.format.ptime_ms == 30 else self.format.ptime_ms
        return sound.codec == self.format.codec and milliseconds == ptime_ms

    def set_rate(self, rate: int) -> None:
        self.receiver.set_rate(rate)
        if self.sender.rate != sender_rate(self.format, rate):
            self._use(make_sender(self.format, rate))

    def expect_loss(self, percent: float) -> None:
        """Heeds what the peer reports of what it was sent."""
        self.loss = max(percent, LOSS_DECAY * self.loss)
        self._heed_loss()

    def _use(self, sender: Sender) -> None:
        self.sender = sender
        self._heed_loss()

    def _heed_loss(self) -> None:
        if isinstance(self.sender, OpusSender):
            expected = opus.FEC_PERCENT if self.format.fec and self.loss >= LEAST_LOSS_PERCENT else 0
            self.sender = self.sender.expecting(expected)

    def take_sender(self, sender: OpusSender) -> None:
        """From this tick on the leg is sent what that one encodes."""
        self.sender = sender

    def outgoing(self, packets: list[Packet], ticks_skipped: int = 0) -> list[Outgoing]:
        payload_type = self.format.payload_type
        sends = [Outgoing(self.name, payload_type, payload, False, samples) for payload, samples in packets]
        if (self.marker or ticks_skipped) and sends:
            # RFC 3551 §4.1: the first packet of a stretch of sound; ours is one stretch.
            skipped = ticks_skipped * self.format.codec.clock * TICK_MS // 1000
            sends[0] = msgspec.structs.replace(sends[0], marker=self.marker, skipped=skipped)
            self.marker = False
        return sends


class Room:
    """Parties and players who may hear each other."""

    __slots__ = ("cells", "hearing", "legs", "players", "rate", "sharing", "stale")

    def __init__(self) -> None:
        self.sharing = Sharing()
        self.legs: dict[str, Party] = {}
        self.players: dict[str, tuple[Player, int]] = {}
        """With their rows."""
        self.hearing = Matrix()
        self.rate = NARROW
        self.cells: dict[int, Cells] = dict.fromkeys(RATES, NO_CELLS)
        """By the rate of the listener."""
        self.stale = True

    def arrange(self) -> None:
        """Makes rate and cells what legs, players and hearing say now."""
        self.rate = room_rate(leg.format for leg in self.legs.values())
        for leg in self.legs.values():
            leg.set_rate(self.rate)
        sources = {player: row for player, (_, row) in self.players.items()}
        sources.update({name: leg.row for name, leg in self.legs.items()})
        for rate in self.cells:
            listeners = {name: leg.row for name, leg in self.legs.items() if leg.sender.rate == rate}
            self.cells[rate] = self.hearing.cells(listeners, sources)
        self._arrange_passing(sources)
        self.stale = False

    def _arrange_passing(self, sources: Mapping[str, int]) -> None:
        legs = {leg.row: leg for leg in self.legs.values()}
        alone = self.hearing.heard_alone({name: leg.row for name, leg in self.legs.items() if leg.may_pass}, sources)
        direct = {
            listener: source
            for listener, source in alone.items()
            if source in legs and source != listener and legs[source].receiver.accepts(legs[listener].format.codec)
        }
        heard = np.concatenate(
            [cells.sources[~np.isin(cells.listeners, list(direct))] for cells in self.cells.values()]
        )
        mixed = set(heard.tolist())
        before = {row: source for source, leg in legs.items() for row in [each.row for each in leg.passes_to]}
        for row, leg in legs.items():
            leg.is_mixed = row in mixed
            leg.passes_to = [legs[listener] for listener, source in direct.items() if source == row]
            if row not in direct or before.get(row) != direct[row]:
                leg.passing.end()
