"""What it takes to make the file of a long call: time, CPU and memory of the finalizer's own process.

The spool is written as the recorder writes it, frame by frame, from two tones whose senders' clocks are apart; then
`python -m recorder.finalizing.finalize` runs on it as it does for the recorder, and what it made is looked at.
"""

import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np

from bench.sip.report import taken
from recorder import api
from recorder.finalizing.outcome import Finished, Outcome
from recorder.keeping.keys import KEY, owner_of
from recorder.spooling import journal
from recorder.spooling.appender import Appender
from recorder.spooling.journal import Journal
from recorder.wire import Codec, Kind, Record, pack
from relay.codecs import g711, g722, opus
from vault.pii import Pii

SpokenCodec = Literal["PCMU", "G722", "opus"]
RECORDING = "beef" * 8
SKEW = 200e-6
"""By which the second sender's clock is faster than the worker's."""
_FRAME_SECONDS = 0.1
_CODECS = {"PCMU": Codec.PCMU, "G722": Codec.G722, "opus": Codec.OPUS}
_NS = 1_000_000_000


@dataclass(frozen=True)
class FinalizePlan:
    minutes: float = 60.0
    codec: SpokenCodec = "PCMU"
    format: api.Format = "wav"


EVERY = (
    FinalizePlan(),
    FinalizePlan(format="flac"),
    FinalizePlan(format="opus"),
    FinalizePlan(codec="opus"),
    FinalizePlan(codec="opus", format="opus"),
    FinalizePlan(codec="G722"),
    FinalizePlan(codec="G722", format="flac"),
)
"""An hour of each codec, and in each format."""


def finalizing_section(about: Mapping[str, Any], runs: Sequence[Mapping[str, Any]]) -> str:
    """Markdown. `about`: date, command, machine."""
    lines = [
        "## Finalizing",
        "",
        taken(about),
        "",
        "A call of two whose clocks are 200 ppm apart, from its spool to its sealed file, in a process of its own.",
        "",
        "| minutes | codec | file | seconds | times real time | CPU seconds an hour of a leg | peak memory, MB |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for one in runs:
        names = ("minutes", "codec", "format", "seconds", "times_real_time", "cpu_seconds_per_leg_hour")
        cells = [*(one[name] for name in names), one["peak_memory_mb"]]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join([*lines, ""])


def measure_finalizing(plan: FinalizePlan) -> dict[str, Any]:
    """The figures, ready for JSON. Raises RuntimeError when no file came of it."""
    with tempfile.TemporaryDirectory(prefix="tp-finalize-") as name:
        folder, data_key = make_spool(Path(name), plan)
        spooled = sum(path.stat().st_size for path in folder.iterdir())
        began = time.monotonic()
        outcome, used = _finalize(folder, data_key)
        took = time.monotonic() - began
    if not isinstance(outcome, Finished):
        raise RuntimeError(f"the recording was not finalized: {outcome}")
    cpu = used["cpu_seconds"]
    return {
        "minutes": plan.minutes,
        "codec": plan.codec,
        "format": plan.format,
        "spool_mb": round(spooled / 1e6, 1),
        "seconds": round(took, 2),
        "cpu_seconds": round(cpu, 2),
        "cpu_seconds_per_leg_hour": round(cpu * 30 / plan.minutes, 2),
        "times_real_time": round(plan.minutes * 60 / took),
        "peak_memory_mb": round(used["peak_memory"] / 1e6, 1),
        "duration_ms": outcome.duration_ms,
        "gaps": outcome.gaps,
    }


def make_spool(home: Path, plan: FinalizePlan) -> tuple[Path, Pii[bytes]]:
    """The folder of a sealed recording, and its data key."""
    suffix, _ = api.FORMATS[plan.format]
    parties = (api.Party(0, "other", "leg-0"), api.Party(1, "agent", "leg-1"))
    start = api.Start(RECORDING, "acct", "bench", "contact", f"bench{suffix}", parties, plan.format)
    data_key = Pii(secrets.token_bytes(KEY))
    folder = home / RECORDING
    folder.mkdir()
    journal.save(folder, Journal(start, b"", "bench", "sealed", {"sealed": 0.0}), data_key)
    appender = Appender(folder, data_key, owner_of(start), {})
    for body in _bodies(plan):
        appender.append(body)
    appender.close()
    return folder, data_key


def _bodies(plan: FinalizePlan) -> Iterator[bytes]:
    """What the recorder gets within each tenth of a second of the call."""
    voices = [_payloads(plan.codec, freq) for freq in (440.0, 700.0)]
    ticks = round(plan.minutes * 60 / _FRAME_SECONDS)
    sent = [0, 0]
    for tick in range(ticks + 1):
        until = round(tick * _FRAME_SECONDS * _NS)
        kind = Kind.BEGIN if tick == 0 else Kind.END if tick == ticks else Kind.CLOCK
        body = b""
        for party, payloads in enumerate(voices):
            while (at := _arrival(party, sent[party])) < until:
                body += pack(_packet(plan.codec, (party, at), sent[party], payloads[sent[party] % len(payloads)]))
                sent[party] += 1
            body += pack(Record(bytes.fromhex(RECORDING), kind, party, until))
        yield body


def _arrival(party: int, number: int) -> int:
    """Up to 10 ms late, never before the one before."""
    return round(number * 0.02 * _NS / (1 + party * SKEW)) + number * 7919 % 10 * 1_000_000


def _packet(codec: SpokenCodec, where: tuple[int, int], number: int, payload: bytes) -> Record:
    party, at = where
    step = 960 if codec == "opus" else 160
    name = bytes.fromhex(RECORDING)
    return Record(name, Kind.PACKET, party, at, _CODECS[codec], number, number * step, 7000 + party, payload)


def _payloads(codec: SpokenCodec, freq: float) -> list[bytes]:
    """A second of a tone."""
    rate = 8000 if codec == "PCMU" else 16000
    sound = np.round(10_000 * np.sin(2 * np.pi * freq * np.arange(rate) / rate)).astype(np.int16).reshape(50, -1)
    match codec:
        case "PCMU":
            return [g711.encode("PCMU", row).tobytes() for row in sound]
        case "G722":
            coder = g722.Encoder()
            return [coder.encode(row) for row in sound]
        case "opus":
            encoder = opus.Encoder(rate, 32000)
            return [encoder.encode(np.ascontiguousarray(row)) for row in sound]


def _finalize(folder: Path, data_key: Pii[bytes]) -> tuple[Outcome, dict[str, Any]]:
    """What became of it, and what the process used."""
    command = [
        sys.executable,
        "-m",
        "bench.used",
        sys.executable,
        "-m",
        "recorder.finalizing.finalize",
        "--recording",
        str(folder),
    ]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None and process.stdout is not None and process.stderr is not None
        process.stdin.write(data_key.reveal())
        process.stdin.flush()  # and left open: the finalizer ends with whoever holds it
        said, used = process.stdout.read(), process.stderr.read()
    try:
        return msgspec.json.decode(said, type=Outcome), msgspec.json.decode(used, type=dict[str, Any])
    except msgspec.MsgspecError:
        raise RuntimeError(f"the finalizer ended without an outcome: {used.decode(errors='replace')}") from None
