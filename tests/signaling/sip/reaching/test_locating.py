"""Where a target is reached, with names of the test's own (RFC 3263 §4, RFC 2782)."""

import random
from collections import Counter
from collections.abc import Sequence

import pytest

from signaling.sip.flow import Transport
from signaling.sip.reaching.locating import MAX_HOPS, Hop, Locator, Naptr, Srv, Unreachable, order
from signaling.sip.reaching.targets import Target

ALL: tuple[Transport, ...] = ("udp", "tcp", "tls")
SRV_UDP, SRV_TCP, SRV_TLS = "_sip._udp.x.test", "_sip._tcp.x.test", "_sips._tcp.x.test"


class Zone:
    def __init__(self) -> None:
        self.naptrs: dict[str, list[Naptr]] = {}
        self.srvs: dict[str, list[Srv]] = {}
        self.hosts: dict[str, list[str]] = {"x.test": ["192.0.2.1"], "a.test": ["192.0.2.2", "2001:db8::2"]}

    async def naptr(self, name: str) -> Sequence[Naptr]:
        return self.naptrs.get(name, [])

    async def srv(self, name: str) -> Sequence[Srv]:
        return self.srvs.get(name, [])

    async def addresses(self, name: str) -> Sequence[str]:
        return self.hosts.get(name, [])


async def located(zone: Zone, text: str, allowed: tuple[Transport, ...] = ALL) -> list[tuple[str, str, int]]:
    hops = await Locator(zone, lambda: 0.0).locate(Target.parse(text), allowed)
    assert all(hop.name == Target.parse(text).host for hop in hops)
    return [(hop.transport, hop.address, hop.port) for hop in hops]


async def test_an_address_is_where_it_is() -> None:
    zone = Zone()
    assert await located(zone, "192.0.2.9") == [("udp", "192.0.2.9", 5060)]
    assert await located(zone, "192.0.2.9:5070;transport=tls") == [("tls", "192.0.2.9", 5070)]
    assert await located(zone, "192.0.2.9;transport=tls") == [("tls", "192.0.2.9", 5061)]
    assert await located(zone, "192.0.2.9", ("tls",)) == [("tls", "192.0.2.9", 5061)]


async def test_a_port_says_that_there_is_nothing_to_choose() -> None:
    zone = Zone()
    zone.srvs[SRV_UDP] = [Srv(1, 1, "a.test", 5080)]
    assert await located(zone, "x.test:5070") == [("udp", "192.0.2.1", 5070)]
    assert await located(zone, "a.test:5070;transport=tcp") == [
        ("tcp", "192.0.2.2", 5070),
        ("tcp", "2001:db8::2", 5070),
    ]


async def test_the_host_s_own_order_of_transports_counts() -> None:
    zone = Zone()
    zone.naptrs["x.test"] = [
        Naptr(50, 50, "SIPS+D2T", SRV_TLS), Naptr(10, 60, "SIP+D2T", SRV_TCP), Naptr(10, 20, "sip+d2u", SRV_UDP),
        Naptr(1, 1, "SIP+D2S", "_sip._sctp.x.test"),
    ]  # fmt: skip
    zone.srvs = {name: [Srv(1, 1, "x.test", port)] for name, port in ((SRV_TLS, 1), (SRV_TCP, 2), (SRV_UDP, 3))}
    assert [port for _, _, port in await located(zone, "x.test")] == [3, 2, 1]
    assert await located(zone, "x.test", ("tls",)) == [("tls", "192.0.2.1", 1)]


async def test_without_naptr_each_transport_is_looked_for_and_without_srv_the_host_itself() -> None:
    zone = Zone()
    assert await located(zone, "x.test") == [("udp", "192.0.2.1", 5060)]
    assert await located(zone, "x.test;transport=tls") == [("tls", "192.0.2.1", 5061)]
    zone.srvs[SRV_TCP] = [Srv(20, 0, "a.test", 5081), Srv(10, 0, "x.test", 5080)]
    assert await located(zone, "x.test") == [
        ("tcp", "192.0.2.1", 5080), ("tcp", "192.0.2.2", 5081), ("tcp", "2001:db8::2", 5081)
    ]  # fmt: skip


async def test_what_is_not_allowed_or_not_there_is_no_hop() -> None:
    zone = Zone()
    assert await located(zone, "none.test") == []
    assert await located(zone, "x.test;transport=udp", ("tls",)) == []


@pytest.mark.parametrize("host", [".", "gone.test"])
async def test_a_host_that_has_said_where_its_service_is_or_that_it_has_none_is_not_tried_itself(host: str) -> None:
    """RFC 2782: "." means that the service is decidedly not available at this domain."""
    zone = Zone()
    zone.srvs[SRV_UDP] = [Srv(0, 0, host, 5060)]
    assert await located(zone, "x.test") == []
    assert await located(zone, "x.test;transport=udp") == []
    assert await located(zone, "x.test;transport=tcp") == [("tcp", "192.0.2.1", 5060)]
    zone.srvs[SRV_TCP] = [Srv(0, 0, "a.test", 5081)]
    assert {transport for transport, *_ in await located(zone, "x.test")} == {"tcp"}


async def test_to_port_0_nothing_is_sent() -> None:
    zone = Zone()
    zone.srvs[SRV_UDP] = [Srv(1, 1, "a.test", 0), Srv(2, 1, "a.test", 5080)]
    assert {port for *_, port in await located(zone, "x.test", ("udp",))} == {5080}


async def test_names_do_not_make_us_try_without_end() -> None:
    zone = Zone()
    zone.srvs[SRV_UDP] = [Srv(1, 1, "a.test", port) for port in range(1, 100)]
    assert len(await located(zone, "x.test")) == MAX_HOPS


def test_weights_share_the_load_and_priorities_come_first() -> None:
    draw = random.Random(1).random
    records = [Srv(20, 5, "last", 1), Srv(10, 60, "big", 1), Srv(10, 20, "small", 1), Srv(10, 0, "zero", 1)]
    first = Counter(order(records, draw)[0].host for _ in range(4000))
    assert all(order(records, draw)[-1].host == "last" for _ in range(50))
    assert first["big"] / first["small"] == pytest.approx(3, rel=0.15)
    assert 0 < first["zero"] < 200


def test_what_did_not_answer_is_passed_over_for_a_while() -> None:
    unreachable, hop = Unreachable(30.0), Hop("udp", "192.0.2.1", 5060, "x.test")
    unreachable.mark(hop, 100.0)
    assert [unreachable.is_down(hop, now) for now in (100.0, 129.9, 130.0)] == [True, True, False]
    unreachable.mark(hop, 200.0)
    unreachable.clear(hop)
    assert not unreachable.is_down(hop, 200.0)
