import msgspec
import numpy as np
import numpy.typing as npt
import pytest

from relay.codecs import g711
from relay.formats import Codec
from relay.playout.receiving import Octets, Receiver
from relay.streams.rtp import RtpPacket
from tests.relay.calls import G722, L16_NARROW, L16_WIDE, MS, OPUS, PCMA, PCMU, RECEIVE, TICK, Peer
from tests.support.impair import CLEAN, Delivered, Impairment
from tests.support.tones import dominant, level_of, residue_of, rms_of, tone

Samples = npt.NDArray[np.int16]


def heard(receiver: Receiver, arrivals: list[Delivered[RtpPacket]], seconds: float) -> Samples:
    waiting, frames = list(arrivals), []
    for number in range(round(seconds * 50)):
        now = number * TICK + 7 * MS
        while waiting and waiting[0].at_ns <= now:
            arrived = waiting.pop(0)
            receiver.receive(arrived.packet, arrived.at_ns)
        frame = receiver.pull(now, False)
        if isinstance(frame, Octets):
            frame = g711.decode_bytes(frame.law, frame.payload)
        frames.append(np.zeros(receiver.rate // 50, np.int16) if frame is None else frame)
    return np.concatenate(frames[5:])


@pytest.mark.parametrize("codec", [PCMU, PCMA, OPUS, G722, L16_NARROW, L16_WIDE])
@pytest.mark.parametrize("ptime_ms", [10, 20, 40, 60])
@pytest.mark.parametrize("rate", [8000, 16000])
def test_any_packet_length_is_regrouped_to_ticks(codec: Codec, ptime_ms: int, rate: int) -> None:
    peer, receiver = Peer("leg", codec, ptime_ms), Receiver(RECEIVE, rate)
    sound = heard(receiver, peer.send(tone(440, 2, peer.rate)), 1.8)
    assert receiver.rate == (rate if codec == OPUS else peer.rate)
    middle = sound[receiver.rate // 2 :]
    assert level_of(middle, receiver.rate, 440) == pytest.approx(-10, abs=0.5)
    assert residue_of(middle, receiver.rate, 440) < -28
    assert receiver.frames_concealed == 0


def test_thirty_milliseconds_too() -> None:
    peer, receiver = Peer("leg", PCMU, 30), Receiver(RECEIVE, 8000)
    sound = heard(receiver, peer.send(tone(440, 2, 8000), how=Impairment(jitter_ms=5)), 1.8)
    assert residue_of(sound[4000:], 8000, 440) < -35


@pytest.mark.parametrize("codec", [PCMU, OPUS, G722, L16_NARROW, L16_WIDE])
@pytest.mark.parametrize("ptime_ms", [20, 60])
def test_loss_is_concealed_for_as_long_as_it_lasts(codec: Codec, ptime_ms: int) -> None:
    peer, receiver = Peer("leg", codec, ptime_ms), Receiver(RECEIVE, 8000)
    arrivals = peer.send(tone(200, 4, peer.rate), how=Impairment(loss=0.05))
    sound = heard(receiver, arrivals, 3.8)
    lost = receiver.jitter.stats.lost
    assert lost > 0
    assert receiver.frames_concealed == lost * ptime_ms // 20
    assert dominant(sound, receiver.rate) == pytest.approx(200, abs=1)
    assert level_of(sound, receiver.rate, 200) == pytest.approx(-10, abs=1.5)


def test_a_packet_left_out_leaves_no_step() -> None:
    peer, receiver = Peer("leg", PCMU), Receiver(RECEIVE, 8000)
    sound = tone(210, 14, 8000)
    rough = peer.send(sound[: 8000 * 3], how=Impairment(jitter_ms=120))
    calm = [one for one in Peer("leg", PCMU).send(sound) if one.packet.sequence - 65536 >= 150]
    out = heard(receiver, rough + calm, 13)
    assert np.abs(np.diff(out[8000 * 4 :].astype(np.int32))).max() < 1.6 * np.abs(np.diff(sound.astype(np.int32))).max()


def comfort(number: int, payload: bytes = b"\x28") -> RtpPacket:
    return RtpPacket(13, False, 7, 65536 + number, (1 << 32) + number * 160, payload)


def test_comfort_noise_sounds_until_speech_is_back() -> None:
    peer, receiver = Peer("leg", PCMU), Receiver(RECEIVE, 8000)
    speech = peer.send(tone(440, 3, 8000))
    before, after = speech[:50], speech[100:]
    shifted = [
        Delivered(one.at_ns, RtpPacket(0, True, 7, one.packet.sequence - 49, one.packet.timestamp, one.packet.payload))
        for one in after
    ]
    out = heard(receiver, [*before, Delivered(speech[50].at_ns, comfort(50)), *shifted], 2.8)
    assert rms_of(out[8000 : 8000 + 6000]) == pytest.approx(-40 + 3, abs=1.5)
    assert level_of(out[-4000:], 8000, 440) == pytest.approx(-10, abs=0.2)
    assert receiver.frames_concealed == 0
    assert receiver.jitter.stats.lost == 0


def test_an_opus_pause_is_announced_and_nothing_is_made_up_for_it() -> None:
    peer, receiver = Peer("leg", OPUS), Receiver(RECEIVE, 16000)
    speech = peer.send(tone(440, 3, 16000))
    announced = msgspec.structs.replace(speech[50].packet, payload=speech[50].packet.payload[:1])
    later = [
        Delivered(one.at_ns, msgspec.structs.replace(one.packet, sequence=one.packet.sequence - 49))
        for one in speech[100:]
    ]
    out = heard(receiver, [*speech[:50], Delivered(speech[50].at_ns, announced), *later], 2.8)
    assert rms_of(out[int(1.2 * 16000) : int(1.8 * 16000)]) < -60
    assert level_of(out[-8000:], 16000, 440) == pytest.approx(-10, abs=0.5)
    assert receiver.frames_concealed == 0
    assert receiver.jitter.stats.lost == 0


def test_the_codec_may_change_from_packet_to_packet() -> None:
    receiver = Receiver(RECEIVE, 16000)
    arrivals = []
    for part, codec in enumerate((PCMU, OPUS, PCMA, G722, L16_NARROW, L16_WIDE, G722, PCMU)):
        peer = Peer("leg", codec)
        for number, one in enumerate(peer.send(tone(440, 1, peer.rate), part * 1000 * MS)):
            sequence = 65536 + part * 50 + number
            arrivals.append(
                Delivered(
                    one.at_ns,
                    RtpPacket(
                        one.packet.payload_type,
                        False,
                        7,
                        sequence,
                        one.packet.timestamp + part * codec.clock,
                        one.packet.payload,
                    ),
                )
            )
    out: list[Samples] = []
    waiting = list(arrivals)
    rates = []
    for number in range(398):
        now = number * TICK + 7 * MS
        while waiting and waiting[0].at_ns <= now:
            receiver.receive(waiting.pop(0).packet, now)
        frame = receiver.pull(now, False)
        if frame is not None:
            rates.append(receiver.rate)
            out.append(g711.decode_bytes(frame.law, frame.payload) if isinstance(frame, Octets) else frame)
    assert {8000, 16000} == set(rates)
    assert len(out) > 380
    assert all(len(frame) * 50 == rate for frame, rate in zip(out, rates, strict=True))


@pytest.mark.parametrize(
    ("payload_type", "payload"),
    [
        (99, b"sound"),
        (9, b""),
        (9, b"\xff" * 1601),
        (97, b"odd"),
        (98, b""),
        (98, bytes(6402)),
        (0, b""),
        (0, b"\xff" * 1601),
        (96, b""),
        (96, b"\xff\xff"),
        (13, b""),
        (101, b"\1\2\3"),
    ],
)
def test_what_cannot_be_understood_is_counted_and_is_no_gap(payload_type: int, payload: bytes) -> None:
    peer, receiver = Peer("leg", PCMU), Receiver(RECEIVE, 8000)
    arrivals = peer.send(tone(440, 1, 8000))
    odd = arrivals[20].packet
    arrivals[20] = Delivered(
        arrivals[20].at_ns, RtpPacket(payload_type, False, 7, odd.sequence, odd.timestamp, payload)
    )
    heard(receiver, arrivals, 0.9)
    assert receiver.unknown == 1
    assert receiver.jitter.stats.lost == 0


def test_clean_arrivals_are_left_for_the_common_decode() -> None:
    receiver = Receiver(RECEIVE, 8000)
    for one in Peer("leg", PCMA).send(tone(440, 0.1, 8000), how=CLEAN)[:1]:
        receiver.receive(one.packet, one.at_ns)
    frame = receiver.pull(60 * MS, False)
    assert isinstance(frame, Octets)
    assert (frame.law, len(frame.payload)) == ("PCMA", 160)
