"""GET /trunks: the trunks of the instance, by which ids metrics know them, and how they are."""

from aiohttp import web

from signaling.api.doors import enter, own, signed_in
from signaling.api.parts import PARTS


def routes() -> list[web.RouteDef]:
    return [web.get("/trunks", trunks)]


async def trunks(request: web.Request) -> web.Response:
    session = await enter(request, "Trunks.View", "ListTrunks", own(signed_in(request), "trunk"))
    return web.json_response({"Trunks": request.app[PARTS].trunks(session.principal.tenant)})
