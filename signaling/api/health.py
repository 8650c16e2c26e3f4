"""GET /health for whoever watches the node, /metrics for Prometheus. Neither needs a session or names a tenant."""

from aiohttp import web

from signaling.api.parts import PARTS


def routes() -> list[web.RouteDef]:
    return [web.get("/health", health), web.get("/metrics", metrics)]


async def health(request: web.Request) -> web.Response:
    told = dict(request.app[PARTS].health())
    return web.json_response(told, status=200 if told.get("status") == "ok" else 503)


async def metrics(request: web.Request) -> web.Response:
    return web.Response(
        body=request.app[PARTS].metrics(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
    )
