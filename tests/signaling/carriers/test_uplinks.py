"""Trunks that we register at and ask, on the loopback: a registrar with digest on real sockets."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec
import pytest
from prometheus_client import CollectorRegistry, generate_latest

from signaling.carriers.trunks import Trunks
from signaling.carriers.uplinks import Uplinks, look_up
from signaling.center.audit import AuditEvent
from signaling.center.resources import Outbound, Registration, Tenant, Trunk, TrunkSecrets
from signaling.sip.agent import UserAgent
from signaling.sip.calls.invitation import Invitation
from signaling.sip.config import SipConfig
from signaling.sip.events import IncomingCall, SipEvent
from signaling.sip.flow import Address, Flow, Transport
from signaling.sip.headers import NameAddr
from signaling.sip.reaching.targets import Target
from signaling.sip_server.sip_io import Bound, SipServer
from tests.signaling.center.floor_plan import directory
from tests.signaling.sip.network import OFFER
from tests.signaling.sip.phone import PASSWORD, REALM, Directory
from vault.pii import Pii

TENANT = Tenant("1", "instance-1", "acme")
NAME = "instance-1/carrier"


class Node:
    """Ours: a server whose trunk is what the test says."""

    def __init__(self, trunk: Trunk, password: str = PASSWORD) -> None:
        secrets = {NAME: TrunkSecrets("0pa9ue", Pii(password))}
        self.trunks = Trunks([msgspec.structs.replace(directory(), trunks=(trunk,))], secrets)
        self.audit: list[AuditEvent] = []
        self.events: list[SipEvent] = []
        self._news = asyncio.Event()
        self.uplinks = Uplinks(self.trunks, {"instance-1": TENANT}, self._keep, lambda: 1000.0)
        self.server = SipServer(
            SipConfig(),
            self.trunks.of,
            self._on_event,
            account_for=self.trunks.account_for,
            on_upstream=self.uplinks.on_news,
        )

    def _keep(self, tenant: Tenant, event: AuditEvent) -> None:
        assert tenant == TENANT
        self.audit.append(event)
        self._news.set()

    def _on_event(self, event: SipEvent) -> None:
        self.events.append(event)
        self._news.set()

    async def until(self, reached: Callable[[], bool]) -> None:
        async with asyncio.timeout(15):
            while not reached():
                self._news.clear()
                await self._news.wait()

    def states(self) -> list[str]:
        return [str(event.detail["state"]) for event in self.audit]

    def metrics(self) -> list[str]:
        registry = CollectorRegistry()
        registry.register(self.uplinks)
        return [line for line in generate_latest(registry).decode().splitlines() if not line.startswith("#")]


@asynccontextmanager
async def running(server: SipServer) -> AsyncIterator[Bound]:
    bound = await server.start("127.0.0.1", 0)
    try:
        yield bound
    finally:
        await server.close()


@asynccontextmanager
async def carrier() -> AsyncIterator[tuple[SipServer, Bound]]:
    """A registrar in which `ann` has an account, and that answers OPTIONS."""
    server = SipServer(SipConfig(), lambda flow: None, lambda event: None)
    server.agent = UserAgent(SipConfig(), lambda flow: "us", Directory())
    async with running(server) as bound:
        yield server, bound


def registering(port: int, transport: str = "udp") -> Trunk:
    registration = Registration((f"127.0.0.1:{port};transport={transport}",), "acme.test", 600)
    return Trunk("carrier", (), username="ann", realm=REALM, registration=registration)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_trunk_is_registered_called_and_taken_back(transport: Transport) -> None:
    async with carrier() as (registrar, there):
        node = Node(registering(there.udp, transport))
        async with running(node.server):
            node.uplinks.start(node.server)
            await node.until(lambda: node.states() == ["registered"])
            (binding,) = registrar.agent.registrar.bindings.of("i-1/phones/ann")
            assert binding.contact.user == "0pa9ue"
            assert node.metrics() == ['telephonist_trunk_registered{registrar="1",trunk="0pa9ue"} 1.0']
            assert node.uplinks.down == 0
            assert node.uplinks.list_trunks(TENANT) == [
                {
                    "Name": "carrier",
                    "Id": "0pa9ue",
                    "Calls": 0,
                    "Registrations": [
                        {
                            "Registrar": f"127.0.0.1:{there.udp};transport={transport}",
                            "State": "registered",
                            "Status": 200,
                        }
                    ],
                    "Targets": [],
                }
            ]
            assert node.uplinks.list_trunks(Tenant("2", "instance-2", "rival")) == []
            invitation = Invitation(binding.contact, NameAddr.parse("<sip:+4917@acme.test>"), OFFER)
            registrar.agent.invite(binding.flow, invitation, registrar.now)
            registrar.flush()
            await node.until(lambda: bool(node.events))
            (call,) = node.events
            assert isinstance(call, IncomingCall)
            assert (call.trunk, call.called) == (NAME, "0pa9ue")
            await node.uplinks.close()
            assert registrar.agent.registrar.bindings.of("i-1/phones/ann") == ()
    assert node.states() == ["registered", "ended"]
    assert {event.action for event in node.audit} == {"RegisterAtTrunk"}
    assert {event.outcome for event in node.audit} == {"allowed"}


async def test_a_wrong_password_shows() -> None:
    async with carrier() as (_, there):
        node = Node(registering(there.udp), "wrong")
        async with running(node.server):
            node.uplinks.start(node.server)
            await node.until(lambda: node.states() == ["refused"])
            assert (node.audit[0].outcome, node.audit[0].detail["status"]) == ("refused", "401")
            assert node.metrics() == ['telephonist_trunk_registered{registrar="1",trunk="0pa9ue"} 0.0']
            assert node.uplinks.down == 1
            await node.uplinks.close()


async def test_targets_are_up_or_down() -> None:
    async with carrier() as (_, there):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute:
            mute.bind(("127.0.0.1", 0))
            await compare(there.udp, mute.getsockname()[1])


async def compare(there: int, nowhere: int) -> None:
    """The one port is answered from, the other is not."""
    targets = (f"127.0.0.1:{there}", f"127.0.0.1:{nowhere}")
    node = Node(Trunk("carrier", (), outbound=Outbound(targets), options_seconds=1))
    async with running(node.server):
        node.uplinks.start(node.server)
        await node.until(lambda: sorted(node.states()) == ["down", "up"])
        assert node.uplinks.is_up(NAME, ("127.0.0.1", there))
        assert not node.uplinks.is_up(NAME, ("127.0.0.1", nowhere))
        assert node.metrics() == [
            'telephonist_trunk_target_up{target="1",trunk="0pa9ue"} 1.0',
            'telephonist_trunk_target_up{target="2",trunk="0pa9ue"} 0.0',
        ]
        assert node.uplinks.down == 0
        await node.uplinks.close()


async def test_a_name_that_stands_for_nothing_is_looked_up_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("signaling.carriers.uplinks.RETRY_SECONDS", 0.01)
    found: list[tuple[Transport, Address]] = []
    asked = 0

    async def resolve(target: Target) -> list[tuple[Transport, Address]]:
        nonlocal asked
        asked += 1
        if asked < 3:
            raise OSError("no such name")
        return found

    async with carrier() as (_, there):
        found.append(("udp", ("127.0.0.1", there.udp)))
        node = Node(registering(there.udp))
        node.uplinks = Uplinks(node.trunks, {"instance-1": TENANT}, node._keep, lambda: 1000.0, resolve)
        node.server._on_upstream = node.uplinks.on_news
        async with running(node.server):
            node.uplinks.start(node.server)
            await node.until(lambda: node.states()[-1:] == ["registered"])
            assert node.trunks.of(Flow("udp", ("127.0.0.1", 5060), ("127.0.0.1", 1))) == NAME
            await node.uplinks.close()
    assert node.states() == ["registered", "ended"]


async def test_where_targets_are() -> None:
    assert await look_up(Target.parse("192.0.2.1")) == [("udp", ("192.0.2.1", 5060))]
    assert await look_up(Target.parse("[2001:db8::1]:5070;transport=tcp")) == [("tcp", ("2001:db8::1", 5070))]
    assert await look_up(Target.parse("sip.carrier.test;transport=tls")) == [("tls", ("sip.carrier.test", 5061))]
    assert ("udp", ("127.0.0.1", 5060)) in await look_up(Target.parse("localhost"))
