"""Recordings that were set aside or do not get on: GET /quarantine lists them, POST /recordings/{contact}/retry tries
those of a contact again. To discard one is to delete it (signaling.api.recording_care)."""

from typing import Any

import msgspec
from aiohttp import web

from ipc.messages import Refusal
from signaling.api.doors import NOTHING, Act, enter, note, own, signed_in
from signaling.api.errors import ApiError, Conflict, NotFound, Unavailable
from signaling.api.parts import PARTS
from signaling.center.record import RecordingInfo
from signaling.store.recordings import Kept

PERMISSION: Any = "CallRecordings.Quarantine"
MOST = 500


def routes() -> list[web.RouteDef]:
    return [web.get("/quarantine", listing), web.post("/recordings/{contact}/retry", retry)]


async def listing(request: web.Request) -> web.Response:
    """The newest first, 500 at most."""
    session = await enter(request, PERMISSION, "ListQuarantine", own(signed_in(request), "recording"))
    found = await request.app[PARTS].store.in_trouble(session.principal.tenant, MOST)
    return web.json_response({"Recordings": [_shape(kept) for kept in found]})


async def retry(request: web.Request) -> web.Response:
    """All of the contact's that are in quarantine, from their spools."""
    resource = own(signed_in(request), "recording", request.match_info["contact"])
    act = Act("RetryCallRecording", resource)
    session = await enter(request, PERMISSION, act.operation, resource)
    parts, tenant = request.app[PARTS], session.principal.tenant
    refused = msgspec.structs.replace(act, outcome="refused")
    record = await parts.store.contact(tenant, resource.id)
    if record is None:
        await note(request, session.principal, refused)
        raise NotFound(NOTHING)
    aside = [one for one in (record.recording, record.ivr_recording) if one is not None and _is_aside(one)]
    if not aside:
        await note(request, session.principal, refused)
        raise Conflict("Nothing of this contact is in quarantine.")
    await note(request, session.principal, act)
    try:
        for one in aside:
            await parts.recordings.retry(tenant, one.id)
    except Refusal as refusal:
        raise _unavailable(refusal) from None
    return web.json_response({"Retried": [one.type for one in aside]})


def _is_aside(one: RecordingInfo) -> bool:
    return one.state == "quarantined" and one.deleted is None


def _unavailable(refusal: Refusal) -> ApiError:
    if refusal.code == "no_such_recording":
        return Conflict("The recorder has nothing of it: it could not be opened when the call was.")
    return Unavailable(f"It cannot be tried again just now: {refusal.message}.")


def _shape(kept: Kept) -> dict[str, Any]:
    one = kept.recording
    return {
        "ContactId": kept.contact,
        "Type": one.type,
        "State": one.state,
        "Reason": one.reason,
        "Since": one.times.get(one.state, max(one.times.values(), default=None)),
    }
