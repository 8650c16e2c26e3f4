"""Dialogs at a rate meet our own SIP server, which answers, refuses or loses them."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from bench.sip.load import DialogLoad, DialogPlan, Outcome
from bench.sip.node import percentiles, summary
from bench.sip.report import dialogs_section
from bench.sip.sink import Sink
from bench.sip.wire import Line
from signaling.sip.config import SipConfig, Timers
from signaling.sip.events import CallAnswered, IncomingCall, SipEvent
from signaling.sip_server.sip_io import SipServer
from tests.signaling.sip.network import ANSWER

HOST = "127.0.0.1"
BRIEF = SipConfig(timers=Timers(t1=0.02, t2=0.1, t4=0.1, d=0.5))


@asynccontextmanager
async def server(react: Callable[[SipServer, SipEvent], None]) -> AsyncIterator[Line]:
    sip = SipServer(BRIEF, lambda flow: "load", lambda event: react(sip, event))
    bound = await sip.start(HOST, 0)
    try:
        yield Line(HOST, 0, (HOST, bound.udp), "+15550123", 9000)
        async with asyncio.timeout(5):
            while sip.agent.calls:
                await asyncio.sleep(0.01)  # the answer to its BYE is on the way
    finally:
        await sip.close()


def answer(sip: SipServer, event: SipEvent) -> None:
    if isinstance(event, IncomingCall):
        sip.answer(event.call, ANSWER)


def refuse(sip: SipServer, event: SipEvent) -> None:
    if isinstance(event, IncomingCall):
        sip.reject(event.call, 404)


async def outcome_of(line: Line, plan: DialogPlan) -> Outcome:
    async with DialogLoad(line) as load:
        return await load.run(plan)


async def test_whole_calls_are_counted_and_timed() -> None:
    async with server(answer) as line:
        outcome = await outcome_of(line, DialogPlan(20, 200.0, hold=0.02))
    assert (outcome.placed, outcome.done, outcome.failed.total(), outcome.without_audio) == (20, 20, 0, 0)
    assert len(outcome.answers) == len(outcome.byes) == 20
    figures = summary(outcome)
    assert figures["answer_ms"]["p50"] > 0 and figures["completed"] == 20
    more = {"rate": 200.0, "hold": 0.02, "media_heard": 0, "cpu_cores": {"signaling": 0.1, "relay": 0.2}}
    machine = {"cores": 2, "cpu": "a", "python": "3", "load_before": 0.0}
    text = dialogs_section({"date": "today", "command": "it", "machine": machine}, {**figures, **more})
    assert "20 calls, 0 failed" in text and "signaling 0.1" in text


async def test_a_refusal_is_a_failure_unless_it_is_wanted() -> None:
    async with server(refuse) as line:
        wanted = await outcome_of(line, DialogPlan(3, 100.0, manner="refused"))
        unwanted = await outcome_of(line, DialogPlan(3, 100.0))
    assert (wanted.done, wanted.failed.total()) == (3, 0)
    assert unwanted.failed == {"INVITE got 404": 3}


async def test_half_open_calls_are_ended_by_the_server() -> None:
    async with server(answer) as line:
        outcome = await outcome_of(line, DialogPlan(3, 100.0, manner="half-open"))
    assert (outcome.done, outcome.failed.total(), outcome.byes) == (3, 0, [])


async def test_a_call_that_the_server_ends_is_a_failure() -> None:
    def cut(sip: SipServer, event: SipEvent) -> None:
        answer(sip, event)
        if isinstance(event, CallAnswered):
            sip.hang_up(event.call)

    async with server(cut) as line:
        outcome = await outcome_of(line, DialogPlan(2, 100.0, hold=5.0))
    assert outcome.failed == {"ended by the server": 2}


async def test_the_sink_knows_whose_sound_it_was() -> None:
    async with Sink(HOST) as sink:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for packet in (b"\x80\x00" + bytes(6) + b"abcd", b"\x80\xc8" + bytes(6) + b"rtcp", b"\x80\x00"):
                sender.sendto(packet, (HOST, sink.port))
        async with asyncio.timeout(5):
            while not sink.sources:
                await asyncio.sleep(0.01)
    assert sink.sources == {b"abcd"}


def test_percentiles_are_in_ms() -> None:
    assert percentiles([]) == {}
    assert percentiles([0.1 * number for number in range(1, 11)]) == {
        "p50": 600.0, "p95": 1000.0, "p99": 1000.0, "max": 1000.0
    }  # fmt: skip
