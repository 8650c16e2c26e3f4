import msgspec

from signaling.center.resources import Phone, Tenant
from signaling.endpoints.phones import Phones
from tests.signaling.center.floor_plan import TENANT, directory

RIVAL = Tenant("000000000002", "instance-2", "rival")
SECRETS = {"MD5": "00"}
ACME = msgspec.structs.replace(directory(), phones=(Phone("desk", "ann"), Phone("new", "ann")))
OTHER = msgspec.structs.replace(ACME, tenant=RIVAL, phones=(Phone("desk", "ann"),))


def test_an_instance_is_found_by_its_alias() -> None:
    phones = Phones([ACME, OTHER], {})
    realms = [phones.realm_of(host) for host in ("rival", "RIVAL", "rival.example.com", "acme.example", "192.0.2.1")]
    assert realms == ["rival", "rival", "rival", TENANT.alias, None]


def test_where_one_instance_alone_has_phones_any_domain_is_its() -> None:
    phones = Phones([ACME, msgspec.structs.replace(OTHER, phones=())], {})
    assert [phones.realm_of(host) for host in ("192.0.2.1", "x", TENANT.alias)] == [TENANT.alias] * 3
    assert Phones([directory()], {}).realm_of(TENANT.alias) is None


def test_accounts_are_those_with_a_password_and_of_their_realm_only() -> None:
    phones = Phones([ACME, OTHER], {"instance-1": {"desk": SECRETS}})
    known = phones.find(TENANT.alias, "desk")
    assert known is not None
    assert (known.phone, known.secrets) == ("instance-1/phones/desk", SECRETS)
    assert phones.find(TENANT.alias, "new") is None
    assert phones.find("rival", "desk") is None
    assert phones.find("nowhere", "desk") is None


def test_phones_are_found_by_name_and_user() -> None:
    phones = Phones([ACME, OTHER], {})
    assert [owned.name for owned in phones.of_user("instance-1", "ann")] == [
        "instance-1/phones/desk", "instance-1/phones/new",
    ]  # fmt: skip
    assert phones.of_user("instance-1", "bob") == []
    named = phones.named("instance-2/phones/desk")
    assert named is not None and named.tenant == RIVAL
    assert phones.in_realm("rival") == RIVAL
    assert len(list(phones)) == 3
