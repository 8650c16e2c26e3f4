"""The console's pages on a free port, with endpoints that answer from a script and a real softphone server.

Pages are served under the strictest policy that they must live with: nothing inline, nothing from elsewhere.
"""

import io
import ssl
import time
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from aiohttp import web

import signaling
from signaling.softphone.protocol import AgentChanged, Contact, ContactChanged, ContactRemoved
from signaling.softphone.server import SoftphoneServer
from tests.support.desk import ScriptedDesk

PAGES = Path(signaling.__file__).parent / "console"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'; connect-src 'self' wss://127.0.0.1:*"
)
TENANT = {"account": "000000000001", "instance": "i-1", "alias": "acme"}
ALL = [
    "ContactSearch.View", "ListenCallRecordings", "DownloadCallRecordings", "DeleteCallRecordings",
    "CallRecordings.LegalHold", "CallRecordings.Quarantine", "AuditTrail.View", "BasicAgentAccess",
]  # fmt: skip


def make_wav(seconds: float, rate: int = 8000) -> bytes:
    """Stereo: 440 Hz on the left, 700 Hz on the right."""
    at = np.arange(int(seconds * rate)) / rate
    sides = [8000 * np.sin(2 * np.pi * frequency * at) for frequency in (440, 700)]
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(2)
        sound.setsampwidth(2)
        sound.setframerate(rate)
        sound.writeframes(np.column_stack(sides).astype("<i2").tobytes())
    return file.getvalue()


class Site:
    """`contacts` are what SearchContacts and DescribeContact answer; `peaks` is every recording's."""

    def __init__(self) -> None:
        self.desk = ScriptedDesk()
        self.phones: SoftphoneServer | None = None
        self.url = ""
        self.signed_in = False
        self.agent = True
        self.permissions = ALL
        self.contacts: list[dict[str, Any]] = []
        self.peaks: dict[str, Any] = {}
        self.searches: list[dict[str, Any]] = []
        self.asked: list[tuple[str, dict[str, Any]]] = []
        """What was decided about recordings, and tickets that were asked for: the path's end, and the body."""
        self.entries: list[dict[str, Any]] = []
        """What the audit trail says of every recording."""
        self.aside: list[dict[str, Any]] = []
        """What is in quarantine; it is empty once that was tried again or deleted."""
        self.sound = make_wav(4), "audio/wav"
        """Every recording's, and its media type."""
        self._phone_port = 0
        self._runner: web.AppRunner | None = None

    async def start(self, context: ssl.SSLContext) -> None:
        app = web.Application(middlewares=[_guard])
        app.add_routes(self._routes())
        app.router.add_static("/", PAGES)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=context)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"https://{host}:{port}"
        self.phones = SoftphoneServer(self.desk, [self.url])
        self._phone_port = await self.phones.start("127.0.0.1", 0, context)

    async def close(self) -> None:
        assert self.phones is not None and self._runner is not None
        await self.phones.close()
        await self._runner.cleanup()

    # What the contact centre would do

    def change_agent(self, **changes: Any) -> None:
        self.desk.agent = _replace(self.desk.agent, changes)
        self._notify(AgentChanged(self.desk.agent))

    def change_contact(self, contact: Contact, **changes: Any) -> Contact:
        contact = _replace(contact, changes)
        self.desk.contacts[contact.contact_id] = contact
        self._notify(ContactChanged(contact))
        return contact

    def remove_contact(self, contact: Contact) -> None:
        del self.desk.contacts[contact.contact_id]
        self._notify(ContactRemoved(contact.contact_id))

    def _notify(self, notification: AgentChanged | ContactChanged | ContactRemoved) -> None:
        assert self.phones is not None
        self.phones.notify("u-1", notification)

    # The endpoints

    def _routes(self) -> list[web.RouteDef]:
        return [
            web.get("/", self._index),
            web.post("/sign-in", self._sign_in),
            web.post("/sign-out", self._sign_out),
            web.get("/me", self._me),
            web.post("/softphone/token", self._token),
            web.post("/search-contacts", self._search),
            web.get("/contacts/{instance}/{contact}", self._describe),
            web.post("/recordings/export", self._decide),
            web.get("/recordings/export", self._export),
            web.post("/recordings/{contact}/tickets", self._decide),
            web.post("/recordings/{contact}/delete", self._decide),
            web.post("/recordings/{contact}/legal-hold", self._decide),
            web.post("/recordings/{contact}/legal-hold/clear", self._decide),
            web.post("/recordings/{contact}/retry", self._decide),
            web.get("/quarantine", self._quarantine),
            web.get("/recordings/{contact}/audit", self._audit),
            web.get("/recordings/{contact}/peaks", self._peaks),
            web.get("/recordings/{contact}/audio", self._audio),
        ]

    async def _index(self, request: web.Request) -> web.FileResponse:
        return web.FileResponse(PAGES / "index.html")

    async def _sign_in(self, request: web.Request) -> web.Response:
        given = await request.json()
        if given["password"] != "right":
            message = "The instance, the user name or the password is wrong. Check them and try again."
            return web.json_response({"message": message}, status=401)
        self.signed_in = True
        return web.Response(status=204)

    async def _sign_out(self, request: web.Request) -> web.Response:
        self.signed_in = False
        return web.Response(status=204)

    async def _me(self, request: web.Request) -> web.Response:
        if not self.signed_in:
            return web.json_response({"message": "Sign in."}, status=401)
        user = {"id": "u-1", "username": "ada", "name": "Ada Adams"}
        return web.json_response({"user": user, "tenant": TENANT, "permissions": self.permissions, "agent": self.agent})

    async def _token(self, request: web.Request) -> web.Response:
        if not self.signed_in:
            return web.json_response({}, status=401)
        return web.json_response({"token": "token-u-1", "url": f"wss://127.0.0.1:{self._phone_port}/"})

    async def _search(self, request: web.Request) -> web.Response:
        query = await request.json()
        self.searches.append(query)
        begin = int(query.get("NextToken", "0"))
        end = begin + query["MaxResults"]
        rest = {"NextToken": str(end)} if end < len(self.contacts) else {}
        return web.json_response({"Contacts": self.contacts[begin:end], "TotalCount": len(self.contacts), **rest})

    async def _describe(self, request: web.Request) -> web.Response:
        wanted = request.match_info["contact"]
        found = next((contact for contact in self.contacts if contact["Id"] == wanted), None)
        return web.json_response({"Contact": found} if found else {}, status=200 if found else 404)

    async def _peaks(self, request: web.Request) -> web.Response:
        return web.json_response(self.peaks)

    async def _decide(self, request: web.Request) -> web.Response:
        """Does what the contact centre would do to the contact, and gives tickets."""
        what, body = request.path.partition("/recordings/")[2].partition("/")[2] or "export", await request.json()
        self.asked.append((what, body))
        wanted = request.match_info.get("contact")
        ours: dict[str, Any] = next((one["Telephonist"] for one in self.contacts if one["Id"] == wanted), {})
        self.aside = [] if what in ("delete", "retry") else self.aside
        told = {"At": time.time(), "By": "ada", "Reason": body.get("Reason", "")}
        if what == "delete" and "Recording" in ours:
            ours["Recording"]["Deleted"] = told | {"Cause": "user", "ErasedAt": told["At"]}
        elif what == "legal-hold":
            ours["LegalHold"] = told
        elif what == "legal-hold/clear":
            del ours["LegalHold"]
        url = "/recordings/export?ticket=t" if what == "export" else f"/recordings/{wanted}/audio?ticket=t"
        return web.json_response({"Url": url})

    async def _export(self, request: web.Request) -> web.Response:
        headers = {"Content-Disposition": 'attachment; filename="recordings.zip"'}
        return web.Response(body=b"PK", content_type="application/zip", headers=headers)

    async def _quarantine(self, request: web.Request) -> web.Response:
        return web.json_response({"Recordings": self.aside})

    async def _audit(self, request: web.Request) -> web.Response:
        return web.json_response({"Entries": self.entries})

    async def _audio(self, request: web.Request) -> web.Response:
        part, (sound, media) = request.http_range, self.sound
        headers = {"Accept-Ranges": "bytes"}
        if "Range" not in request.headers:
            return web.Response(body=sound, headers=headers | {"Content-Type": media})
        begin, end = part.start or 0, part.stop or len(sound)
        headers["Content-Range"] = f"bytes {begin}-{end - 1}/{len(sound)}"
        return web.Response(status=206, body=sound[begin:end], headers=headers | {"Content-Type": media})


def _replace(value: Any, changes: dict[str, Any]) -> Any:
    return msgspec.structs.replace(value, **changes)


@web.middleware
async def _guard(request: web.Request, handler: Callable[[web.Request], Any]) -> web.StreamResponse:
    response: web.StreamResponse = await handler(request)
    response.headers["Content-Security-Policy"] = POLICY
    return response


AVAILABLE = {"StorageType": "S3", "MediaStreamType": "AUDIO", "ParticipantType": "ALL", "Status": "AVAILABLE"}


def make_contact(
    number: int,
    begun: float,
    state: str | None = "verified",
    queue: str = "Sales",
    reason: str = "CUSTOMER_DISCONNECT",
    **more: Any,
) -> dict[str, Any]:
    """A finished contact as the API tells it."""
    order = ["recording", "sealed", "finalized", "uploaded", "verified", "released"]
    reached = order[: order.index(state) + 1] if state in order else ["recording"]
    recording = state and {
        "State": state,
        "Times": {name: begun + 200 + at for at, name in enumerate(reached)},
        "DurationMs": 185_000,
        "Size": 5_920_044,
        "Gaps": 0,
        "Reason": "",
    }
    ours = {"Queue": queue, "Agent": "ada", **({"Recording": recording} if recording else {})}
    if state in ("verified", "released"):
        more["Recordings"] = [AVAILABLE]
    return {
        "Id": f"c-{number}",
        "Channel": "VOICE",
        "InitiationMethod": "INBOUND",
        "InitiationTimestamp": begun,
        "DisconnectTimestamp": begun + 200 + 37 * number % 400,
        "CustomerEndpoint": {"Type": "TELEPHONE_NUMBER", "Address": f"+49305550{number:03}"},
        "SystemEndpoint": {"Type": "TELEPHONE_NUMBER", "Address": "+4930555000"},
        "DisconnectReason": reason,
        "AgentInfo": {"Id": "u-1", "ConnectedToAgentTimestamp": begun + 12},
        "Telephonist": ours,
        **more,
    }
