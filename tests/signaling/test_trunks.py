import msgspec

from signaling.center.resources import Phone, Trunk
from signaling.sip.flow import Flow, Transport
from signaling.trunks import Trunks
from tests.signaling.center.floor_plan import directory

CARRIER = Trunk("carrier", ("192.0.2.0/24", "2001:db8::/32"), ("tls",))
PBX = Trunk("pbx", ("192.0.2.7",), ("udp", "tcp"))
TRUNKS = Trunks([msgspec.structs.replace(directory(), trunks=(CARRIER, PBX))])


def flow(address: str, transport: Transport = "udp") -> Flow:
    return Flow(transport, ("192.0.2.1", 5060), (address, 40000))


def test_sources_belong_to_the_trunk_that_names_them_and_their_transport() -> None:
    assert TRUNKS.of(flow("192.0.2.7")) == "instance-1/pbx"
    assert TRUNKS.of(flow("192.0.2.7", "tls")) == "instance-1/carrier"
    assert TRUNKS.of(flow("2001:db8::9", "tls")) == "instance-1/carrier"
    assert TRUNKS.named("instance-1/pbx") == PBX


def test_strangers_have_no_trunk() -> None:
    assert TRUNKS.of(flow("192.0.2.8")) is None
    assert TRUNKS.of(flow("198.51.100.1", "tls")) is None
    assert TRUNKS.named("instance-1/other") is None


def test_a_phone_that_may_call_is_a_trunk_without_a_source() -> None:
    phones = (Phone("desk", "u-1", calls=True), Phone("hall", "u-2", media="plain", calls=True), Phone("mute", "u-3"))
    trunks = Trunks([msgspec.structs.replace(directory(), phones=phones)])
    found = [trunks.named(f"instance-1/phones/{name}") for name in ("desk", "hall", "mute")]
    assert [trunk and trunk.srtp for trunk in found] == ["required", "offered", None]
    assert trunks.of(flow("192.0.2.7", "tls")) is None


def test_a_trunk_belongs_to_its_instance() -> None:
    assert TRUNKS.instance_of("instance-1/pbx") == "instance-1"
    assert TRUNKS.instance_of("instance-2/carrier/backup") == "instance-2"
