"""The SIP server against sipp, an implementation of others, over UDP and TCP: as called and as caller."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from signaling.sip.calls.invitation import Invitation
from signaling.sip.config import SipConfig, Timers
from signaling.sip.events import (
    CallAnswered,
    CallEnded,
    CallOffer,
    CallProgress,
    DigitPressed,
    IncomingCall,
    OfferAnswered,
    SipEvent,
    TransferAsked,
    TransferReported,
)
from signaling.sip.flow import Flow, Transport
from signaling.sip.headers import NameAddr
from signaling.sip.messages.uri import Uri
from signaling.sip.registering.digest import Account
from signaling.sip_server.sip_io import Bound, SipServer
from tests.signaling import sipp
from tests.signaling.sip.network import ANSWER, OFFER
from tests.signaling.sipp import answer, ask, get, invited, offer, pause, send

MODES: list[Transport] = ["udp", "tcp"]
PATIENT = SipConfig(min_se=1)
BRIEF = SipConfig(timers=Timers(t1=0.05, t2=0.4, t4=0.5, d=2.0))

ANSWERED = [get(100, optional=True), get(180, optional=True), get(183, optional=True), get(200, check="m=audio")]
UP = [send("INVITE", 1, body=offer()), *ANSWERED, send("ACK", 1)]
END = [send("BYE", 9), get(200)]
REPEATED = [get(200, optional=True)] * 16
OVER = [get("BYE"), answer(200, in_call=True)]


def account_for(trunk: str, flow: Flow, realm: str) -> Account | None:
    return Account("ada", "s3cret") if realm == "pbx" else None


class Side:
    def __init__(self, config: SipConfig) -> None:
        self.server = SipServer(config, lambda flow: "carrier", self._on_event, account_for=account_for)
        self.events: list[SipEvent] = []
        self.react: Callable[[SipServer, SipEvent], None] = react_plainly
        self.bound = Bound(0, 0, 0)
        self._news = asyncio.Event()

    def _on_event(self, event: SipEvent) -> None:
        self.events.append(event)
        self._news.set()
        self.react(self.server, event)

    async def ended(self, count: int = 1) -> list[CallEnded]:
        async with asyncio.timeout(15):
            while len(found := [event for event in self.events if isinstance(event, CallEnded)]) < count:
                self._news.clear()
                await self._news.wait()
        return found

    def kinds(self) -> list[type]:
        return [type(event) for event in self.events]


def react_plainly(server: SipServer, event: SipEvent) -> None:
    if isinstance(event, IncomingCall):
        server.ring(event.call)
        server.answer(event.call, ANSWER)
    elif isinstance(event, CallOffer):
        server.accept_offer(event.call, ANSWER)
    elif isinstance(event, TransferAsked):
        server.accept_transfer(event.call)
        # Later, since sipp takes one message at a time.
        asyncio.get_running_loop().call_later(0.3, server.report_transfer, event.call, 200)


@asynccontextmanager
async def running(config: SipConfig = PATIENT) -> AsyncIterator[Side]:
    side = Side(config)
    side.bound = await side.server.start("127.0.0.1", 0)
    try:
        yield side
    finally:
        await side.server.close()


async def call_us(side: Side, steps: Sequence[str], folder: Path) -> None:
    """sipp calls by each transport at once; every step must come."""
    target = f"127.0.0.1:{side.bound.udp}"
    folders = {mode: folder / mode for mode in MODES}
    for each in folders.values():
        each.mkdir()
    runs = [sipp.run(steps, folders[mode], "-t", f"{mode[0]}1", target) for mode in MODES]
    assert await asyncio.gather(*runs) == [0, 0]
    await side.ended(len(MODES))
    assert side.server.agent.calls == 0
    assert side.server.agent.counters.faults == side.server.agent.counters.malformed == 0


def causes(side: Side) -> set[tuple[str, int]]:
    return {(event.cause, event.status) for event in side.events if isinstance(event, CallEnded)}


async def test_hold_by_reinvite_and_resume_by_update(tmp_path: Path) -> None:
    async with running() as side:
        hold = [send("INVITE", 2, body=offer("sendonly")), get(100, optional=True), get(200), send("ACK", 2)]
        resume = [send("UPDATE", 3, body=offer()), get(200, check="m=audio")]
        await call_us(side, [*UP, *hold, *resume, *END], tmp_path)
        assert side.kinds().count(CallOffer) == 4 and causes(side) == {("bye", 200)}


async def test_late_offer(tmp_path: Path) -> None:
    async with running() as side:
        steps = [send("INVITE", 1), *ANSWERED, send("ACK", 1, body=offer()), *END]
        await call_us(side, steps, tmp_path)
        answered = [event.sdp for event in side.events if isinstance(event, CallAnswered)]
        assert all(sdp is not None and "m=audio 6000" in sdp for sdp in answered) and len(answered) == 2


async def test_early_media_with_prack_and_update(tmp_path: Path) -> None:
    async with running() as side:

        def react(server: SipServer, event: SipEvent) -> None:
            if isinstance(event, IncomingCall):
                server.progress(event.call, ANSWER)
            elif isinstance(event, CallOffer):
                server.accept_offer(event.call, ANSWER)
                server.answer(event.call, ANSWER)

        side.react = react
        steps = [
            send("INVITE", 1, "Supported: 100rel", body=offer()),
            get(100, optional=True),
            get(183, keep={"rseq": "RSeq"}, check="Require: 100rel"),
            send("PRACK", 2, "RAck:[$rseq] 1 INVITE"),
            get(200),
            send("UPDATE", 3, body=offer()),
            get(200, check="CSeq: 3 UPDATE"),
            get(200, check="CSeq: 1 INVITE"),
            send("ACK", 1),
            *END,
        ]
        await call_us(side, steps, tmp_path)
        assert causes(side) == {("bye", 200)}


async def test_session_that_we_refresh(tmp_path: Path) -> None:
    async with running() as side:
        steps = [
            send("INVITE", 1, "Supported: timer", "Allow: UPDATE", "Session-Expires: 4;refresher=uas", body=offer()),
            get(100, optional=True),
            get(180, optional=True),
            get(200, check="Session-Expires: 4;refresher=uas"),
            send("ACK", 1),
            get("UPDATE", check="Session-Expires: 4;refresher=uac"),
            answer(200, "Session-Expires: 4;refresher=uac", in_call=True),
            *END,
        ]
        await call_us(side, steps, tmp_path)


async def test_session_that_lapses(tmp_path: Path) -> None:
    async with running() as side:
        invite = send("INVITE", 1, "Supported: timer", "Session-Expires: 3;refresher=uac", body=offer())
        await call_us(side, [invite, *ANSWERED, send("ACK", 1), *OVER], tmp_path)
        assert causes(side) == {("timeout", 408)}


async def test_session_that_is_too_brief(tmp_path: Path) -> None:
    async with running(SipConfig()) as side:
        brief = send("INVITE", 1, "Supported: timer", "Session-Expires: 60", body=offer())
        steps = [
            brief,
            get(422, check="Min-SE: 90"),
            send("ACK", 1, branch="[branch-2]"),
            send("INVITE", 2, "Supported: timer", "Session-Expires: 90", body=offer()).replace("[peer_tag_param]", ""),
            *ANSWERED,
            send("ACK", 2),
            *END,
        ]
        await call_us(side, steps, tmp_path)


REPLACING = "Replaces=other%3Bto-tag%3D1%3Bfrom-tag%3D2"
"""In the URI that an attended transfer is to."""


@pytest.mark.parametrize("headers", ["", REPLACING])
async def test_transfer_is_reported(headers: str, tmp_path: Path) -> None:
    async with running() as side:
        reported = [get("NOTIFY", check="SIP/2.0 100"), answer(200, in_call=True)]
        done = [get("NOTIFY", check="SIP/2.0 200"), answer(200, in_call=True)]
        target = "sip:+4930@pbx.test" + (f"?{headers}" if headers else "")
        refer = [send("REFER", 2, f"Refer-To: <{target}>"), get(202)]
        await call_us(side, [*UP, *refer, *reported, *done, *END], tmp_path)
        asked = [
            (event.target.reveal().name, event.replaces) for event in side.events if isinstance(event, TransferAsked)
        ]
        assert asked == [("+4930", None)] * 2  # the call that it is to replace is none of ours


@pytest.mark.parametrize("attended", [False, True])
async def test_we_ask_the_called_side_to_call_another_and_hear_how_it_goes(attended: bool, tmp_path: Path) -> None:
    async with running() as side:

        def react(server: SipServer, event: SipEvent) -> None:
            if isinstance(event, CallAnswered):
                target = Uri("sip", "+4930", "pbx.test")
                server.refer(event.call, server.agent.replacing(event.call, target) if attended else target)
            elif isinstance(event, TransferReported) and event.status >= 200:
                server.hang_up(event.call)

        side.react = react
        to = r"Refer-To: <sip:\+4930@pbx.test" + (r"\?Replaces=.*to-tag" if attended else ">")
        frag = "Event: refer", "Content-Type: message/sipfrag"
        steps = [
            invited(),
            answer(200, invite=True, body=offer()),
            get("ACK"),
            get("REFER", check=to),
            answer(202, in_call=True),
            ask("NOTIFY", 2, *frag, "Subscription-State: active", body="SIP/2.0 100 Trying\n"),
            get(200),
            ask("NOTIFY", 3, *frag, "Subscription-State: terminated", body="SIP/2.0 200 OK\n"),
            get(200),
            *OVER,
        ]
        await call_sipp(side, steps, tmp_path)
        told = [event.status for event in side.events if isinstance(event, TransferReported)]
        assert sorted(told) == [100, 100, 200, 200]


async def test_digits_and_what_is_not_served(tmp_path: Path) -> None:
    async with running() as side:
        digit = send("INFO", 2, "Content-Type: application/dtmf-relay", body="Signal=5\nDuration=160\n")
        message = send("MESSAGE", 3, "Content-Type: text/plain", body="hello")
        steps = [*UP, digit, get(200), message, get(405, check="Allow: "), send("OPTIONS", 4), get(200), *END]
        await call_us(side, steps, tmp_path)
        assert side.kinds().count(DigitPressed) == 2


async def test_cancel_while_it_rings(tmp_path: Path) -> None:
    async with running() as side:
        side.react = lambda server, event: server.ring(event.call) if isinstance(event, IncomingCall) else None
        steps = [
            send("INVITE", 1, body=offer()),
            get(100, optional=True),
            get(180),
            send("CANCEL", 1, branch="[branch-3]").replace("[peer_tag_param]", ""),
            get(200),
            get(487),
            send("ACK", 1, branch="[branch-6]"),
        ]
        await call_us(side, steps, tmp_path)
        assert causes(side) == {("cancel", 487)}


async def test_bye_before_the_answer(tmp_path: Path) -> None:
    async with running() as side:
        side.react = lambda server, event: server.ring(event.call) if isinstance(event, IncomingCall) else None
        steps = [
            send("INVITE", 1, body=offer()),
            get(100, optional=True),
            get(180),
            send("BYE", 2),
            get(200),
            get(487),
            send("ACK", 1, branch="[branch-6]"),
        ]
        await call_us(side, steps, tmp_path)


async def test_lost_ack(tmp_path: Path) -> None:
    async with running(BRIEF) as side:
        await call_us(side, [send("INVITE", 1, body=offer()), *ANSWERED, *REPEATED, *OVER], tmp_path)
        assert causes(side) == {("timeout", 408)}


async def call_sipp(side: Side, steps: Sequence[str], folder: Path) -> None:
    """We call a sipp by each transport at once."""
    await asyncio.gather(*(_call_sipp(side, steps, folder / mode, mode) for mode in MODES))
    await side.ended(len(MODES))
    assert side.server.agent.calls == side.server.agent.counters.faults == 0


async def _call_sipp(side: Side, steps: Sequence[str], folder: Path, mode: Transport) -> None:
    folder.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = asyncio.create_task(sipp.run(steps, folder, "-t", f"{mode[0]}1", "-p", str(port), "-ci", "127.0.0.1"))
    if mode == "tcp":
        await until_open(port)
    remote = ("127.0.0.1", port)
    caller = NameAddr(Uri("sip", "+4917", "caller.test"))
    side.server.invite(side.server.flow_to(mode, remote), Invitation(Uri("sip", "493012345", *remote), caller, OFFER))
    assert await process == 0


async def until_open(port: int) -> None:
    """Listening, by the kernel's table: a connection of ours would count as a call."""
    line = f" 0100007F:{port:04X} 00000000:0000 0A "
    async with asyncio.timeout(10):
        while line not in Path("/proc/net/tcp").read_text():
            await asyncio.sleep(0.02)


def leave_when_up(server: SipServer, event: SipEvent) -> None:
    if isinstance(event, OfferAnswered):
        server.hang_up(event.call)


async def test_we_call_with_early_media_hold_and_bye(tmp_path: Path) -> None:
    async with running(SipConfig()) as side:

        def react(server: SipServer, event: SipEvent) -> None:
            if isinstance(event, CallAnswered):
                server.offer(event.call, OFFER)
            leave_when_up(server, event)

        side.react = react
        steps = [
            invited(check="Supported: 100rel"),
            answer(183, "Require: 100rel", "RSeq: 5", body=offer()),
            get("PRACK", check="RAck: 5 1 INVITE"),
            answer(200, in_call=True),
            answer(200, invite=True),
            get("ACK"),
            get("INVITE", check="m=audio"),
            answer(200, in_call=True, body=offer()),
            get("ACK"),
            *OVER,
        ]
        await call_sipp(side, steps, tmp_path)
        assert side.kinds().count(CallProgress) == 2 and causes(side) == {("bye", 200)}


async def test_answer_that_crosses_our_cancel(tmp_path: Path) -> None:
    async with running(SipConfig()) as side:
        side.react = lambda server, event: server.hang_up(event.call) if isinstance(event, CallProgress) else None
        steps = [
            invited(),
            answer(183, body=offer()),
            get("CANCEL"),
            answer(200),
            answer(200, invite=True, body=offer()),
            get("ACK"),
            *OVER,
        ]
        await call_sipp(side, steps, tmp_path)
        assert causes(side) == {("cancel", 200)}


async def test_offers_that_cross(tmp_path: Path) -> None:
    async with running(SipConfig()) as side:

        def react(server: SipServer, event: SipEvent) -> None:
            if isinstance(event, CallAnswered):
                server.offer(event.call, OFFER)
            leave_when_up(server, event)

        side.react = react
        steps = [
            invited(),
            answer(200, body=offer()),
            get("ACK"),
            get("INVITE"),
            answer(491, in_call=True),
            get("ACK"),
            get("INVITE"),
            answer(200, in_call=True, body=offer()),
            get("ACK"),
            *OVER,
        ]
        await call_sipp(side, steps, tmp_path)


def challenge(nonce: str, *, stale: bool = False, header: str = "WWW-Authenticate") -> str:
    return f'{header}: Digest realm="pbx", nonce="{nonce}", qop="auth"' + (", stale=true" if stale else "")


def signed(nonce: str, header: str = "Authorization") -> str:
    return f'{header}: Digest username="ada", realm="pbx", nonce="{nonce}".*qop=auth, nc=00000001, cnonce="'


async def test_digest_with_a_stale_nonce(tmp_path: Path) -> None:
    async with running(SipConfig()) as side:
        side.react = lambda server, event: server.hang_up(event.call) if isinstance(event, CallAnswered) else None
        steps = [
            invited(),
            answer(401, challenge("n1")),
            get("ACK"),
            invited(check=signed("n1")),
            answer(401, challenge("n2", stale=True)),
            get("ACK"),
            invited(check=signed("n2")),
            answer(200, body=offer()),
            get("ACK", check=signed("n2")),
            get("BYE"),
            answer(407, challenge("n3", header="Proxy-Authenticate"), in_call=True),
            get("BYE", check=signed("n3", "Proxy-Authorization")),
            answer(200, in_call=True),
        ]
        await call_sipp(side, steps, tmp_path)
        assert causes(side) == {("bye", 200)}


async def test_wrong_credentials_end_the_call(tmp_path: Path) -> None:
    async with running(SipConfig()) as side:
        steps = [
            invited(),
            answer(401, challenge("n1")),
            get("ACK"),
            invited(check=signed("n1")),
            answer(401, challenge("n2")),
            get("ACK"),
        ]
        await call_sipp(side, steps, tmp_path)
        assert causes(side) == {("rejected", 401)}


@pytest.mark.parametrize("status", [486, 603])
async def test_refused_by_the_called_side(status: int, tmp_path: Path) -> None:
    async with running(SipConfig()) as side:
        await call_sipp(side, [invited(), answer(status), get("ACK")], tmp_path)
        assert causes(side) == {("rejected", status)}


async def test_called_side_asks_to_refresh_and_hangs_up(tmp_path: Path) -> None:
    async with running() as side:
        steps = [
            invited(check="Session-Expires: 1800"),
            answer(200, "Session-Expires: 4;refresher=uac", "Require: timer", "Allow: UPDATE", body=offer()),
            get("ACK"),
            get("UPDATE", check="Session-Expires: 4;refresher=uac"),
            answer(200, "Session-Expires: 4;refresher=uac", in_call=True),
            pause(50),
            ask("BYE", 2),
            get(200),
        ]
        await call_sipp(side, steps, tmp_path)
        assert causes(side) == {("bye", 200)}


def hang_up_when_answered(server: SipServer, event: SipEvent) -> None:
    react_plainly(server, event)
    if isinstance(event, CallAnswered):
        server.hang_up(event.call)


class Doubler(asyncio.DatagramProtocol):
    """Passes every datagram on twice."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self._transport = transport

    def datagram_received(self, data: bytes, source: tuple[str, int]) -> None:
        for _ in range(2):
            self._transport.sendto(data, self._target)


async def test_every_request_comes_twice(tmp_path: Path) -> None:
    async with running() as side:
        doubler = Doubler(("127.0.0.1", side.bound.udp))
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: doubler, ("127.0.0.1", 0))
        host, port = transport.get_extra_info("sockname")
        update = [send("UPDATE", 2, body=offer("sendonly")), get(200, check="UPDATE")]
        digit = [send("INFO", 3, "Content-Type: application/dtmf-relay", body="Signal=5\n"), get(200, check="INFO")]
        status = await sipp.run([*UP, pause(100), *update, *digit, *END], tmp_path, "-t", "u1", f"{host}:{port}")
        transport.close()
        assert status == 0
        await side.ended()
        kinds = [IncomingCall, CallAnswered, CallOffer, DigitPressed, CallEnded]
        assert [side.kinds().count(kind) for kind in kinds] == [1] * 5
        assert side.server.agent.counters.faults == side.server.agent.calls == 0


async def test_bye_that_is_lost_comes_again(tmp_path: Path) -> None:
    async with running(BRIEF) as side:
        side.react = hang_up_when_answered
        await call_us(side, [*UP, get("BYE"), pause(400), answer(200, in_call=True)], tmp_path)
        assert causes(side) == {("bye", 200)}


async def test_bye_that_nobody_answers_leaves_no_call(tmp_path: Path) -> None:
    async with running(BRIEF) as side:
        side.react = hang_up_when_answered
        assert await sipp.run([*UP, get("BYE")], tmp_path, "-t", "u1", f"127.0.0.1:{side.bound.udp}") == 0
        await side.ended()
        async with asyncio.timeout(10):
            while side.server.agent.transactions or side.server.agent.calls:
                await asyncio.sleep(0.05)  # timer F has no event


async def test_cancel_that_crosses_our_200(tmp_path: Path) -> None:
    async with running() as side:
        cancel = send("CANCEL", 1, branch="[branch-5]").replace("[peer_tag_param]", "")
        steps = [send("INVITE", 1, body=offer()), *ANSWERED, cancel, get(200, check="CANCEL"), send("ACK", 1), *END]
        await call_us(side, steps, tmp_path)
        assert causes(side) == {("bye", 200)}, "a call that is answered is not cancelled (RFC 3261 §9.2)"


async def test_another_call_takes_the_place_of_one(tmp_path: Path) -> None:
    async with running() as side:
        up = asyncio.Event()

        def react(server: SipServer, event: SipEvent) -> None:
            react_plainly(server, event)
            if isinstance(event, CallAnswered) and side.kinds().count(CallAnswered) == len(MODES):
                up.set()

        side.react = react
        target, folder = f"127.0.0.1:{side.bound.udp}", tmp_path / "replaced"
        for mode in MODES:
            (folder / mode).mkdir(parents=True)
        first = [
            asyncio.create_task(sipp.run([*UP, *OVER], folder / mode, "-t", f"{mode[0]}1", target)) for mode in MODES
        ]
        async with asyncio.timeout(10):
            await up.wait()
        replaced = {event.call: event.flow.transport for event in side.events if isinstance(event, IncomingCall)}
        runs = []
        for call, mode in replaced.items():
            dialog = side.server.agent._core.sessions[call].get_dialog()
            call_id, ours, theirs = dialog.id
            header = f"Replaces: {call_id};to-tag={ours};from-tag={theirs}"
            steps = [send("INVITE", 1, header, body=offer()), *ANSWERED, send("ACK", 1), pause(300), *END]
            (tmp_path / mode).mkdir()
            runs.append(sipp.run(steps, tmp_path / mode, "-t", f"{mode[0]}1", target))
        assert await asyncio.gather(*first, *runs) == [0] * 4
        await side.ended(4)
        calls = [event.replaces for event in side.events if isinstance(event, IncomingCall)]
        assert calls[:2] == [None, None] and set(calls[2:]) == set(replaced)


async def test_first_of_forked_answers_wins(tmp_path: Path) -> None:
    async with running(SipConfig()) as side:

        def react(server: SipServer, event: SipEvent) -> None:
            if isinstance(event, CallAnswered):
                asyncio.get_running_loop().call_later(0.5, server.hang_up, event.call)

        side.react = react
        steps = [
            invited(),
            answer(180, branch="one"),
            answer(180, branch="two", invite=True),
            answer(200, invite=True, branch="two", body=offer()),
            get("ACK", check="tag=two"),
            answer(200, invite=True, branch="one", body=offer()),
            get("ACK", check="tag=one"),
            get("BYE", check="tag=one"),
            answer(200, in_call=True),
            get("BYE", check="tag=two"),
            answer(200, in_call=True),
        ]
        await call_sipp(side, steps, tmp_path)
        assert causes(side) == {("bye", 200)} and side.kinds().count(CallAnswered) == 2


async def test_we_repeat_until_the_called_side_answers(tmp_path: Path) -> None:
    async with running(BRIEF) as side:
        side.react = lambda server, event: server.hang_up(event.call) if isinstance(event, CallAnswered) else None
        steps = [invited(), pause(400), answer(200, invite=True, body=offer()), get("ACK"), get("BYE"), pause(400)]
        await call_sipp(side, [*steps, answer(200, in_call=True)], tmp_path)
        assert causes(side) == {("bye", 200)}
