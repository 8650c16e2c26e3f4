"""GET /me: who is signed in, where, and with which permissions."""

from aiohttp import web

from signaling.api.doors import signed_in


def routes() -> list[web.RouteDef]:
    return [web.get("/me", me)]


async def me(request: web.Request) -> web.Response:
    session = signed_in(request)
    user, tenant, permissions = session.user, session.principal.tenant, session.principal.permissions
    return web.json_response(
        {
            "user": {"id": user.id, "username": user.username, "name": user.name},
            "tenant": {"account": tenant.account, "instance": tenant.instance, "alias": tenant.alias},
            "permissions": sorted(permissions),
            "agent": bool(user.routing_profile) and "BasicAgentAccess" in permissions,
        }
    )
