"""POST /contact/transfer: Connect's TransferContact. The contact's agent leaves the call, and whoever takes it gets a
contact of his own."""

import uuid

import msgspec
from aiohttp import web

from signaling.api.bodies import body_of
from signaling.api.contacts import Id
from signaling.api.doors import NOTHING, Act, enter, note, of_instance, signed_in
from signaling.api.errors import InvalidRequest, NotFound
from signaling.api.parts import PARTS
from signaling.api.shapes import arn_of
from signaling.center.events import TransferContact
from signaling.center.floor import NotYours
from signaling.center.security import Action
from signaling.center.segments import NotNow

PERMISSION: Action = "ManagerBargeIn"
OPERATION = "TransferContact"


class _Transfer(msgspec.Struct, frozen=True, rename="pascal", forbid_unknown_fields=True, kw_only=True):
    instance_id: Id
    contact_id: Id
    contact_flow_id: Id
    """Required by Connect; whoever is asked hears no flow here."""
    queue_id: str = ""
    user_id: str = ""
    client_token: str = ""


def routes() -> list[web.RouteDef]:
    return [web.post("/contact/transfer", transfer)]


async def transfer(request: web.Request) -> web.Response:
    """Raises ApiError."""
    signed_in(request)
    asked = await body_of(request, _Transfer)
    resource = of_instance(request, "contact", asked.instance_id, asked.contact_id)
    principal = (await enter(request, PERMISSION, OPERATION, resource)).principal
    await note(request, principal, Act(OPERATION, resource))
    parts, made = request.app[PARTS], str(uuid.uuid4())
    try:
        event = TransferContact(asked.contact_id, made, _id(asked.queue_id), _id(asked.user_id))
        parts.control.of_api(principal.tenant.instance, event)
    except (NotYours, NotNow, ValueError) as error:
        await note(request, principal, Act(OPERATION, resource, "refused", {"why": str(error) or NOTHING}))
        if isinstance(error, NotYours):
            raise NotFound(NOTHING) from None
        raise InvalidRequest(f"{error}.") from None
    return web.json_response({"ContactId": made, "ContactArn": arn_of(principal.tenant, made)})


def _id(name: str) -> str:
    """An ARN ends in the id."""
    return name.rpartition("/")[2]
