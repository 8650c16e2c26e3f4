"""baresip as the desk phones of two agents, registered over TLS: one with SDES, one with DTLS-SRTP; as JSON.

`python -m tests.e2e.baresip_phones FOLDER`, by `own_network.run_module`."""

import asyncio
import itertools
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.e2e import own_network
from tests.e2e.baresip_calls import AGENT, CALLER, CUSTOMER, DTLS, ICE, MUX, SDES, Baresip, listen, recording
from tests.e2e.callers import customer
from tests.e2e.desk_phones import PageBeside, page_of
from tests.e2e.node import Node
from tests.e2e.plan import BOTH, PHONE_PASSWORD
from tests.e2e.recordings import Supervisor
from tests.support.tones import Samples

Result = dict[str, Any]
OLDER_PHONES = '[sip]\ndigest = ["MD5"]\n'
"""Debian's baresip gives up at a challenge for SHA-256."""


def desk(folder: Path, node: Node, name: str, media: str) -> Baresip:
    """A phone that registers in the realm of the instance, by the node, and answers by itself when it rings."""
    proxy = f"sip:{own_network.ADDRESS}:{node.addresses.sip_tls};transport=tls"
    account = f'<sip:{name}@acme>;auth_pass={PHONE_PASSWORD};outbound="{proxy}";regint=60;answermode=auto{media}'
    return Baresip(folder / name, "PCMU", account, AGENT, more=MUX)


async def talk(phone: Baresip, page: PageBeside, other: Callable[[], tuple[Samples, int]], controls: bool) -> Result:
    await page.until("CONNECTED")
    heard = {"talk": await listen(phone, other)}
    if controls:
        await page.ask("contact.hold", on=True)
        heard["hold"] = await listen(phone, other)
        await page.ask("contact.hold", on=False)
        await page.ask("contact.mute", on=True)
        heard["mute"] = await listen(phone, other)
    return heard


async def finish(page: PageBeside, heard: Result) -> Result:
    await page.until("ENDED")
    contact = page.contact["contactId"]
    states = [state for state, _ in itertools.groupby(page.states) if state != "CONNECTED_ONHOLD"]
    page.states.clear()
    await page.ask("contact.clear")
    return {"id": contact, "heard": heard, "states": [state for state, _ in itertools.groupby(states)]}


async def from_caller(node: Node, phone: Baresip, page: PageBeside, end: Callable[[], Any]) -> Result:
    """A customer of the test's own calls; the agent ends it."""
    controls = page.agent["username"] == "ann"
    async with customer(node, BOTH, CUSTOMER, "tls", "sdes", local_host=own_network.ADDRESS) as caller:
        await caller.answered()
        heard = await talk(phone, page, lambda: caller.heard, controls)
        await end()
        async with asyncio.timeout(10):
            await caller.ended()
    return await finish(page, heard)


async def from_phone(node: Node, folder: Path, phone: Baresip, page: PageBeside) -> Result:
    """A customer with DTLS-SRTP calls an agent with SDES, and ends it."""
    caller = Baresip(folder / "caller", "PCMU", CALLER + DTLS + ICE, more=MUX)
    await caller.call(node)
    try:
        heard = await talk(phone, page, lambda: caller.heard, controls=False)
    finally:
        await caller.hang_up()
    return await finish(page, heard)


async def make_calls(node: Node, folder: Path) -> dict[str, Result]:
    ann_desk, bob_desk = desk(folder, node, "ann-desk", SDES), desk(folder, node, "bob-desk", DTLS + ICE)
    await ann_desk.start()
    await bob_desk.start()
    try:
        async with page_of(node, "ann") as ann, page_of(node, "bob") as bob:
            await ann.use_phone()
            first = asyncio.create_task(from_caller(node, ann_desk, ann, lambda: ann.ask("contact.hangup")))
            await ann.until("CONNECTED")
            await bob.use_phone()
            results = {"dtls": await from_caller(node, bob_desk, bob, bob_desk.hang_up), "sdes": await first}
            results["between"] = await from_phone(node, folder, ann_desk, ann)
            return results
    except (AssertionError, TimeoutError) as error:
        raise AssertionError(f"{error!r}\n{ann_desk.log}\n{bob_desk.log}\n{node.log_text()}") from error
    finally:
        await ann_desk.hang_up()
        await bob_desk.hang_up()


async def main(folder: Path) -> dict[str, Result]:
    with Node(rtp_ports=(20000, 20063), address=own_network.ADDRESS, more=OLDER_PHONES) as node:
        results = await make_calls(node, folder)
        async with Supervisor(node) as supervisor:
            for result in results.values():
                result["file"], result["contact"] = await recording(supervisor, result["id"])
        return results


if __name__ == "__main__":
    own_network.enter()
    json.dump(asyncio.run(main(Path(sys.argv[1]))), sys.stdout)
