"""The legs, rooms and players of a worker: what each command does to them, and what one tick does with them."""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import structlog

from ipc.messages import Done, Event, Refusal
from relay import api
from relay.digits.dtmf import DIGITS
from relay.engine import Engine, Outgoing
from relay.errors import LegError
from relay.leg import Leg
from relay.leg_maker import LegMaker
from relay.lines import make_lines
from relay.offers.negotiation import Agreement
from relay.outcome import Kept
from relay.passing.direct import Passed
from relay.passing.express import Express
from relay.passing.outbound import Outbound
from relay.passing.run import try_keeping, try_listening, try_run
from relay.playing.players import Players
from relay.rooms import Rooms
from relay.streams.rtcp import ntp_time
from relay.tapping.tap import TapBook
from relay.tick import now_ns, wall_clock

MOST_DIGITS = 32
LOOKED_AFTER = 8
"""Legs at once, or more."""
Log = Any
"""A logger of structlog."""
LOG: Log = structlog.get_logger()


class Switchboard:
    """`handle` answers a command or raises Refusal; `publish` is told every event."""

    def __init__(
        self, rtp_ports: tuple[int, int], taps: TapBook, publish: Callable[[Event], None], log: Log = LOG
    ) -> None:
        self._log = log
        self._engine = Engine(self._end_runs)
        self._taps = taps
        self._publish = publish
        self._rooms = Rooms(self._engine, taps)
        self._players = Players(self._engine, publish)
        self._lines = make_lines()
        self._express = self._lines.express = Express(self._lines, taps.record)
        self._maker = LegMaker(rtp_ports, self._lines, self._engine, taps, publish)
        self._outbound = Outbound(self._lines)
        self._legs: dict[str, Leg] = {}
        self.draining = False
        self.ended = api.Ended()
        self._handlers: dict[type[Any], Callable[[Any], msgspec.Struct]] = {
            api.AddRtpLeg: self._add_leg,
            api.AddBrowserLeg: self._add_leg,
            api.SetAnswer: self._set_answer,
            api.Renegotiate: self._renegotiate,
            api.Reoffer: self._reoffer,
            api.SetRoom: self._set_room,
            api.SendDigits: self._send_digits,
            api.TakeDigit: self._take_digit,
            api.MaskDigits: self._mask_digits,
            api.PlayTone: self._play_tone,
            api.StopPlayer: self._stop_player,
            api.DropLeg: self._drop_leg,
            api.GetLegs: self._get_legs,
            api.Drain: self._drain,
        }

    @property
    def legs(self) -> int:
        return len(self._legs)

    @property
    def rooms(self) -> int:
        return len(self._rooms)

    def listen(self, address: str, ice_port: int) -> None:
        """Opens the browsers' port. Raises OSError."""
        self._maker.listen(address, ice_port)

    def close(self) -> None:
        """Drops all legs and closes the browsers' port."""
        self.drop_all()
        self._maker.close()
        self._players.close()
        self._lines.shut()

    async def handle(self, command: Any) -> msgspec.Struct:
        """Only a player that has to be decoded first makes its command wait. Raises Refusal."""
        self._receive()  # what came before the command is heard and recorded as things were then
        self._express.hand_over()
        try:
            if isinstance(command, api.Play):
                self._require_room(command.room)
                await self._players.play(command)
                return Done()
            return self._handlers[type(command)](command)
        except LegError as error:
            raise Refusal(error.code, str(error)) from None

    def tick(self, now: int) -> None:
        """Moves the sound of 20 ms. `now` in ns."""
        self._receive()
        self._express.settle(now)
        done = self._engine.tick(now, self._express.play(now, self._engine.peaks))
        for name, error in done.faults:
            self._legs[name].fault(error)
        self._outbound.send(done.heard)
        for outgoing in done.sends:
            leg = self._legs[outgoing.leg]
            try:
                leg.send(outgoing)
                self._begin_listening(leg, outgoing)
            except Exception as error:  # one leg's fault must not silence the worker
                leg.fault(error)
        self._lines.flush()
        for room, player in done.ended:
            self._players.ended(room, player)
        for name, digit, duration_ms in done.digits:
            self._relay_digit(self._legs[name], digit, duration_ms)

    @property
    def passes(self) -> bool:
        """Whether there may be something to do between two ticks."""
        return self._engine.passes

    def beat(self, other: int | None = None, until_ns: int = 0) -> int:
        """Sends what is passed on from leg to leg, without waiting for the tick: now, and, if there is a descriptor
        `other`, until then or until it can be read. Returns for how many ns it slept."""
        slept_ns = 0 if other is None else self._lines.wait(other, until_ns)
        self._receive()
        self._lines.flush()
        return slept_ns

    def _receive(self) -> None:
        self._lines.receive()
        if not self._engine.has_taken:
            return
        for passed in self._engine.take_passed():
            leg = self._legs[passed.leg]
            try:
                leg.relay(passed)
                if passed.alone:
                    self._begin_run(passed)
            except Exception as error:  # one leg's fault must not silence the worker
                leg.fault(error)
        for kept in self._engine.take_kept():
            self._begin_keeping(kept)

    def _begin_listening(self, leg: Leg, outgoing: Outgoing) -> None:
        try_listening(leg, self._engine, self._outbound, outgoing)

    def _begin_keeping(self, kept: Kept) -> None:
        if (leg := self._legs.get(kept.leg)) is None:
            return
        try:
            try_keeping(leg, self._engine, self._express, kept)
        except Exception as error:  # likewise
            leg.fault(error)

    def _begin_run(self, passed: Passed) -> None:
        legs = self._legs[passed.source], self._legs[passed.leg]
        try_run(legs, self._engine, self._express, passed)

    def _end_runs(self, legs: Iterable[str]) -> None:
        for name in legs:
            if (leg := self._legs.get(name)) is not None:
                leg.end_runs()

    def look_after_legs(self, now: int, turn: int, turns: int) -> None:
        """Reports to peers, alarms, quality: in `turns` calls once for each leg, so that no tick has to wait for all of
        them, but for a few together, as what the first one needs is in the caches for the others."""
        parts = min(turns, max(1, len(self._legs) // LOOKED_AFTER))
        part, between = divmod(turn, turns // parts)
        if between or part >= parts:
            return
        ntp = ntp_time(wall_clock())
        for leg in list(self._legs.values())[part::parts]:
            try:
                leg.send_rtcp_if_due(now, ntp)
                leg.check_health(now)
            except Exception as error:  # likewise
                leg.fault(error)

    def keep_house(self, now: int) -> None:
        """A few times a second: browsers that no longer consent."""
        self._maker.keep_house(now)

    def drop_all(self) -> None:
        for leg in list(self._legs.values()):
            self._drop(leg)

    def _add_leg(self, command: api.AddRtpLeg | api.AddBrowserLeg) -> api.Media:
        if command.leg in self._legs:
            raise Refusal("exists", "the worker has a leg of this name")
        if self.draining and command.room not in self._rooms:
            raise Refusal("draining", "the worker takes no new rooms")
        leg, media = self._maker.make(command)
        self._legs[leg.name] = leg
        self._rooms.add(leg.name, leg.room, now_ns())
        self._log.info("= leg added", leg=leg.name, room=leg.room, kind=leg.kind, codec=leg.codec)
        return media

    def _set_answer(self, command: api.SetAnswer) -> api.Media:
        leg = self._leg(command.leg)
        return self._apply(leg, leg.negotiator.take_answer(command.answer))

    def _renegotiate(self, command: api.Renegotiate) -> api.Media:
        leg = self._leg(command.leg)
        return self._apply(leg, leg.negotiator.answer(command.offer))

    def _reoffer(self, command: api.Reoffer) -> api.Media:
        leg = self._leg(command.leg)
        ours = leg.negotiator.offer()
        return api.Media(ours.sdp, encrypted=ours.encrypted)

    def _apply(self, leg: Leg, agreement: Agreement) -> api.Media:
        leg.apply(agreement)
        media = leg.media()
        self._log.info("= leg negotiated", leg=leg.name, codec=media.codec, direction=media.direction)
        return media

    def _set_room(self, command: api.SetRoom) -> Done:
        self._require_room(command.room)
        _check_taps(command.taps)
        self._rooms.set(command, now_ns())
        return Done()

    def _send_digits(self, command: api.SendDigits) -> Done:
        leg = self._leg(command.leg)
        _check_digits(command.digits, command.duration_ms)
        for digit in command.digits:
            leg.press(digit, command.duration_ms)
        return Done()

    def _take_digit(self, command: api.TakeDigit) -> Done:
        leg = self._leg(command.leg)
        _check_digits(command.digit, command.duration_ms)
        if leg.masked:
            leg.tell_digit(command.digit, command.duration_ms, masked=True)
        else:
            self._relay_digit(leg, command.digit, command.duration_ms)
        return Done()

    def _mask_digits(self, command: api.MaskDigits) -> Done:
        self._leg(command.leg).mask_digits(command.on, now_ns())
        self._log.info("= digits masked" if command.on else "= digits unmasked", leg=command.leg)
        return Done()

    def _relay_digit(self, leg: Leg, digit: str, duration_ms: int) -> None:
        """Tells of a digit, and presses it for all who hear the leg: sound did not carry it to them."""
        leg.tell_digit(digit, duration_ms, masked=False)
        for listener in self._rooms.listeners(leg.room, leg.name):
            self._legs[listener].press(digit, duration_ms)

    def _play_tone(self, command: api.PlayTone) -> Done:
        self._require_room(command.room)
        self._players.play_tone(command)
        return Done()

    def _stop_player(self, command: api.StopPlayer) -> Done:
        if command.room in self._rooms:
            self._players.stop(command)
        return Done()

    def _drop_leg(self, command: api.DropLeg) -> api.LegReport:
        return self._drop(self._leg(command.leg))

    def _get_legs(self, command: api.GetLegs) -> api.Legs:
        return api.Legs(tuple(leg.report() for leg in self._legs.values()))

    def _drain(self, command: api.Drain) -> Done:
        self.draining = True
        self._log.info("= draining")
        return Done()

    def _drop(self, leg: Leg) -> api.LegReport:
        del self._legs[leg.name]
        try:
            report = leg.close(now_ns(), ntp_time(wall_clock()))
        finally:
            self._rooms.remove(leg.name, leg.room)
            if leg.room not in self._rooms:
                self._players.room_ended(leg.room)
        self.ended = _added(self.ended, report)
        self._log.info("x leg dropped", leg=leg.name, received=report.packets_received, sent=report.packets_sent)
        return report

    def _leg(self, name: str) -> Leg:
        if name not in self._legs:
            raise Refusal("no_such_leg", "the worker has no leg of this name")
        return self._legs[name]

    def _require_room(self, room: str) -> None:
        if room not in self._rooms:
            raise Refusal("no_such_room", "the worker has no room of this name")


def _added(sums: api.Ended, report: api.LegReport) -> api.Ended:
    return api.Ended(
        legs=sums.legs + 1,
        received=sums.received + report.packets_received,
        sent=sums.sent + report.packets_sent,
        lost=sums.lost + report.packets_lost,
        discarded=sums.discarded + report.packets_discarded,
        concealed=sums.concealed + report.frames_concealed,
        faults=sums.faults + report.faults,
    )


def _check_taps(taps: tuple[api.Tap, ...]) -> None:
    for tap in taps:
        if len(tap.recording) != 32 or set(tap.recording) - set("0123456789abcdef") or not 0 <= tap.party <= 255:
            raise Refusal("bad_command", "a tap's recording is 32 lower case hexadecimal digits, its party 0 to 255")


def _check_digits(digits: str, duration_ms: int) -> None:
    if not 0 < len(digits) <= MOST_DIGITS or set(digits) - set(DIGITS) or not 0 < duration_ms <= 10_000:
        raise Refusal("bad_command", "digits are 1 to 32 of 0-9, *, #, A-D, each of at most 10 seconds")
