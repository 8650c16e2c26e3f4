import av
import numpy as np
import numpy.typing as npt
import pytest

from relay.codecs import opus
from relay.streams.malformed import OpusError
from tests.support.tones import dominant, level_of, tone


def packets(rate: int, ptime_ms: int = 20) -> list[bytes]:
    encoder, size = opus.Encoder(rate, 28_000), rate * ptime_ms // 1000
    sound = tone(440, 1.2, rate)
    return [encoder.encode(sound[at : at + size]) for at in range(0, len(sound), size)]


@pytest.mark.parametrize("rate", [8000, 16000])
@pytest.mark.parametrize("listens", [8000, 16000])
@pytest.mark.parametrize("ptime_ms", [10, 20, 40, 60])
def test_a_tone_passes(rate: int, listens: int, ptime_ms: int) -> None:
    decoder = opus.Decoder(listens)
    sound = np.concatenate([decoder.decode(packet) for packet in packets(rate, ptime_ms)])[listens // 5 :]
    assert dominant(sound, listens) == pytest.approx(440, abs=1)
    assert level_of(sound, listens, 440) == pytest.approx(-10, abs=1)


@pytest.mark.parametrize("ptime_ms", [10, 20, 40, 60])
def test_duration_is_in_units_of_the_rtp_clock(ptime_ms: int) -> None:
    assert opus.duration(packets(16000, ptime_ms)[0]) == 48 * ptime_ms


def test_a_lost_packet_is_recovered_from_the_next() -> None:
    sound = noisy(60)
    encoder = opus.Encoder(16000, 28_000)
    encoder.expect_loss(5)
    sent = [encoder.encode(sound[at : at + 320]) for at in range(0, len(sound), 320)]

    def error(recover: bool) -> float:
        whole, decoder, difference = opus.Decoder(16000), opus.Decoder(16000), 0.0
        for number, packet in enumerate(sent):
            right = whole.decode(packet)
            if number % 5 != 3:
                decoder.decode(packet)
                continue
            made = decoder.recover(sent[number + 1], 320) if recover else decoder.conceal(320)
            difference += float(np.mean((made.astype(np.float64) - right) ** 2))
        return difference

    assert error(recover=True) < 0.5 * error(recover=False)


def stereo(left: npt.NDArray[np.int16], right: npt.NDArray[np.int16]) -> list[bytes]:
    """Packets of another encoder, in two channels at 48 kHz."""
    context = av.CodecContext.create("libopus", "w")
    context.sample_rate, context.layout, context.format = 48_000, "stereo", av.AudioFormat("s16")
    context.bit_rate, context.options = 96_000, {"frame_duration": "20"}
    packets: list[bytes] = []
    for at in range(0, len(left), 960):
        both = np.stack([left[at : at + 960], right[at : at + 960]], axis=1).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(both, format="s16", layout="stereo")
        frame.sample_rate = 48_000
        packets += [bytes(packet) for packet in context.encode(frame)]
    return packets


@pytest.mark.parametrize("rate", [8000, 16000])
def test_both_channels_of_stereo_are_heard_in_one(rate: int) -> None:
    decoder = opus.Decoder(rate)
    sent = stereo(tone(440, 1.2, 48_000), tone(1100, 1.2, 48_000))
    assert all(packet[0] & 4 for packet in sent)
    heard = np.concatenate([decoder.decode(packet) for packet in sent])[rate // 5 :]
    for pitch in (440, 1100):
        assert level_of(heard, rate, pitch) == pytest.approx(-16, abs=1)


def noisy(count: int) -> npt.NDArray[np.int16]:
    """Something like speech: forward error correction is not spent on what can be foretold."""
    rng = np.random.default_rng(5)
    return (np.repeat(rng.integers(500, 9000, count), 320) * np.sin(np.arange(count * 320) ** 1.2 / 90)).astype(
        np.int16
    )


@pytest.mark.parametrize(("ptime_ms", "expected"), [(10, 0), (20, 10), (40, 10), (60, 10), (20, 0), (60, 0)])
def test_whether_a_packet_carries_a_copy_is_seen_without_decoding(ptime_ms: int, expected: int) -> None:
    encoder, size = opus.Encoder(16000, 32_000), 16 * ptime_ms
    encoder.expect_loss(expected)
    sound = noisy(60)
    sent = [encoder.encode(sound[at : at + size]) for at in range(0, len(sound) - size + 1, size)]
    copies = sum(map(opus.has_copy, sent))
    assert copies > len(sent) / 2 if expected else copies == 0


def test_copies_are_seen_in_packets_of_several_frames() -> None:
    encoder = opus.Encoder(16000, 32_000)
    encoder.expect_loss(10)
    sound = noisy(40)
    one = next(filter(opus.has_copy, (encoder.encode(sound[at : at + 320]) for at in range(0, len(sound), 320))))
    frame = one[1:]
    two_sizes = bytes([one[0] | 2, min(len(frame), 251)]) + frame[:251] + frame
    counted = bytes([one[0] | 3, 1]) + frame
    assert opus.duration(two_sizes) == 1920
    assert opus.has_copy(two_sizes) and opus.has_copy(counted)
    assert not opus.has_copy(one[:1])
    assert not opus.has_copy(bytes([one[0] | 2, 0]) + frame)
    assert not opus.has_copy(b"\xff\xff")


@pytest.mark.parametrize("payload", [b"", b"\xff", b"\xff\xff\xff\xff", b"\x03\x00"])
def test_what_is_no_packet_is_refused(payload: bytes) -> None:
    with pytest.raises(OpusError):
        opus.duration(payload)
    decoder = opus.Decoder(16000)
    if payload:
        with pytest.raises(OpusError):
            decoder.decode(payload)
    assert len(decoder.decode(packets(16000)[0])) == 320


def test_a_length_that_opus_has_not_is_refused() -> None:
    with pytest.raises(ValueError, match="length"):
        opus.Encoder(16000, 28_000).encode(np.zeros(100, np.int16))
    with pytest.raises(ValueError, match="rate"):
        opus.Encoder(44_100, 28_000)
