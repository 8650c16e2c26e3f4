"""PUT /contact/outbound-voice: Connect's StartOutboundVoiceContact. Who is called is in a flow when he answers."""

import uuid
from collections import OrderedDict
from typing import Annotated, Literal

import msgspec
from aiohttp import web

from signaling.api.bodies import body_of
from signaling.api.contacts import Id
from signaling.api.doors import NOTHING, Act, enter, note, of_instance, signed_in
from signaling.api.errors import DestinationNotAllowed, InvalidParameter, NotFound
from signaling.api.parts import PARTS
from signaling.center.events import StartOutbound
from signaling.center.floor import NotYours
from signaling.center.outbound import PERMISSION, NoRoute
from signaling.center.security import Principal
from vault.pii import Pii

OPERATION = "StartOutboundVoiceContact"
MAX_TOKENS = 10_000
Number = Annotated[str, msgspec.Meta(pattern=r"^\+[1-9][0-9]{1,14}$")]
Token = Annotated[str, msgspec.Meta(max_length=500)]


class _Start(msgspec.Struct, frozen=True, rename="pascal", forbid_unknown_fields=True, kw_only=True):
    instance_id: Id
    contact_flow_id: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
    destination_phone_number: Number
    source_phone_number: Number | None = None
    queue_id: Annotated[str, msgspec.Meta(max_length=500)] = ""
    attributes: dict[str, Annotated[str, msgspec.Meta(max_length=32767)]] = {}
    client_token: Token = ""
    traffic_type: Literal["GENERAL"] = "GENERAL"
    """Calls are placed one by one: there are no campaigns, so CAMPAIGN is refused."""
    ring_timeout_in_seconds: Annotated[int, msgspec.Meta(ge=15, le=60)] | None = None


class Placed:
    """Contacts by the token of the request that began them: a request that is sent again calls nobody twice."""

    def __init__(self) -> None:
        self._contacts: OrderedDict[tuple[str, str], str] = OrderedDict()

    def find(self, principal: Principal, token: str) -> str | None:
        return self._contacts.get((principal.name, token)) if token else None

    def keep(self, principal: Principal, token: str, contact: str) -> None:
        if token:
            self._contacts[principal.name, token] = contact
        if len(self._contacts) > MAX_TOKENS:
            self._contacts.popitem(last=False)

    def forget(self, principal: Principal, token: str) -> None:
        """Nobody was called: the same may be asked again."""
        self._contacts.pop((principal.name, token), None)


PLACED = web.AppKey("placed", Placed)


def routes() -> list[web.RouteDef]:
    return [web.put("/contact/outbound-voice", start)]


async def start(request: web.Request) -> web.Response:
    signed_in(request)
    asked = await body_of(request, _Start)
    resource = of_instance(request, "contact", asked.instance_id)
    principal = (await enter(request, PERMISSION, OPERATION, resource)).principal
    placed = request.app[PLACED]
    known = placed.find(principal, asked.client_token)
    if known is not None:
        return web.json_response({"ContactId": known})
    contact = str(uuid.uuid4())
    placed.keep(principal, asked.client_token, contact)  # before anything is waited for
    number = Pii(asked.destination_phone_number)
    act = Act(OPERATION, of_instance(request, "contact", asked.instance_id, contact), detail={"number": number})
    await note(request, principal, act)
    try:
        request.app[PARTS].control.of_api(principal.tenant.instance, _event(asked, contact))
    except (NotYours, ValueError) as error:
        placed.forget(principal, asked.client_token)
        await note(request, principal, msgspec.structs.replace(act, outcome="refused"))
        raise _as_error(error) from None
    return web.json_response({"ContactId": contact})


def _event(asked: _Start, contact: str) -> StartOutbound:
    return StartOutbound(
        contact=contact,
        number=Pii(asked.destination_phone_number),
        flow=_id(asked.contact_flow_id),
        queue=_id(asked.queue_id),
        caller=asked.source_phone_number or "",
        attributes={name: Pii(value) for name, value in asked.attributes.items()},
        ring_seconds=asked.ring_timeout_in_seconds,
    )


def _id(name: str) -> str:
    """An ARN ends in the id."""
    return name.rpartition("/")[2]


def _as_error(error: Exception) -> NotFound | DestinationNotAllowed | InvalidParameter:
    if isinstance(error, NoRoute):
        return DestinationNotAllowed(f"{error}.")
    return InvalidParameter(f"{error}.") if isinstance(error, ValueError) else NotFound(NOTHING)
