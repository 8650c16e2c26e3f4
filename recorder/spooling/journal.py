"""What is known of a recording, in a file beside its sound: line one is JSON, line two its HMAC under the recording's
key."""

import hmac
from pathlib import Path

import msgspec

from recorder.api import Cause, RecordingStatus, Start, State
from recorder.errors import Damaged
from recorder.finalizing.outcome import Made
from recorder.keeping import durable
from recorder.keeping.keys import RecordingKeys, owner_of, sign
from vault.kms import KeyUnavailable
from vault.pii import Pii

NAME = "journal"
_PURPOSE = "journal"


class Journal(msgspec.Struct, frozen=True):
    start: Start
    wrapped: bytes
    """The data key of the recording, under the master key."""
    key_id: str
    state: State
    times: dict[str, float]
    seal_asked: bool = False
    duration_ms: int = 0
    size: int = 0
    sha256: str = ""
    objects: tuple[Made, ...] = ()
    place: str = ""
    """Where they were uploaded to (recorder.delivery.places)."""
    gaps: int = 0
    reason: str = ""
    cause: Cause = ""

    def status(self) -> RecordingStatus:
        start = self.start
        return RecordingStatus(
            recording=start.recording,
            account=start.account,
            instance=start.instance,
            contact=start.contact,
            key=start.key,
            state=self.state,
            times=self.times,
            duration_ms=self.duration_ms,
            size=self.size,
            sha256=self.sha256,
            gaps=self.gaps,
            reason=self.reason,
            cause=self.cause,
        )


def save(folder: Path, journal: Journal, data_key: Pii[bytes]) -> None:
    """Replaces the recording's journal in one step. Raises OSError."""
    body = msgspec.json.encode(journal)
    durable.replace(folder / NAME, body + b"\n" + sign(data_key, _PURPOSE, body).encode() + b"\n")


async def load(folder: Path, keys: RecordingKeys) -> tuple[Journal, Pii[bytes]]:
    """The journal and the recording's data key. Raises Damaged, OSError, KmsAway."""
    import asyncio  # a tenth of the finalizer's memory, which has no use for it

    claimed = await asyncio.to_thread(claim, folder)
    try:
        data_key = await keys.unwrap(claimed.wrapped, owner_of(claimed.start))
    except KeyUnavailable as error:
        raise Damaged(f"the recording's key cannot be unwrapped: {error}") from None
    return await asyncio.to_thread(opened, folder, data_key), data_key


def claim(folder: Path) -> Journal:
    """What the journal says, before anything of it was proved. Raises Damaged, OSError."""
    return _parsed(_parts(folder)[0])


def opened(folder: Path, data_key: Pii[bytes]) -> Journal:
    """The journal, if it was written under this data key, for this folder. Raises Damaged, OSError."""
    body, signature = _parts(folder)
    journal = _parsed(body)
    if not hmac.compare_digest(signature, sign(data_key, _PURPOSE, body).encode() + b"\n"):
        raise Damaged("the journal was changed")
    if journal.start.recording != folder.name:
        raise Damaged("the journal belongs to another recording")
    return journal


def _parts(folder: Path) -> tuple[bytes, bytes]:
    body, _, signature = (folder / NAME).read_bytes().partition(b"\n")
    return body, signature


def _parsed(body: bytes) -> Journal:
    try:
        return msgspec.json.decode(body, type=Journal)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise Damaged("the journal cannot be read") from None
