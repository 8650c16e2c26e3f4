"""Holds recordings against what is known of them, with the node running or not:
`python -m recorder.keeping.verify --data DIR --keyring FILE [--store DIR]`.

Reads a list of recorder.api.Expected from standard input, as JSON, and writes for each the list of its Checks. Nothing
is changed. A recording in the store is read whole: every segment is authenticated by the recording's own key, and what
is inside is hashed. One that is on its way is read in the spool, frame by frame.
"""

import argparse
import asyncio
import hashlib
import resource
import sys
from contextlib import aclosing
from pathlib import Path

import msgspec

from recorder.api import Check, Expected
from recorder.delivery.names import is_track, key_object_key, manifest_key, tracks_prefix
from recorder.delivery.places import Places, Tenant
from recorder.errors import Damaged, NoSuchObject, RecorderError
from recorder.finalizing import manifest, wav
from recorder.finalizing.manifest import Manifest
from recorder.keeping.keys import RecordingKeys, owner_of
from recorder.keeping.objects import WHOLE, ObjectReader
from recorder.spooling import journal
from recorder.spooling.journal import Journal
from recorder.spooling.reading import SpoolReader
from vault.kms import KmsError
from vault.services import open_kms, read_keys

DELIVERED = ("uploaded", "verified", "released")
_PIECE = 1024 * 1024


class _Hashed(msgspec.Struct, frozen=True):
    size: int
    sha256: str
    begin: bytes
    """The first bytes, as many as a WAV header has."""


class Verifier:
    """`spool` is the folder of the recordings that are on their way."""

    def __init__(self, places: Places, keys: RecordingKeys, spool: Path) -> None:
        self._places = places
        self._keys = keys
        self._spool = spool

    async def check(self, expected: Expected) -> list[Check]:
        """Everything that can be said; a check that fails ends those that build on it."""
        if expected.deleted:
            return [await self._gone(expected)]
        if expected.state in DELIVERED:
            return await self._delivered(expected)
        return await self._on_its_way(expected)

    async def _gone(self, expected: Expected) -> Check:
        own = {expected.key, manifest_key(expected.key), key_object_key(expected.key)}
        try:
            for place in self._places.all_of(_tenant(expected)):
                async with aclosing(place.store.list_keys(tracks_prefix(expected.key))) as names:
                    if [name async for name in names if name in own or is_track(name, expected.key)]:
                        return Check("store", False, "it was deleted, and the store still has it")
        except RecorderError as error:
            return Check("store", False, f"the store cannot be asked: {error}")
        return Check("store", True, "it was deleted, and nothing of it is stored")

    async def _delivered(self, expected: Expected) -> list[Check]:
        try:
            reader = await self._places.reader(_tenant(expected), expected.key)
            await reader.open(self._keys)
        except NoSuchObject:
            return [Check("object", False, "it is not in the store")]
        except KmsError as error:
            return [Check("key", False, f"the recording's key cannot be had: {error}")]
        except RecorderError as error:
            return [Check("object", False, str(error))]
        if not _is_of(reader, expected):
            return [Check("object", False, "it is another recording's")]
        key = f"unwrapped by master key {reader.key_id}" if reader.key_id else "the bucket's own"
        checks = [Check("key", True, key)]
        try:
            found = await _hash(reader)
        except RecorderError as error:
            return [*checks, Check("object", False, str(error))]
        same = (found.size, found.sha256) == (expected.size, expected.sha256)
        detail = f"{found.size} bytes, SHA-256 {found.sha256}"
        checks.append(Check("object", same, detail if same else f"{detail}: not what was recorded"))
        return [*checks, *await self._manifest(expected, found)]

    async def _manifest(self, expected: Expected, found: _Hashed) -> list[Check]:
        try:
            reader = await self._places.reader(_tenant(expected), manifest_key(expected.key))
            await reader.open(self._keys)
            told = manifest.decode(await reader.read(*WHOLE))
        except (RecorderError, KmsError, msgspec.MsgspecError) as error:
            return [Check("manifest", False, f"it cannot be read: {str(error) or type(error).__name__}")]
        if wrong := _contradiction(told, expected, found):
            return [Check("manifest", False, wrong)]
        pauses, gaps = len(told.pauses), len(told.gaps) + told.gaps_left_out
        detail = f"{told.duration_ms / 1000:.2f} s, {len(told.parties)} parties, {pauses} pauses, {gaps} gaps"
        tenant = _tenant(expected)
        tracks = [await self._track(tenant, track.key, (track.size, track.sha256)) for track in told.tracks]
        return [Check("manifest", _is_of(reader, expected), detail), *tracks]

    async def _track(self, tenant: Tenant, key: str, wanted: tuple[int, str]) -> Check:
        try:
            reader = await self._places.reader(tenant, key)
            await reader.open(self._keys)
            found = await _hash(reader)
        except (RecorderError, KmsError) as error:
            return Check("track", False, str(error))
        return Check("track", (found.size, found.sha256) == wanted, f"{found.size} bytes, SHA-256 {found.sha256}")

    async def _on_its_way(self, expected: Expected) -> list[Check]:
        """Or so the record says, which lags behind when the node ended, or goes on, meanwhile."""
        folder = self._spool / expected.recording
        try:
            known, data_key = await journal.load(folder, self._keys)
            if known.state in DELIVERED:
                return await self._delivered(_as_in(known, expected))
            reader = SpoolReader(folder, data_key, owner_of(known.start))
            frames = await asyncio.to_thread(lambda: sum(1 for number in reader.numbers for _ in reader.frames(number)))
            if known.state == "recording":
                reader.check()
            else:
                reader.check_closed()
        except FileNotFoundError:
            return [await self._not_in_spool(expected)]
        except (Damaged, KmsError, OSError) as error:
            return [Check("spool", False, str(error))]
        key = Check("key", True, f"unwrapped by master key {known.key_id}")
        return [key, Check("spool", True, f"{frames} frames in {len(reader.numbers)} segments, none missing")]

    async def _not_in_spool(self, expected: Expected) -> Check:
        try:
            await self._places.reader(_tenant(expected), expected.key)
        except NoSuchObject:
            return Check("spool", False, "neither the store nor the spool has it")
        except RecorderError as error:
            return Check("store", False, f"the spool has it not, and the store cannot be asked: {error}")
        return Check("store", False, "the store has something, of which the record does not tell what it should be")


def _as_in(known: Journal, expected: Expected) -> Expected:
    """What the recorder's own journal, which is signed, has of the recording that the record names."""
    return msgspec.structs.replace(expected, state=known.state, size=known.size, sha256=known.sha256)


def _is_of(reader: ObjectReader, expected: Expected) -> bool:
    owner = (expected.account, expected.instance, expected.contact, expected.recording)
    return reader.owner is not None and tuple(reader.owner) == owner


def _tenant(expected: Expected) -> Tenant:
    return Tenant(expected.account, expected.instance)


async def _hash(reader: ObjectReader) -> _Hashed:
    """Raises RecorderError."""
    digest, begin = hashlib.sha256(), b""
    for start in range(0, reader.total, _PIECE):
        piece = await reader.read(start, _PIECE)
        begin = begin or piece[: wav.HEADER_SIZE]
        digest.update(piece)
    return _Hashed(reader.total, digest.hexdigest(), begin)


def _contradiction(told: Manifest, expected: Expected, found: _Hashed) -> str:
    """What the manifest says that is not so."""
    owner = (told.account, told.instance, told.contact, told.recording, told.key)
    if owner != (expected.account, expected.instance, expected.contact, expected.recording, expected.key):
        return "it is another recording's"
    if (told.size, told.sha256) != (found.size, found.sha256):
        return "it tells of another sound"
    if told.format == "wav":
        frames = (found.size - wav.HEADER_SIZE) // (2 * wav.SAMPLE)
        if found.begin != wav.header(told.rate, 2, frames):
            return "the sound is no WAV of this length and rate"
    return ""


async def verify(arguments: argparse.Namespace, wanted: list[Expected]) -> list[list[Check]]:
    kms = open_kms(read_keys(arguments.keys), arguments.keyring)
    places = Places.open(arguments.data, arguments.store)
    verifier = Verifier(places, RecordingKeys(kms), arguments.data / "spool")
    try:
        return [await verifier.check(expected) for expected in wanted]
    finally:
        await places.close()
        await kms.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="recorder.keeping.verify")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--keyring", type=Path, required=True)
    parser.add_argument("--keys", type=Path)
    parser.add_argument("--store", type=Path)
    arguments = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    wanted = msgspec.json.decode(sys.stdin.buffer.read(), type=list[Expected])
    sys.stdout.buffer.write(msgspec.json.encode(asyncio.run(verify(arguments, wanted))))


if __name__ == "__main__":
    main()
