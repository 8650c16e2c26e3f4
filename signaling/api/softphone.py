"""POST /softphone/token: what an agent's softphone opens its WebSocket with."""

from aiohttp import web

from signaling.api.doors import enter, own, signed_in
from signaling.api.guard import host_of
from signaling.api.parts import PARTS


def routes() -> list[web.RouteDef]:
    return [web.post("/softphone/token", token)]


async def token(request: web.Request) -> web.Response:
    session = signed_in(request)
    resource = own(session, "user", session.user.id)
    await enter(request, "BasicAgentAccess", "OpenSoftphone", resource)
    parts = request.app[PARTS]
    issued = parts.tokens.issue(session.principal.name, parts.clock())
    return web.json_response({"token": issued.reveal(), "url": parts.softphone_url(host_of(request))})
