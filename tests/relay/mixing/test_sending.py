import numpy as np
import pytest

from relay.codecs import opus
from relay.engine import Outgoing
from relay.formats import Codec, SendFormat
from relay.mixing.sending import FULL_BITRATE, NarrowSender, OpusSender, SampleSender, make_sender, room_rate
from tests.relay.calls import G722, L16_NARROW, L16_WIDE, OPUS, PCMA, Peer, sending
from tests.support.tones import level_of, rms_of, tone


@pytest.mark.parametrize("ptime_ms", [10, 20, 30, 40, 60])
def test_g711_is_cut_to_the_length_negotiated(ptime_ms: int) -> None:
    sender = make_sender(sending(PCMA, ptime_ms), 8000)
    assert isinstance(sender, NarrowSender)
    ticks = [bytes([number]) * 160 for number in range(12)]
    packets = [packet for tick in ticks for packet in sender.send(tick)]
    assert b"".join(payload for payload, _ in packets) == b"".join(ticks)
    assert {len(payload) for payload, _ in packets} == {8 * ptime_ms}
    assert {samples for _, samples in packets} == {8 * ptime_ms}


@pytest.mark.parametrize(("ptime_ms", "sent_ms"), [(10, 10), (20, 20), (30, 20), (40, 40), (60, 60)])
def test_opus_is_cut_to_a_length_it_has(ptime_ms: int, sent_ms: int) -> None:
    sender = make_sender(sending(OPUS, ptime_ms), 16000)
    assert isinstance(sender, OpusSender)
    packets = [packet for _ in range(12) for packet in sender.send(tone(440, 0.02, 16000))]
    assert len(packets) == 240 // sent_ms
    assert {samples for _, samples in packets} == {48 * sent_ms}
    assert {opus.duration(payload) for payload, _ in packets} == {48 * sent_ms}


@pytest.mark.parametrize("codec", [G722, L16_NARROW, L16_WIDE])
@pytest.mark.parametrize("ptime_ms", [10, 20, 30, 40, 60])
def test_other_sound_is_cut_to_the_length_negotiated(codec: Codec, ptime_ms: int) -> None:
    peer = Peer("leg", codec)
    sender = make_sender(sending(codec, ptime_ms), 8000)
    assert isinstance(sender, SampleSender)
    assert sender.rate == peer.rate
    sound = tone(440, 0.48, peer.rate)
    ticks = [sender.send(part) for part in sound.reshape(-1, peer.rate // 50)] + [sender.send_silence()] * 6
    peer.heard = [Outgoing("leg", 9, payload, False, length) for tick in ticks for payload, length in tick]
    assert {out.samples for out in peer.heard} == {codec.clock * ptime_ms // 1000}
    assert level_of(peer.sound()[: len(sound)], peer.rate, 440) == pytest.approx(-10, abs=0.5)
    assert len(peer.sound()) >= len(sound)


def test_long_silence_is_one_packet_again_and_again_and_not_heard() -> None:
    sender = make_sender(sending(OPUS), 16000)
    assert isinstance(sender, OpusSender)
    sound = tone(440, 0.4, 16000)
    payloads = [sender.send(sound[at : at + 320])[0][0] for at in range(0, len(sound), 320)]
    payloads += [sender.send_silence()[0][0] for _ in range(100)]
    payloads += [sender.send(sound[at : at + 320])[0][0] for at in range(0, len(sound), 320)]
    decoder = opus.Decoder(16000)
    heard = np.concatenate([decoder.decode(payload) for payload in payloads])
    assert len(set(payloads[40:110])) == 1
    assert rms_of(heard[8000:38_000]) < -70
    assert rms_of(heard[-4800:]) == pytest.approx(-10, abs=1)


@pytest.mark.parametrize("told", [True, False])
def test_silence_is_left_out_for_who_wants_it_so_and_told_anew_each_400_ms(told: bool) -> None:
    """Whether nobody speaks, or somebody is silent at his microphone."""
    sender = make_sender(SendFormat(OPUS, 96, dtx=True), 16000)
    assert isinstance(sender, OpusSender)
    sound = [sender.send(part) for part in tone(440, 1.0, 16000).reshape(-1, 320)]
    assert all(payload for tick in sound for payload, _ in tick)
    nothing = np.zeros(320, np.int16)
    silence = [sender.send_silence() if told else sender.send(nothing) for _ in range(200)]
    assert {length for tick in silence for _, length in tick} == {960}
    sent = [number for number, tick in enumerate(silence) if tick[0][0]]
    assert sent[0] == 0
    assert 20 <= max(np.diff(sent)) <= 21
    assert len([number for number in sent if number >= 50]) <= 8
    again = [sender.send(part) for part in tone(440, 0.4, 16000).reshape(-1, 320)]
    assert all(payload for tick in again for payload, _ in tick)
    decoder = opus.Decoder(16000)
    payloads = [payload for tick in (*sound, *silence, *again) for payload, _ in tick]
    heard = np.concatenate([decoder.decode(each) if each else decoder.conceal(320) for each in payloads])
    assert rms_of(heard[24_000:79_000]) < -60
    assert rms_of(heard[-4800:]) == pytest.approx(-10, abs=1)


@pytest.mark.parametrize(
    ("room", "playback", "rate"),
    [(8000, 48_000, 8000), (16000, 48_000, 16000), (16000, 8000, 8000), (48000, 48000, 48000), (48000, 24000, 16000)],
)
def test_opus_is_encoded_at_what_room_and_peer_can_use(room: int, playback: int, rate: int) -> None:
    assert make_sender(SendFormat(OPUS, 96, bitrate=40_000, max_playback_rate=playback), room).rate == rate


NARROW_PARTY, G722_PARTY = SendFormat(Codec("PCMU"), 0), SendFormat(Codec("G722"), 9)
USUAL_PARTY, FULL_PARTY = SendFormat(OPUS, 96), SendFormat(OPUS, 96, bitrate=FULL_BITRATE)


@pytest.mark.parametrize(
    ("parties", "rate"),
    [
        ((), 8000),
        ((FULL_PARTY,), 8000),
        ((NARROW_PARTY, FULL_PARTY), 8000),
        ((G722_PARTY, FULL_PARTY), 16000),
        ((USUAL_PARTY, USUAL_PARTY, NARROW_PARTY), 16000),
        ((FULL_PARTY, NARROW_PARTY, FULL_PARTY), 48000),
    ],
)
def test_a_room_has_the_second_highest_bandwidth(parties: tuple[SendFormat, ...], rate: int) -> None:
    assert room_rate(parties) == rate


@pytest.mark.parametrize("format", [SendFormat(Codec("CN"), 13), SendFormat(Codec("PCMU"), 0, ptime_ms=25)])
def test_what_cannot_be_sent_is_refused(format: SendFormat) -> None:
    with pytest.raises(ValueError):
        make_sender(format, 8000)
