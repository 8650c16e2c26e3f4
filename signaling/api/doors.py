"""The doors of the API: who asks, may he, and the line in the audit trail. Every handler begins here."""

import msgspec
from aiohttp import web

from signaling.api.errors import AccessDenied, NotFound, NotSignedIn
from signaling.api.parts import PARTS
from signaling.api.sessions import COOKIE, Session, Sessions
from signaling.center.audit import AuditEvent, Outcome
from signaling.center.security import Action, Principal, Resource, may
from vault.pii import Pii

SESSIONS = web.AppKey("sessions", Sessions)
NOTHING = "no such resource"
"""The one answer for what does not exist and for what is another tenant's."""


class Act(msgspec.Struct, frozen=True):
    """What somebody did, or was not let do."""

    operation: str
    resource: Resource
    outcome: Outcome = "allowed"
    detail: dict[str, str | Pii[str]] = {}


def signed_in(request: web.Request) -> Session:
    """The session of the request's cookie. Raises NotSignedIn."""
    token = request.cookies.get(COOKIE, "")
    session = request.app[SESSIONS].find(token, request.app[PARTS].clock()) if token else None
    if session is None:
        raise NotSignedIn("Sign in first.")
    return session


async def enter(request: web.Request, permission: Action, operation: str, resource: Resource) -> Session:
    """Lets those in who may; a refusal is audited. Raises NotSignedIn, NotFound, AccessDenied."""
    session = signed_in(request)
    principal = session.principal
    if may(principal, permission, resource):
        return session
    await note(request, principal, Act(operation, resource, "refused"))
    if permission not in principal.permissions:
        # Said before anything is looked up, and to everyone alike: it tells nothing about the id.
        raise AccessDenied(f"You need the permission {permission}.")
    raise NotFound(NOTHING)


def own(session: Session, kind: str, id: str = "") -> Resource:
    """A resource of the session's own tenant."""
    tenant = session.principal.tenant
    return Resource(tenant.account, tenant.instance, kind, id)


def of_instance(request: web.Request, kind: str, instance: str, id: str = "") -> Resource:
    """A resource of the instance that a request names, by its id or its ARN, as with Connect. Raises NotSignedIn."""
    name = instance.rpartition("/")[2] if instance.startswith("arn:") else instance
    return Resource(signed_in(request).principal.tenant.account, name, kind, id)


async def note(request: web.Request, principal: Principal, act: Act) -> None:
    """A line in the audit trail of the principal's tenant; it is on disk when this returns."""
    parts, resource = request.app[PARTS], act.resource
    event = AuditEvent(
        at=parts.clock(),
        actor=principal.user,
        source=request.remote or "",
        action=act.operation,
        resource=f"{resource.kind}/{resource.id}" if resource.id else resource.kind,
        outcome=act.outcome,
        detail=act.detail,
    )
    await parts.store.audit(principal.tenant, event)
