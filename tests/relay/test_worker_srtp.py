"""SRTP legs of a worker process, keyed in SDP."""

import asyncio
from pathlib import Path

import pytest

from relay import api
from relay.api import Hear
from relay.offers.audio import read_audio
from relay.offers.sdes import Crypto
from relay.offers.sdp import SessionDescription
from relay.transport.srtp import SUITES, Srtp
from tests.relay.process import ADDRESS, RtpPeer, WorkerProcess, media_port, offer, worker
from tests.support.tones import level_of, tone


async def secure_call(running: WorkerProcess, leg: str, peer: RtpPeer, suite: str) -> tuple[str, int]:
    """Adds an SRTP leg and gives the peer the keys; where the worker wants its media."""
    ours = Crypto.generate(1, SUITES[suite])
    said = offer(peer.port, f"a=crypto:{ours.value()}", protocol="RTP/SAVP")
    media = await running.ask(api.AddRtpLeg(leg, "room", ADDRESS, said, srtp="required"))
    assert media.encrypted
    theirs = read_audio(SessionDescription.parse(media.sdp), 0).crypto[0]
    assert theirs.suite == ours.suite
    peer.srtp = Srtp.from_keys(ours.suite, ours.key, theirs.key)
    return ADDRESS, media_port(media.sdp)


async def test_every_suite_carries_sound_both_ways(tmp_path: Path) -> None:
    async with worker(tmp_path) as running:
        peers = {suite: await running.rtp_peer(number) for number, suite in enumerate(SUITES)}
        to = {suite: await secure_call(running, suite, peer, suite) for suite, peer in peers.items()}
        first, *others = peers
        await running.ask(
            api.SetRoom("room", (*(Hear(listener, first) for listener in others), Hear(first, others[0])))
        )
        await asyncio.gather(*(peer.talk(tone(440, 1.0, 8000), to[suite]) for suite, peer in peers.items()))
        for suite in peers:
            assert level_of(peers[suite].samples()[-4000:], 8000, 440) > -13, suite
            assert peers[suite].refused == 0
            assert (await running.ask(api.DropLeg(suite))).packets_received == 50


async def test_plain_forged_and_replayed_packets_are_not_heard(tmp_path: Path) -> None:
    async with worker(tmp_path) as running:
        peer = await running.rtp_peer(1)
        to = await secure_call(running, "one", peer, "AES_CM_128_HMAC_SHA1_80")
        srtp = peer.srtp
        peer.srtp = None
        peer.send(bytes(160), to)  # plain
        suite = SUITES["AES_CM_128_HMAC_SHA1_80"]
        peer.srtp = Srtp.from_keys(suite, suite.new_key(), suite.new_key())
        peer.send(bytes(160), to)  # under another key
        peer.srtp = srtp
        peer.transport.sendto(peer.send(bytes(160), to), to)  # the same twice
        await running.expect(api.LegUp)
        report = await running.ask(api.DropLeg("one"))
        assert report.packets_received == 1
        assert report.packets_discarded == 3


@pytest.mark.parametrize("srtp", ["offered", "required"])
async def test_our_offer_follows_the_policy(tmp_path: Path, srtp: api.Srtp) -> None:
    async with worker(tmp_path) as running:
        media = await running.ask(api.AddRtpLeg("one", "room", ADDRESS, srtp=srtp))
        audio = read_audio(SessionDescription.parse(media.sdp), 0)
        assert media.encrypted == (srtp == "required")
        assert audio.protocol == ("RTP/SAVP" if srtp == "required" else "RTP/AVP")
        assert len(audio.crypto) == len(SUITES)
