"""The softphone without a browser against a real relay worker: two of them in a room hear each other."""

import asyncio
from pathlib import Path

import pytest

from bench.call.errors import MediaError, SdpError
from bench.softphone.checks import Checks
from bench.softphone.description import make_ice, read_answer
from bench.softphone.dtls import Dtls, split_records
from bench.softphone.peer import Peer
from relay import api
from tests.bench.spectrum import tones
from tests.relay.process import WorkerProcess, worker

ANSWER = """v=0
a=ice-lite
m=audio 4000 UDP/TLS/RTP/SAVPF 111
a=ice-ufrag:abcd
a=ice-pwd:0123456789012345678901
a=setup:passive
a=fingerprint:sha-256 AB:CD
a=candidate:1 1 udp 2130706431 192.0.2.1 4000 typ host
"""


async def add(relay: WorkerProcess, leg: str, frequency: int) -> Peer:
    peer = Peer("127.0.0.1", frequency, lambda error: None)
    media = await relay.ask(api.AddBrowserLeg(leg, "room", "127.0.0.1", peer.offer))
    peer.connect(media.sdp)
    return peer


async def test_two_of_them_hear_each_other(tmp_path: Path) -> None:
    async with worker(tmp_path) as relay:
        one, two = await add(relay, "one", 440), await add(relay, "two", 700)
        await relay.ask(api.SetRoom("room", (api.Hear("one", "two"), api.Hear("two", "one"))))
        async with asyncio.timeout(5):
            await one.up.wait()
            await two.up.wait()
        await asyncio.sleep(1.0)  # real time: so much sound is looked at
        one.close()
        two.close()
    assert tones(*one.heard) == {700}
    assert tones(*two.heard) == {440}
    assert one.receiver.discarded == two.receiver.discarded == 0


def test_the_answer_is_read() -> None:
    remote = read_answer(ANSWER)
    assert remote.address == ("192.0.2.1", 4000)
    assert (remote.ice.ufrag, remote.fingerprint) == ("abcd", "AB:CD")


@pytest.mark.parametrize("line", ["a=ice-pwd", "a=candidate", "a=fingerprint", "a=setup"])
def test_an_answer_that_lacks_something(line: str) -> None:
    with pytest.raises(SdpError):
        read_answer("\n".join(kept for kept in ANSWER.splitlines() if not kept.startswith(line)))


def test_checks_go_fast_until_one_is_answered() -> None:
    checks = Checks(make_ice(), make_ice())
    assert checks.due(10.0) is not None
    assert checks.due(10.05) is None
    assert checks.due(10.1) is not None
    assert not checks.receive(b"\x01\x01\x00\x00" + bytes(16))
    assert not checks.passed


def test_a_handshake_with_rubbish_fails_or_waits() -> None:
    dtls = Dtls("AB:CD")
    dtls.begin()
    flight = dtls.take()
    assert flight and all(len(record) == 13 + int.from_bytes(record[11:13], "big") for record in flight)
    try:
        dtls.receive(bytes(range(20, 80)))
    except MediaError as error:
        assert "DTLS" in str(error)
    assert dtls.cipher is None


def test_records_are_cut_apart() -> None:
    first, second = bytes(11) + b"\x00\x02ab", bytes(11) + b"\x00\x01c"
    assert split_records(first + second) == [first, second]
