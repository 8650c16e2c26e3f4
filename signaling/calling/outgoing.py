"""Calls that the centre wants placed: trunk after trunk, target after target, until one answers for the called side.

A target that does not answer, or has no room, is passed over for a while. What the called side itself says (busy, no
answer, rejected) holds everywhere and is the end.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

import structlog

from ipc.faults import told
from signaling.calling.dial import Answered, Dial, DialEvent, EarlyMedia, Ended, Failed, MediaRules, Ringing, Tell
from signaling.calling.dialling import Dialling
from signaling.carriers.presenting import Shown, present
from signaling.center import events
from signaling.center.center import Center
from signaling.center.decisions import PlaceCall
from signaling.center.resources import Outbound, Trunk
from signaling.center.routes import Route, written
from signaling.house import House
from signaling.sip.flow import Address, Flow, Transport
from signaling.sip.headers.reason import Reason
from signaling.sip.messages.uri import Uri, format_host
from signaling.sip.reaching.locating import Hop, Unreachable
from signaling.sip.reaching.targets import Target, called_uri

log = structlog.get_logger()

Locate = Callable[[Target, tuple[Transport, ...]], Awaitable[list[Hop]]]
FlowTo = Callable[[Transport, Address, str], Flow]
"""By transport and address, with the name that its certificate must have."""
IsUp = Callable[[str, Address], bool]
"""Whether calls of a trunk may be sent there, by what else is known of it."""


class Limits(Protocol):
    """How many calls a trunk may have. Keys are direction and name of a call."""

    def admit(self, trunk: str, key: tuple[str, str], now: float) -> bool:
        """Whether one more may begin; it counts until it is released."""

    def hold(self, trunk: str, key: tuple[str, str]) -> None:
        """Counts one that is there already."""

    def release(self, key: tuple[str, str]) -> None:
        """Nothing happens for a call that was not admitted."""


@dataclass(frozen=True, slots=True)
class Network:
    """What a call needs to find its way."""

    locate: Locate
    flow_to: FlowTo
    is_up: IsUp
    limits: Limits
    clock: Callable[[], float]
    """Seconds: the one by which the limits count calls that come, too."""


@dataclass(frozen=True, slots=True)
class _Placing:
    """One call that is being placed."""

    call: PlaceCall
    going: "asyncio.Task[None]"


@dataclass(frozen=True, slots=True)
class _Way:
    route: Route
    outbound: Outbound
    target: Target
    hop: Hop


class Outgoing:
    def __init__(self, house: House, dialling: Dialling, network: Network) -> None:
        self._house = house
        self._dialling = dialling
        self._network = network
        self._unreachable = Unreachable()
        self._placing: dict[str, _Placing] = {}
        self.draining = False
        """Nobody is called any more; calls that are up go on."""

    def place(self, center: Center, call: PlaceCall) -> None:
        task = asyncio.get_running_loop().create_task(self._place(center, call))
        placing = self._placing[call.leg] = _Placing(call, task)
        task.add_done_callback(lambda _: self._forget(placing))

    def adopt(self, center: Center, leg: str, trunk: str) -> Tell:
        """A call of ours through this trunk that was answered before this process; what is to be told of it."""
        limits, key = self._network.limits, ("out", leg)
        limits.hold(trunk, key)

        def tell(event: DialEvent) -> None:
            if isinstance(event, Ended):
                limits.release(key)
            self._tell(center, leg.partition("/")[0], event)

        return tell

    def hang_up(self, leg: str) -> None:
        """However far the call is."""
        placing = self._placing.pop(leg, None)
        if placing is not None:
            placing.going.cancel()
        self._dialling.hang_up(leg)
        self._network.limits.release(("out", leg))

    def lose(self, contact: str) -> None:
        """Every call of a room that is gone."""
        for leg in [leg for leg, placing in self._placing.items() if _room(placing.call) == contact]:
            self.hang_up(leg)
        self._dialling.lose(contact)

    def lose_media(self, leg: str) -> None:
        """There will be no sound on that leg."""
        self._dialling.lose_media(leg)

    def press(self, leg: str, digit: str, duration_ms: int) -> None:
        self._dialling.press(leg, digit, duration_ms)

    def contacts(self) -> list[str]:
        """Those in whose rooms calls of ours are."""
        placed = [_room(placing.call) for placing in self._placing.values()]
        return list({*placed, *self._dialling.contacts()})

    async def close(self) -> None:
        """Nothing more is placed."""
        going = [placing.going for placing in self._placing.values()]
        for task in going:
            task.cancel()
        await asyncio.gather(*going, return_exceptions=True)

    def _forget(self, placing: _Placing) -> None:
        if self._placing.get(placing.call.leg) is placing:
            del self._placing[placing.call.leg]

    async def _place(self, center: Center, call: PlaceCall) -> None:
        failed = Failed(call.leg, "failed", 503)
        try:
            async for way in self._ways(center, call):
                ended = await self._try(center, call, way)
                if ended is None:
                    return
                failed = ended
                if not ended.elsewhere:
                    break
                log.warning("x trunk target failed", trunk=way.route.trunk.name, status=ended.status)
        except Exception as error:  # the boundary of one call: the contact must not wait for ever
            log.error("! call not placed", contact=call.contact, **told(error))
        reason = _short(failed.reason)
        self._house.tell(center, events.CalledFailed(call.contact, failed.outcome, failed.status, reason))

    async def _ways(self, center: Center, call: PlaceCall) -> AsyncIterator[_Way]:
        """Those that are not known to be down; all of them if there is no other."""
        passed_over: list[_Way] = []
        tried = False
        for route in call.routes if not self.draining else ():
            async for way in self._ways_of(route):
                trunk = _trunk_name(center, route.trunk)
                if self._unreachable.is_down(way.hop, self._network.clock()) or not self._network.is_up(
                    trunk, _asked(way.hop)
                ):
                    passed_over.append(way)
                else:
                    tried = True
                    yield way
        for way in passed_over if not tried else ():
            yield way

    async def _ways_of(self, route: Route) -> AsyncIterator[_Way]:
        outbound = route.trunk.outbound
        if outbound is None:
            return
        for text in outbound.targets:
            target = Target.parse(text)
            for hop in await self._network.locate(target, route.trunk.transports):
                yield _Way(route, outbound, target, hop)

    async def _try(self, center: Center, call: PlaceCall, way: _Way) -> Failed | None:
        """Until it is answered (None), or has failed."""
        limits, key = self._network.limits, ("out", call.leg)
        if not limits.admit(_trunk_name(center, way.route.trunk), key, self._network.clock()):
            return Failed(call.leg, "failed", 503, elsewhere=True)
        result: asyncio.Future[Failed | None] = asyncio.get_running_loop().create_future()

        def tell(event: DialEvent) -> None:
            if isinstance(event, Failed) and not result.done():
                result.set_result(event)
            elif isinstance(event, Answered) and not result.done():
                result.set_result(None)
            if isinstance(event, Failed | Ended):
                limits.release(key)
            if isinstance(event, Failed) and event.elsewhere:
                self._unreachable.mark(way.hop, self._network.clock())
            else:
                self._unreachable.clear(way.hop)
            self._tell(center, call.contact, event)

        self._dialling.dial(self._dial(center, call, way), tell)
        return await result

    def _tell(self, center: Center, contact: str, event: DialEvent) -> None:
        match event:
            case Ringing():
                self._house.tell(center, events.CalledRinging(contact))
            case EarlyMedia():
                self._house.tell(center, events.CalledEarly(contact))
            case Answered():
                self._house.tell(center, events.CalledAnswered(contact))
            case Ended(_, wanted, reason):
                self._house.tell(center, events.CustomerLeft(contact, not wanted, _short(reason)))

    def _dial(self, center: Center, call: PlaceCall, way: _Way) -> Dial:
        trunk, outbound, hop = way.route.trunk, way.outbound, way.hop
        flow = self._network.flow_to(hop.transport, _address(hop), hop.name)
        target, host = _called(way), outbound.domain or format_host(flow.local[0])
        passed_on = written(outbound, call.passed_on) if call.passed_on else ""
        caller, fields = present(outbound, Shown(way.route.caller, call.caller_name, host, target, passed_on))
        return Dial(
            tenant=center.floor.tenant,
            contact=_room(call),
            leg=call.leg,
            flow=flow,
            target=target,
            caller=caller,
            fields=fields,
            rules=MediaRules.of(trunk),
            ring=float(call.ring_seconds or outbound.ring_seconds),
            patience=float(outbound.patience_seconds),
            trunk=_trunk_name(center, trunk),
        )


def _room(call: PlaceCall) -> str:
    return call.room or call.contact


def _trunk_name(center: Center, trunk: Trunk) -> str:
    """As signaling.carriers.trunks names it among all instances."""
    return f"{center.floor.tenant.instance}/{trunk.name}"


def _address(hop: Hop) -> Address:
    return (hop.address, hop.port)


def _asked(hop: Hop) -> Address:
    """How the target is known to who asks it whether it is there: by TLS by its name."""
    return (hop.name if hop.transport == "tls" else hop.address, hop.port)


def _called(way: _Way) -> Uri:
    domain = way.outbound.domain
    port = None if domain else way.target.port
    return called_uri(way.route.called.reveal(), domain or way.target.host, port, way.hop.transport)


def _short(reason: Reason | None) -> str | None:
    """Protocol and cause: its text is the peer's, and may name somebody."""
    return str(Reason(reason.protocol, reason.cause)) if reason is not None else None
