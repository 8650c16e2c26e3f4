import asyncio
import io
from collections.abc import AsyncIterator

import pytest
from structlog.testing import capture_logs

from signaling.api import bodies
from signaling.store import Store, StoreUnavailable
from tests.signaling.api.house import House, error_of
from tests.signaling.store.samples import ACME, PASSWORD


async def test_posts_of_other_sites_are_refused(house: House) -> None:
    browser = await house.browser("ada")
    for origin in (
        "https://evil.example",
        "null",
        f"https://{house.client.host}:{house.client.port}",
        "http://localhost",
    ):
        assert await error_of(await browser.post("/softphone/token", Origin=origin)) == (403, "AccessDeniedException")
    own = f"http://{house.client.host}:{house.client.port}"
    for origin in (own, "https://desk.example.com"):
        assert (await browser.post("/softphone/token", Origin=origin)).status == 200
    assert len(house.tickets.issued) == 2


async def test_a_body_that_does_not_come_is_not_waited_for(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "PATIENCE", 0.1)
    come = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield b"{"
        await come.wait()

    response = await house.client.post("/sign-in", data=body(), headers={"Content-Type": "application/json"})
    assert await error_of(response) == (408, "InvalidRequestException")
    come.set()


async def test_only_json_is_taken(house: House) -> None:
    body = f'{{"instance":"acme","username":"ada","password":"{PASSWORD.reveal()}"}}'
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        response = await house.client.post("/sign-in", data=body, headers={"Content-Type": kind})
        assert await error_of(response) == (400, "InvalidRequestException")


async def test_a_large_body_is_refused(house: House) -> None:
    body = io.BytesIO(b"x" * (1024 * 1024 + 1))
    response = await house.client.post("/sign-in", data=body, headers={"Content-Type": "application/json"})
    assert await error_of(response) == (413, "RequestTooLargeException")


async def test_errors_of_the_server_have_the_one_shape(house: House) -> None:
    assert await error_of(await house.client.get("/nothing/here")) == (404, "ResourceNotFoundException")
    response = await house.client.delete("/me")
    assert await error_of(response) == (405, "InvalidRequestException")
    assert "GET" in response.headers["Allow"]


async def test_every_answer_keeps_browsers_strict(house: House) -> None:
    for path in ("/", "/pages/app.js", "/me", "/nothing", "/health"):
        headers = (await house.client.get(path)).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Strict-Transport-Security"].startswith("max-age=")
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy
        assert policy.endswith("connect-src 'self' wss://127.0.0.1:8444")
        assert headers["Cache-Control"] == ("no-cache" if path in ("/", "/pages/app.js") else "no-store")


async def test_a_fault_is_contained_and_tells_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = await house.browser("sam")

    async def fails(*_: object) -> None:
        raise RuntimeError("+491719876543")

    monkeypatch.setattr(Store, "contact", fails)
    with capture_logs() as logs:
        response = await browser.get(f"/contacts/{ACME.instance}/contact-1")
    assert await error_of(response) == (500, "InternalServiceException")
    assert "+491719876543" not in repr(logs) + await response.text()
    assert logs[0]["error"] == "RuntimeError" and logs[0]["route"] == "/contacts/{instance}/{contact}"


async def test_without_its_data_the_server_is_unavailable(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = await house.browser("sam")

    async def fails(*_: object) -> None:
        raise StoreUnavailable("the database failed")

    monkeypatch.setattr(Store, "contact", fails)
    response = await browser.get(f"/contacts/{ACME.instance}/contact-1")
    assert await error_of(response) == (503, "ServiceUnavailableException")


@pytest.mark.parametrize(
    ("host", "softphone"),
    [
        ("pbx.example.com:8443", "wss://pbx.example.com:8444"),
        ("[::1]:8443", "wss://[::1]:8444"),
        ("evil.example; script-src *", "wss://localhost:8444"),
        ("[::1", "wss://localhost:8444"),
        ("a:b:c", "wss://localhost:8444"),
        ("x" * 300, "wss://localhost:8444"),
        ("пример", "wss://localhost:8444"),
    ],
)
async def test_a_host_that_is_none_gets_into_no_header(house: House, host: str, softphone: str) -> None:
    response = await house.client.get("/health", headers={"Host": host})
    assert response.status == 200
    assert response.headers["Content-Security-Policy"].endswith(f"connect-src 'self' {softphone}")


async def test_answers_are_counted_by_status(house: House) -> None:
    for path in ("/health", "/me", "/me", "/nothing"):
        await house.client.get(path)
    assert house.counts == {"200": 1, "401": 2, "404": 1}
