"""Makes the sounds and the manifest of a closed spool: `python -m recorder.finalizing.finalize --recording FOLDER`.

It reads the recording's data key, 32 bytes, from its standard input, and knows no other. Its only output is one line
of JSON, a recorder.finalizing.outcome.Outcome. All files are sealed as they are made: nothing is ever in clear on a
disk. It may be killed at any point and run again; memory does not grow with the sound but by some 50 bytes a packet: an
hour of two fits into 100 MB. Lost packets are silence, Opus ones too: a recording does not invent sound.
"""

import argparse
import contextlib
import os
import resource
import sys
import threading
from pathlib import Path
from typing import NamedTuple

import msgspec

from recorder.api import Party, Start
from recorder.delivery.names import manifest_key, track_key
from recorder.errors import Damaged
from recorder.finalizing import manifest as manifests
from recorder.finalizing import memory
from recorder.finalizing.gaps import Missing, find_gaps, find_pauses, seconds
from recorder.finalizing.manifest import Gap, Manifest, PartyReport, Peaks, Span
from recorder.finalizing.mix import NARROW, WIDE, Voice, wide_band
from recorder.finalizing.outcome import MANIFEST, SOUND, TRACK, Empty, Failed, Finished, Made, Outcome, Postponed
from recorder.finalizing.placement import Placed, place
from recorder.finalizing.sounds import SoundWriter
from recorder.keeping import envelope
from recorder.keeping.keys import KEY, owner_of
from recorder.keeping.sealed_file import SealedFile
from recorder.spooling import journal
from recorder.spooling.index import Index, Track
from recorder.spooling.journal import Journal
from recorder.spooling.reading import SpoolReader
from recorder.spooling.timeline import Presence, extent, presence
from recorder.wire import Codec
from vault.pii import Pii

VERSION = 2
_EMPTY = Track()


class _Part(NamedTuple):
    """One party, worked out."""

    party: Party
    track: Track
    presence: Presence
    placed: Placed
    voice: Voice
    missing: Missing
    pauses: list[Span]


class Finalizer:
    """One recording's way from spool to sound."""

    def __init__(self, folder: Path, known: Journal, data_key: Pii[bytes]) -> None:
        self._folder = folder
        self._known = known
        self._owner = owner_of(known.start)
        self._data_key = data_key
        self._key = envelope.Keyed(data_key, known.start.key)

    def run(self) -> Outcome:
        """Raises Damaged, OSError."""
        reader = SpoolReader(self._folder, self._data_key, self._owner)
        index = Index(reader, bytes.fromhex(self._owner.recording))
        index.read()
        present = _presences(self._known.start, index)
        line = extent(present.values())
        if line is None:
            if any(track.arrival for track in index.tracks.values()):
                raise Damaged("there is sound, but of no party that was announced")
            return Empty()
        parts = [self._part(party, present[party.index], index, line[0]) for party in self._known.start.parties]
        return self._finish(parts, index, line[1] - line[0])

    def _part(self, party: Party, there: Presence, index: Index, zero: int) -> _Part:
        track = index.tracks.get(party.index, _EMPTY)
        placed = place(track, zero)
        voice = Voice(track, placed.runs, index, seconds(there.paused, zero))
        missing = find_gaps(party.index, there, track.overflows, placed.runs, zero)
        track.forget_times()
        counted = placed._replace(runs=[])
        return _Part(party, track, there, counted, voice, missing, find_pauses(party.index, there, zero))

    def _finish(self, parts: list[_Part], index: Index, length_ns: int) -> Finished:
        rate = WIDE if any(wide_band(part.track.codec) for part in parts) else NARROW
        frames = round(length_ns * rate / 1e9)
        start = self._known.start
        writer = SoundWriter(self._file, start.format, start.tracks)
        sound, sealed_tracks, peaks = writer.write([(part.party, part.voice) for part in parts], rate, frames)
        tracks = tuple(
            manifests.Track(party.index, track_key(start.key, party), *sealed)
            for party, sealed in zip(start.parties, sealed_tracks, strict=False)
        )
        gaps, left_out = manifests.longest([gap for part in parts for gap in part.missing.gaps])
        manifest = msgspec.structs.replace(
            self._manifest(parts, (gaps, left_out), peaks),
            duration_ms=frames * 1000 // rate,
            rate=rate,
            size=sound.size,
            sha256=sound.sha256,
            tracks=tracks,
            undeclared_parties=tuple(sorted(set(index.tracks) - {part.party.index for part in parts})),
        )
        with self._file(MANIFEST, "manifest") as file:
            file.write(manifests.encode(manifest))
            told = Made(MANIFEST, manifest_key(start.key), file.commit())
        made = [Made(TRACK.format(track.party), track.key, track.sha256) for track in tracks]
        objects = (*made, told, Made(SOUND, start.key, sound.sha256))
        return Finished(manifest.duration_ms, sound.size, sound.sha256, objects, len(gaps) + left_out)

    def _file(self, name: str, content: str) -> SealedFile:
        return SealedFile(self._folder / name, content, self._owner, self._key)

    def _manifest(self, parts: list[_Part], gaps: tuple[tuple[Gap, ...], int], peaks: Peaks) -> Manifest:
        return Manifest(
            version=VERSION,
            recording=self._owner.recording,
            account=self._owner.account,
            instance=self._owner.instance,
            contact=self._owner.contact,
            key=self._known.start.key,
            parties=tuple(map(_report, parts)),
            format=self._known.start.format,
            gaps=gaps[0],
            gaps_left_out=gaps[1],
            pauses=tuple(sorted(pause for part in parts for pause in part.pauses)),
            peaks=peaks,
        )


def _presences(start: Start, index: Index) -> dict[int, Presence]:
    tracks = {party.index: index.tracks.get(party.index, _EMPTY) for party in start.parties}
    return {number: presence(track.events, track.followed()) for number, track in tracks.items()}


def _report(part: _Part) -> PartyReport:
    return PartyReport(
        index=part.party.index,
        role=part.party.role,
        participant=part.party.participant,
        packets=part.placed.packets,
        lost=part.missing.lost,
        duplicates=part.placed.duplicates,
        undecodable=part.voice.undecodable,
        codecs=tuple(Codec(number).name for number in sorted(set(part.track.codec))),
    )


def finalize(folder: Path, data_key: Pii[bytes]) -> Outcome:
    """What became of it, in words; only a fault of this program raises."""
    try:
        return Finalizer(folder, journal.opened(folder, data_key), data_key).run()
    except Damaged as error:
        return Failed(str(error))
    except OSError as error:
        return Postponed(error.strerror or type(error).__name__)


def _read_key() -> bytes:
    """Raises SystemExit when the recorder has died before it gave us one."""
    key = b""
    while len(key) < KEY:
        piece = os.read(0, KEY - len(key))
        if not piece:
            sys.exit("no data key on standard input")
        key += piece
    return key


def _end_with_parent() -> None:
    """Standard input is a pipe whose other end the recorder holds as long as it lives."""
    with contextlib.suppress(OSError):
        while os.read(0, 1):
            continue
    os._exit(1)


def main() -> None:
    parser = argparse.ArgumentParser(prog="recorder.finalizing.finalize")
    parser.add_argument("--recording", type=Path, required=True)
    arguments = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(10)
    memory.keep_little()
    data_key = Pii(_read_key())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    outcome = finalize(arguments.recording, data_key)
    sys.stdout.buffer.write(msgspec.json.encode(outcome))


if __name__ == "__main__":
    main()
