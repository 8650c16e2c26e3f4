"""A worker as a real process, called by RTP peers."""

import asyncio
import signal
import wave
from pathlib import Path

import pytest

from ipc.messages import Done, Refusal
from relay import api
from relay.api import Hear
from relay.digits.dtmf import DigitReceiver
from relay.streams.rtp import RtpPacket, serialize
from tests.relay.process import ADDRESS, RtpPeer, WorkerProcess, media_port, offer, worker
from tests.support.tones import level_of, rms_of, tone


async def call(running: WorkerProcess, leg: str, peer: RtpPeer, room: str = "room") -> tuple[str, int]:
    """Adds a plain PCMU leg; where it wants its media."""
    media = await running.ask(api.AddRtpLeg(leg, room, ADDRESS, offer(peer.port), codecs=("PCMU",)))
    assert media.codec == "PCMU/8000"
    assert not media.encrypted
    return ADDRESS, media_port(media.sdp)


async def test_two_legs_of_a_room_hear_each_other(tmp_path: Path) -> None:
    async with worker(tmp_path) as running:
        one, two = await running.rtp_peer(1), await running.rtp_peer(2)
        to_one, to_two = await call(running, "one", one), await call(running, "two", two)
        await running.ask(api.SetRoom("room", (Hear("one", "two"), Hear("two", "one"))))
        await asyncio.gather(one.talk(tone(440, 1.0, 8000), to_one), two.talk(tone(700, 1.0, 8000), to_two))
        assert {(await running.expect(api.LegUp)).leg for _ in range(2)} == {"one", "two"}
        assert level_of(one.samples()[-4000:], 8000, 700) > -13
        assert level_of(two.samples()[-4000:], 8000, 440) > -13
        assert level_of(one.samples()[-4000:], 8000, 440) < -40
        report = await running.ask(api.DropLeg("one"))
        assert report.packets_received == 50
        assert report.packets_lost == report.packets_discarded == 0
        assert [leg.leg for leg in (await running.ask(api.GetLegs())).legs] == ["two"]


async def test_a_stranger_is_counted_and_neither_heard_nor_answered(tmp_path: Path) -> None:
    async with worker(tmp_path) as running:
        one, two, stranger = await running.rtp_peer(1), await running.rtp_peer(2), await running.rtp_peer(1)
        to_one, to_two = await call(running, "one", one), await call(running, "two", two)
        await running.ask(api.SetRoom("room", (Hear("one", "two"), Hear("two", "one"))))
        await asyncio.gather(two.talk(tone(700, 0.5, 8000) * 0, to_two), stranger.talk(tone(440, 0.5, 8000), to_one))
        assert rms_of(two.samples()) < -60
        assert stranger.heard == []
        assert (await running.ask(api.DropLeg("one"))).packets_discarded == 25


async def test_garbage_is_counted_and_the_call_goes_on(tmp_path: Path) -> None:
    async with worker(tmp_path) as running:
        one = await running.rtp_peer(1)
        to_one = await call(running, "one", one)
        for garbage in (b"", b"\x80", b"\x80\x00short", b"\x00\x01\x00\x00", b"\x16\xfe\xff", b"\xff" * 1400):
            one.transport.sendto(garbage, to_one)
            one.transport.sendto(garbage, (ADDRESS, to_one[1] + 1))
        await one.talk(tone(440, 0.2, 8000), to_one)
        await running.expect(api.LegUp)
        report = await running.ask(api.DropLeg("one"))
        assert report.packets_received == 10
        assert report.packets_discarded >= 6


async def test_refusals_have_their_codes(tmp_path: Path) -> None:
    async with worker(tmp_path) as running:
        peer = await running.rtp_peer(1)
        await call(running, "one", peer)
        for command, code in (
            (api.AddRtpLeg("one", "room", ADDRESS, offer(peer.port)), "exists"),
            (api.AddRtpLeg("two", "room", ADDRESS, "nonsense"), "bad_sdp"),
            (api.AddRtpLeg("two", "room", ADDRESS, offer(peer.port, formats="18")), "no_common_codec"),
            (api.AddRtpLeg("two", "room", ADDRESS, offer(peer.port), srtp="required"), "srtp_required"),
            (
                api.AddRtpLeg("two", "room", ADDRESS, offer(peer.port, protocol="RTP/SAVP"), srtp="off"),
                "srtp_not_allowed",
            ),
            (api.AddBrowserLeg("two", "room", ADDRESS, offer(peer.port)), "bad_sdp"),
            (api.SetAnswer("one", offer(peer.port)), "bad_sdp"),
            (api.DropLeg("two"), "no_such_leg"),
            (api.SetRoom("other"), "no_such_room"),
            (api.SetRoom("room", taps=(api.Tap("one", "xyz", 0),)), "bad_command"),
            (api.Play("music", "other", "/nowhere"), "no_such_room"),
            (api.Play("music", "room", "/nowhere"), "bad_prompt"),
        ):
            with pytest.raises(Refusal) as refusal:
                await running.ask(command)
            assert refusal.value.code == code, command
        assert len((await running.ask(api.GetLegs())).legs) == 1


async def test_the_peer_is_told_the_public_address_and_ports_run_out(tmp_path: Path) -> None:
    async with worker(tmp_path) as running:
        peer = await running.rtp_peer(1)
        for number in range(20):
            media = await running.ask(api.AddRtpLeg(f"leg-{number}", "room", "192.0.2.1", offer(peer.port)))
            assert "c=IN IP4 192.0.2.1" in media.sdp
        with pytest.raises(Refusal, match="no_port"):
            await running.ask(api.AddRtpLeg("one more", "room", "192.0.2.1", offer(peer.port)))


async def test_our_offer_is_answered_later(tmp_path: Path) -> None:
    async with worker(tmp_path) as running:
        peer = await running.rtp_peer(1)
        media = await running.ask(api.AddRtpLeg("one", "room", ADDRESS, codecs=("PCMA", "PCMU")))
        assert media.codec == ""
        answered = await running.ask(api.SetAnswer("one", offer(peer.port)))
        assert answered.codec == "PCMU/8000"
        await peer.talk(tone(440, 0.2, 8000), (ADDRESS, media_port(media.sdp)))
        assert (await running.expect(api.LegUp)).leg == "one"
        assert peer.heard


async def test_hold_stops_what_we_send_and_a_new_offer_resumes_it(tmp_path: Path) -> None:
    async with worker(tmp_path) as running:
        peer = await running.rtp_peer(1)
        await call(running, "one", peer)
        await asyncio.wait_for(peer.arrived.wait(), 2)
        held = await running.ask(api.Renegotiate("one", offer(peer.port, "a=inactive")))
        assert held.direction == "inactive"
        sent = (await running.ask(api.GetLegs())).legs[0].packets_sent
        await asyncio.sleep(0.1)  # five ticks in which nothing may be sent
        assert (await running.ask(api.GetLegs())).legs[0].packets_sent == sent
        assert (await running.ask(api.Renegotiate("one", offer(peer.port)))).direction == "sendrecv"
        peer.arrived.clear()
        await asyncio.wait_for(peer.arrived.wait(), 2)


async def test_a_peer_that_held_us_comes_back_by_an_offer_of_ours_and_from_another_port(tmp_path: Path) -> None:
    async with worker(tmp_path) as running:
        peer, other = await running.rtp_peer(1), await running.rtp_peer(2)
        await call(running, "one", peer)
        await running.ask(api.Renegotiate("one", offer(peer.port, "a=sendonly")))
        ours = await running.ask(api.Reoffer("one"))
        assert "a=sendrecv" in ours.sdp
        assert (await running.ask(api.SetAnswer("one", offer(other.port)))).direction == "sendrecv"
        await asyncio.wait_for(other.arrived.wait(), 2)


async def test_an_answer_without_an_offer_is_refused(tmp_path: Path) -> None:
    async with worker(tmp_path) as running:
        peer = await running.rtp_peer(1)
        await call(running, "one", peer)
        with pytest.raises(Refusal, match="bad_sdp"):
            await running.ask(api.SetAnswer("one", offer(peer.port)))


async def test_draining_refuses_new_rooms_only(tmp_path: Path) -> None:
    async with worker(tmp_path) as running:
        peer = await running.rtp_peer(1)
        await call(running, "one", peer)
        await running.ask(api.Drain())
        await call(running, "two", peer)
        with pytest.raises(Refusal, match="draining"):
            await call(running, "three", peer, room="new")
        status = await running.ask(api.GetStatus())
        assert status.draining
        assert status.legs == 2


async def test_orphaned_legs_go_on_and_are_dropped_in_the_end(tmp_path: Path) -> None:
    async with worker(tmp_path, "--orphan-seconds", "0.6") as running:
        peer = await running.rtp_peer(1)
        await call(running, "one", peer)
        await running.client.close()
        heir = WorkerProcess(running.process, running.control)
        await heir.connect()
        assert [leg.leg for leg in (await heir.ask(api.GetLegs())).legs] == ["one"]
        await heir.client.close()
        peer.arrived.clear()
        await asyncio.wait_for(peer.arrived.wait(), 0.5)
        await asyncio.sleep(0.8)  # longer than the worker waits
        last = WorkerProcess(running.process, running.control)
        await last.connect()
        assert (await last.ask(api.GetLegs())).legs == ()
        await last.client.close()


async def test_players_are_heard_by_whom_they_are_meant_for_and_end(tmp_path: Path) -> None:
    path = tmp_path / "prompt.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes(tone(500, 0.6, 16000).tobytes())
    async with worker(tmp_path) as running:
        one, two = await running.rtp_peer(1), await running.rtp_peer(2)
        await call(running, "one", one)
        await call(running, "two", two)
        await running.ask(api.SetRoom("room", (Hear("one", "prompt"),)))
        await running.ask(api.Play("prompt", "room", str(path)))
        with pytest.raises(Refusal, match="exists"):
            await running.ask(api.Play("prompt", "room", str(path)))
        ended = await running.expect(api.PlayerEnded)
        assert (ended.player, ended.room) == ("prompt", "room")
        assert level_of(one.samples()[-3200:], 8000, 500) > -14
        assert rms_of(two.samples()) < -60
        await running.ask(api.Play("prompt", "room", str(path), loop=True))
        await running.ask(api.StopPlayer("prompt", "room"))
        await running.ask(api.StopPlayer("prompt", "room"))


async def press(peer: RtpPeer, to: tuple[str, int], timestamp: int) -> None:
    """The digit 5, of 60 ms."""
    for end, duration in ((0, 160), (0, 320), (0x80, 480), (0x80, 480), (0x80, 480)):
        payload = bytes([5, end | 10, duration >> 8, duration & 255])
        packet = RtpPacket(101, duration == 160, 1, peer.sequence, timestamp, payload)
        peer.sequence += 1
        peer.transport.sendto(serialize(packet), to)


async def test_digits_are_told_and_reach_who_hears_the_leg_unless_they_are_masked(tmp_path: Path) -> None:
    async with worker(tmp_path) as running:
        one, two = await running.rtp_peer(1), await running.rtp_peer(2)
        to_one, to_two = await call(running, "one", one), await call(running, "two", two)
        await two.talk(tone(440, 0.1, 8000), to_two)
        await running.ask(api.SetRoom("room", (Hear("two", "one"),)))
        await running.ask(api.MaskDigits("one", True))
        await press(one, to_one, 8000)
        await one.talk(tone(440, 0.1, 8000), to_one)
        await running.ask(api.TakeDigit("one", "#", 100))
        await running.ask(api.MaskDigits("one", False))
        assert [(await running.expect(api.MaskedDigit)).pound for _ in range(2)] == [False, True]
        await press(one, to_one, 16000)
        digit = await running.expect(api.Digit)
        assert (digit.leg, digit.digit, digit.duration_ms) == ("one", "5", 60)
        await running.ask(api.TakeDigit("one", "7", 100))
        assert (await running.expect(api.Digit)).digit == "7"
        await running.ask(api.SendDigits("two", "12", 60))
        with pytest.raises(Refusal, match="bad_command"):
            await running.ask(api.SendDigits("two", "12x"))
        await two.talk(tone(440, 0.9, 8000), to_two)
        receiver = DigitReceiver()
        events = [packet for packet in two.heard if packet.payload_type == 101]
        heard = [digit for packet in events for digit in receiver.receive(packet.payload, packet.timestamp, 8000, 0)]
        assert heard == [("5", 60), ("7", 100), ("1", 60), ("2", 60)]
        assert not any(packet.payload_type == 101 for packet in one.heard)


async def test_a_worker_that_retires_takes_no_new_rooms_and_goes_with_its_last_leg(tmp_path: Path) -> None:
    async with worker(tmp_path) as running:
        one, two = await running.rtp_peer(1), await running.rtp_peer(2)
        await call(running, "one", one)
        running.process.send_signal(signal.SIGUSR2)
        async with asyncio.timeout(5):
            while not (await running.ask(api.GetStatus())).draining:
                await asyncio.sleep(0.01)  # a signal has no reply
        with pytest.raises(Refusal, match="draining"):
            await call(running, "three", two, "another")
        await call(running, "two", two)
        status = await running.ask(api.GetStatus())
        assert (status.legs, status.rooms, status.taps, status.ended) == (2, 1, 0, api.Ended())
        assert status.memory_bytes > 1 << 20
        await running.ask(api.DropLeg("one"))
        assert (await running.ask(api.GetStatus())).ended.legs == 1
        await running.ask(api.DropLeg("two"))
        assert await asyncio.wait_for(running.process.wait(), 10) == 0


async def test_a_huge_prompt_holds_up_neither_ticks_nor_commands(tmp_path: Path) -> None:
    path = tmp_path / "huge.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(tone(500, 1.0, 8000).tobytes() * 29 * 60)
    async with worker(tmp_path) as running:
        peer = await running.rtp_peer(1)
        await call(running, "one", peer)
        await running.ask(api.SetRoom("room", (Hear("one", "prompt"),)))
        before = await running.ask(api.GetStatus())
        playing = asyncio.ensure_future(running.ask(api.Play("prompt", "room", str(path))))
        answers = 0
        while not playing.done():
            await running.ask(api.GetStatus())
            answers += 1
        assert await playing == Done()
        # It is decoded for a good while, in which the loop goes round.
        assert answers > 10
        after = await running.ask(api.GetStatus())
        assert after.ticks > before.ticks
        peer.heard.clear()
        await asyncio.sleep(0.3)
        assert level_of(peer.samples(), 8000, 500) > -14
