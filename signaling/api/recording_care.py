"""What is decided about stored recordings: POST /recordings/{contact}/delete, …/legal-hold, …/legal-hold/clear, and
GET …/audit, which says who did what with them."""

from typing import Annotated, Any

import msgspec
from aiohttp import web

from signaling.api.bodies import body_of
from signaling.api.doors import NOTHING, Act, enter, note, own, signed_in
from signaling.api.errors import Conflict, InvalidParameter, NotFound
from signaling.api.parts import PARTS
from signaling.api.sessions import Session
from signaling.api.shapes import hold_shape, tombstone_shape
from signaling.center.record import ContactRecord, LegalHold, RecordingInfo, Tombstone
from signaling.center.segments import RecordingType
from signaling.store.recordings import DELETABLE, Kept

REASON = 500
ENTRIES = 500
Reason = Annotated[str, msgspec.Meta(min_length=1, max_length=REASON)]


class _Why(msgspec.Struct, frozen=True, rename="pascal", forbid_unknown_fields=True):
    reason: Reason


class _Delete(msgspec.Struct, frozen=True, rename="pascal", forbid_unknown_fields=True):
    reason: Reason
    recording: RecordingType | None = None
    """Without it, all that there are of the contact."""


def routes() -> list[web.RouteDef]:
    return [
        web.post("/recordings/{contact}/delete", delete),
        web.post("/recordings/{contact}/legal-hold", hold),
        web.post("/recordings/{contact}/legal-hold/clear", clear_hold),
        web.get("/recordings/{contact}/audit", audit),
    ]


async def delete(request: web.Request) -> web.Response:
    """The sound is gone for everybody when this returns; the store's copy as soon as the store lets it."""
    signed_in(request)
    asked = await body_of(request, _Delete)
    reason = _reason(asked.reason)
    doing = _Doing(request, "DeleteCallRecording", {"reason": reason, "recording": asked.recording or "all"})
    record = await doing.enter("DeleteCallRecordings")
    parts, session = request.app[PARTS], signed_in(request)
    found = _deletable(record, asked.recording)
    if not found:
        raise await doing.refuse(NotFound(NOTHING))
    if record.legal_hold is not None:
        raise await doing.refuse(Conflict("It is under a legal hold and cannot be deleted."))
    if any(one.state not in DELETABLE for one in found):
        raise await doing.refuse(Conflict("It is not in the store yet. Try again when it is."))
    await doing.allow()
    stone = Tombstone(parts.clock(), session.user.username, reason)
    for one in found:
        if not await parts.deletion.delete(session.principal.tenant, Kept(record.contact, one), stone):
            raise await doing.refuse(Conflict("It has just been put under a legal hold, or was just deleted."))
    return web.json_response({"Deleted": [tombstone_shape(stone) | {"Type": one.type} for one in found]})


async def hold(request: web.Request) -> web.Response:
    """Nothing of the contact can be deleted from now on, by nobody and no rule."""
    signed_in(request)
    reason = _reason((await body_of(request, _Why)).reason)
    doing = _Doing(request, "SetLegalHold", {"reason": reason})
    record = await doing.enter("CallRecordings.LegalHold")
    session, parts = signed_in(request), request.app[PARTS]
    await doing.allow()
    made = LegalHold(parts.clock(), session.user.username, reason)
    if not await parts.store.set_hold(session.principal.tenant, record.contact, made):
        raise await doing.refuse(Conflict("It is under a legal hold already."))
    return web.json_response({"LegalHold": hold_shape(made)})


async def clear_hold(request: web.Request) -> web.Response:
    signed_in(request)
    reason = _reason((await body_of(request, _Why)).reason)
    doing = _Doing(request, "ClearLegalHold", {"reason": reason})
    record = await doing.enter("CallRecordings.LegalHold")
    await doing.allow()
    if not await request.app[PARTS].store.clear_hold(signed_in(request).principal.tenant, record.contact):
        raise await doing.refuse(Conflict("It is not under a legal hold."))
    return web.json_response({})


async def audit(request: web.Request) -> web.Response:
    """Who listened to, downloaded, deleted, held or controlled the contact's recordings, the newest first."""
    doing = _Doing(request, "ViewRecordingAudit", {})
    record = await doing.enter("AuditTrail.View")
    tenant, store = signed_in(request).principal.tenant, request.app[PARTS].store
    rows = await store.audit_of(tenant, f"recording/{record.contact}", ENTRIES)
    names = {user.id: user.username for user in (await store.directory(tenant)).users}
    entries = [
        {
            "At": row.event.at,
            "Actor": row.event.actor,
            "Username": names.get(row.event.actor, row.event.actor),
            "Action": row.event.action,
            "Outcome": row.event.outcome,
            "Source": row.event.source,
            "Detail": row.event.detail,
        }
        for row in rows
    ]
    return web.json_response({"Entries": entries})


class _Doing:
    """One act on the recordings of the request's contact, and its lines in the audit trail."""

    def __init__(self, request: web.Request, operation: str, detail: dict[str, Any]) -> None:
        self._request = request
        self._act = Act(operation, own(signed_in(request), "recording", request.match_info["contact"]), detail=detail)

    async def enter(self, permission: Any) -> ContactRecord:
        """The contact's record, for those who may. Raises ApiError."""
        session: Session = await enter(self._request, permission, self._act.operation, self._act.resource)
        record = await self._request.app[PARTS].store.contact(session.principal.tenant, self._act.resource.id)
        if record is None:
            raise await self.refuse(NotFound(NOTHING))
        return record

    async def allow(self) -> None:
        await note(self._request, signed_in(self._request).principal, self._act)

    async def refuse(self, error: NotFound | Conflict) -> NotFound | Conflict:
        refused = msgspec.structs.replace(self._act, outcome="refused")
        await note(self._request, signed_in(self._request).principal, refused)
        return error


def _deletable(record: ContactRecord, wanted: RecordingType | None) -> list[RecordingInfo]:
    there = [one for one in (record.recording, record.ivr_recording) if one is not None and one.deleted is None]
    return [one for one in there if wanted in (None, one.type)]


def _reason(text: str) -> str:
    """Raises InvalidParameter."""
    reason = " ".join(text.split())
    if not reason or not reason.isprintable():
        raise InvalidParameter("Say why: a reason of 1 to 500 printable characters.")
    return reason
