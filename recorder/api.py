"""What the control plane may ask of the recorder, and what the recorder tells.

A recording is one agent's segment of a contact. Its time line runs on the relay worker's clock from the first tap's
BEGIN to the last tap's END (recorder.wire); the control plane only says whose it is and when it is over.

Refusal codes: `no_such_recording`, `exists` (the same id with other contents), `not_ready`, `out_of_range`,
`bad_command`, `internal`.
"""

from typing import Literal

import msgspec

from ipc.messages import Command, Done, Event
from recorder.delivery.storage import Storage as Storage
from recorder.delivery.storage import check_storage as check_storage
from recorder.delivery.storage import over as over

State = Literal["recording", "sealed", "finalized", "uploaded", "verified", "released", "quarantined"]
Cause = Literal["", "damaged", "key", "taken", "unreadable", "unopened"]
"""Of a quarantine: the spool is not what was written; its key cannot be had; its place in the store is another's; its
folder or journal cannot be read; the recorder could not open it at all."""
Role = Literal["agent", "other"]
Level = Literal["enough", "low", "full"]
"""Of the spool's disk: low is an alarm; when it is full, no sound is written until there is room again."""
Format = Literal["wav", "flac", "opus"]
FORMATS: dict[Format, tuple[str, str]] = {
    "wav": (".wav", "audio/wav"),
    "flac": (".flac", "audio/flac"),
    "opus": (".opus", "audio/ogg; codecs=opus"),
}
"""Of each format of the sound, what its key ends in and its media type."""


def media_type(key: str) -> str:
    """Of the object under this key: a sound, or a manifest."""
    return next((media for suffix, media in FORMATS.values() if key.endswith(suffix)), "application/json")


class Party(msgspec.Struct, frozen=True):
    index: int
    role: Role
    """The agent is heard on the right, all others on the left."""
    participant: str
    """An id of the control plane, e.g. the leg's; never a name or a number."""


class Start(Command[Done], frozen=True):
    """Opens a recording. Idempotent: the same Start may be said again after a reconnection, and again with further
    parties when they join. Parties whose sound comes and who are not named when it is sealed are left out."""

    recording: str
    """32 hexadecimal digits."""
    account: str
    instance: str
    contact: str
    key: str
    """The object's key in the tenant's bucket, e.g. connect/acme/CallRecordings/2026/11/23/….wav; it ends as FORMATS
    says."""
    parties: tuple[Party, ...]
    format: Format = "wav"
    tracks: bool = False
    """Whether each party gets a file of its own beside the stereo one; the manifest names them."""


class Configure(Command[Done], frozen=True):
    """Where the recordings of an instance go from now on. Kept: it holds until another one is said."""

    account: str
    instance: str
    storage: Storage


class Seal(Command[Done], frozen=True):
    """The recording is over; everything after this happens by itself and is told by StateChanged. Idempotent.

    It waits for the END of its parties, at most 3 s after the last that is heard of them. When no party ever began,
    it is released with a duration of 0, and nothing is stored."""

    recording: str


class GetRecordings(Command["Recordings"], frozen=True):
    """Every recording that is not yet released, and those released within the last day."""


class Read(Command["Chunk"], frozen=True):
    """A range of the delivered sound, decrypted. At most 1 MiB a time."""

    account: str
    instance: str
    key: str
    start: int
    length: int


class ReadManifest(Command["Manifest"], frozen=True):
    account: str
    instance: str
    key: str


class Delete(Command[Done], frozen=True):
    """Removes the delivered objects of a key, and what the spool has kept of a quarantined recording. Idempotent."""

    account: str
    instance: str
    key: str
    recording: str = ""
    """When given, what another recording has stored under the key stays."""


class Retry(Command[Done], frozen=True):
    """A recording in quarantine is tried again, from its spool. Idempotent; what is not in quarantine goes on as it
    was."""

    account: str
    instance: str
    recording: str


class Rewrap(Command["Rewrapped"], frozen=True):
    """Brings the data keys of what the spool has of an instance under the newest version of its master key. What has
    been delivered already is `recorder.keeping.rewrap`'s. Idempotent; `not_ready` while the key service is away."""

    account: str
    instance: str


class Rewrapped(msgspec.Struct, frozen=True, tag=True):
    renewed: int
    """Keys that were under another version."""


class Chunk(msgspec.Struct, frozen=True, tag=True):
    data: bytes
    total: int
    """Length of the whole object in bytes."""


class Manifest(msgspec.Struct, frozen=True, tag=True):
    json: str


class RecordingStatus(msgspec.Struct, frozen=True):
    recording: str
    account: str
    instance: str
    contact: str
    key: str
    state: State
    times: dict[str, float]
    """Unix time at which each state was reached."""
    duration_ms: int = 0
    size: int = 0
    sha256: str = ""
    """Of the sound before its encryption, in hexadecimal."""
    gaps: int = 0
    reason: str = ""
    """Why it is quarantined, or why it does not get on now, e.g. because a disk is full. Then the recording is tried
    again, and the reason goes when that succeeds."""
    cause: Cause = ""
    """Why it is quarantined, in a word."""


class SpaceStatus(msgspec.Struct, frozen=True):
    """Of the spool's disk, in bytes."""

    level: Level = "enough"
    free: int = 0
    total: int = 0


class Expected(msgspec.Struct, frozen=True):
    """What is known of a recording, for `recorder.keeping.verify` to be held against what there is."""

    recording: str
    account: str
    instance: str
    contact: str
    key: str
    state: str
    size: int = 0
    sha256: str = ""
    deleted: bool = False


class Check(msgspec.Struct, frozen=True):
    """One thing that was looked at. The detail says what was found, in words for people, and nothing personal."""

    what: Literal["key", "object", "manifest", "track", "spool", "store"]
    holds: bool
    detail: str


class Tally(msgspec.Struct):
    """How far it is, and what there was."""

    spool: int = 0
    """Keys of recordings on their way that were renewed."""
    seen: int = 0
    """Keys of delivered recordings that were looked at."""
    renewed: int = 0
    first: int = 0
    """Objects of the first format: a key object beside them is current, and their header keeps the earlier wrapping."""
    locked: int = 0
    """Renewed in a bucket with object lock: the earlier key object stays there as a version until its lock ends."""
    shut: int = 0
    """Keys that do not open: destroyed, or damaged."""
    refused: int = 0
    """Not renewed, because the store did not do it; `reason` is why, of the last."""
    reason: str = ""


class RewrapProgress(msgspec.Struct, frozen=True):
    """What `recorder.keeping.rewrap` tells."""

    tally: Tally
    over: bool = False
    error: str = ""
    """Why it ended before everything was looked at: begin again when that is put right."""


class Recordings(msgspec.Struct, frozen=True, tag=True):
    recordings: tuple[RecordingStatus, ...]
    space: SpaceStatus = SpaceStatus()


class StateChanged(Event, frozen=True):
    status: RecordingStatus


class SpaceChanged(Event, frozen=True):
    """Told when the level changes, and now and then."""

    space: SpaceStatus


class TapsCounted(Event, frozen=True):
    """What came from the workers and was not as it should be, since the recorder's start. Told now and then."""

    bad_batches: int = 0
    """That were cut, or held what is no record."""
    repeated_batches: int = 0
    """That had been taken already, as after a connection was lost."""
    refused_connections: int = 0
    """That said what no worker says, and were closed."""
    late_records: int = 0
    """Of recordings that were over."""
    unclaimed_records: int = 0
    """Of recordings that nobody started."""

    def counts(self) -> dict[str, int]:
        return {name: getattr(self, name) for name in self.__struct_fields__}


Commands = Configure | Start | Seal | GetRecordings | Read | ReadManifest | Delete | Retry | Rewrap
Answers = Done | Recordings | Chunk | Manifest | Rewrapped
Events = StateChanged | SpaceChanged | TapsCounted
