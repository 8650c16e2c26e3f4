"""POST /recordings/export and GET /recordings/export for its ticket: several recordings with their manifests, in a ZIP.

<contact>/<recording's file>, <contact>/<recording's file>.manifest.json for each, beside them the parties' own tracks
where there are any, and index.json with all hashes. Of each contact it is the agent's segment and the automated part,
as far as they are there.
"""

import hashlib
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import msgspec
from aiohttp import web

from ipc.messages import Refusal
from signaling.api.bodies import body_of
from signaling.api.doors import Act, note, own, signed_in
from signaling.api.errors import Unavailable
from signaling.api.manifests import manifest_of, tracks_in
from signaling.api.parts import PARTS
from signaling.api.playback import (
    EXPORT,
    TICKETS,
    ContactIds,
    pieces,
    recordings_for,
    send,
    ticket_of,
    total_of,
    use_ticket,
)
from signaling.api.ranges import Span
from signaling.api.recordings import file_name
from signaling.api.tickets import FRESH, Grant
from signaling.api.zip_stream import ZipStream
from signaling.center.record import RecordingInfo

Chosen = list[tuple[str, RecordingInfo]]


class _Asked(msgspec.Struct, frozen=True, rename="pascal", forbid_unknown_fields=True):
    contact_ids: ContactIds


def routes() -> list[web.RouteDef]:
    return [web.post("/recordings/export", ask), web.get("/recordings/export", export)]


async def ask(request: web.Request) -> web.Response:
    """A ticket for the export, or 404 if one of the contacts has none to be had."""
    session = signed_in(request)
    asked = await body_of(request, _Asked)
    contacts, parts = tuple(dict.fromkeys(asked.contact_ids)), request.app[PARTS]
    for contact in contacts:
        await recordings_for(request, EXPORT, contact)
    detail: dict[str, Any] = {"purpose": "EXPORT", "contacts": str(len(contacts))}
    await note(request, session.principal, Act("CreateTicket", own(session, "recording"), detail=detail))
    issued = request.app[TICKETS].issue(Grant(session.principal.name, "EXPORT", contacts), parts.clock()).reveal()
    url = f"/recordings/export?ticket={issued}"
    return web.json_response({"Ticket": issued, "Url": url, "ExpiresAt": parts.clock() + FRESH})


async def export(request: web.Request) -> web.StreamResponse:
    token, grant = await ticket_of(request, "", "EXPORT")
    chosen = [
        (contact, recording)
        for contact in grant.contacts
        for recording in await recordings_for(request, EXPORT, contact)
    ]
    acts = [Act(EXPORT.operation, own(signed_in(request), "recording", contact)) for contact in grant.contacts]
    now = time.gmtime(request.app[PARTS].clock())
    name = time.strftime("recordings-%Y%m%d-%H%M%S.zip", now)
    headers = {"Content-Type": "application/zip", "Content-Disposition": f'attachment; filename="{name}"'}
    response = web.StreamResponse(headers=headers)
    archive = ZipStream((now.tm_year, now.tm_mon, now.tm_mday, now.tm_hour, now.tm_min, now.tm_sec))
    await use_ticket(request, token, acts)
    await send(request, response, _archived(request, archive, chosen), token)
    return response


async def _archived(request: web.Request, archive: ZipStream, chosen: Chosen) -> AsyncIterator[bytes]:
    """Raises Refusal."""
    index = []
    for contact, recording in chosen:
        manifest = await manifest_of(request, recording)
        entry = {"contact": contact, "recording": recording.id, "type": recording.type}
        sounds: list[dict[str, Any]] = []
        for one in (recording, *_tracks(manifest, recording)):
            digest = hashlib.sha256()
            sound = _hashed(pieces(request, one, Span(0, await total_of(request, one))), digest)
            async for data in archive.add(name := _path(contact, one), sound):
                yield data
            sha256 = digest.hexdigest()
            sounds.append({"file": name, "sha256": sha256, "as_recorded": sha256 == one.sha256})
        told = manifest.encode()
        async for data in archive.add(f"{sounds[0]['file']}.manifest.json", _once(told)):
            yield data
        hashes = {"manifest_sha256": hashlib.sha256(told).hexdigest(), "tracks": sounds[1:]}
        index.append(entry | sounds[0] | hashes)
    async for data in archive.add("index.json", _once(json.dumps(index, indent=2).encode())):
        yield data
    yield archive.finish()


def _tracks(manifest: str, recording: RecordingInfo) -> list[RecordingInfo]:
    """Raises Refusal."""
    try:
        return tracks_in(manifest, recording)
    except Unavailable as error:  # the answer has begun: it can only be cut off
        raise Refusal("internal", error.message) from None


def _path(contact: str, recording: RecordingInfo) -> str:
    """In the archive. Both parts of a contact may have begun in the same minute, and have the same file's name."""
    folder = "/ivr" if recording.type == "IVR" else ""
    return f"{file_name(contact)}{folder}/{file_name(recording.key)}"


async def _hashed(sound: AsyncIterator[bytes], digest: Any) -> AsyncIterator[bytes]:
    async for data in sound:
        digest.update(data)
        yield data


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content
