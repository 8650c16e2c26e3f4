"""`python -m bench.quality`: how speech sounds that the engine has mixed, by PESQ, in virtual time; prints JSON.

Three parties are in a room, so that everything is decoded, mixed and encoded; one speaks, one listens. Packets are lost
at random on the speaker's way to the engine, from a seed. The scores are those of ITU-T P.862.1 for 8 kHz and P.862.2
for 16 kHz, against the speech as it was before the first encoder.
"""

import json
import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

import click
import numpy as np
from pesq import pesq

from bench.call.codecs import Samples
from bench.call.errors import BadArgument
from bench.call.sounds import read_sound
from relay.api import Hear
from relay.codecs import g711, opus
from relay.engine import Engine
from relay.formats import TICK_MS, Codec, SendFormat
from relay.mixing.sending import NarrowSender, OpusSender, make_sender, sender_rate
from relay.playout.receiving import Octets, Receiver
from relay.streams.rtp import RtpPacket

MS = 1_000_000
TICK = TICK_MS * MS
PHASE = 7 * MS
"""How long after a packet's arrival the tick is."""
READINGS = Path("/usr/share/pocketsphinx/test/data/librivox")
"""Sentences of an audio book, in Debian's package pocketsphinx-testdata."""
PAUSE_SECONDS = 0.5
BITRATE = 24_000
TYPE = 96

PCMU, PCMA, G722, OPUS = Codec("PCMU"), Codec("PCMA"), Codec("G722"), Codec("opus", 48000, 2)


@dataclass(frozen=True)
class Case:
    """One way of speech through the engine."""

    speaks: Codec
    hears: Codec
    loss: float = 0.0
    """Of the speaker's packets, 0 to 1."""
    least: float | None = None
    """The score that has to be reached."""

    @property
    def rate(self) -> int:
        """At which it is judged: that of the narrower side."""
        return min(sender_rate(_format(codec), 16_000) for codec in (self.speaks, self.hears))


CASES = (
    Case(PCMU, PCMU, least=4.3),
    Case(PCMU, PCMU, 0.05, least=3.0),
    Case(PCMA, PCMU),
    Case(PCMU, OPUS),
    Case(OPUS, PCMU),
    Case(G722, G722),
    Case(G722, G722, 0.05),
    Case(G722, OPUS),
    Case(OPUS, OPUS, least=3.9),
    Case(OPUS, OPUS, 0.05, least=3.2),
)


def packets(codec: Codec, speech: Samples, loss: float) -> Iterator[RtpPacket]:
    """Speech, at the codec's rate, in packets of 20 ms. A sender that knows of a loss does against it what it can."""
    sender = make_sender(_format(codec), 16_000)
    if isinstance(sender, OpusSender) and loss:
        sender = sender.expecting(opus.FEC_PERCENT)
    frame = sender.rate * TICK_MS // 1000
    for number, at in enumerate(range(0, len(speech) - frame + 1, frame)):
        part = speech[at : at + frame]
        if isinstance(sender, NarrowSender):
            sent = sender.send(g711.encode(sender.law, part).tobytes())
        else:
            sent = sender.send(part)
        timestamp = (1 << 32) + number * codec.clock * TICK_MS // 1000
        yield RtpPacket(TYPE, number == 0, 7, (1 << 16) + number, timestamp, sent[0][0])


class Listener:
    """What a party of the room hears, by the same receiver as the engine's."""

    def __init__(self, codec: Codec) -> None:
        self._receiver = Receiver({TYPE: codec}, 16_000)
        self._clock = codec.clock
        self._heard: list[Samples] = []
        self._sequence, self._timestamp = 1 << 16, 1 << 32

    def take(self, payload: bytes, samples: int, now_ns: int) -> None:
        """A packet of the engine, and a frame of sound out of it."""
        self._receiver.receive(RtpPacket(TYPE, False, 9, self._sequence, self._timestamp, payload), now_ns)
        self._sequence, self._timestamp = self._sequence + 1, self._timestamp + samples
        frame = self._receiver.pull(now_ns + PHASE, False)
        if isinstance(frame, Octets):
            frame = g711.decode_bytes(frame.law, frame.payload)
        silence = np.zeros(self._receiver.rate * TICK_MS // 1000, np.int16)
        self._heard.append(silence if frame is None else frame)

    def sound(self, rate: int) -> Samples:
        whole = np.concatenate(self._heard)
        return whole if self._receiver.rate == rate else resampled(whole, self._receiver.rate, rate)


def resampled(sound: Samples, rate: int, wanted: int) -> Samples:
    """16 kHz as 8 kHz, or the other way, without what 8 kHz cannot hold."""
    spectrum = np.fft.rfft(sound)
    size = len(sound) * wanted // rate
    kept = np.zeros(size // 2 + 1, np.complex128)
    both = min(len(kept), len(spectrum))
    kept[:both] = spectrum[:both]
    return np.clip(np.rint(np.fft.irfft(kept, size) * wanted / rate), -32768, 32767).astype(np.int16)


def heard(case: Case, speech: Samples, seed: int) -> Samples:
    """What the listener hears of speech at the rate of the speaker's codec."""
    engine, listener, lost = Engine(), Listener(case.hears), random.Random(seed)
    for leg, codec in (("speaker", case.speaks), ("listener", case.hears), ("third", case.hears)):
        engine.add_leg(leg, "room", _format(codec), {TYPE: codec})
    engine.set_room("room", (Hear("listener", "speaker"), Hear("speaker", "third"), Hear("third", "listener")))
    engine.let_pass("listener", False)  # what is scored is the mixed way
    for number, packet in enumerate(packets(case.speaks, speech, case.loss)):
        now = number * TICK
        if lost.random() >= case.loss:
            engine.receive("speaker", packet, now)
        for out in engine.tick(now + PHASE).sends:
            if out.leg == "listener":
                listener.take(out.payload, out.samples, now + PHASE)
    return listener.sound(case.rate)


def score(case: Case, speech: dict[int, Samples], seed: int) -> float:
    """PESQ of one run. `speech`: the same at 8000 and at 16,000 Hz."""
    spoken = speech[sender_rate(_format(case.speaks), 16_000)]
    mode = "nb" if case.rate == 8000 else "wb"
    return float(pesq(case.rate, speech[case.rate], heard(case, spoken, seed), mode))


def measure(case: Case, speech: dict[int, Samples], seeds: int) -> dict[str, object]:
    scores = [score(case, speech, seed) for seed in range(seeds if case.loss else 1)]
    return {
        "speaks": case.speaks.name,
        "hears": case.hears.name,
        "loss_percent": round(case.loss * 100, 1),
        "rate": case.rate,
        "pesq": round(mean(scores), 2),
        "lowest": round(min(scores), 2),
        "runs": len(scores),
        "least": case.least,
        "holds": case.least is None or mean(scores) >= case.least,
    }


def read_speech(paths: list[Path], rate: int) -> Samples:
    """The files one after the other. Raises BadArgument."""
    pause = np.zeros(round(PAUSE_SECONDS * rate), np.int16)
    return np.concatenate([part for path in paths for part in (read_sound(path, rate), pause)])


def _format(codec: Codec) -> SendFormat:
    return SendFormat(codec, TYPE, TICK_MS, bitrate=BITRATE)


@click.command()
@click.argument("speech", type=click.Path(exists=True, dir_okay=False, path_type=Path), nargs=-1)
@click.option("--seeds", type=click.IntRange(1, 100), default=8, show_default=True, help="Runs of each case with loss.")
def main(speech: tuple[Path, ...], seeds: int) -> None:
    """Score SPEECH, sound files; by default the sentences of Debian's package pocketsphinx-testdata."""
    paths = list(speech) or sorted(READINGS.glob("*.wav"))
    if not paths:
        click.echo("quality: name a file with speech, or install Debian's package pocketsphinx-testdata", err=True)
        sys.exit(1)
    try:
        sounds = {rate: read_speech(paths, rate) for rate in (8000, 16_000)}
    except BadArgument as error:
        click.echo(f"quality: {error}", err=True)
        sys.exit(1)
    figures = []
    for case in CASES:
        click.echo(f"quality: {case.speaks.name} to {case.hears.name}, {case.loss:.0%} lost", err=True)
        figures.append(measure(case, sounds, seeds))
    click.echo(json.dumps({"seconds": len(sounds[8000]) / 8000, "bitrate": BITRATE, "cases": figures}, indent=2))
    if not all(figure["holds"] for figure in figures):
        sys.exit(1)


if __name__ == "__main__":
    main()
