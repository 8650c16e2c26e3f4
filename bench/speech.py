"""How speech sounds after a server: PESQ (ITU-T P.862, wide-band P.862.2) of what listeners of a conference got.

One of four legs says the built-in sentence; what the others are sent is decoded and compared with it. Loss is on the
way to the server, seeded, so that every server loses the same packets."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from pesq import pesq

from bench.call.codecs import PCMU, Samples
from bench.call.sounds import VOICE, read_sound
from bench.load.batches import BatchSocket
from bench.load.drive import Driver, Log
from bench.load.judge import stream_of
from bench.load.measure import ADDRESS, Span, Tell, talk
from bench.load.script import Line, Script, write
from bench.load.sound import FRAMES_A_SECOND, RATES
from bench.load.target import Target
from bench.load.work import CodecName, Leg, Work, conference

OPUS_BITRATE = 24_000
LEGS = 4
_MODES: dict[CodecName, tuple[str, int]] = {"PCMU": ("nb", 8000), "opus": ("wb", 16000)}
_LOST = b"\0"
"""Sent in place of a lost packet: no server takes it for anything."""
_RATES = {"nb": 8000, "wb": 16000}
_SILENT = 100
_SPAN = Span(8.0, 2.0)


@dataclass(frozen=True)
class SpeechPlan:
    codec: CodecName
    loss: float = 0.0
    """Share of the packets."""
    seed: int = 1
    file: Path = VOICE
    """What is said, again and again."""


@dataclass(frozen=True)
class SpeechFigures:
    server: str
    version: str
    codec: str
    loss: float
    mode: str
    """nb: P.862 at 8 kHz; wb: P.862.2 at 16 kHz."""
    pesq: float
    """Of the worst listener."""
    best: float


async def measure_speech(target: Target, plan: SpeechPlan, tell: Tell) -> SpeechFigures:
    """Raises RuntimeError when a listener heard no speech."""
    work = target.accepts(Work("speech", "speech", tuple(conference(plan.codec, True, 1)(LEGS))))
    sock = BatchSocket(ADDRESS, 800)
    try:
        lines = await target.connect(work, sock.address)
        script = lose(write(lines, _SPAN.settle + _SPAN.seconds, said=lambda leg: _said(leg, plan.file)), plan)
        done = await talk(target, Driver(sock, lines, script), _SPAN, tell)
        await target.disconnect(work)
    finally:
        sock.close()
    scores = [_score(plan, line, done.log, done.window) for line in lines if line.leg.tone is None]
    mode, _ = _MODES[plan.codec]
    return SpeechFigures(target.name, target.version, plan.codec, plan.loss, mode, min(scores), max(scores))


def lose(script: Script, plan: SpeechPlan) -> Script:
    """The same, with packets of the speaker replaced by what nobody takes for a packet."""
    gone = np.random.default_rng(plan.seed).random(script.frames) < plan.loss
    data, sizes = script.data.copy(), script.sizes.copy()
    data[gone, 0, 0], sizes[gone, 0] = _LOST[0], len(_LOST)
    return replace(script, data=data, sizes=sizes)


def _said(leg: Leg, file: Path) -> list[bytes]:
    sound = read_sound(file, RATES[leg.codec]) if leg.tone is not None else np.zeros(RATES[leg.codec], np.int16)
    frame = RATES[leg.codec] // FRAMES_A_SECOND
    encode = _ENCODERS[leg.codec]()
    coded = [encode(sound[at : at + frame]) for at in range(0, len(sound) - frame + 1, frame)]
    return [payload for payload in coded if payload]


def _opus() -> Callable[[Samples], bytes]:
    """24 kbit/s with in-band error correction for 10 % of loss."""
    context = av.CodecContext.create("libopus", "w")
    assert isinstance(context, av.AudioCodecContext)
    context.sample_rate, context.layout, context.bit_rate = 48000, "mono", OPUS_BITRATE
    context.format, context.time_base = av.AudioFormat("s16"), Fraction(1, 48000)
    context.options = {"application": "voip", "frame_duration": "20", "fec": "1", "packet_loss": "10"}

    def encode(samples: Samples) -> bytes:
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = 48000
        return b"".join(bytes(packet) for packet in context.encode(frame))

    return encode


_ENCODERS: dict[CodecName, Callable[[], Callable[[Samples], bytes]]] = {
    "PCMU": lambda: PCMU.make_encoder().encode,
    "opus": _opus,
}


def _score(plan: SpeechPlan, line: Line, log: Log, window: tuple[int, int]) -> float:
    mode, rate = _MODES[plan.codec]
    heard = stream_of(line, log, *window).sound
    return score(heard if plan.codec == "PCMU" else _decimate(heard), read_sound(plan.file, rate), mode)


def score(heard: npt.NDArray[np.float32], speech: Samples, mode: str) -> float:
    """PESQ of what was heard against the best matching stretch of the speech, said again and again.

    Raises RuntimeError when nothing was heard."""
    if not len(heard) or np.abs(heard).max() < _SILENT:
        raise RuntimeError("no speech was heard")
    sentence = speech.astype(np.float64)
    said = np.tile(sentence, 2 + len(heard) // max(1, len(sentence)))
    size = 1 << (len(said) + len(heard)).bit_length()
    likeness = np.fft.irfft(np.fft.rfft(said, size) * np.conj(np.fft.rfft(heard, size)), size)
    start = int(np.argmax(likeness[: len(said) - len(heard)]))
    return round(float(pesq(_RATES[mode], said[start : start + len(heard)], heard, mode)), 2)


def _decimate(sound: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """48 to 16 kHz, by cutting the spectrum."""
    spectrum = np.fft.rfft(sound)[: len(sound) // 6 + 1]
    kept: npt.NDArray[np.float32] = (np.fft.irfft(spectrum, len(sound) // 3) / 3).astype(np.float32)
    return kept
