"""POST /contact/{start,stop,suspend,resume}-recording: Connect's StartContactRecording and its like; and, ours,
/contact/secure-pause and /contact/secure-resume. The answer is `{}`."""

from typing import Annotated, Literal, TypeVar

import msgspec
from aiohttp import web

from signaling.api.bodies import body_of
from signaling.api.contacts import Id
from signaling.api.doors import NOTHING, Act, enter, note, of_instance, signed_in
from signaling.api.errors import InvalidParameter, InvalidRequest, NotFound
from signaling.api.parts import PARTS
from signaling.center import events
from signaling.center.floor import NotYours
from signaling.center.security import Action, Principal, Resource
from signaling.center.segments import MAX_SECURE_SECONDS, Input, NotNow, RecordingType

PERMISSION: Action = "CallRecordings.Control"
TRACKS = {
    "ALL": frozenset({"Agent", "Customer"}),
    "FROM_AGENT": frozenset({"Agent"}),
    "TO_AGENT": frozenset({"Customer"}),
}


class _Asked(msgspec.Struct, frozen=True, rename="pascal", forbid_unknown_fields=True, kw_only=True):
    """What each of these requests names."""

    instance_id: Id
    contact_id: Id
    initial_contact_id: Id


Asked = TypeVar("Asked", bound=_Asked)


class _Voice(msgspec.Struct, frozen=True, rename="pascal", forbid_unknown_fields=True):
    voice_recording_track: Literal["ALL", "FROM_AGENT", "TO_AGENT"] = "ALL"
    ivr_recording_track: Literal["ALL"] | None = None


class _Start(_Asked, frozen=True, forbid_unknown_fields=True, kw_only=True):
    voice_recording_configuration: _Voice


class _Controlled(_Asked, frozen=True, forbid_unknown_fields=True, kw_only=True):
    contact_recording_type: Literal["AGENT", "IVR"] = "AGENT"
    """Screens are not recorded, so SCREEN is refused."""


class _SecurePause(_Asked, frozen=True, forbid_unknown_fields=True, kw_only=True):
    digits: Annotated[int, msgspec.Meta(ge=0, le=64)] = 0
    pound: bool = False
    seconds: Annotated[float, msgspec.Meta(gt=0, le=MAX_SECURE_SECONDS)] | None = None


def routes() -> list[web.RouteDef]:
    return [
        web.post("/contact/start-recording", start),
        web.post("/contact/stop-recording", stop),
        web.post("/contact/suspend-recording", suspend),
        web.post("/contact/resume-recording", resume),
        web.post("/contact/secure-pause", secure_pause),
        web.post("/contact/secure-resume", secure_resume),
    ]


async def start(request: web.Request) -> web.Response:
    asked = await _body(request, _Start)
    wanted, ivr = asked.voice_recording_configuration, asked.voice_recording_configuration.ivr_recording_track
    principal = await _enter(request, "StartContactRecording", asked)
    event = events.BeginRecording(
        asked.contact_id, TRACKS[wanted.voice_recording_track], principal.user, ivr is not None
    )
    return await _tell(request, principal, ("StartContactRecording", asked), event)


async def stop(request: web.Request) -> web.Response:
    return await _control(request, "StopContactRecording", Input.STOP)


async def suspend(request: web.Request) -> web.Response:
    return await _control(request, "SuspendContactRecording", Input.SUSPEND)


async def resume(request: web.Request) -> web.Response:
    return await _control(request, "ResumeContactRecording", Input.RESUME)


async def secure_pause(request: web.Request) -> web.Response:
    asked = await _body(request, _SecurePause)
    principal = await _enter(request, "SecurePause", asked)
    event = events.BeginSecurePause(asked.contact_id, principal.user, asked.digits, asked.pound, asked.seconds)
    return await _tell(request, principal, ("SecurePause", asked), event)


async def secure_resume(request: web.Request) -> web.Response:
    asked = await _body(request, _Asked)
    principal = await _enter(request, "SecureResume", asked)
    event = events.EndSecurePause(asked.contact_id, principal.user)
    return await _tell(request, principal, ("SecureResume", asked), event)


async def _control(request: web.Request, operation: str, input: Input) -> web.Response:
    asked = await _body(request, _Controlled)
    type: RecordingType = asked.contact_recording_type
    principal = await _enter(request, operation, asked)
    event = events.ControlRecording(asked.contact_id, type, input, principal.user)
    return await _tell(request, principal, (operation, asked), event)


async def _body(request: web.Request, shape: type[Asked]) -> Asked:
    """Who is not signed in learns nothing about shapes. Raises ApiError."""
    signed_in(request)
    return await body_of(request, shape)


async def _enter(request: web.Request, operation: str, asked: _Asked) -> Principal:
    """Raises ApiError."""
    return (await enter(request, PERMISSION, operation, _resource(request, asked))).principal


async def _tell(
    request: web.Request, principal: Principal, what: tuple[str, _Asked], event: events.Event
) -> web.Response:
    """The line is in the audit trail before anything is done; a second one says that it was not. Raises ApiError."""
    operation, asked = what
    parts, resource = request.app[PARTS], _resource(request, asked)
    await note(request, principal, Act(operation, resource))
    try:
        if asked.initial_contact_id != asked.contact_id:
            await _check_initial(request, principal, asked)
        parts.control.of_api(principal.tenant.instance, event)
    except (NotYours, NotNow, NotFound, ValueError) as error:
        await note(request, principal, Act(operation, resource, "refused", {"why": str(error) or NOTHING}))
        raise await _as_error(request, principal, asked, error) from None
    return web.json_response({})


async def _check_initial(request: web.Request, principal: Principal, asked: _Asked) -> None:
    """The first contact of the chain that this one belongs to. Raises NotFound."""
    record = await request.app[PARTS].store.contact(principal.tenant, asked.contact_id)
    if record is None or asked.initial_contact_id != (record.initial_contact or record.contact):
        raise NotFound(NOTHING)


async def _as_error(
    request: web.Request, principal: Principal, asked: _Asked, error: Exception
) -> InvalidRequest | InvalidParameter | NotFound:
    if isinstance(error, NotNow):
        return InvalidRequest(f"Not now: {error}.")
    if isinstance(error, ValueError):
        return InvalidParameter(f"{error}.")
    if isinstance(error, NotYours) and await request.app[PARTS].store.contact(principal.tenant, asked.contact_id):
        return InvalidRequest("Not now: the contact is over.")
    return NotFound(NOTHING)


def _resource(request: web.Request, asked: _Asked) -> Resource:
    return of_instance(request, "recording", asked.instance_id, asked.contact_id)
