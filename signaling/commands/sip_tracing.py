"""`telephonist sip trace`: asks the node on this machine, and its store for what is over."""

import asyncio
from collections.abc import Callable, Iterator

from ipc.client import Client
from ipc.messages import Refusal
from signaling.commands import admin
from signaling.commands.upkeep import opened
from signaling.errors import FolderError
from signaling.node.places import Places
from signaling.sip.tracing.ladder import Ladder
from signaling.sip.tracing.redaction import ShownMessage

Print = Callable[[str], None]


async def trace(places: Places, contact: str, headers: bool) -> list[str] | None:
    """The ladder of a contact's calls; None: nothing is known of it. Raises FolderError."""
    messages = await _kept(places, contact)
    client = Client(admin.Answers, admin.Events, lambda event: None)
    try:
        await client.connect(places.admin)
        messages += (await client.ask(admin.GetSipMessages(contact))).messages
    except (OSError, Refusal):
        pass  # the node does not run: what is kept is all there is
    finally:
        await client.close()
    return list(_lines(messages, headers)) if messages else None


async def going(places: Places) -> list[str]:
    """The contacts whose calls go on. Raises FolderError when the node does not run."""
    client = Client(admin.Answers, admin.Events, lambda event: None)
    try:
        await client.connect(places.admin)
        return list((await client.ask(admin.GetSipCalls())).contacts)
    except (OSError, Refusal):
        raise _not_running(places) from None
    finally:
        await client.close()


async def follow(places: Places, contact: str, headers: bool, tell: Print) -> None:
    """Tells each message as it passes, of one contact or of all, until the node ends. Raises FolderError when it does
    not run."""
    ladders: dict[str, Ladder] = {}

    def on_event(event: admin.Events) -> None:
        if contact in ("", event.contact):
            for line in ladders.setdefault("", Ladder(headers)).add(event.message):
                tell(line)

    client = Client(admin.Answers, admin.Events, on_event)
    try:
        await client.connect(places.admin)
        await client.closed.wait()
    except OSError:
        raise _not_running(places) from None
    finally:
        await client.close()


def run_follow(places: Places, contact: str, headers: bool, tell: Print) -> None:
    """Until Ctrl-C, too. Raises FolderError."""
    try:
        asyncio.run(follow(places, contact, headers, tell))
    except KeyboardInterrupt:
        return


def _lines(messages: list[ShownMessage], headers: bool) -> Iterator[str]:
    ladder = Ladder(headers)
    for message in messages:
        yield from ladder.add(message)


async def _kept(places: Places, contact: str) -> list[ShownMessage]:
    if not places.database.exists():
        raise FolderError(f"there is no node's data in {places.data}: say where with --data")
    async with opened(places) as store:
        tenants = [directory.tenant for directory in await store.directories()]
        return [message for tenant in tenants for message in await store.sip_trace(tenant, contact)]


def _not_running(places: Places) -> FolderError:
    return FolderError(f"no node runs on {places.data}")
