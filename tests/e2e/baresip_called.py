"""Calls of agents through trunks over TLS, to baresips that encrypt in different ways, or not; as JSON.

`python -m tests.e2e.baresip_called FOLDER`, by `own_network.run_module`."""

import asyncio
import ipaddress
import json
import re
import sys
from pathlib import Path
from typing import Any

from cryptography import x509

from bench.softphone.agent import SoftphoneAgent
from tests.e2e import own_network
from tests.e2e.baresip_calls import AGENT, CUSTOMER, DTLS, SDES, Baresip, Levels, listen
from tests.e2e.node import Node
from tests.e2e.phones import connected, heard_by, over, softphone
from tests.e2e.plan import MORE_AGENTS
from tests.e2e.recordings import Supervisor
from tests.support.authority import make_authority

NAME = "carrier.test"
FIRST_PORT = 21600
ASSERTED = "P-Asserted-Identity: <sip:"
KEYED = re.compile(r"SRTP is Enabled \(cryptosuite=(\w+)\)|DTLS-SRTP complete \(audio/RTP\) Profile=(\w+)")
WAYS: dict[str, tuple[str, dict[str, Any]]] = {
    "dtls": (DTLS, {"srtp": "required", "keying": "dtls"}),
    "gcm": (SDES, {"srtp": "required", "suites": ["AEAD_AES_256_GCM"]}),
    "opportunistic": (";mediaenc=srtp", {"srtp": "offered"}),
    "clear": ("", {"srtp": "offered"}),
    "refused": ("", {"srtp": "required"}),
}
"""What the phone does, and what its trunk says."""
AGENTS = ("ann", "bob", *MORE_AGENTS)


def number_of(place: int) -> str:
    return f"+310{place}"


def trunk(place: int, name: str, media: dict[str, Any], authority: Path) -> dict[str, Any]:
    return media | {
        "name": name,
        "sources": [],
        "transports": ["tls"],
        "codecs": ["PCMU"],
        "certificate": {"name": NAME, "authority": str(authority)},
        "outbound": {
            "targets": [f"{own_network.ADDRESS}:{FIRST_PORT + 10 * place + 1};transport=tls"],
            "numbers": [{"pattern": number_of(place)}],
            "identity": "asserted",
        },
    }


def phone(folder: Path, place: int, media: str, certificate: Path) -> Baresip:
    account = f"<sip:{number_of(place)}@{own_network.ADDRESS};transport=tls>;regint=0;answermode=auto{media}"
    listening = f"sip_listen {own_network.ADDRESS}:{FIRST_PORT + 10 * place}\nsip_certificate {certificate}\n"
    return Baresip(folder / f"phone-{place}", "PCMU", account, CUSTOMER, more=listening)


async def call(node: Node, place: int, name: str, far: Baresip) -> dict[str, Any]:
    await far.start("-v")
    try:
        async with softphone(node, AGENTS[place], AGENT) as agent:
            contact = await agent.dial(number_of(place))
            heard = await talk(agent, far) if name != "refused" else {}
            await over(agent)
            reason = agent.contact.get("reason")
    except (AssertionError, TimeoutError) as error:
        raise AssertionError(f"{name}: {error!r}\n{far.log}\n{node.log_text()}") from error
    finally:
        await far.hang_up()
    secured = sorted({one or other for one, other in KEYED.findall(far.log)})
    return {"id": contact, "heard": heard, "secured": secured, "asserted": ASSERTED in far.log, "reason": reason}


async def talk(agent: SoftphoneAgent, far: Baresip) -> dict[str, Levels]:
    await connected(agent)
    async with asyncio.timeout(10):
        while agent.contact.get("state") != "CONNECTED" or not far.has_heard:
            await asyncio.sleep(0.05)  # a file has no event to wait for
    heard = await listen(far, lambda: heard_by(agent))
    await agent.hang_up()
    return heard


async def main(folder: Path) -> dict[str, Any]:
    authority = make_authority("Carrier")
    issued = authority.issue(x509.DNSName(NAME), x509.IPAddress(ipaddress.ip_address(own_network.ADDRESS)))
    (folder / "authority.pem").write_bytes(authority.pem)
    (folder / "phone.pem").write_bytes(issued.key_pem + issued.pem)
    trunks = [
        trunk(place, name, media, folder / "authority.pem") for place, (name, (_, media)) in enumerate(WAYS.items())
    ]
    phones = [phone(folder, place, media, folder / "phone.pem") for place, (media, _) in enumerate(WAYS.values())]
    with Node(rtp_ports=(20000, 20063), address=own_network.ADDRESS, trunks=trunks) as node:
        calls = (call(node, place, name, far) for place, (name, far) in enumerate(zip(WAYS, phones, strict=True)))
        results = dict(zip(WAYS, await asyncio.gather(*calls), strict=True))
        async with Supervisor(node) as supervisor:
            for result in results.values():
                result["contact"] = await supervisor.completed(result["id"])
        return results


if __name__ == "__main__":
    own_network.enter()
    json.dump(asyncio.run(main(Path(sys.argv[1]))), sys.stdout)
