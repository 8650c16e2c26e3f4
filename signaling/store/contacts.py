"""A contact record as a row and back. What is personal is sealed on the way in and opened on the way out. Pure."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import structlog
from sqlalchemy import Row

from signaling.center.record import AgentInfo, ContactRecord, LegalHold, QualityInfo, QueueInfo, RecordingInfo
from signaling.center.segments import RecordingAct, RecordingType
from signaling.store.tables import contacts
from vault.fields import FieldDamaged, FieldKey, Place, blind_index, key_of, seal, unseal
from vault.pii import Pii

log = structlog.get_logger(__name__)

SEALED = ("customer", "system", "attributes", "diverted_from")
_COMPOUND = ("queue", "agent", "recording_acts")
_ELSEWHERE = ("recording", "ivr_recording", "legal_hold", "quality")
"""Kept in tables of their own."""
_PLAIN = tuple(
    name for name in ContactRecord.__struct_fields__ if name not in (*SEALED, *_COMPOUND, *_ELSEWHERE)
)  # fmt: skip
_IN_NUMBER = str.maketrans("", "", "+-.() \t\u00a0/")


class Beside(NamedTuple):
    """What other tables have of a contact."""

    recordings: Sequence[RecordingInfo] = ()
    hold: LegalHold | None = None
    quality: tuple[QualityInfo, ...] = ()

    def of(self, type: RecordingType) -> RecordingInfo | None:
        return next((one for one in self.recordings if one.type == type), None)


def to_row(record: ContactRecord, key: FieldKey, index: Pii[bytes]) -> dict[str, Any]:
    """All columns of the table `contacts`."""
    attributes = {name: value.reveal() for name, value in record.attributes.items()}
    personal = {
        "customer": record.customer,
        "system": Pii(record.system),
        "attributes": Pii(json.dumps(attributes)),
    }
    diverted = record.diverted_from
    return {
        **{name: getattr(record, name) for name in _PLAIN},
        **{column: seal(key, _place(record, column), value) for column, value in personal.items()},
        "diverted_from": seal(key, _place(record, "diverted_from"), diverted) if diverted.reveal() else None,
        "customer_index": number_index(index, record.customer),
        "queue_id": record.queue.id if record.queue else None,
        "queue": msgspec.to_builtins(record.queue),
        "agent_id": record.agent.id if record.agent else None,
        "agent": msgspec.to_builtins(record.agent),
        "recording_acts": msgspec.to_builtins(record.recording_acts),
    }


def from_row(row: Row[Any], keys: Mapping[bytes, FieldKey], beside: Beside) -> ContactRecord:
    """The record, with what other tables have of it. What was sealed under a key that has been destroyed is empty."""
    opened = {column: _open(row, column, keys) for column in SEALED}
    attributes: dict[str, str] = json.loads(opened["attributes"].reveal() or "{}")
    return ContactRecord(
        **{name: getattr(row, name) for name in _PLAIN},
        customer=opened["customer"],
        diverted_from=opened["diverted_from"],
        system=opened["system"].reveal(),
        attributes={name: Pii(value) for name, value in attributes.items()},
        queue=msgspec.convert(row.queue, QueueInfo | None),
        agent=msgspec.convert(row.agent, AgentInfo | None),
        recording=beside.of("AGENT"),
        ivr_recording=beside.of("IVR"),
        recording_acts=msgspec.convert(row.recording_acts, tuple[RecordingAct, ...]),
        legal_hold=beside.hold,
        quality=beside.quality,
    )


def key_ids(row: Row[Any]) -> set[bytes]:
    """The data keys that the row needs to be opened."""
    ids = set()
    for sealed in (getattr(row, column) for column in SEALED):
        try:
            ids.add(key_of(sealed or b""))
        except FieldDamaged:
            continue
    return ids


def number_index(index: Pii[bytes], number: Pii[str]) -> bytes:
    """What a number is searched by: equal with or without "+" and visual separators (RFC 3966, 5.1.1)."""
    digits = number.reveal().translate(_IN_NUMBER)
    canonical = digits if digits.isdecimal() else number.reveal().strip().casefold()
    return blind_index(index, f"{contacts.name}.customer", Pii(canonical))


def _place(row: Row[Any] | ContactRecord, column: str) -> Place:
    return Place(row.account, row.instance, contacts.name, row.contact, column)


def _open(row: Row[Any], column: str, keys: Mapping[bytes, FieldKey]) -> Pii[str]:
    """Damage is told and contained in its field: one changed row must not hide the others, nor stop a recovery."""
    sealed = getattr(row, column)
    if sealed is None:
        return Pii("")
    try:
        key = keys.get(key_of(sealed))
        return unseal(key, _place(row, column), sealed) if key else Pii("")
    except FieldDamaged:
        log.error("! sealed field damaged", table=contacts.name, row=row.contact, column=column)
        return Pii("")
