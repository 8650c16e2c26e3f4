"""What the API reads of a recorder's manifest: what a player draws, and where each party's own sound is."""

from typing import Any, TypeVar

import msgspec
import structlog
from aiohttp import web

from signaling.api.doors import signed_in
from signaling.api.errors import Unavailable
from signaling.api.parts import PARTS
from signaling.center.record import RecordingInfo

log = structlog.get_logger(__name__)


class Peaks(msgspec.Struct, frozen=True):
    per_second: float
    left: list[float]
    right: list[float]


class Party(msgspec.Struct, frozen=True):
    index: int
    role: str


class Track(msgspec.Struct, frozen=True):
    party: int
    key: str
    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    """What a player needs."""

    duration_ms: int
    gaps: list[Any]
    pauses: list[Any]
    parties: list[Party]
    peaks: Peaks
    tracks: list[Track] = []


class _Tracks(msgspec.Struct, frozen=True):
    tracks: list[Track] = []


_Shape = TypeVar("_Shape", Manifest, _Tracks)


async def manifest_of(request: web.Request, recording: RecordingInfo) -> str:
    """As it was delivered. Raises Refusal."""
    return await request.app[PARTS].recordings.manifest(signed_in(request).principal.tenant, recording.key)


def read_manifest(text: str, recording: RecordingInfo) -> Manifest:
    """Raises Unavailable."""
    return _decoded(text, recording, Manifest)


def tracks_in(text: str, recording: RecordingInfo) -> list[RecordingInfo]:
    """Each party's own sound, as if it were the recording's, in the order of the parties. Raises Unavailable."""
    found = _decoded(text, recording, _Tracks).tracks
    return [msgspec.structs.replace(recording, key=one.key, size=one.size, sha256=one.sha256) for one in found]


async def track_of(request: web.Request, recording: RecordingInfo, party: int) -> RecordingInfo | None:
    """A party's own sound; None: there is none. Raises Refusal, Unavailable."""
    text = await manifest_of(request, recording)
    parties = [one.party for one in _decoded(text, recording, _Tracks).tracks]
    return dict(zip(parties, tracks_in(text, recording), strict=True)).get(party)


def _decoded(text: str, recording: RecordingInfo, shape: type[_Shape]) -> _Shape:
    try:
        told = msgspec.json.decode(text, type=shape)
    except msgspec.MsgspecError:
        log.error("! manifest cannot be read", recording=recording.id)
        raise Unavailable("The recording's manifest cannot be read.") from None
    stem = recording.key.rpartition(".")[0] + "."
    if not all(one.key.startswith(stem) for one in told.tracks):  # whoever wrote it names what is not its own
        log.error("! manifest names another's sound", recording=recording.id)
        raise Unavailable("The recording's manifest cannot be read.")
    return told
