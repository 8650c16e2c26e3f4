"""Whose certificate it is, and what a server that asks for certificates lets in."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509

from signaling.carriers.peers import Peers
from signaling.carriers.trunks import Trunks
from signaling.center.resources import PeerCertificate, Trunk
from signaling.errors import ConfigError
from signaling.node.tls import server_context
from signaling.sip.calls.invitation import Invitation
from signaling.sip.config import SipConfig
from signaling.sip.events import CallEnded, IncomingCall, SipEvent
from signaling.sip.headers import NameAddr
from signaling.sip.messages.uri import Uri
from signaling.sip_server.sip_io import SipServer
from tests.signaling.center.floor_plan import directory
from tests.signaling.sip.network import OFFER
from tests.support.authority import Issued, make_authority

NAME = "sip.carrier.test"
OPTIONS = (
    "OPTIONS sip:x@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TLS 127.0.0.1;branch=z9hG4bK{number}\r\nFrom: <sip:a@a.test>;tag=1"
    "\r\nTo: <sip:b@b.test>\r\nCall-ID: {number}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
)


def dns(name: str = NAME) -> x509.DNSName:
    return x509.DNSName(name)


def trunk(name: str, authority: Path, shown: str = NAME, sources: tuple[str, ...] = ()) -> tuple[str, Trunk]:
    return f"i/{name}", Trunk(name, sources, ("tls",), certificate=PeerCertificate(shown, str(authority)))


@pytest.fixture
def authority(tmp_path: Path) -> Issued:
    made = make_authority("carrier's")
    made.write(tmp_path, "authority")
    return made


def test_name_and_issuer_must_be_the_trunks(authority: Issued, tmp_path: Path) -> None:
    other = make_authority("other")
    other.write(tmp_path, "other")
    peers = Peers([trunk("a", tmp_path / "authority.pem"), trunk("b", tmp_path / "other.pem"), ("i/c", Trunk("c", ()))])
    assert peers.trunks_of(authority.issue(dns()).der) == {"i/a"}
    assert peers.trunks_of(authority.issue(dns("SIP.Carrier.TEST")).der) == {"i/a"}
    assert peers.trunks_of(other.issue(dns("else.test"), dns()).der) == {"i/b"}
    assert peers.trunks_of(authority.issue(dns("else.test")).der) == frozenset()
    assert peers.trunks_of(make_authority("carrier's").issue(dns()).der) == frozenset(), "of the same name only"
    assert peers.trunks_of(b"no certificate") == peers.trunks_of(b"") == frozenset()


def test_names_are_those_of_rfc_5922(authority: Issued, tmp_path: Path) -> None:
    peers = Peers([trunk("a", tmp_path / "authority.pem")])
    uri = x509.UniformResourceIdentifier
    assert peers.trunks_of(authority.issue(uri(f"sip:{NAME}")).der) == {"i/a"}
    for names in (
        (uri("sip:else.test"), dns()),  # with a SIP identity, DNS names are not asked
        (uri(f"sip:user@{NAME}"),),
        (dns("*.carrier.test"),),
        (x509.IPAddress(ip_address("192.0.2.1")),),
    ):
        assert (peers.trunks_of(authority.issue(*names).der) == {"i/a"}) is (
            names[-1] == dns() and "@" in str(names[0])
        )
    assert peers.trunks_of(authority.der) == frozenset(), "no name at all"


def test_a_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("nothing")
    for name in ("empty.pem", "missing.pem"):
        with pytest.raises(ConfigError, match=f"trunk a: .*{name}"):
            Peers([trunk("a", tmp_path / name)])


@dataclass
class House:
    server: SipServer
    port: int
    trunks: Trunks
    authority: Issued
    folder: Path
    events: list[SipEvent]

    async def ask(self, client: ssl.SSLContext) -> bytes:
        """The first line of what OPTIONS gets; empty when the connection is closed, or nothing comes."""
        client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, ssl=client)
        try:
            writer.write(OPTIONS.format(number=id(client)).encode())
            async with asyncio.timeout(1.5):
                return await reader.readline()
        except (ConnectionError, ssl.SSLError, TimeoutError):
            return b""
        finally:
            writer.transport.abort()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


@pytest.fixture
async def house(authority: Issued, tmp_path: Path) -> AsyncIterator[House]:
    named = [trunk("carrier", tmp_path / "authority.pem", sources=("127.0.0.0/8",))[1]]
    place = directory()
    trunks = Trunks([type(place)(place.tenant, trunks=tuple(named))])
    peers, events = Peers(trunks), list[SipEvent]()
    context = server_context(*authority.issue(dns("localhost")).write(tmp_path, "ours"))
    peers.ask(context)
    server = SipServer(
        SipConfig(),
        trunks.of,
        events.append,
        on_certificate=lambda connection, shown: trunks.shown(connection, peers.trunks_of(shown)),
    )
    bound = await server.start("127.0.0.1", 0, 0, context)
    yield House(server, bound.tls, trunks, authority, tmp_path, events)
    await server.close()
    assert trunks._shown == {}, "what was shown goes with its connection"


async def test_a_trunk_is_who_it_shows_to_be(house: House) -> None:
    known = house.authority.issue(dns()).context(house.folder, "known", house.authority)
    assert await house.ask(known) == b"SIP/2.0 200 OK\r\n"
    wrong = house.authority.issue(dns("else.test")).context(house.folder, "wrong", house.authority)
    assert await house.ask(wrong) == b"SIP/2.0 403 Forbidden\r\n"
    nothing = ssl.create_default_context()
    assert await house.ask(nothing) == b"", "one refusal a second"
    assert house.server.agent.counters.strangers == 2


async def test_a_chain_that_leads_nowhere_or_has_run_out_is_not_let_in(house: House) -> None:
    foreign = make_authority("foreign").issue(dns()).context(house.folder, "foreign", house.authority)
    late = house.authority.issue(dns(), days=-1).context(house.folder, "late", house.authority)
    assert [await house.ask(each) for each in (foreign, late)] == [b"", b""]
    assert not [event for event in house.events if isinstance(event, IncomingCall)]


ALIAS = (
    "OPTIONS sip:x@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TLS 127.0.0.1:6061;branch=z9hG4bKa{more}\r\nFrom: <sip:a@a.test>"
    ";tag=1\r\nTo: <sip:b@b.test>\r\nCall-ID: a\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
)


@pytest.mark.parametrize(
    ("more", "name", "comes"), [(";alias", NAME, True), ("", NAME, False), (";alias", "else.test", False)]
)
async def test_a_peer_is_reached_by_its_own_connection_if_it_wants(
    house: House, more: str, name: str, comes: bool
) -> None:
    client = house.authority.issue(dns()).context(house.folder, "known", house.authority)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    reader, writer = await asyncio.open_connection("127.0.0.1", house.port, ssl=client)
    writer.write(ALIAS.format(more=more).encode())
    async with asyncio.timeout(5):
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"SIP/2.0 200 ")
    flow = replace(house.server.flow_to("tls", ("127.0.0.1", 6061)), name=name)
    target, caller = Uri("sip", "+4930", NAME), NameAddr(Uri("sip", "+4917", "us.test"))
    house.server.invite(flow, Invitation(target, caller, OFFER))
    if comes:
        async with asyncio.timeout(5):
            first = await reader.readuntil(b"\r\n\r\n")
        assert first.startswith(b"INVITE sip:+4930@") and b";alias" in first
    else:
        async with asyncio.timeout(5):
            while not any(isinstance(event, CallEnded) for event in house.events):
                await asyncio.sleep(0.01)  # its own connection is refused
    writer.transport.abort()
    async with asyncio.timeout(5):
        while not any(isinstance(event, CallEnded) for event in house.events):
            await asyncio.sleep(0.01)
