"""What holds for every request and answer: errors as JSON, no foreign posts, headers that keep browsers strict."""

import re
from collections import Counter
from urllib.parse import urlsplit

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from ipc.faults import told
from signaling.api.errors import AccessDenied, ApiError, InvalidRequest, Unavailable, answer, answer_http
from signaling.api.parts import PARTS
from signaling.store import StoreUnavailable
from vault.kms import KmsError

log = structlog.get_logger(__name__)

COUNTS = web.AppKey("counts", Counter[str])
"""Answers by their status, since the start."""

_HOST = re.compile(r"([a-z0-9_.-]{1,253}|\[[0-9a-f:.]{2,45}\])(?::[0-9]{1,5})?", re.ASCII | re.IGNORECASE)

SAFE = ("GET", "HEAD", "OPTIONS")
HEADERS = {
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "media-src 'self' blob:; manifest-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'; connect-src 'self'"
)


@web.middleware
async def errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The boundary of the API: whatever goes wrong inside, the client gets an answer in one shape."""
    try:
        return await handler(request)
    except ApiError as error:
        return answer(error)
    except web.HTTPException as error:
        return answer_http(error)
    except (StoreUnavailable, KmsError) as error:
        log.error("! store or keys unavailable", error=type(error).__name__)
        return answer(Unavailable("The server cannot reach its data now. Try again in a moment."))
    except Exception as error:
        # A fault of ours. Its text may hold what the client sent, so only where it happened is told.
        log.error("! request failed", route=_route(request), **told(error))
        return answer(ApiError("The server failed. If it stays, tell your administrator."))


@web.middleware
async def own_posts_only(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Another site's page must not act for who is signed in: its Origin gives it away, and it cannot send JSON."""
    if request.method not in SAFE:
        origin = request.headers.get("Origin")
        if origin is not None and not _is_ours(request, origin):
            raise AccessDenied("Requests from other sites are refused.")
        if request.body_exists and request.content_type != "application/json":
            raise InvalidRequest("The body must be application/json.")
    return await handler(request)


async def strict_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Runs before the headers of any answer are sent."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Cache-Control", "no-store")
    softphone = urlsplit(request.app[PARTS].softphone_url(host_of(request)))
    response.headers["Content-Security-Policy"] = f"{POLICY} {softphone.scheme}://{softphone.netloc}"
    request.app[COUNTS][str(response.status)] += 1


def host_of(request: web.Request) -> str:
    """The name by which the client knows us, without the port; ours when it named none that could be one."""
    host = _HOST.fullmatch(request.headers.get("Host", ""))
    return host[1] if host else "localhost"


def _is_ours(request: web.Request, origin: str) -> bool:
    return origin == f"{request.scheme}://{request.host}" or origin in request.app[PARTS].origins


def _route(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return resource.canonical if resource else ""
