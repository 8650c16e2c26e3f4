"""The jitter buffer of one leg: packets in as they come, sound out at an even pace. Pure, decodes nothing.

Time here is counted in units of the RTP clock. A packet's *lag* at its turn is how long it could have waited for it:
the time now minus the earliest arrival that its timestamp allows (relay.playout.delay). The buffer keeps the lag
between what the delay spread asks for and one frame more, so on a clean network a packet waits for the next tick and no
longer.

- Lost: something is made up, once, for as long as the packet would have lasted.
- Late, and more lag is wanted now: it is played after what was made up for it, and the lag has grown by that much.
- Late otherwise: dropped and counted.
- More lag than needed for a while: a packet is left out, at once if it is quiet.
- The sender pauses (silence suppression, comfort noise): sound begins again with the lag that is right by then.
- Packets are lost and others carry copies of those before them: one packet more is waited for, so that it is here when
  its copy is needed.
"""

from bisect import insort

import msgspec

from relay.formats import TICK_MS, Codec
from relay.playout.copies import CopyWatch
from relay.playout.delay import DelaySpread
from relay.streams.rtp import RtpPacket
from relay.streams.sequence import MAX_MISORDER, SequenceStats

MARGIN_MS = 2
"""Lag beyond the measured spread."""
MAX_WAIT_MS = 200
"""Lag that no spread goes beyond; packets that would have more are dropped."""
MAX_GAP_MS = 100
"""Sound is made up for no longer than this; then it is a pause."""
RESET_MS = 500
"""A transit this far from the base is another clock, not a delay."""
STALE_IN_A_ROW = 5
"""So many packets, none in time and nothing behind them: the base is wrong, not the packets."""
CAPACITY = 128
STRAGGLERS = 3
SPELL_TURNS, QUIET_TURNS = 15, 2
"""How many packets in a row must have had too much lag before one is left out: of any sound, of quiet."""


class Content(msgspec.Struct, frozen=True):
    """What a packet holds."""

    samples: int
    """Its length in the codec's units."""
    last: bool = False
    """A pause follows: comfort noise or Opus DTX."""
    copies: bool = False
    """It carries the sound before it, too (Opus in-band FEC)."""


class Sound(msgspec.Struct, frozen=True):
    """A packet whose turn it is."""

    codec: Codec
    payload: bytes
    samples: int
    skipped: bytes | None = None
    """The payload before it, which is left out to lessen the delay: to be joined without a step."""


class Lost(msgspec.Struct, frozen=True):
    """Nothing came in time."""

    samples: int
    following: bytes | None = None
    """The payload right after the gap, if it is here."""


class Rest(msgspec.Struct, frozen=True):
    """The sender is silent."""

    samples: int


Turn = Sound | Lost | Rest


class Lent(msgspec.Struct, frozen=True):
    """Packets in order that wait elsewhere."""

    first: int
    """Extended sequence number of the first."""
    payloads: list[bytes]
    turns_over: int
    """Packets in a row that had too much lag at their turn."""


class Held(msgspec.Struct, frozen=True, order=True):
    """A packet that waits; ordered by its extended sequence number, which no two share."""

    sequence: int
    timestamp: int
    samples: int
    payload: bytes
    codec: Codec
    last: bool


class JitterBuffer:
    """One leg's. `put` what was received, `take` until the tick's frame is full."""

    def __init__(self) -> None:
        self.stats = SequenceStats()
        self._queue: list[Held] = []
        self._aside: set[int] = set()
        self._ssrc: int | None = None
        self._former_ssrc: int | None = None
        self._stragglers = 0
        self._played: int | None = None
        self._transit: int | None = None
        self._position = 0
        self._lent: tuple[Codec, int] | None = None
        self._use_clock(8000)

    @property
    def target_ms(self) -> float:
        """The least lag that is wanted now."""
        return self._target * 1000 / self._clock

    def note(self, packet: RtpPacket) -> bool:
        """Counts a packet of any payload type in its sequence. False: it is to be left alone (again, strange)."""
        if packet.ssrc != self._ssrc and not self._new_source(packet.ssrc):
            return False
        self._stragglers = 0
        verdict = self.stats.count(packet.sequence)
        if verdict == "restart":
            self._begin()
        return verdict in ("new", "restart")

    def put(self, packet: RtpPacket, codec: Codec, content: Content, now_ns: int) -> None:
        """Takes in a packet of sound that `note` found good."""
        if codec.clock != self._clock:
            self._use_clock(codec.clock)
        now = now_ns * self._clock // 1_000_000_000
        passed = self._played is not None and packet.sequence <= self._played
        if content.copies:
            self._copies.copy(content.samples, now)
        self._measure(now - packet.timestamp, now, passed)
        if passed:
            self.stats.late += 1
            return
        held = Held(packet.sequence, packet.timestamp, content.samples, packet.payload, codec, content.last)
        insort(self._queue, held)
        if len(self._queue) > CAPACITY:
            self._drop_head()

    def pass_on(self, packet: RtpPacket, codec: Codec, samples: int, now_ns: int) -> None:
        """Tells of a packet of sound that was passed on with all that waited: what comes next begins anew."""
        if codec.clock != self._clock:
            self._use_clock(codec.clock)
        now = now_ns * self._clock // 1_000_000_000
        self._measure(now - packet.timestamp, now, False)
        self._queue.clear()
        if self._played is None or packet.sequence > self._played:
            self._goes_to(packet.sequence, packet.timestamp + samples)
        self._resting = True

    @property
    def pace(self) -> tuple[int, DelaySpread]:
        """The transit of the last packet, and how transits spread, in units of the clock."""
        return self._transit or 0, self._spread

    def passes_on_from(self, sequence: int, position: int) -> bool:
        """Whether all was passed on up to this packet, which is the newest, and its end."""
        done = self._played == sequence and self._position == position and not self._queue
        return done and self._transit is not None and self.stats.is_newest(sequence)

    def advance(self, packets: int, units: int, pace: tuple[int, float], now_ns: int) -> None:
        """So many more came elsewhere in order, of so many units together: they were passed on, or wait where those are
        that were lent. `pace`: the transit of the last one, and the jitter in ms; the spread knows of all."""
        if self._played is None:
            raise AssertionError("nothing was played before")
        self._transit = pace[0]
        self.stats.advance(packets, pace[1])
        self._stragglers = 0
        self._aim(now_ns * self._clock // 1_000_000_000)
        if self._lent is None:
            self._goes_to(self._played + packets, self._position + units)

    def lend(self, codec: Codec, now_ns: int) -> Lent | None:
        """What waits, to be played elsewhere until `take_back`; None if not all of it is of that codec, each for a
        tick, in order, and just to be played."""
        queue, position, samples = self._queue, self._position, codec.clock * TICK_MS // 1000
        if self._copies.wait(now_ns * self._clock // 1_000_000_000):
            return None
        if not queue or self._played is None or self._resting or self._gap or self._transit is None:
            return None
        for number, held in enumerate(queue):
            due = self._played + 1 + number, position + number * samples
            if (held.sequence, held.timestamp) != due or held.codec != codec or held.samples != samples or held.last:
                return None
        if not self.stats.is_newest(queue[-1].sequence):
            return None
        self._queue, self._lent = [], (codec, samples)
        return Lent(queue[0].sequence, [held.payload for held in queue], self._turns_over)

    def take_back(self, lent: Lent) -> None:
        """What waits now of what was lent, and came since; what was before it was played."""
        if self._lent is None or self._played is None:
            raise AssertionError("nothing was lent")
        (codec, samples), self._lent = self._lent, None
        played = lent.first - 1 - self._played
        if played:
            self._goes_to(lent.first - 1, self._position + played * samples)
        self._turns_over = lent.turns_over
        self._queue = [
            Held(lent.first + number, self._position + number * samples, samples, payload, codec, False)
            for number, payload in enumerate(lent.payloads)
        ]

    def waiting(self) -> list[tuple[RtpPacket, Codec, Content]]:
        """What waits for its turn: packets, and what `put` was told of them."""
        source = self._ssrc or 0
        return [
            (
                RtpPacket(0, False, source, held.sequence, held.timestamp, held.payload),
                held.codec,
                Content(held.samples, held.last),
            )
            for held in self._queue
        ]

    def pass_over(self, packet: RtpPacket) -> None:
        """Tells of a packet that `note` found good and that is no sound: its number is not missing."""
        self._aside.add(packet.sequence)
        if len(self._aside) > CAPACITY:
            self._aside.remove(min(self._aside))

    def take(self, now_ns: int, want: int, quiet: bool) -> Turn:
        """What comes next. `want`: what this tick still lacks. `quiet`: what was last heard of this leg was faint.

        A Lost or Rest lasts at most `want`; a Sound may last longer.
        """
        now = now_ns * self._clock // 1_000_000_000
        self._drop_stale(now)
        if not self._queue:
            return self._starve(now, want)
        head = self._queue[0]
        if self._resting:
            return self._play(now, quiet) if self._lag(head, now) >= self._target else Rest(want)
        gap = head.timestamp - self._position
        if gap > 0:
            return self._bridge(head, gap, want)
        if quiet and self._lag(head, now) < self._target:
            return Rest(want)
        return self._play(now, quiet)

    @property
    def clock(self) -> int:
        """Of the RTP clock that lengths are counted in, Hz."""
        return self._clock

    def _use_clock(self, clock: int) -> None:
        self._clock = clock
        self._frame = clock * TICK_MS // 1000
        self._spread = DelaySpread(clock)
        self._copies = CopyWatch(clock)
        self._begin()

    def _begin(self) -> None:
        """Forgets the sender's counters and clock; figures stay."""
        self._aside.clear()
        self._forget_clock()
        self._target = self._units(MARGIN_MS)
        self._played = None
        self._position = 0
        self._gap = 0
        self._turns_over = 0
        self._stale = 0

    def _forget_clock(self) -> None:
        """The sender's timestamps began anew: what waits cannot be timed any more."""
        self._queue.clear()
        self._spread.forget()
        self._transit = None
        self._resting = True

    def _new_source(self, ssrc: int) -> bool:
        # A straggler of the source before is not a third one; several in a row are that source come back.
        self._stragglers += 1
        late = ssrc == self._former_ssrc and self.stats.since_start < MAX_MISORDER
        if late and self._stragglers <= STRAGGLERS:
            self.stats.late += 1
            return False
        self._former_ssrc, self._ssrc = self._ssrc, ssrc
        self.stats.start()
        self._begin()
        return True

    def _measure(self, transit: int, now: int, passed: bool) -> None:
        if self._spread.known and abs(transit - self._spread.base) > self._units(RESET_MS):
            if passed:
                return
            self._forget_clock()
        self._spread.add(transit, now)
        self._aim(now)
        if self._transit is not None:
            difference = abs(transit - self._transit) * 1000 / self._clock
            self.stats.jitter_ms += (difference - self.stats.jitter_ms) / 16
        self._transit = transit

    def _aim(self, now: int) -> None:
        wanted = self._spread.spread + self._units(MARGIN_MS) + self._copies.wait(now)
        self._target = min(wanted, self._units(MAX_WAIT_MS))

    def _lag(self, held: Held, now: int) -> int:
        return now - self._spread.base - held.timestamp

    def _drop_stale(self, now: int) -> None:
        """Lets go of what comes too late or would be heard too late."""
        limit = self._units(MAX_WAIT_MS) + 2 * self._frame
        while self._queue:
            head = self._queue[0]
            passed = not self._resting and head.timestamp + head.samples <= self._position
            stale = self._lag(head, now) > limit
            if not stale and not (passed and not self._wanted_still(head, now)):
                return
            self._drop_head()
            self._count_stale(stale and not self._queue)

    def _count_stale(self, alone: bool) -> None:
        self._stale = self._stale + 1 if alone else 0
        if self._stale >= STALE_IN_A_ROW:
            self._stale = 0
            self._forget_clock()

    def _wanted_still(self, head: Held, now: int) -> bool:
        """Whether it is played though something was made up in its place: if that gives the lag that is wanted."""
        return head.timestamp >= self._position - self._gap and self._lag(head, now) < self._target + self._frame

    def _drop_head(self) -> None:
        head = self._queue.pop(0)
        self._played = head.sequence
        self._position = max(self._position, head.timestamp + head.samples)
        self.stats.late += 1

    def _starve(self, now: int, want: int) -> Turn:
        if self._resting or self._gap >= self._units(MAX_GAP_MS):
            self._resting = True
            return Rest(want)
        if self._copies.wait(now) and now - self._spread.base - self._position < self._target:
            return Lost(want)
        return self._make_up(want, None)

    def _bridge(self, head: Held, gap: int, want: int) -> Turn:
        if self._follows(head) or self._gap >= self._units(MAX_GAP_MS):
            self._resting = True
            return Rest(want)
        return self._make_up(min(gap, want), head.payload if gap <= want else None)

    def _follows(self, head: Held) -> bool:
        """Whether no sound was sent between the one last played and this: the sender paused."""
        before = range((self._played or 0) + 1, head.sequence)
        return len(before) <= CAPACITY and all(sequence in self._aside for sequence in before)

    def _make_up(self, length: int, following: bytes | None) -> Lost:
        self._position += length
        self._gap += length
        return Lost(length, following)

    def _play(self, now: int, quiet: bool) -> Sound:
        if self._played is not None and not self._follows(self._queue[0]):
            self._copies.loss(now)
        skipped = self._queue.pop(0).payload if self._has_too_much(now, quiet) else None
        head = self._queue.pop(0)
        self._goes_to(head.sequence, head.timestamp + head.samples)
        self._resting = head.last
        return Sound(head.codec, head.payload, head.samples, skipped)

    def _goes_to(self, sequence: int, position: int) -> None:
        """All up to there is done with."""
        self._played, self._position = sequence, position
        self._gap = self._stale = 0
        if self._aside:
            self._aside = {aside for aside in self._aside if aside > sequence}

    def _has_too_much(self, now: int, quiet: bool) -> bool:
        """Whether the head is to be left out: the next one is here, and even without the head there is lag enough."""
        head = self._queue[0]
        over = self._lag(head, now) - self._target
        self._turns_over = self._turns_over + 1 if over > self._frame + self._units(MARGIN_MS) else 0
        if self._turns_over < (QUIET_TURNS if quiet else SPELL_TURNS) or over < head.samples or head.last:
            return False
        if len(self._queue) < 2 or self._queue[1].sequence != head.sequence + 1 or self._queue[1].codec != head.codec:
            return False
        self._turns_over = 0
        return True

    def _units(self, ms: int) -> int:
        return self._clock * ms // 1000
