from signaling.center.resources import SecurityProfile, Tenant
from signaling.center.security import DEFAULT_PROFILES, PERMISSIONS, Principal, Resource, granted, may

ACME = Tenant("1", "acme", "acme")
CONTACT = Resource("1", "acme", "contact", "contact-1")


def a_principal(*permissions: str, tenant: Tenant = ACME) -> Principal:
    return Principal(tenant, "user-1", frozenset(permissions))


def test_a_permission_opens_its_door_and_no_other() -> None:
    listener = a_principal("ListenCallRecordings")
    assert may(listener, "ListenCallRecordings", CONTACT)
    assert not may(listener, "DownloadCallRecordings", CONTACT)
    assert not may(a_principal(), "ListenCallRecordings", CONTACT)


def test_the_tenant_comes_first() -> None:
    for account, instance in (("1", "rival"), ("2", "acme"), ("2", "rival"), ("", "")):
        foreign = a_principal(*PERMISSIONS, tenant=Tenant(account, instance, "acme"))
        assert not any(may(foreign, action, CONTACT) for action in DEFAULT_PROFILES["Admin"])


def test_edit_implies_view_and_nothing_else_does() -> None:
    assert granted([SecurityProfile("p", "P", ("Queues.Edit",))]) == {"Queues.Edit", "Queues.View"}
    assert granted([SecurityProfile("p", "P", ("Queues.Create",))]) == {"Queues.Create"}


def test_profiles_add_up_and_unknown_names_give_nothing() -> None:
    profiles = [
        SecurityProfile("a", "A", ("Users.View", "Everything.Edit")),
        SecurityProfile("b", "B", ("Users.Delete",)),
    ]
    assert granted(profiles) == {"Users.View", "Users.Delete"}
    assert granted([]) == frozenset()


def test_the_default_profiles_hold_what_their_names_say() -> None:
    given = {name: granted([SecurityProfile(name, name, names)]) for name, names in DEFAULT_PROFILES.items()}
    assert given["Agent"] == {"BasicAgentAccess", "OutboundCallAccess", "CallRecordings.Pause"}
    assert "BasicAgentAccess" not in given["CallCenterManager"] | given["QualityAnalyst"]
    for name in ("CallCenterManager", "QualityAnalyst"):
        assert {"ContactSearch.View", "ListenCallRecordings", "ManagerListenIn"} <= given[name]
        assert not {"DeleteCallRecordings", "SecurityProfiles.Edit", "AuditTrail.View"} & given[name]
    assert "RestrictContactAccessByHierarchy.View" not in given["Admin"]
    assert given["QualityAnalyst"] < given["CallCenterManager"] < given["Admin"] < PERMISSIONS
