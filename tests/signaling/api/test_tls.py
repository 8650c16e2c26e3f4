"""As a browser has it: TLS, a cookie jar, and an Origin on every post."""

from pathlib import Path

from aiohttp import ClientSession, CookieJar, TCPConnector
from aiohttp.test_utils import TestServer

from signaling.api import Parts, build
from signaling.node.tls import self_signed, server_context
from signaling.recordings.deletion import Deletion
from signaling.store import Store
from tests.signaling.api.house import Live, Sounds, Tickets, a_console
from tests.signaling.store.samples import PASSWORD, Clock


async def test_the_cookie_lives_in_a_browser_over_tls(store: Store, clock: Clock, tmp_path: Path) -> None:
    parts = Parts(
        store=store,
        recordings=Sounds(),
        control=Live(clock),
        deletion=Deletion(store, Sounds(), clock),
        tokens=Tickets(),
        signed_out=lambda user: None,
        softphone_url=lambda host: f"wss://{host}:8444/",
        console=a_console(tmp_path / "console"),
        clock=clock,
        health=lambda: {"status": "ok"},
        metrics=lambda: b"",
        trunks=lambda tenant: [],
    )
    context = server_context(*self_signed(tmp_path / "tls", "127.0.0.1"))
    server = TestServer(build(parts), scheme="https")
    await server.start_server(ssl=context)
    try:
        await walk_through(str(server.make_url("")).rstrip("/"))
    finally:
        await server.close()


async def walk_through(origin: str) -> None:
    # The server has an address for a name and a certificate that nobody signed but itself.
    jar, connector = CookieJar(unsafe=True), TCPConnector(ssl=False)
    async with ClientSession(cookie_jar=jar, connector=connector, headers={"Origin": origin}) as browser:
        body = {"instance": "acme", "username": "ada", "password": PASSWORD.reveal()}
        assert (await browser.post(f"{origin}/sign-in", json=body)).status == 204
        assert (await browser.get(f"{origin}/me")).status == 200
        assert (await browser.post(f"{origin}/softphone/token")).status == 200
        assert (await browser.post(f"{origin}/sign-out")).status == 204
        assert len(jar) == 0 and (await browser.get(f"{origin}/me")).status == 401
