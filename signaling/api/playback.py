"""What every way to a recording's sound has in common: is there one for whom asks, and its pieces, decrypted."""

from collections.abc import AsyncIterator
from typing import Annotated, Literal, cast

import msgspec
import structlog
from aiohttp import ClientConnectionResetError, web

from ipc.messages import Refusal
from signaling.api.doors import NOTHING, Act, enter, note, own, signed_in
from signaling.api.errors import AccessDenied, ApiError, InvalidParameter, NotFound, RangeNotSatisfiable, Unavailable
from signaling.api.parts import PARTS
from signaling.api.ranges import Span
from signaling.api.sessions import Session
from signaling.api.shapes import has_recording, recording_of
from signaling.api.tickets import BadTicket, Grant, Purpose, Tickets
from signaling.center.record import RecordingInfo
from signaling.center.security import Action
from signaling.center.segments import RecordingType

log = structlog.get_logger(__name__)

TICKETS = web.AppKey("tickets", Tickets)
PIECE = 1024 * 1024
"""What the recorder gives at most at once."""
ContactIds = Annotated[
    tuple[Annotated[str, msgspec.Meta(min_length=1, max_length=256)], ...], msgspec.Meta(min_length=1, max_length=100)
]


class Door(msgspec.Struct, frozen=True):
    """One way to the sound: its permission, and its name in the audit trail."""

    permission: Action
    operation: str


LISTEN = Door("ListenCallRecordings", "ListenCallRecording")
DOWNLOAD = Door("DownloadCallRecordings", "DownloadCallRecording")
EXPORT = Door("DownloadCallRecordings", "ExportCallRecording")
DOORS = {"LISTEN": LISTEN, "DOWNLOAD": DOWNLOAD, "EXPORT": EXPORT}


async def recording_for(request: web.Request, door: Door, contact: str, type: RecordingType) -> RecordingInfo:
    """The contact's recording, if the user may have it and there is one to be had. Raises ApiError."""
    resource = own(signed_in(request), "recording", contact)
    session = await enter(request, door.permission, door.operation, resource)
    record = await request.app[PARTS].store.contact(session.principal.tenant, contact)
    recording = recording_of(record, type) if record is not None else None
    if record is None or recording is None or not has_recording(record, type):
        await note(request, session.principal, Act(door.operation, resource, "refused"))
        raise NotFound(NOTHING)
    return recording


async def recordings_for(request: web.Request, door: Door, contact: str) -> list[RecordingInfo]:
    """All of the contact's that are to be had: the agent's segment and the automated part. Raises ApiError when there
    is none."""
    resource = own(signed_in(request), "recording", contact)
    session = await enter(request, door.permission, door.operation, resource)
    record = await request.app[PARTS].store.contact(session.principal.tenant, contact)
    types: tuple[RecordingType, ...] = ("AGENT", "IVR")
    found = [recording_of(record, type) for type in types if has_recording(record, type)] if record is not None else []
    if not found:
        await note(request, session.principal, Act(door.operation, resource, "refused"))
        raise NotFound(NOTHING)
    return [one for one in found if one is not None]


def type_asked(request: web.Request) -> RecordingType:
    """Raises InvalidParameter."""
    asked = request.query.get("Recording", "AGENT")
    if asked not in ("AGENT", "IVR"):
        raise InvalidParameter("Recording is AGENT or IVR.")
    return cast(Literal["AGENT", "IVR"], asked)


async def ticket_of(request: web.Request, contact: str, *purposes: Purpose) -> tuple[str, Grant]:
    """The request's ticket and what it is good for: one of these purposes, and the contact unless it is empty.
    Whatever is wrong with it, the answer is the same, and the audit trail knows why. Raises ApiError."""
    session, token = signed_in(request), request.query.get("ticket", "")
    try:
        grant = request.app[TICKETS].look(token, session.principal.name, request.app[PARTS].clock())
        if grant.purpose not in purposes or (contact and contact not in grant.contacts):
            raise BadTicket("for something else")
    except BadTicket as error:
        raise await _refused(request, session, contact, error) from None
    return token, grant


async def use_ticket(request: web.Request, token: str, acts: list[Act]) -> None:
    """From its first use on there is a line in the audit trail, before any sound is given. Raises ApiError."""
    session, tickets = signed_in(request), request.app[TICKETS]
    try:
        first = tickets.use(token, session.principal.name, request.app[PARTS].clock())
    except BadTicket as error:
        raise await _refused(request, session, "", error) from None
    if not first:
        return
    try:
        for act in acts:
            await note(request, session.principal, act)
    except BaseException:
        tickets.give_back(token)
        raise


async def _refused(request: web.Request, session: Session, contact: str, error: BadTicket) -> AccessDenied:
    resource = own(session, "recording", contact)
    await note(request, session.principal, Act("UseTicket", resource, "refused", {"why": error.why}))
    return AccessDenied("This ticket opens nothing, or nothing any more. Ask for a new one.")


async def pieces(request: web.Request, recording: RecordingInfo, span: Span) -> AsyncIterator[bytes]:
    """Raises Refusal."""
    tenant, at = signed_in(request).principal.tenant, span.start
    while at < span.end:
        wanted = (at, min(PIECE, span.end - at))
        chunk = await request.app[PARTS].recordings.read(tenant, recording.key, wanted)
        if not chunk.data:
            raise Refusal("out_of_range", "the sound ended early")
        yield chunk.data
        at += len(chunk.data)


async def total_of(request: web.Request, recording: RecordingInfo) -> int:
    """The length of the sound in bytes. Raises Refusal."""
    tenant = signed_in(request).principal.tenant
    return (await request.app[PARTS].recordings.read(tenant, recording.key, (0, 1))).total


async def send(request: web.Request, response: web.StreamResponse, sound: AsyncIterator[bytes], token: str) -> None:
    """Sends all of it, or cuts the connection: its length was promised, or its end is missed."""
    await response.prepare(request)
    try:
        async for data in sound:
            await response.write(data)
            request.app[TICKETS].goes_on(token, request.app[PARTS].clock())
        await response.write_eof()
    except Refusal as refusal:
        log.error("! playback broke off", code=refusal.code)
        if request.transport is not None:
            request.transport.abort()
    except ClientConnectionResetError:
        log.debug("x player went away")


def as_error(refusal: Refusal) -> ApiError:
    if refusal.code in ("no_such_recording", "not_ready"):
        return NotFound(NOTHING)
    if refusal.code == "out_of_range":
        return RangeNotSatisfiable(0)
    return Unavailable("The recording cannot be read now. Try again in a moment.")
