import ssl
from pathlib import Path
from typing import Literal

import pytest

from bench.call.caller import Caller, CallerConfig
from bench.call.errors import BadArgument, MediaError, NoAnswer, Rejected, Unreachable
from bench.call.negotiation import Terms
from bench.call.ports import open_udp
from bench.call.sounds import tone
from bench.call.wire import Target
from tests.bench.callee import Callee, Script, callee
from tests.bench.spectrum import tones
from tests.support.tls import make_certificate

SECONDS = 0.6


async def talk(phone: Callee, config: CallerConfig) -> Caller:
    async with Caller(config) as caller:
        await caller.answered()
        await phone.up.wait()
        assert await caller.wait(SECONDS)
    await phone.over.wait()
    return caller


@pytest.mark.parametrize("codec", ["PCMU", "PCMA", "opus", "G722"])
@pytest.mark.parametrize("srtp", ["off", "sdes"])
async def test_each_side_hears_the_other_and_nothing_else(codec: str, srtp: Literal["off", "sdes"]) -> None:
    terms = Terms((codec,), srtp)
    async with callee(Script(terms=terms, sound=tone(700))) as phone:
        caller = await talk(phone, CallerConfig("+4930123", phone.target(), terms, sound=tone(440)))
        assert tones(*caller.heard) == {700}
        assert tones(*phone.heard) == {440}
    report = caller.report
    assert report.outcome == "answered" and report.status == 200
    assert (report.codec, report.encrypted, report.ended_by) == (codec, srtp == "sdes", "us")
    assert report.packets_lost == report.packets_discarded == 0
    assert report.packets_received == pytest.approx(50 * SECONDS, abs=8)
    assert report.ringing_ms is not None and report.answered_ms is not None
    assert 0 < report.ringing_ms <= report.answered_ms < 2000


@pytest.mark.parametrize("transport", ["tcp", "tls"])
async def test_streams(transport: Literal["tcp", "tls"], tmp_path: Path) -> None:
    server, client = make_certificate(tmp_path)
    async with callee(tls=server) as phone:
        target = phone.target(transport, client if transport == "tls" else None)
        caller = await talk(phone, CallerConfig("100", target, sound=tone(440)))
        assert tones(*caller.heard) == {700}
        assert tones(*phone.heard) == {440}


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
async def test_a_caller_who_has_left_holds_no_sockets(transport: Literal["udp", "tcp", "tls"], tmp_path: Path) -> None:
    server, client = make_certificate(tmp_path)
    async with callee(tls=server) as phone:
        config = CallerConfig("100", phone.target(transport, client if transport == "tls" else None))
        async with Caller(config) as caller:
            await caller.answered()
            during = ports_to(phone.target(transport).port)
        assert during and not ports_to(phone.target(transport).port)


def ports_to(port: int) -> list[str]:
    """Our connected sockets whose far end is this port of loopback."""
    ours = {link.readlink().name for link in Path("/proc/self/fd").iterdir() if link.is_symlink()}
    rows = [row.split() for name in ("tcp", "udp") for row in Path(f"/proc/net/{name}").read_text().splitlines()[1:]]
    return [row[1] for row in rows if row[2] == f"0100007F:{port:04X}" and f"socket:[{row[9]}]" in ours]


async def test_two_callers_do_not_hear_each_other() -> None:
    async with callee(Script(sound=tone(700))) as first, callee(Script(sound=tone(1000))) as second:
        config = CallerConfig("1", first.target(), sound=tone(440))
        async with Caller(config) as one, Caller(CallerConfig("2", second.target(), sound=tone(440))) as two:
            await one.answered()
            await two.answered()
            await one.wait(SECONDS)
        assert tones(*one.heard) == {700}
        assert tones(*two.heard) == {1000}


async def test_late_offer() -> None:
    terms = Terms(("PCMA",), "sdes")
    async with callee(Script(terms=terms)) as phone:
        caller = await talk(phone, CallerConfig("1", phone.target(), terms, sound=tone(440), late_offer=True))
        assert tones(*caller.heard) == {700}
        assert tones(*phone.heard) == {440}
        assert caller.report.encrypted


async def test_the_caller_is_named() -> None:
    async with callee() as phone:
        async with Caller(CallerConfig("1", phone.target(), caller="+4917712345")) as caller:
            await caller.answered()
        assert phone.caller == "+4917712345"


async def test_digits_arrive_once_and_in_order() -> None:
    async with callee() as phone:
        async with Caller(CallerConfig("1", phone.target(), sound=tone(440))) as caller:
            await caller.answered()
            assert await caller.wait(caller.dial("1#0") + 0.1)
        assert phone.digits == "1#0"
        assert caller.report.digits_sent == "1#0"


async def test_muted_it_goes_on_sending_silence() -> None:
    async with callee() as phone:
        async with Caller(CallerConfig("1", phone.target(), sound=tone(440))) as caller:
            await caller.answered()
            caller.mute(True)
            await caller.wait(SECONDS)
        assert caller.report.packets_sent > 25
        assert tones(*phone.heard) == set()


async def test_the_peer_hangs_up() -> None:
    async with callee() as phone:
        async with Caller(CallerConfig("1", phone.target())) as caller:
            await caller.answered()
            await phone.up.wait()
            phone.hang_up()
            await caller.ended()
            assert not await caller.wait(5)
        assert caller.report.ended_by == "peer"


async def test_given_up_while_it_rings() -> None:
    async with callee(Script(answers="never")) as phone:
        async with Caller(CallerConfig("1", phone.target())) as caller:
            await caller.ringing()
        await phone.over.wait()
    assert caller.report.outcome == "cancelled"
    assert caller.report.ringing_ms is not None and caller.report.answered_ms is None


async def test_nobody_answers() -> None:
    async with callee(Script(answers="never")) as phone:
        with pytest.raises(NoAnswer, match=r"0.3 s"):
            async with Caller(CallerConfig("1", phone.target(), ring_seconds=0.3)) as caller:
                await caller.answered()
    assert caller.report.outcome == "no answer"


async def test_rejected_with_the_words_of_the_peer() -> None:
    async with callee(Script(status=486, reason="Lunch Break")) as phone:
        with pytest.raises(Rejected, match="486 Lunch Break") as caught:
            async with Caller(CallerConfig("1", phone.target())) as caller:
                await caller.answered()
    assert (caught.value.status, caught.value.reason) == (486, "Lunch Break")
    assert (caller.report.outcome, caller.report.status) == ("rejected", 486)


async def test_no_common_codec_is_488() -> None:
    async with callee(Script(terms=Terms(("PCMA",)))) as phone:
        with pytest.raises(Rejected, match="488"):
            async with Caller(CallerConfig("1", phone.target(), Terms(("opus",)))) as caller:
                await caller.answered()


async def test_offer_that_we_cannot_take_ends_the_call() -> None:
    async with callee(Script(terms=Terms(("PCMA",)))) as phone:
        with pytest.raises(MediaError, match="codec"):
            async with Caller(CallerConfig("1", phone.target(), Terms(("opus",)), late_offer=True)) as caller:
                await caller.answered()
        await phone.over.wait()
    assert caller.report.outcome == "media failed"


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_nobody_listens(transport: Literal["udp", "tcp"]) -> None:
    free = open_udp("127.0.0.1", 0)
    port = free.getsockname()[1]
    free.close()
    with pytest.raises(Unreachable, match="running"):
        async with Caller(CallerConfig("1", Target("127.0.0.1", port, transport))) as caller:
            await caller.answered()


async def test_a_certificate_that_nobody_vouches_for(tmp_path: Path) -> None:
    server, _ = make_certificate(tmp_path)
    async with callee(tls=server) as phone:
        with pytest.raises(Unreachable, match="--insecure"):
            async with Caller(CallerConfig("1", phone.target("tls", ssl.create_default_context()))):
                raise AssertionError("must not connect")


async def test_a_number_that_no_uri_can_hold() -> None:
    async with callee() as phone:
        with pytest.raises(BadArgument):
            async with Caller(CallerConfig("1 <sip:2", phone.target())):
                raise AssertionError("must not call")
