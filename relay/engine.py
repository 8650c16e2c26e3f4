"""The sound of one relay worker: packets in, a tick every 20 ms, packets out. Pure: no sockets, no clock, no files.

The shell calls `receive` for every authenticated packet and `tick` on its deadlines, and does with a Tick's `sends`,
`ended` and `digits` what they say. Everything else changes what the next tick does, as a whole.
"""

from collections.abc import Callable, Iterable, Mapping

import numpy as np
import numpy.typing as npt

from relay.api import Hear, HearAll
from relay.codecs import g711
from relay.formats import TICK_MS, Codec, SendFormat
from relay.mixing.hearing import NO_CELLS, NO_MIX, Matrix, Mixes, MixPlan, joined
from relay.mixing.mixer import mix
from relay.mixing.resample import NARROW, RATES
from relay.mixing.rows import SourceRows
from relay.mixing.sending import NarrowSender, OpusSender, SampleSender
from relay.mixing.shared import NOTHING, Mixed, Shared, heard_by_all
from relay.outcome import EngineReport, Kept, Tick, report_of
from relay.party import Outgoing, Party, Room
from relay.passing.direct import Passed
from relay.passing.outbound import Heard
from relay.passing.pace import Ending
from relay.passing.waiting import FRAME as MOST_OCTETS
from relay.passing.waiting import Coded, Frames, Peaks, Queue
from relay.playing.player import Player
from relay.playout.jitter import JitterBuffer
from relay.playout.receiving import Admitted, Octets
from relay.streams.rtp import RtpPacket
from relay.watching.loudness import SILENT_PEAK

__all__ = ["Codec", "Engine", "EngineReport", "Outgoing", "SendFormat", "Tick"]

FRAME = NARROW * TICK_MS // 1000
"""Octets in a frame of G.711."""
_LENT = (*g711.LAWS, "opus")
SMALL_ROOM = 6
"""Legs: in larger rooms a leg is heard only while it speaks."""


class Engine:
    """All legs, players and rooms of one worker. Not thread-safe; no method blocks."""

    def __init__(self, changing: Callable[[Iterable[str]], None] = lambda legs: None) -> None:
        """`changing` is told the legs of a room of which something changes."""
        self._changing = changing
        self._legs: dict[str, Party] = {}
        self._heard: dict[str, Party] = {}
        """Those whose packets come here, and not by a run."""
        self._told: dict[str, Party] = {}
        """Those to whom nothing is passed on by a run."""
        self._rooms: dict[str, Room] = {}
        self._playing: dict[str, Room] = {}
        """Rooms with a player."""
        self._rows = SourceRows()
        self._plans = {rate: MixPlan(NO_CELLS) for rate in RATES}
        self._shared = Shared()
        self._passed: list[Passed] = []
        self._kept: list[Kept] = []
        self._lent: dict[int, tuple[Party, Codec]] = {}
        """By row of sound, those whose packets wait elsewhere."""
        self._listening: set[str] = set()
        """Legs whose sender is lent."""
        self._laws: set[g711.Law] = set()
        """That anybody is sent."""
        self._faults: list[tuple[str, Exception]] = []
        self._stale = False
        self._passes = False

    def add_leg(self, leg: str, room: str, send: SendFormat, receive: Mapping[int, Codec]) -> None:
        """Makes a leg in a room, and the room if it is the first. `receive`: payload type -> codec as negotiated,
        "telephone-event" and "CN" included. From the next tick on it is sent something each tick, silence at least.

        Raises ValueError if the leg exists or the format has no encoder.
        """
        if leg in self._legs:
            raise ValueError("the leg exists")
        place = self._rooms.get(room) or Room()
        made = Party(leg, place, send, receive)
        made.row = self._rows.allot()
        self._rooms[room] = place
        self._legs[leg] = self._heard[leg] = self._told[leg] = place.legs[leg] = made
        self._touch(place)

    def set_format(self, leg: str, send: SendFormat, receive: Mapping[int, Codec]) -> None:
        """What was negotiated anew. The leg keeps its hearing and its figures. Raises KeyError, ValueError."""
        self._legs[leg].set_format(send, receive)
        self._touch(self._legs[leg].room)

    def remove_leg(self, leg: str) -> EngineReport:
        """Ends a leg; with its last leg a room, its hearing and its players end. Raises KeyError."""
        report = self.report(leg)
        gone = self._legs.pop(leg)
        self._heard.pop(leg, None)
        self._told.pop(leg, None)
        self._listening.discard(leg)
        del gone.room.legs[leg]
        for other in gone.room.legs.values():
            other.passes_to = [listener for listener in other.passes_to if listener is not gone]
        self._rows.release(gone.row)
        self._touch(gone.room)
        if not gone.room.legs:
            for _, row in gone.room.players.values():
                self._rows.release(row)
            for rooms in (self._rooms, self._playing):
                for name in [name for name, room in rooms.items() if room is gone.room]:
                    del rooms[name]
        return report

    def report(self, leg: str) -> EngineReport:
        """The figures of a leg until now. Raises KeyError."""
        return report_of(self._legs[leg].receiver)

    def receive(self, leg: str, packet: RtpPacket, now_ns: int) -> None:
        """Takes an authenticated packet with its counters extended (relay.streams.rtp.StreamExtender). Raises
        KeyError only."""
        source = self._legs[leg]
        sound = source.receiver.admit(packet, now_ns)
        if sound is None or not source.passes_to:
            source.passed_only = False
            if sound is not None:
                self._keep(source, sound, now_ns)
            elif source.passes_to:
                self._pass_aside(source, packet, now_ns)
        else:
            self._pass_on(source, sound, now_ns)

    def begin_run(self, passed: Passed) -> JitterBuffer | None:
        """From now on what follows in order on a packet that was passed on is passed on elsewhere, until `end_run`.
        None: what follows is to be received here. Raises KeyError."""
        source = self._legs[passed.source]
        receiver, end = source.receiver, passed.packet.timestamp + passed.samples
        if source.room.stale or receiver.has_digits or not receiver.jitter.passes_on_from(passed.packet.sequence, end):
            return None
        self._legs[passed.leg].passing.hold()
        del self._heard[passed.source], self._told[passed.leg]
        return receiver.jitter

    def take_kept(self) -> list[Kept]:
        """Packets of G.711 and Opus that wait for their turn, of those that came since the last call."""
        kept, self._kept = self._kept, []
        return kept

    def lend(self, kept: Kept) -> tuple[JitterBuffer, Queue] | None:
        """What waits of a leg up to a packet, to be played elsewhere until `take_back`, together with what follows in
        order. None: it is played here. Raises KeyError."""
        source = self._legs[kept.leg]
        if source.room.stale or source.receiver.has_digits:
            return None
        if (lent := source.receiver.lend(kept.codec, kept.arrival_ns)) is None:
            return None
        if max(map(len, lent.payloads)) > MOST_OCTETS:
            source.receiver.jitter.take_back(lent)
            return None
        del self._heard[kept.leg]
        self._lent[source.row] = source, kept.codec
        law = next((law for law in g711.LAWS if law == kept.codec.name), None)
        queue = Queue(law, source.row, kept.codec.clock, lent, decoder=source.receiver.decoder)
        return source.receiver.jitter, queue

    def take_back(self, leg: str, queue: Queue) -> None:
        """What waits now of what was lent. Raises KeyError."""
        self._heard[leg] = self._legs[leg]
        del self._lent[self._legs[leg].row]
        self._legs[leg].receiver.take_back(queue)

    def lend_sender(self, leg: str) -> tuple[int, g711.Law | None] | None:
        """Row and law, or None for Opus, of a leg that is sent a packet of G.711 or Opus each tick; until
        `take_sender_back` that is done elsewhere. None: it is another kind of leg, or may soon be. Raises KeyError."""
        party = self._legs[leg]
        sender = party.sender
        if party.room.stale or party.marker or isinstance(sender, SampleSender) or not sender.is_whole:
            return None
        if party.passing.is_begun or leg not in self._told:
            return None
        del self._told[leg]
        self._listening.add(leg)
        if isinstance(sender, NarrowSender):
            return party.row, sender.law
        self._shared.choir.join(party)
        return party.row, None

    def take_sender_back(self, leg: str) -> None:
        """Raises KeyError."""
        party = self._told[leg] = self._legs[leg]
        self._listening.discard(leg)
        self._shared.choir.leave(party)

    @property
    def peaks(self) -> Peaks:
        """How the last frames of all sources were."""
        return self._rows.peaks

    def is_sounding(self, leg: str) -> bool:
        """Whether there was any sound in the last frame that was played of a leg. Raises KeyError."""
        return self._rows.peak(self._legs[leg].row) > SILENT_PEAK

    def advance_run(self, source: str, ending: Ending) -> None:
        """What has been passed on, or kept, elsewhere. Raises KeyError."""
        pace = ending.transit, ending.jitter_ms
        self._legs[source].receiver.jitter.advance(ending.packets, ending.units, pace, ending.last_ns)

    def end_run(self, source: str, listener: str, last: tuple[int, int]) -> None:
        """`last`: when the last packet was passed on, and its length in ns; if none comes now the listener is mixed for
        in time. Raises KeyError."""
        arrival_ns, duration_ns = last
        self._heard[source], self._told[listener] = self._legs[source], self._legs[listener]
        self._told[listener].passing.passed(duration_ns, False, arrival_ns)

    def take_passed(self) -> list[Passed]:
        """What was passed on since the last call, to be sent at once."""
        passed, self._passed = self._passed, []
        return passed

    @property
    def has_taken(self) -> bool:
        """Whether there is something for `take_passed` or `take_kept`."""
        return bool(self._passed or self._kept)

    @property
    def passes(self) -> bool:
        """Whether a leg may have something to be sent between two ticks."""
        return self._passes

    def let_pass(self, leg: str, may: bool) -> None:
        """Whether packets may be passed on to the leg as they are, if its hearing allows it. Raises KeyError."""
        if self._legs[leg].may_pass != may:
            self._legs[leg].may_pass = may
            self._touch(self._legs[leg].room)

    def expect_loss(self, leg: str, percent: float) -> None:
        """How many packets of a hundred the leg's peer reports as lost since its report before. Raises KeyError."""
        party = self._legs[leg]
        before = party.sender
        party.expect_loss(percent)
        if party.sender is not before:
            self._shared.choir.touch()

    def set_room(self, room: str, hearing: tuple[Hear, ...], groups: tuple[HearAll, ...] = ()) -> None:
        """The whole hearing matrix of a room, in force from the next tick on. Raises KeyError.

        Names of legs and players that are not there (yet) are kept and mean something once they are; of two cells for
        one pair the last holds.
        """
        self._rooms[room].hearing = Matrix(hearing, groups)
        self._touch(self._rooms[room])

    def listeners(self, room: str, source: str) -> list[str]:
        """Who is to hear a source, whether or not he is there. Raises KeyError."""
        return self._rooms[room].hearing.listeners(source)

    def add_player(self, room: str, player: str, samples: npt.NDArray[np.int16], rate: int, loop: bool) -> None:
        """Starts a source of mono samples at 8000 or 16000 Hz; it plays on whether or not a leg hears it.

        Raises KeyError for an unknown room, ValueError for another rate or a name that the room has.
        """
        place = self._rooms[room]
        if player in place.players or player in place.legs:
            raise ValueError("the room has a source of that name")
        place.players[player] = Player(samples, rate, loop), self._rows.allot()
        self._playing[room] = place
        self._touch(place)

    def remove_player(self, room: str, player: str) -> None:
        """Stops a player; one that is not there (it may just have ended) is nothing."""
        place = self._rooms.get(room)
        if place and player in place.players:
            self._rows.release(place.players.pop(player)[1])
            if not place.players:
                del self._playing[room]
            self._touch(place)

    def tick(self, now_ns: int, played: tuple[list[Frames], list[Coded]] = ([], [])) -> Tick:
        """Moves the sound of 20 ms. `now_ns` is of the same monotonic clock as in `receive`; `played`: of what was
        lent."""
        if self._stale:
            self._arrange()
        if self._is_idle:
            return Tick([], [], [], NOTHING)
        self._rows.begin()
        self._take_lent(*played)
        self._take_legs(now_ns)
        ended = self._take_players()
        self._rows.settle()
        digits = [
            (name, digit, duration_ms)
            for name, leg in self._heard.items()
            if leg.receiver.has_digits
            for digit, duration_ms in leg.receiver.digits(now_ns)
        ]
        sends, heard = self._send(now_ns)
        faults, self._faults = self._faults, []
        return Tick(sends, ended, digits, heard, faults)

    @property
    def _is_idle(self) -> bool:
        """Whether all that anybody hears is passed on elsewhere."""
        at_work = self._heard or self._told or self._lent or self._listening or self._playing
        return not (at_work or self._rows.stirs or self._faults)

    def _touch(self, room: Room) -> None:
        self._changing(room.legs)
        room.stale = self._stale = True

    def _arrange(self) -> None:
        for room in self._rooms.values():
            if room.stale:
                room.arrange()
        for rate in RATES:
            cells = joined([room.cells[rate] for room in self._rooms.values()])
            self._plans[rate] = MixPlan(cells)
            self._rows.want(rate, cells.sources)
        large = [room for room in self._rooms.values() if len(room.legs) > SMALL_ROOM]
        self._rows.gate(np.array([leg.row for room in large for leg in room.legs.values()], np.intp))
        self._passes = any(leg.passes_to for leg in self._legs.values())
        senders = [leg.sender for leg in self._legs.values()]
        self._laws = {sender.law for sender in senders if isinstance(sender, NarrowSender)}
        self._stale = False

    def _pass_on(self, source: Party, sound: Admitted, now_ns: int) -> None:
        """To those who get it as it is, beginning with what waits for its turn; the others it is kept for."""
        codec, clock = sound.codec, sound.codec.clock
        duration_ns = sound.content.samples * 1_000_000_000 // clock
        to_mix, nobody = source.is_mixed, True
        for leg in source.passes_to:
            if not leg.takes(sound):
                leg.passing.end()
                to_mix = True
                continue
            nobody = False
            begins = not leg.passing.is_on(now_ns)
            waiting = source.receiver.waiting() if begins else []
            if waiting is None or any(each.codec != codec for each in waiting):
                to_mix = True  # a packet is half played
                continue
            for each in (*waiting, sound):
                payload_type = leg.format.payload_type if each.codec.name != "CN" else each.packet.payload_type
                self._passed.append(
                    Passed(
                        source.name,
                        leg.name,
                        payload_type,
                        each.packet,
                        each.content.samples,
                        clock,
                        now_ns,
                        begins,
                        alone=len(source.passes_to) == 1 and not to_mix,
                    )
                )
                begins = False
            leg.passing.passed(duration_ns, sound.content.last, now_ns)
        if nobody:
            self._keep(source, sound, now_ns)
        elif to_mix:
            source.receiver.keep(sound, now_ns)
        else:
            source.receiver.pass_on(sound, now_ns)
        source.passed_only = not to_mix

    def _keep(self, source: Party, sound: Admitted, now_ns: int) -> None:
        """For mixing alone."""
        source.receiver.keep(sound, now_ns)
        if sound.codec.name in _LENT:
            self._kept.append(Kept(source.name, sound.packet, sound.codec, now_ns))

    def _pass_aside(self, source: Party, packet: RtpPacket, now_ns: int) -> None:
        for leg in source.passes_to:
            if leg.passing.is_on(now_ns):
                self._passed.append(Passed(source.name, leg.name, 0, packet, 0, 8000, now_ns, aside=True))

    def _take_lent(self, frames: list[Frames], coded: list[Coded]) -> None:
        for each in frames:
            if len(each.sources):
                self._rows.put(each.sources, each.rate, each.samples)
            for row in each.bad:
                self._lent[row][0].receiver.unknown += 1
        if not coded:
            return
        together: dict[int, tuple[list[int], list[npt.NDArray[np.int16]]]] = {rate: ([], []) for rate in RATES}
        for packet in coded:
            source, codec = self._lent[packet.source]
            try:
                frame = source.receiver.play(codec, packet)
            except Exception as error:  # as in _take_legs
                self._faults.append((source.name, error))
                continue
            rows, sounds = together[source.receiver.rate]
            rows.append(source.row)
            sounds.append(frame)
        for rate, (rows, sounds) in together.items():
            if rows:
                self._rows.put(rows, rate, np.stack(sounds))

    def _take_legs(self, now_ns: int) -> None:
        """The frames of all legs into their rows; those of G.711 decoded together."""
        if not self._heard:
            return
        together: dict[g711.Law, tuple[list[int], list[bytes]]] = {law: ([], []) for law in g711.LAWS}
        for leg in self._heard.values():
            if leg.passed_only:
                continue
            try:
                frame = leg.receiver.pull(now_ns, self._rows.is_quiet(leg.row))
                if isinstance(frame, Octets):
                    together[frame.law][0].append(leg.row)
                    together[frame.law][1].append(frame.payload)
                elif frame is not None:
                    self._rows.put([leg.row], leg.receiver.rate, frame)
            except Exception as error:  # one leg's fault must not silence the worker
                self._faults.append((leg.name, error))
        for law, (rows, payloads) in together.items():
            if rows:
                octets = np.frombuffer(b"".join(payloads), np.uint8).reshape(len(rows), -1)
                self._rows.put(rows, NARROW, g711.decode(law, octets))

    def _take_players(self) -> list[tuple[str, str]]:
        ended: list[tuple[str, str]] = []
        if not self._playing:
            return ended
        for name, room in self._playing.items():
            for player, (source, row) in room.players.items():
                if source.ended:
                    ended.append((name, player))
                else:
                    self._rows.put([row], source.rate, source.frame())
        for name, player in ended:
            self.remove_player(name, player)
        return ended

    def _send(self, now_ns: int) -> tuple[list[Outgoing], Heard]:
        mixes = {rate: plan.mixes(self._rows.sounding) for rate, plan in self._plans.items()}
        sounds = {rate: mix(self._rows.frames[rate], mixes[rate]) for rate in mixes}
        skipped = self._begin_mixing(mixes, now_ns)
        mixed = Mixed(mixes, sounds)
        encoded, voices = self._shared.encode(mixed, skipped, self._faults)
        heard = heard_by_all(mixed, self._laws, voices)
        sends: list[Outgoing] = []
        for leg, ticks in skipped.items():
            sender = leg.sender
            number = mixes[sender.rate].of_listener(leg.row)
            try:
                if isinstance(sender, OpusSender):
                    packets = encoded.get(sender, [])
                elif number is None:
                    packets = sender.send_silence()
                elif isinstance(sender, NarrowSender):
                    packets = sender.send(heard.frame(sender.law, number))
                else:
                    packets = sender.send(sounds[sender.rate][number])
                sends += leg.outgoing(packets, ticks)
            except Exception as error:  # as in _take_legs
                self._faults.append((leg.name, error))
        return sends, heard

    def _begin_mixing(self, mixes: Mapping[int, Mixes], now_ns: int) -> dict[Party, int]:
        """The legs that are mixed for in this tick, with the ticks that went by since something was passed on."""
        mixed_for: dict[Party, int] = {}
        for leg in self._told.values():
            if leg.passing.is_on(now_ns):
                continue
            ticks = leg.passing.ticks_skipped(mixes[leg.sender.rate].of_row[leg.row] != NO_MIX, now_ns)
            if ticks is not None:
                leg.passing.mixed()
                mixed_for[leg] = ticks
        return mixed_for
