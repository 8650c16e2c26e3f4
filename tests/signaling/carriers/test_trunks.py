from dataclasses import replace

import msgspec

from signaling.carriers.trunks import Trunks
from signaling.center.resources import Phone, Trunk, TrunkSecrets
from signaling.sip.events import IncomingCall
from signaling.sip.flow import Flow, Transport
from signaling.sip.registering.digest import Account
from tests.signaling.center.floor_plan import directory
from vault.pii import Pii

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


ACCOUNT = Trunk("account", (), username="ada", realm="carrier.test")
TWIN = msgspec.structs.replace(ACCOUNT, name="twin", username="bob")
SECRETS = {
    "instance-1/account": TrunkSecrets("id-1", Pii("one")),
    "instance-1/twin": TrunkSecrets("id-2", Pii("two")),
    "instance-1/pbx": TrunkSecrets("id-3"),
}
REGISTRAR = flow("198.51.100.7")


def accounts() -> Trunks:
    """Two accounts of one carrier, and a PBX without one."""
    trunks = Trunks([msgspec.structs.replace(directory(), trunks=(ACCOUNT, TWIN, PBX))], SECRETS)
    for name in ("instance-1/account", "instance-1/twin"):
        trunks.learn(name, frozenset({"198.51.100.7"}), frozenset({"198.51.100.8", "sip.carrier.test"}))
    return trunks


def call(called: str, source: Flow = REGISTRAR) -> IncomingCall:
    trunk = accounts().of(source) or ""
    return IncomingCall("c", trunk, source, Pii("+4917"), Pii(""), called, None, addressed="+4930")


def test_calls_of_a_registrar_belong_to_its_trunk() -> None:
    trunks = accounts()
    assert trunks.of(REGISTRAR) == "instance-1/account"
    assert trunks.of(flow("198.51.100.8")) is None
    trunks.learn("instance-1/account", frozenset(), frozenset())
    assert trunks.of(REGISTRAR) == "instance-1/twin"


def test_the_contact_tells_trunks_of_one_carrier_apart() -> None:
    trunks = accounts()
    assert trunks.place(call("+4930")) == ("instance-1/account", "+4930")
    assert trunks.place(call("id-1")) == ("instance-1/account", "+4930")
    assert trunks.place(call("id-2")) == ("instance-1/twin", "+4930")
    # Whoever knows the contact must still come from where its trunk does.
    assert trunks.place(call("id-2", flow("192.0.2.7"))) == ("instance-1/pbx", "id-2")


def test_credentials_are_for_the_trunk_itself_and_its_realm() -> None:
    trunks = accounts()
    for found in (REGISTRAR, flow("198.51.100.8"), flow("sip.carrier.test", "tls")):
        assert trunks.account_for("instance-1/twin", found, "carrier.test") == Account("bob", "two")
        assert trunks.account_for("", found, "carrier.test") == Account("ada", "one")
    assert trunks.account_for("instance-1/twin", REGISTRAR, "elsewhere.test") is None
    assert trunks.account_for("instance-1/twin", flow("203.0.113.9"), "carrier.test") is None
    assert trunks.account_for("instance-1/pbx", flow("192.0.2.7"), "carrier.test") is None
    assert trunks.account_for("", flow("203.0.113.9"), "carrier.test") is None
    assert trunks.id_of("instance-1/pbx") == "id-3" and trunks.id_of("instance-1/other") == ""


def test_who_has_shown_the_certificate_of_a_target_is_answered_wherever_he_is() -> None:
    trunks = accounts()
    by_name = replace(flow("203.0.113.9", "tls"), name="sip.carrier.test")
    assert trunks.account_for("instance-1/twin", by_name, "carrier.test") == Account("bob", "two")
    other = replace(flow("203.0.113.9", "tls"), name="sip.other.test")
    assert trunks.account_for("instance-1/twin", other, "carrier.test") is None
