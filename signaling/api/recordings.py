"""POST /recordings/{contact}/tickets, GET …/audio for a ticket, GET …/peaks: to listen and to download."""

import re
from typing import Annotated, Any, Literal
from urllib.parse import quote

import msgspec
from aiohttp import web

from ipc.messages import Refusal
from recorder.api import media_type
from signaling.api.bodies import body_of
from signaling.api.doors import NOTHING, Act, note, own, signed_in
from signaling.api.errors import NotFound
from signaling.api.manifests import manifest_of, read_manifest, track_of
from signaling.api.parts import PARTS
from signaling.api.playback import (
    DOORS,
    LISTEN,
    TICKETS,
    as_error,
    pieces,
    recording_for,
    send,
    ticket_of,
    total_of,
    type_asked,
    use_ticket,
)
from signaling.api.ranges import Span, span_of
from signaling.api.tickets import FRESH, Grant
from signaling.center.record import RecordingInfo
from signaling.center.segments import RecordingType

_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]")


class _Asked(msgspec.Struct, frozen=True, rename="pascal", forbid_unknown_fields=True):
    purpose: Literal["LISTEN", "DOWNLOAD"] = "LISTEN"
    recording: RecordingType = "AGENT"
    track: Annotated[int, msgspec.Meta(ge=0, le=255)] | None = None
    """A party's index: his own sound alone, where each has one."""


def routes() -> list[web.RouteDef]:
    return [
        web.post("/recordings/{contact}/tickets", ticket),
        web.get("/recordings/{contact}/audio", audio),
        web.get("/recordings/{contact}/peaks", peaks),
    ]


async def ticket(request: web.Request) -> web.Response:
    session = signed_in(request)
    asked = await body_of(request, _Asked)
    contact, parts = request.match_info["contact"], request.app[PARTS]
    grant = Grant(session.principal.name, asked.purpose, (contact,), asked.recording, asked.track)
    await _sound_for(request, contact, grant)
    detail = {"purpose": asked.purpose} | _which(grant)
    await note(request, session.principal, Act("CreateTicket", own(session, "recording", contact), detail=detail))
    issued = request.app[TICKETS].issue(grant, parts.clock()).reveal()
    url = f"/recordings/{quote(contact, safe='')}/audio?ticket={issued}"
    return web.json_response({"Ticket": issued, "Url": url, "ExpiresAt": parts.clock() + FRESH})


async def audio(request: web.Request) -> web.StreamResponse:
    """The sound, whole or one range of it; read from the recorder piece by piece as the client takes it."""
    contact = request.match_info["contact"]
    token, grant = await ticket_of(request, contact, "LISTEN", "DOWNLOAD")
    door = DOORS[grant.purpose]
    recording = await _sound_for(request, contact, grant)
    try:
        total = await total_of(request, recording)
    except Refusal as refusal:
        raise as_error(refusal) from None
    tag = f'"{recording.sha256}"'
    headers = {"Content-Type": media_type(recording.key), "Accept-Ranges": "bytes", "ETag": tag}
    if grant.purpose == "DOWNLOAD":
        headers["Content-Disposition"] = f'attachment; filename="{file_name(recording.key)}"'
    if request.method == "HEAD":
        return web.Response(headers=headers | {"Content-Length": str(total)})
    fresh = request.headers.get("If-Range", tag) == tag
    span = span_of(request.headers.get("Range") if fresh else None, total)
    response = web.StreamResponse(status=206 if span else 200, headers=headers)
    if span:
        response.headers["Content-Range"] = f"bytes {span.start}-{span.end - 1}/{total}"
    wanted = span or Span(0, total)
    response.content_length = wanted.end - wanted.start
    resource = own(signed_in(request), "recording", contact)
    await use_ticket(request, token, [Act(door.operation, resource, detail=_which(grant))])
    await send(request, response, pieces(request, recording, wanted), token)
    return response


async def peaks(request: web.Request) -> web.Response:
    recording = await recording_for(request, LISTEN, request.match_info["contact"], type_asked(request))
    try:
        manifest = read_manifest(await manifest_of(request, recording), recording)
    except Refusal as refusal:
        raise as_error(refusal) from None
    shape = msgspec.to_builtins(manifest.peaks) | {
        "duration_ms": manifest.duration_ms,
        "gaps": manifest.gaps,
        "pauses": manifest.pauses,
        "parties": msgspec.to_builtins(manifest.parties),
        "tracks": [track.party for track in manifest.tracks],
    }
    return web.json_response(shape)


async def _sound_for(request: web.Request, contact: str, grant: Grant) -> RecordingInfo:
    """What is to be heard, if the user may hear it: the recording, or one party's track of it. Raises ApiError."""
    door = DOORS[grant.purpose]
    recording = await recording_for(request, door, contact, grant.type)
    if grant.track is None:
        return recording
    try:
        track = await track_of(request, recording, grant.track)
    except Refusal as refusal:
        raise as_error(refusal) from None
    if track is None:
        session = signed_in(request)
        refused = Act(door.operation, own(session, "recording", contact), "refused", _which(grant))
        await note(request, session.principal, refused)
        raise NotFound(NOTHING)
    return track


def _which(grant: Grant) -> dict[str, Any]:
    """Of the contact's sounds, for the audit trail."""
    return {"recording": grant.type} | ({} if grant.track is None else {"track": str(grant.track)})


def file_name(key: str) -> str:
    """The last part of the key, without the colons of its time: they are no part of a file's name everywhere."""
    return _UNSAFE.sub("-", key.rpartition("/")[2])
