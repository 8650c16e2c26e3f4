from typing import Any

import msgspec
import pytest

from relay.offers.negotiation import VOICE
from relay.transport.srtp import SUITES as RELAY_SUITES
from signaling.center.resources import PeerCertificate, Phone
from signaling.commands.instance_file import CODECS, SUITES, parse_instance
from signaling.errors import ConfigError
from tests.signaling.center.floor_plan import action, directory
from tests.signaling.center.floor_plan import document as flow_document
from vault.pii import Pii


def document(**changes: Any) -> str:
    content = msgspec.to_builtins(directory()) | changes
    for user in content["users"]:
        user.setdefault("password", f"{user['username']}-password")
    return msgspec.json.encode(content).decode()


def test_an_instance_is_read_with_its_passwords_apart() -> None:
    instance = parse_instance(document(), toml=False)
    assert instance.directory == directory()
    assert instance.passwords["ann"].reveal() == "ann-password"
    assert "ann-password" not in repr(instance)


def test_who_has_no_password_in_the_file_keeps_his() -> None:
    instance = parse_instance(msgspec.json.encode(directory()).decode(), toml=False)
    assert (instance.directory, instance.passwords) == (directory(), {})


def test_phones_stand_with_their_users() -> None:
    content = msgspec.to_builtins(directory())
    content["users"][0]["phones"] = [{"name": "desk", "password": "secret", "media": "plain"}, {"name": "soft.2"}]
    content["users"][0]["endpoint"] = "phone"
    instance = parse_instance(msgspec.json.encode(content).decode(), toml=False)
    owner = instance.directory.users[0]
    assert instance.directory.phones == (Phone("desk", owner.id, "plain"), Phone("soft.2", owner.id))
    assert owner.endpoint == "phone"
    assert {name: password.reveal() for name, password in instance.phone_passwords.items()} == {"desk": "secret"}
    assert "secret" not in repr(instance)


def user(**more: Any) -> dict[str, Any]:
    return {"id": "u", "username": "u", "name": "U", "security_profiles": []} | more


def account(**changes: Any) -> dict[str, Any]:
    registration = {"registrars": ["sip.test;transport=tls"]} | changes.pop("registration", {})
    trunk = {"name": "t", "sources": [], "username": "ada", "realm": "sip.test", "registration": registration}
    return {"trunks": [trunk | changes]}


def test_the_password_of_a_trunk_is_kept_apart() -> None:
    found = parse_instance(document(**account(password="s3cret")), toml=False)
    assert found.trunk_passwords == {"t": Pii("s3cret")}
    assert found.directory.trunks[0].registration is not None
    assert parse_instance(document(**account()), toml=False).trunk_passwords == {}


def test_a_trunk_may_name_every_codec_that_the_relay_speaks() -> None:
    codecs = sorted(VOICE)
    trunk = {"name": "t", "sources": [], "codecs": codecs}
    assert parse_instance(document(trunks=[trunk]), toml=False).directory.trunks[0].codecs == tuple(codecs)
    assert set(VOICE) == CODECS


def transfer(queue: str) -> dict[str, Any]:
    return flow_document(
        action("choose", "UpdateContactTargetQueue", "transfer", QueueId=queue),
        action("transfer", "TransferContactToQueue"),
    )


def going_out(**changes: Any) -> dict[str, Any]:
    return {"trunks": [{"name": "t", "sources": [], "outbound": {"targets": ["sip.test"]} | changes}]}


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"tenant": {}}, "cannot be read"),
        ({"users": [{"id": "u", "username": "u"}]}, "cannot be read"),
        ({"users": [{"id": "u", "username": "u", "password": 12345678}]}, "a text as password"),
        ({"tenant": {"account": "1", "instance": "i/1", "alias": "acme"}}, "tenant: instance 'i/1'"),
        ({"tenant": {"account": "1", "instance": "i-1", "alias": "../acme"}}, "tenant: alias"),
        ({"numbers": [{"number": "1", "flow": "none"}]}, "flow 'none' does not exist"),
        ({"trunks": [{"name": "t", "sources": ["300.1.1.1"]}]}, "trunk t"),
        ({"flows": [{"id": "flow-1", "name": "F", "content": {}}]}, "flow F: not a contact flow"),
        ({"trunks": [{"name": "t", "sources": [], "strp": "required"}]}, "unknown field `strp`.*trunks"),
        (account(password=1), "trunks a name, all a text as password"),
        (account(realm=""), "trunk t: say whose challenges are answered"),
        (account(realm="a\nb"), "trunk t: username or realm has characters"),
        (account(username=""), "trunk t: to register it needs a registrar, and a username"),
        (account(username="a b"), "trunk t: to register it needs a registrar, and a username"),
        (account(max_calls=-1), "trunk t: max_calls and max_rate"),
        (account(max_rate=0.001), "trunk t: max_calls and max_rate"),
        (account(options_seconds=1), "trunk t: options_seconds must be 5 to 3600"),
        (account(registration={"registrars": []}), "trunk t: to register it needs a registrar"),
        (account(registration={"registrars": ["a b"]}), "trunk t: target 'a b' must be host"),
        (account(registration={"expires": 5}), "trunk t: a registration is for 60 to 86400 s"),
        (account(registration={"domain": "a b"}), "trunk t: domain 'a b' is no name of a host"),
        ({"trunks": [{"name": "t", "sources": [], "codecs": ["G729"]}]}, "trunk t: codec 'G729' does not exist"),
        (going_out(targets=["a b"]), "target 'a b' must be host"),
        (going_out(targets=[]), "needs a target"),
        (going_out(numbers=[{"pattern": "49+"}]), "pattern '49\\+' must be"),
        (going_out(numbers=[{"prepend": "0;"}]), "what is prepended or asserted must be"),
        (going_out(asserted="1@x"), "what is prepended or asserted must be"),
        (going_out(callers=["+1"]), "trunk t: number '\\+1' does not exist"),
        (going_out(ring_seconds=600), "a call rings 5 to 180 s"),
        (going_out(domain="a b"), "domain 'a b' is no name"),
        ({"queues": [{"id": "queue-1", "name": "Q", "caller_number": "+1"}]}, "queue Q: number '\\+1' does not"),
        ({"queues": [{"id": "queue-1", "name": "Q", "outbound_flow": "f"}]}, "queue Q: flow 'f' does not"),
        ({"security_profiles": [{"id": "agent", "name": "S", "permissions": ["Sing"]}]}, "S: permission 'Sing' does"),
        ({"flows": [{"id": "flow-1", "name": "F", "content": transfer("q")}]}, "flow F: queue 'q' does not exist"),
        ({"recording": {"format": "mp3"}}, "cannot be read.*mp3.*recording"),
        ({"recording": {"when_interrupted": "sing"}}, "cannot be read.*sing"),
        ({"retention": [{"queue": "q", "days": 1}]}, "retention: queue 'q' does not exist"),
        ({"retention": [{"days": -1}]}, "retention: days"),
        ({"retention": [{"days": 1}, {"days": 2}]}, "retention: two rules"),
        ({"storage": {"prefix": "../../etc/"}}, "storage: prefix"),
        ({"storage": {"encryption": "sse-kms"}}, "storage: encryption 'sse-kms' needs a bucket"),
        ({"users": [user(phones=[{"name": "a b"}])]}, "phone 'a b'"),
        ({"users": [user(phones=[{"name": "a", "password": ""}])]}, "a text as password"),
        ({"users": [user(phones=[{"name": "a", "codecs": ["G729"]}])]}, "phone a: codec 'G729' does not exist"),
        ({"users": [user(phones=[{"name": "a", "codecs": []}])]}, "phone a: it has no codec"),
        ({"users": [user(phones=[{"name": "a"}, {"name": "a"}])]}, "two phones have the same name"),
        ({"users": [user(phones=[{}])]}, "cannot be read"),
        ({"users": [user(phones="desk")]}, "cannot be read"),
        ({"phones": [{"name": "a", "user": "nobody"}]}, "phone a: user 'nobody' does not exist"),
        ({"users": [user(endpoint="phone")]}, "user u: takes calls on a phone, and has none"),
        ({"trunks": [{"name": "phones/a", "sources": []}]}, "trunk phones/a"),
        ({"queues": []}, "queue 'queue-1' does not exist"),
        ({"routing_profiles": []}, "routing profile 'profile-1' does not exist"),
    ],
)
def test_what_is_wrong_is_said(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        parse_instance(document(**changes), toml=False)


def test_text_that_is_no_document() -> None:
    for toml in (True, False):
        with pytest.raises(ConfigError, match="cannot be read"):
            parse_instance("[[[", toml)


def secured(**changes: Any) -> dict[str, Any]:
    certificate = {"name": "sip.carrier.test", "authority": "/etc/carrier.pem"}
    trunk = {"name": "t", "sources": [], "transports": ["tls"], "srtp": "required", "certificate": certificate}
    return {"trunks": [trunk | changes]}


def test_a_trunk_may_say_its_suites_and_show_a_certificate() -> None:
    suites = sorted(SUITES)
    [trunk] = parse_instance(document(**secured(suites=suites)), toml=False).directory.trunks
    assert trunk.suites == tuple(suites)
    assert trunk.certificate == PeerCertificate("sip.carrier.test", "/etc/carrier.pem")
    assert set(SUITES) == set(RELAY_SUITES)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"suites": ["DES"]}, "trunk t: suite 'DES'"),
        ({"suites": ["AEAD_AES_256_GCM"], "srtp": "off"}, "no SRTP"),
        ({"keying": "dtls", "srtp": "off"}, "no SRTP"),
        ({"keying": "zrtp"}, "zrtp"),
        ({"nat": "maybe"}, "nat|Invalid enum"),
        ({"transports": ["tls", "tcp"]}, "tls"),
        ({"certificate": {"name": "two words", "authority": "a"}}, "name of a host"),
        ({"certificate": {"name": "sip.test", "authority": ""}}, "file of authorities"),
    ],
)
def test_what_a_trunks_security_must_not_be(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        parse_instance(document(**secured(**changes)), toml=False)
