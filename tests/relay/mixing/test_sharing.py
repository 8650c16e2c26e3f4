"""Who shares an encoder, and that moving between a shared and an own one cannot be heard."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from relay.codecs import opus
from relay.formats import SendFormat
from relay.mixing.sending import OpusSender
from relay.mixing.sharing import SHARED_TICKS, Sharing
from relay.playing.soundfile import load
from tests.relay.calls import OPUS

VOICE = Path(__file__).parents[3] / "bench" / "sounds" / "voice.flac"
RATE = 16000
FRAME = RATE // 50
Samples = npt.NDArray[np.int16]
SILENCE = np.zeros(FRAME, np.int16)


def sender(bitrate: int = 28_000, ptime_ms: int = 20) -> OpusSender:
    return OpusSender(SendFormat(OPUS, 96, ptime_ms, bitrate), RATE)


class Listener:
    def __init__(self, own: OpusSender | None = None) -> None:
        self.sender = own or sender()
        self.packets: list[bytes] = []

    def take_sender(self, sender: OpusSender) -> None:
        self.sender = sender

    def sound(self) -> Samples:
        decoder = opus.Decoder(RATE)
        return np.concatenate([decoder.decode(packet) for packet in self.packets])


class Room:
    """`tick` gives each listener the mix of its number; `encodes` counts what was encoded."""

    def __init__(self, *listeners: Listener) -> None:
        self.listeners = listeners
        self.sharing = Sharing()

    def tick(self, numbers: list[int], sounds: list[Samples]) -> int:
        hearings = zip(self.listeners, [each.sender for each in self.listeners], numbers, strict=True)
        wanted = self.sharing.arrange(hearings)
        encoded = {
            sender: sender.send_silence() if number < 0 else sender.send(sounds[number])
            for sender, number in wanted.items()
        }
        for listener in self.listeners:
            listener.packets += [payload for payload, _ in encoded[listener.sender]]
        return len(encoded)


def voices() -> list[Samples]:
    """Two of the same voice, apart in time."""
    voice = np.tile(load(VOICE, RATE), 3)[: 12 * RATE]
    return [voice.reshape(-1, FRAME), np.roll(voice, 3 * RATE).reshape(-1, FRAME)]


def test_who_hears_the_same_from_the_beginning_shares_at_once() -> None:
    room = Room(*(Listener() for _ in range(20)))
    assert room.tick([0] * 20, [SILENCE]) == 1
    late = Listener()
    room.listeners = (*room.listeners, late)
    assert room.tick([0] * 21, [SILENCE]) == 1
    assert room.tick([-1] * 21, [SILENCE]) == 1


def test_other_settings_are_another_encoder() -> None:
    room = Room(Listener(sender()), Listener(sender(bitrate=16_000)), Listener(sender(ptime_ms=60)))
    for _ in range(SHARED_TICKS * 3):
        assert room.tick([0, 0, 0], [SILENCE]) == 3


def test_who_hears_something_else_parts_and_comes_back_after_a_while() -> None:
    room = Room(*(Listener() for _ in range(5)))
    one, two = voices()
    assert [room.tick([0] * 5, [sound]) for sound in one[:5]] == [1] * 5
    encodes = [room.tick([1, 0, 0, 0, 0], [sound, other]) for sound, other in zip(one[5:10], two[5:10], strict=True)]
    assert encodes == [2] * 5
    encodes = [room.tick([0] * 5, [sound]) for sound in one[10:30]]
    assert encodes == [2] * SHARED_TICKS + [1] * (20 - SHARED_TICKS)
    assert len({each.sender for each in room.listeners}) == 1
    assert all(len(each.packets) == 30 for each in room.listeners)


def test_a_spell_of_sameness_that_is_interrupted_counts_from_anew() -> None:
    room = Room(Listener(), Listener())
    one, two = voices()
    room.tick([0, 1], [one[0], two[0]])
    for at in range(1, 60):
        same = at % SHARED_TICKS != 0
        assert room.tick([0, 0] if same else [0, 1], [one[at], two[at]]) == 2


def test_packets_that_end_at_other_moments_are_not_shared() -> None:
    first, second = Listener(sender(ptime_ms=60)), Listener(sender(ptime_ms=60))
    Room(first).tick([0], [SILENCE])
    Room(second).tick([0], [SILENCE])
    Room(second).tick([0], [SILENCE])
    room = Room(first, second)
    assert [room.tick([0, 0], [SILENCE]) for _ in range(40)] == [2] * 40


def spectra(sound: Samples) -> npt.NDArray[np.float64]:
    """Of each tick, in dB with a floor as of a faint hiss."""
    frames = np.lib.stride_tricks.sliding_window_view(sound.astype(np.float64), 512)[::FRAME] * np.hanning(512)
    return np.asarray(20 * np.log10(np.abs(np.fft.rfft(frames)) + 30))


def distance(sound: Samples, from_sound: Samples) -> npt.NDArray[np.float64]:
    """Log-spectral distance of each tick, in dB."""
    ours, theirs = spectra(sound), spectra(from_sound)
    size = min(len(ours), len(theirs))
    return np.asarray(np.sqrt(np.mean((ours[:size] - theirs[:size]) ** 2, axis=1)))


@pytest.mark.parametrize("speaks_every", [25, 40, 70])
def test_moving_between_shared_and_own_cannot_be_heard(speaks_every: int) -> None:
    """A listener who comes and goes hears what he would have heard from an encoder of his own: as near to the sound
    as that, on the whole and at the moments of the moves."""
    mover, alone, stay = Listener(), Listener(), (Listener(), Listener())
    room, other_room = Room(mover, *stay), Room(alone)
    one, two = voices()
    moved = []
    for at, (sound, other) in enumerate(zip(one, two, strict=True)):
        away = at // speaks_every % 2 == 1
        everything = np.clip(sound.astype(np.int32) + other, -32768, 32767).astype(np.int16) if away else sound
        before = mover.sender
        room.tick([0, 1, 1] if away else [1, 1, 1], [sound, everything])
        other_room.tick([0], [sound])
        moved += [at] if mover.sender is not before else []
    assert len(moved) >= 2 * (len(one) // speaks_every // 2) - 1
    heard, reference = mover.sound(), alone.sound()
    original = np.concatenate([np.zeros(_delay(reference, one.reshape(-1)), np.int16), one.reshape(-1)])
    ours, theirs = distance(heard, original), distance(reference, original)
    around = np.unique([at + after for at in moved for after in range(-1, 4) if at + after < len(ours)])
    assert ours.mean() < theirs.mean() + 0.1
    assert ours[around].mean() < theirs[around].mean() + 0.25
    # Of a single frame either encoder may make more by chance.
    assert np.percentile(ours[around] - theirs[around], 98) < 3.0


def _delay(sound: Samples, original: Samples) -> int:
    """By which the codec's sound comes later, in samples."""
    size = 1 << 15
    spectrum = np.fft.rfft(sound[:size].astype(np.float64), 2 * size)
    correlation = np.fft.irfft(spectrum * np.conj(np.fft.rfft(original[:size].astype(np.float64), 2 * size)))
    return int(np.argmax(correlation[:2000]))
