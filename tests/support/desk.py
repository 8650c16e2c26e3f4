"""A contact centre that follows a script, for tests of the softphone server and of the pages."""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec

from signaling.softphone.errors import RpcError
from signaling.softphone.protocol import Agent, Contact, Done, Request, Result, Snapshot
from vault.pii import Pii

AGENT = Agent(
    id="u-1",
    username="ada",
    name="Ada Adams",
    status="Available",
    since=1_800_000_000.0,
    routable=True,
    statuses=("Available", "Offline", "Lunch"),
    may_dial=True,
)
CONTACT = Contact(
    contact_id="c-1",
    state="INCOMING",
    customer=Pii("+4930555001"),
    system="+4930555000",
    queue="Sales",
    since=1_800_000_000.0,
    attributes={"language": Pii("de")},
    expires_at=1_800_000_020.0,
)

Answered = Result | RpcError


class ScriptedDesk:
    """Tokens are `token-<user>` and stay good. `answer` decides what a request gets; `seen` and `presence` are kept."""

    def __init__(self) -> None:
        self.agent = AGENT
        self.contacts: dict[str, Contact] = {}
        self.seen: list[tuple[str, Request]] = []
        self.presence: list[str] = []
        self.on_present: Callable[[str], None] = lambda user: None
        self.left = asyncio.Event()
        """Set when a user is absent."""
        self.answer: Callable[[Request], Answered | Awaitable[Answered]] = lambda request: Done()

    def redeem(self, token: str) -> str | None:
        return token.removeprefix("token-") if token.startswith("token-") else None

    def snapshot(self, user: str) -> Snapshot:
        return Snapshot(msgspec.structs.replace(self.agent, id=user), tuple(self.contacts.values()))

    async def request(self, user: str, request: Request) -> Result:
        self.seen.append((user, request))
        answer = self.answer(request)
        answer = await answer if isinstance(answer, Awaitable) else answer
        if isinstance(answer, RpcError):
            raise answer
        return answer

    def present(self, user: str) -> None:
        self.presence.append(f"+{user}")
        self.on_present(user)

    def cut(self, user: str) -> None:
        self.presence.append(f"~{user}")

    def absent(self, user: str) -> None:
        self.presence.append(f"-{user}")
        self.left.set()
