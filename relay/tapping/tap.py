"""What the recorder is told of tapped legs: which parties are open, what their packets are. Pure.

A packet that comes by itself is packed here; of those that come by a run (relay.passing.express) the records are made
a batch at a time, by the addresses that this book gives.
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from recorder.wire import ADDRESS, OVERHEAD, Codec, Kind, Record, pack, pack_counters, packet_address, unpack
from relay import formats
from relay.api import Tap
from relay.streams.rtp import RtpPacket
from relay.tapping.outbox import Party

CLOCK_NS = 100_000_000
_CODECS = {
    formats.Codec("PCMU"): Codec.PCMU,
    formats.Codec("PCMA"): Codec.PCMA,
    formats.Codec("G722"): Codec.G722,
    formats.Codec("L16"): Codec.L16_8000,
    formats.Codec("L16", 16000): Codec.L16_16000,
    formats.Codec("opus", 48000, 2): Codec.OPUS,
    formats.Codec("CN"): Codec.COMFORT_NOISE,
}
_CLOCKS = np.dtype({"names": ["clock"], "formats": [">i8"], "offsets": [ADDRESS], "itemsize": OVERHEAD})


class _Live:
    """The taps that listen to a leg, and what their records begin with for the codec that it sends."""

    __slots__ = ("_parties", "addresses", "codec")

    def __init__(self) -> None:
        self._parties: list[Party] = []
        self.codec: formats.Codec | None = None
        self.addresses: list[bytes] = []

    def add(self, party: Party) -> None:
        self._parties.append(party)

    def use(self, codec: formats.Codec) -> None:
        name = _CODECS.get(codec, Codec.NONE)
        self.codec, self.addresses = codec, [packet_address(*party, name) for party in self._parties]


class TapBook:
    """The open taps. Each call tells `emit` the records that come of it; of packets and clocks `emit_packed` is told,
    if there is one: any number of packed records, and the clock of the latest."""

    def __init__(self, emit: Callable[[Record], None], emit_packed: Callable[[bytes, int], None] | None = None) -> None:
        self._emit = emit
        self._emit_packed = self.record = emit_packed or self._unpacked
        self._open: dict[Party, Tap] = {}
        self._rooms: dict[Party, str] = {}
        self._live: dict[str, _Live] = {}
        self._clocks: Any = None
        """The records that tell the time, of all that are open; None: not made yet."""
        self._next_clock = 0

    def __len__(self) -> int:
        """How many parties are open."""
        return len(self._open)

    def set_room(self, room: str, taps: Iterable[Tap], clock: int) -> None:
        """What is new begins, what is no longer there ends, what changed pauses or resumes."""
        wanted = {(bytes.fromhex(tap.recording), tap.party): tap for tap in taps}
        for party in [party for party, where in self._rooms.items() if where == room and party not in wanted]:
            self._end(party, clock)
        for party, tap in wanted.items():
            self._set(party, tap, clock)
            self._rooms[party] = room
        self._index()

    def drop_leg(self, leg: str, clock: int) -> None:
        """Ends all taps of a leg."""
        for party in [party for party, tap in self._open.items() if tap.leg == leg]:
            self._end(party, clock)
        self._index()

    def packet(self, leg: str, packet: RtpPacket, codec: formats.Codec, clock: int) -> None:
        """An authenticated packet of a leg; its counters are extended."""
        if leg not in self._live:
            return
        payload = packet.payload
        rest = pack_counters(clock, packet.sequence, packet.timestamp, packet.ssrc, len(payload)) + payload
        self._emit_packed(b"".join([address + rest for address in self._addresses(leg, codec)]), clock)

    def addresses(self, leg: str, codec: formats.Codec) -> bytes:
        """What the records of a leg's packets begin with, ADDRESS octets for each tap that listens, until taps change:
        for whoever makes them himself, and tells `record`."""
        return b"".join(self._addresses(leg, codec)) if leg in self._live else b""

    def tick(self, clock: int) -> None:
        """Tells every open party how far time has come, ten times a second."""
        if clock < self._next_clock:
            return
        self._next_clock = clock + CLOCK_NS
        if self._open:
            if self._clocks is None:
                records = b"".join(pack(Record(party[0], Kind.CLOCK, party[1], 0)) for party in self._open)
                self._clocks = np.frombuffer(bytearray(records), _CLOCKS)
            self._clocks["clock"] = clock
            self._emit_packed(self._clocks.tobytes(), clock)

    def _addresses(self, leg: str, codec: formats.Codec) -> list[bytes]:
        live = self._live[leg]
        if live.codec is not codec:
            live.use(codec)
        return live.addresses

    def _unpacked(self, records: bytes, _: int) -> None:
        for record in unpack(records):
            self._emit(record)

    def _set(self, party: Party, tap: Tap, clock: int) -> None:
        before = self._open.get(party)
        self._open[party] = tap
        if before is None:
            self._tell(Kind.BEGIN, party, clock)
        if tap.live != (before is None or before.live):
            self._tell(Kind.RESUME if tap.live else Kind.PAUSE, party, clock)

    def _end(self, party: Party, clock: int) -> None:
        del self._open[party], self._rooms[party]
        self._tell(Kind.END, party, clock)

    def _tell(self, kind: Kind, party: Party, clock: int) -> None:
        self._emit(Record(party[0], kind, party[1], clock))

    def _index(self) -> None:
        self._clocks = None
        self._live = {}
        for party, tap in self._open.items():
            if tap.live:
                self._live.setdefault(tap.leg, _Live()).add(party)
