"""GET /recordings/{contact}/audio and …/peaks: playback for those who may listen."""

from typing import Any

import msgspec
import structlog
from aiohttp import ClientConnectionResetError, web

from ipc.messages import Refusal
from recorder.api import media_type
from signaling.api.doors import NOTHING, Act, enter, note, own, signed_in
from signaling.api.errors import ApiError, NotFound, RangeNotSatisfiable, Unavailable
from signaling.api.parts import PARTS
from signaling.api.ranges import Span, span_of
from signaling.api.sessions import Session
from signaling.api.shapes import has_recording
from signaling.center.record import RecordingInfo

log = structlog.get_logger(__name__)

PIECE = 1024 * 1024
"""What the recorder gives at most at once."""
PLAYBACK = 300.0
"""Seconds: requests for a recording within this time of one another are one playback."""
LISTEN = "ListenCallRecording"


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
    return [web.get("/recordings/{contact}/audio", audio), web.get("/recordings/{contact}/peaks", peaks)]


async def peaks(request: web.Request) -> web.Response:
    session, recording = await _recording(request)
    try:
        found = await request.app[PARTS].recordings.manifest(session.principal.tenant, recording.key)
        manifest = msgspec.json.decode(found, type=_Manifest)
    except Refusal as refusal:
        raise _as_error(refusal) from None
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


async def audio(request: web.Request) -> web.StreamResponse:
    """The sound, whole or one range of it; read from the recorder piece by piece as the client takes it."""
    session, recording = await _recording(request)
    try:
        total = (await request.app[PARTS].recordings.read(session.principal.tenant, recording.key, (0, 1))).total
    except Refusal as refusal:
        raise _as_error(refusal) from None
    tag = f'"{recording.sha256}"'
    headers = {"Content-Type": media_type(recording.key), "Accept-Ranges": "bytes", "ETag": tag}
    if request.method == "HEAD":
        return web.Response(headers=headers | {"Content-Length": str(total)})
    fresh = request.headers.get("If-Range", tag) == tag
    span = span_of(request.headers.get("Range") if fresh else None, total)
    response = web.StreamResponse(status=206 if span else 200, headers=headers)
    if span:
        response.headers["Content-Range"] = f"bytes {span.start}-{span.end - 1}/{total}"
    await _note_playback(request, session)
    return await _stream(request, response, recording, span or Span(0, total))


async def _stream(
    request: web.Request, response: web.StreamResponse, recording: RecordingInfo, span: Span
) -> web.StreamResponse:
    parts, session = request.app[PARTS], signed_in(request)
    response.content_length = span.end - span.start
    await response.prepare(request)
    try:
        at = span.start
        while at < span.end:
            chunk = await parts.recordings.read(
                session.principal.tenant, recording.key, (at, min(PIECE, span.end - at))
            )
            if not chunk.data:
                raise Refusal("out_of_range", "the sound ended early")
            await response.write(chunk.data)
            at += len(chunk.data)
            session.listening[request.match_info["contact"]] = parts.clock()
        await response.write_eof()
    except Refusal as refusal:
        # The length was promised already. Only a cut connection tells the client that not all of it came.
        log.error("! playback broke off", recording=recording.id, code=refusal.code)
        if request.transport is not None:
            request.transport.abort()
    except ClientConnectionResetError:
        log.debug("x player went away", recording=recording.id)
    return response


async def _recording(request: web.Request) -> tuple[Session, RecordingInfo]:
    """The recording of the contact, if the user may listen and there is one to listen to. Raises ApiError."""
    resource = own(signed_in(request), "recording", request.match_info["contact"])
    session = await enter(request, "ListenCallRecordings", LISTEN, resource)
    record = await request.app[PARTS].store.contact(session.principal.tenant, resource.id)
    if record is None or record.recording is None or not has_recording(record):
        await note(request, session.principal, Act(LISTEN, resource, "refused"))
        raise NotFound(NOTHING)
    return session, record.recording


async def _note_playback(request: web.Request, session: Session) -> None:
    """A player asks for many ranges; the audit trail has one line for all of them, written before any sound is sent."""
    contact, now = request.match_info["contact"], request.app[PARTS].clock()
    recent = {id: at for id, at in session.listening.items() if now - at <= PLAYBACK}
    session.listening = recent | {contact: now}
    if contact in recent:
        return
    try:
        await note(request, session.principal, Act(LISTEN, own(session, "recording", contact)))
    except BaseException:
        del session.listening[contact]
        raise


def _as_error(refusal: Refusal) -> ApiError:
    if refusal.code in ("no_such_recording", "not_ready"):
        return NotFound(NOTHING)
    if refusal.code == "out_of_range":
        return RangeNotSatisfiable(0)
    return Unavailable("The recording cannot be read now. Try again in a moment.")
