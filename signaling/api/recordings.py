"""POST /recordings/{contact}/tickets, GET …/audio for a ticket, GET …/peaks: to listen and to download."""

import re
from typing import Any, Literal
from urllib.parse import quote

import msgspec
import structlog
from aiohttp import web

from ipc.messages import Refusal
from recorder.api import media_type
from signaling.api.bodies import body_of
from signaling.api.doors import Act, note, own, signed_in
from signaling.api.errors import Unavailable
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
from signaling.center.segments import RecordingType

log = structlog.get_logger(__name__)

_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]")


class _Asked(msgspec.Struct, frozen=True, rename="pascal", forbid_unknown_fields=True):
    purpose: Literal["LISTEN", "DOWNLOAD"] = "LISTEN"
    recording: RecordingType = "AGENT"


class _Peaks(msgspec.Struct, frozen=True):
    per_second: float
    left: list[float]
    right: list[float]


class _Party(msgspec.Struct, frozen=True):
    index: int
    role: str


class _Manifest(msgspec.Struct, frozen=True):
    """What a player needs of the recorder's manifest."""

    duration_ms: int
    gaps: list[Any]
    pauses: list[Any]
    parties: list[_Party]
    peaks: _Peaks


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
    await recording_for(request, DOORS[asked.purpose], contact, asked.recording)
    detail = {"purpose": asked.purpose, "recording": asked.recording}
    await note(request, session.principal, Act("CreateTicket", own(session, "recording", contact), detail=dict(detail)))
    grant = Grant(session.principal.name, asked.purpose, (contact,), asked.recording)
    issued = request.app[TICKETS].issue(grant, parts.clock()).reveal()
    url = f"/recordings/{quote(contact, safe='')}/audio?ticket={issued}"
    return web.json_response({"Ticket": issued, "Url": url, "ExpiresAt": parts.clock() + FRESH})


async def audio(request: web.Request) -> web.StreamResponse:
    """The sound, whole or one range of it; read from the recorder piece by piece as the client takes it."""
    contact = request.match_info["contact"]
    token, grant = await ticket_of(request, contact, "LISTEN", "DOWNLOAD")
    door = DOORS[grant.purpose]
    recording = await recording_for(request, door, contact, grant.type)
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
    await use_ticket(request, token, [Act(door.operation, resource, detail={"recording": grant.type})])
    await send(request, response, pieces(request, recording, wanted), token)
    return response


async def peaks(request: web.Request) -> web.Response:
    recording = await recording_for(request, LISTEN, request.match_info["contact"], type_asked(request))
    tenant = signed_in(request).principal.tenant
    try:
        manifest = msgspec.json.decode(
            await request.app[PARTS].recordings.manifest(tenant, recording.key), type=_Manifest
        )
    except Refusal as refusal:
        raise as_error(refusal) from None
    except msgspec.MsgspecError:
        log.error("! manifest cannot be read", recording=recording.id)
        raise Unavailable("The recording's manifest cannot be read.") from None
    shape = msgspec.to_builtins(manifest.peaks) | {
        "duration_ms": manifest.duration_ms,
        "gaps": manifest.gaps,
        "pauses": manifest.pauses,
        "parties": msgspec.to_builtins(manifest.parties),
    }
    return web.json_response(shape)


def file_name(key: str) -> str:
    """The last part of the key, without the colons of its time: they are no part of a file's name everywhere."""
    return _UNSAFE.sub("-", key.rpartition("/")[2])
