"""GET /contacts/{InstanceId}/{ContactId}/sip: the SIP messages of a contact, redacted. Ours."""

from typing import Any

from aiohttp import web

from signaling.api.doors import NOTHING, enter, of_instance
from signaling.api.errors import NotFound
from signaling.api.parts import PARTS
from signaling.sip.tracing.redaction import ShownMessage


def routes() -> list[web.RouteDef]:
    return [web.get("/contacts/{instance}/{contact}/sip", describe)]


async def describe(request: web.Request) -> web.Response:
    resource = of_instance(request, "contact", request.match_info["instance"], request.match_info["contact"])
    session = await enter(request, "Trunks.View", "DescribeContactSip", resource)
    parts, tenant = request.app[PARTS], session.principal.tenant
    live = parts.sip_messages(tenant, resource.id)
    kept = await parts.store.sip_trace(tenant, resource.id)
    if not live and not kept and await parts.store.contact(tenant, resource.id) is None:
        raise NotFound(NOTHING)
    return web.json_response({"Messages": [_shape(message) for message in (*kept, *live)]})


def _shape(message: ShownMessage) -> dict[str, Any]:
    return {
        "At": message.at,
        "Direction": "SENT" if message.sent else "RECEIVED",
        "Transport": message.transport.upper(),
        "Peer": message.peer,
        "Start": message.start,
        "CSeq": message.cseq,
        "Headers": [{"Name": name, "Value": value} for name, value in message.headers],
    }
