"""The API over a real store, with a recorder of memory, and browsers that may sign in."""

import itertools
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import ClientResponse, DummyCookieJar
from aiohttp.test_utils import TestClient, TestServer

from ipc.messages import Refusal
from recorder.api import Chunk
from signaling.api import Parts, build
from signaling.api.guard import COUNTS
from signaling.api.sessions import COOKIE
from signaling.center import events
from signaling.center.center import Center
from signaling.center.decisions import Decision
from signaling.center.resources import NumberRule, Outbound, Tenant, Trunk
from signaling.house import House as CenterHouse
from signaling.recordings.deletion import Deletion
from signaling.recordings.recording_desk import RecordingDesk
from signaling.sip.tracing.redaction import ShownMessage
from signaling.store import Store
from tests.signaling.center.floor_plan import NUMBER, directory
from tests.signaling.store.samples import ACME, PASSWORD, Clock
from vault.pii import Pii

PIECE = 1024 * 1024


@dataclass
class Sounds:
    """What the recorder would have delivered."""

    objects: dict[str, bytes] = field(default_factory=dict)
    manifests: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[int, int]] = field(default_factory=list)
    broken_after: int | None = None
    """Reads that are answered before the recorder goes away."""
    retried: list[str] = field(default_factory=list)

    async def read(self, tenant: Tenant, key: str, wanted: tuple[int, int]) -> Chunk:
        start, length = wanted
        if self.broken_after is not None and len(self.asked) >= self.broken_after:
            raise Refusal("gone", "the process went away")
        if key not in self.objects:
            raise Refusal("no_such_recording", "unknown key")
        self.asked.append((start, length))
        assert 0 < length <= PIECE
        return Chunk(self.objects[key][start : start + length], len(self.objects[key]))

    async def manifest(self, tenant: Tenant, key: str) -> str:
        if key not in self.manifests:
            raise Refusal("no_such_recording", "unknown key")
        return self.manifests[key]

    async def retry(self, tenant: Tenant, recording: str) -> None:
        if self.broken_after is not None:
            raise Refusal("gone", "the process went away")
        self.retried.append(recording)

    async def delete(self, tenant: Tenant, key: str, recording: str) -> None:
        if self.broken_after is not None:
            raise Refusal("gone", "the process went away")
        self.objects.pop(key, None)
        self.manifests.pop(key, None)


class Tickets:
    def __init__(self) -> None:
        self.issued: list[tuple[str, float]] = []
        self.signed_out: list[str] = []

    def issue(self, user_id: str, now: float) -> Pii[str]:
        self.issued.append((user_id, now))
        return Pii(f"ticket-{len(self.issued)}")


class Live(RecordingDesk):
    """A contact centre of ACME with contacts that go on, one agent, and everything that it decided."""

    def __init__(self, clock: Clock) -> None:
        ids = itertools.count(1)
        carrier = Trunk("carrier", (), outbound=Outbound(("sip.test",), (NumberRule("+49*"),)))
        plan = msgspec.structs.replace(directory(), tenant=ACME, trunks=(carrier,))
        self.center = Center(plan, lambda: f"{next(ids):032x}")
        self.decisions: list[Decision] = []
        self.house = CenterHouse([self.center], lambda _, decision: self.decisions.append(decision), clock)
        super().__init__(self.house, lambda tenant, event: None, clock)

    def call(self, contact: str, connected: bool = True) -> None:
        """A caller who has heard the greeting, with ann or waiting for her."""
        told: list[events.Event] = [
            events.CallArrived(contact, f"{contact}/customer", NUMBER, Pii("+15550199"), 0.0),
            events.PlayerFinished(contact, "prompt"),
        ]
        if connected:
            told += [events.AgentPresent("ann"), events.SetStatus("ann", "Available")]
            told += [events.Accept("ann", contact), events.AgentMediaUp(contact)]
        for event in told:
            self.house.tell(self.center, event)


@dataclass
class House:
    store: Store
    clock: Clock
    sounds: Sounds
    tickets: Tickets
    floor: Live
    """Contacts that go on."""
    told: dict[str, object]
    """What /health says."""
    sip: dict[tuple[str, str], list[ShownMessage]]
    """Messages of calls that go on, by instance and contact."""
    counts: Counter[str]
    """Answers by status."""
    client: "TestClient[Any, Any]"

    async def sign_in(
        self, username: str = "sam", instance: str = "acme", password: str | None = None
    ) -> ClientResponse:
        body = {"instance": instance, "username": username, "password": password or PASSWORD.reveal()}
        return await self.client.post("/sign-in", json=body)

    async def browser(self, username: str = "sam", instance: str = "acme") -> "Browser":
        response = await self.sign_in(username, instance)
        assert response.status == 204
        return Browser(self.client, response.cookies[COOKIE].value)


@dataclass
class Browser:
    """Sends the session's cookie by hand: it is Secure, and the tests do without TLS."""

    client: "TestClient[Any, Any]"
    cookie: str

    async def get(self, path: str, **headers: str) -> ClientResponse:
        return await self.send("GET", path, **headers)

    async def post(self, path: str, body: Any = None, **headers: str) -> ClientResponse:
        return await self.send("POST", path, body, **headers)

    async def ticket(self, contact: str = "contact-1", **asked: str | int) -> str:
        """The path of the sound, with a ticket for it."""
        response = await self.post(f"/recordings/{contact}/tickets", asked)
        assert response.status == 200, await response.text()
        return str((await response.json())["Url"])

    async def send(self, method: str, path: str, body: Any = None, **headers: str) -> ClientResponse:
        known = {
            "Cookie": f"{COOKIE}={self.cookie}",
            **{name.replace("_", "-"): text for name, text in headers.items()},
        }
        return await self.client.request(method, path, json=body, headers=known)


@asynccontextmanager
async def a_house(store: Store, clock: Clock, console: Path) -> AsyncIterator[House]:
    sounds, tickets, told = Sounds(), Tickets(), dict[str, object](status="ok")
    sip: dict[tuple[str, str], list[ShownMessage]] = {}
    control = Live(clock)
    parts = Parts(
        store=store,
        recordings=sounds,
        control=control,
        deletion=Deletion(store, sounds, clock),
        tokens=tickets,
        signed_out=tickets.signed_out.append,
        softphone_url=lambda host: f"wss://{host}:8444/",
        console=a_console(console),
        clock=clock,
        health=lambda: told,
        metrics=lambda: b"telephonist_up 1\n",
        trunks=lambda tenant: [{"Name": f"carrier of {tenant.alias}"}],
        sip_messages=lambda tenant, contact: sip.get((tenant.instance, contact), []),
        origins=frozenset({"https://desk.example.com"}),
    )
    app = build(parts)
    async with TestClient(TestServer(app), cookie_jar=DummyCookieJar()) as client:
        try:
            yield House(store, clock, sounds, tickets, control, told, sip, app[COUNTS], client)
        finally:
            control.house.close()


def a_console(console: Path) -> Path:
    """Two pages, and beside their folder something that is none of the web's business."""
    (console / "pages").mkdir(parents=True)
    (console / "index.html").write_text("<!doctype html><title>Telephonist</title>")
    (console / "pages" / "app.js").write_text("export const one = 1;")
    (console.parent / "secret.txt").write_text("not for the web")
    return console


async def error_of(response: ClientResponse) -> tuple[int, str]:
    """Status and type of an error, which must have the one shape."""
    body = json.loads(await response.text())
    assert set(body) == {"__type", "message"} and response.headers["x-amzn-ErrorType"] == body["__type"]
    return response.status, body["__type"]
