"""GET /health for whoever watches the node, /metrics for Prometheus. Neither needs a session or names a tenant.

The metrics are told to this machine, and to others with the token of the configuration."""

import hmac
import ipaddress

from aiohttp import web

from signaling.api.errors import AccessDenied
from signaling.api.parts import PARTS
from vault.pii import Pii


def routes() -> list[web.RouteDef]:
    return [web.get("/health", health), web.get("/metrics", metrics)]


async def health(request: web.Request) -> web.Response:
    told = dict(request.app[PARTS].health())
    return web.json_response(told, status=200 if told.get("status") == "ok" else 503)


async def metrics(request: web.Request) -> web.Response:
    if not (_is_here(request) or _has_token(request)):
        raise AccessDenied("The metrics are told to this machine, or for their token.")
    return web.Response(
        body=request.app[PARTS].metrics(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
    )


def _is_here(request: web.Request) -> bool:
    try:
        return ipaddress.ip_address(request.remote or "").is_loopback
    except ValueError:
        return False


def _expected(request: web.Request) -> Pii[str]:
    return request.app[PARTS].metrics_token


def _has_token(request: web.Request) -> bool:
    token = _expected(request).reveal()
    shown = request.headers.get("Authorization", "").removeprefix("Bearer ")
    return bool(token) and hmac.compare_digest(shown.encode("utf-8", "surrogateescape"), token.encode())
