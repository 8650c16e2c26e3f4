"""Puts the API together."""

from collections import Counter

from aiohttp import web

from signaling.api import (
    contacts,
    exports,
    health,
    me,
    outbound,
    quarantine,
    recording_care,
    recording_control,
    recordings,
    sign_in,
    sip_messages,
    softphone,
    transfers,
    trunks,
)
from signaling.api.bodies import LIMIT
from signaling.api.doors import SESSIONS
from signaling.api.guard import COUNTS, errors_as_json, own_posts_only, strict_headers
from signaling.api.pages import add_pages
from signaling.api.parts import PARTS, Parts
from signaling.api.playback import TICKETS
from signaling.api.sessions import Sessions
from signaling.api.sign_in import GATE, Gate
from signaling.api.tickets import Tickets

RESOURCES = (
    sign_in,
    me,
    softphone,
    contacts,
    recordings,
    exports,
    recording_care,
    recording_control,
    transfers,
    quarantine,
    outbound,
    sip_messages,
    health,
    trunks,
)


def build(parts: Parts) -> web.Application:
    """The application, to be run behind TLS by the caller, since browsers send its cookie over HTTPS only."""
    app = web.Application(middlewares=[errors_as_json, own_posts_only], client_max_size=LIMIT)
    app[PARTS] = parts
    app[SESSIONS] = Sessions()
    app[GATE] = Gate()
    app[TICKETS] = Tickets()
    app[COUNTS] = Counter()
    app[outbound.PLACED] = outbound.Placed()
    for resource in RESOURCES:
        app.router.add_routes(resource.routes())
    add_pages(app)
    app.on_response_prepare.append(strict_headers)
    return app
