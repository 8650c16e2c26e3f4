"""POST /sign-in and /sign-out: a session cookie for a password."""

import ipaddress
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import msgspec
from aiohttp import web

from signaling.api.bodies import body_of
from signaling.api.doors import SESSIONS, Act, note, own, signed_in
from signaling.api.errors import NotSignedIn, Throttled
from signaling.api.parts import PARTS
from signaling.api.sessions import COOKIE
from signaling.api.throttle import Throttle
from signaling.center.audit import NOWHERE
from signaling.center.resources import Tenant, User
from signaling.center.security import Principal, Resource
from vault.pii import Pii

WINDOW = 300.0
PER_ACCOUNT = 10
PER_SOURCE = 50
AT_ONCE = 64
"""Verifications under way, whoever asks: each costs much, and whoever comes later would wait for seconds."""

Name = Annotated[str, msgspec.Meta(max_length=255)]


class Credentials(msgspec.Struct, frozen=True):
    instance: Name
    """Its alias."""
    username: Name
    password: Annotated[str, msgspec.Meta(max_length=1024)]


class Gate:
    """Holds back who tries too often: by the account that is tried, and by where the tries come from."""

    def __init__(self) -> None:
        self._under_way = 0
        self._accounts = Throttle(PER_ACCOUNT, WINDOW)
        self._sources = Throttle(PER_SOURCE, WINDOW)

    def enter(self, account: str, source: str, now: float) -> None:
        """Counts a try before it is made, so that many at once are counted too. Raises Throttled."""
        if wait := max(self._accounts.wait(account, now), self._sources.wait(source, now)):
            raise Throttled(wait)
        self._accounts.note(account, now)
        self._sources.note(source, now)

    @contextmanager
    def verifying(self) -> Iterator[None]:
        """Raises Throttled."""
        if self._under_way >= AT_ONCE:
            raise Throttled(1.0)
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1

    def welcome(self, account: str, source: str, at: float) -> None:
        """The try made at `at` was a good one."""
        self._accounts.forgive(account)
        self._sources.take_back(source, at)


GATE = web.AppKey("gate", Gate)


def routes() -> list[web.RouteDef]:
    return [web.post("/sign-in", sign_in), web.post("/sign-out", sign_out)]


async def sign_in(request: web.Request) -> web.Response:
    wanted = await body_of(request, Credentials)
    parts = request.app[PARTS]
    now, account, source = parts.clock(), f"{wanted.instance}\n{wanted.username}", network_of(request.remote or "")
    # Tries that are held back are not audited one by one, or they would fill the disk: those that led there are.
    request.app[GATE].enter(account, source, now)
    with request.app[GATE].verifying():
        user = await parts.store.verify_password(wanted.instance, wanted.username, Pii(wanted.password))
    tenant = await parts.store.tenant(wanted.instance) or NOWHERE
    if user is None:
        await _refuse(request, tenant, wanted)
        raise NotSignedIn("Instance, user name or password is wrong.")
    request.app[GATE].welcome(account, source, now)
    return await _open(request, tenant, user)


async def sign_out(request: web.Request) -> web.Response:
    session = signed_in(request)
    request.app[SESSIONS].close(request.cookies[COOKIE])
    request.app[PARTS].signed_out(session.principal.name)
    await note(request, session.principal, Act("SignOut", own(session, "user", session.user.id)))
    response = web.Response(status=204)
    response.del_cookie(COOKIE, secure=True, httponly=True, samesite="Strict")
    return response


async def _open(request: web.Request, tenant: Tenant, user: User) -> web.Response:
    parts, sessions = request.app[PARTS], request.app[SESSIONS]
    principal = Principal(tenant, user.id, await parts.store.permissions(tenant, user))
    resource = Resource(tenant.account, tenant.instance, "user", user.id)
    await note(request, principal, Act("SignIn", resource))
    sessions.close(request.cookies.get(COOKIE, ""))
    token = sessions.open(user, principal, parts.clock())
    response = web.Response(status=204)
    response.set_cookie(COOKIE, token.reveal(), secure=True, httponly=True, samesite="Strict")
    return response


async def _refuse(request: web.Request, tenant: Tenant, wanted: Credentials) -> None:
    """What was typed as user name may be a password: only the id of a user that there is gets into the trail."""
    known = await request.app[PARTS].store.user(tenant, wanted.username)
    resource = Resource(tenant.account, tenant.instance, "user", known.id if known else "")
    nobody = Principal(tenant, "", frozenset())
    await note(request, nobody, Act("SignIn", resource, "refused", {"username": Pii(wanted.username)}))


def network_of(address: str) -> str:
    """What counts as one source: an IPv4 address, or an IPv6 network of 64 bits, which is what one subscriber gets."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is None:
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
