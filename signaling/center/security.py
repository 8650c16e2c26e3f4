"""Who may do what: permissions by Amazon Connect's names, the default security profiles, and the one question. Pure."""

from collections.abc import Iterable
from typing import Literal, get_args

import msgspec

from signaling.center.resources import SecurityProfile, Tenant

Action = Literal[
    "BasicAgentAccess", "OutboundCallAccess",
    "ContactSearch.View", "RestrictContactAccessByHierarchy.View", "RestrictContactAccessByHierarchy.Edit",
    "ContactAttributes.View", "ListenCallRecordings", "DownloadCallRecordings", "DeleteCallRecordings",
    "ManagerListenIn", "ManagerBargeIn", "RealTimeMetrics.Access", "HistoricalMetrics.Access",
    "AgentStates.View", "AgentStates.Edit", "AgentStates.Create", "AgentStates.EnableAndDisable",
    "Users.View", "Users.Edit", "Users.Create", "Users.Delete", "Users.EditPermission",
    "SecurityProfiles.View", "SecurityProfiles.Edit", "SecurityProfiles.Create", "SecurityProfiles.Delete",
    "Queues.View", "Queues.Edit", "Queues.Create", "Queues.EnableAndDisable", "Queues.Delete",
    "RoutingPolicies.View", "RoutingPolicies.Edit", "RoutingPolicies.Create", "RoutingPolicies.Delete",
    "ContactFlows.View", "ContactFlows.Edit", "ContactFlows.Create", "ContactFlows.Delete", "ContactFlows.Publish",
    "PhoneNumbers.View", "PhoneNumbers.Edit", "PhoneNumbers.Claim", "PhoneNumbers.Release",
    "HoursOfOperation.View", "HoursOfOperation.Edit", "HoursOfOperation.Create", "HoursOfOperation.Delete",
    "TransferDestinations.View", "TransferDestinations.Edit",
    "TransferDestinations.Create", "TransferDestinations.Delete",
    "Prompts.View", "Prompts.Edit", "Prompts.Create", "Prompts.Delete",
    "Trunks.View", "Trunks.Edit", "AuditTrail.View",
    "CallRecordings.Pause", "CallRecordings.Stop", "CallRecordings.Control", "CallRecordings.LegalHold",
    "CallRecordings.Quarantine",
]  # fmt: skip
"""TransferDestinations are the quick connects, RoutingPolicies the routing profiles. Trunks, AuditTrail and
CallRecordings are ours: Pause and Stop are an agent's, of his own contact; Control is for every contact, by API;
Quarantine is to see what was set aside and to try it again."""

PERMISSIONS: frozenset[str] = frozenset(get_args(Action))

EDIT, VIEW = ".Edit", ".View"

DEFAULT_PROFILES: dict[str, tuple[Action, ...]] = {
    "Admin": tuple(name for name in get_args(Action) if not name.startswith("RestrictContactAccessByHierarchy")),
    "Agent": ("BasicAgentAccess", "OutboundCallAccess", "CallRecordings.Pause"),
    "CallCenterManager": (
        "ContactSearch.View", "ContactAttributes.View", "ListenCallRecordings", "DownloadCallRecordings",
        "CallRecordings.Control",
        "ManagerListenIn", "ManagerBargeIn", "RealTimeMetrics.Access", "HistoricalMetrics.Access",
        "AgentStates.View", "Users.Edit", "Users.Create", "Queues.Edit", "Queues.Create", "Queues.EnableAndDisable",
        "RoutingPolicies.Edit", "RoutingPolicies.Create", "HoursOfOperation.Edit", "HoursOfOperation.Create",
        "TransferDestinations.Edit", "TransferDestinations.Create",
        "ContactFlows.View", "PhoneNumbers.View", "Prompts.View",
    ),
    "QualityAnalyst": (
        "ContactSearch.View", "ContactAttributes.View", "ListenCallRecordings", "ManagerListenIn",
        "RealTimeMetrics.Access", "HistoricalMetrics.Access",
    ),
}  # fmt: skip
"""The profiles that every new instance has. Admin lacks only the permission that narrows what its holder sees."""


class Principal(msgspec.Struct, frozen=True):
    """Who asks: a user of one tenant with what his profiles give him."""

    tenant: Tenant
    user: str
    permissions: frozenset[str]

    @property
    def name(self) -> str:
        """One for all instances of this node."""
        return user_name(self.tenant, self.user)


def user_name(tenant: Tenant, user: str) -> str:
    """A user among those of all instances: two instances may well have given the same id. `House.of_agent` reads it."""
    return f"{tenant.instance}/{user}"


class Resource(msgspec.Struct, frozen=True):
    """What is asked for."""

    account: str
    instance: str
    kind: str
    """A noun of the API, e.g. "contact"."""
    id: str = ""
    """Empty: the kind as such, e.g. a search."""


def granted(profiles: Iterable[SecurityProfile]) -> frozenset[str]:
    """All permissions of the profiles, and those that these imply (Edit implies View). Unknown names give nothing."""
    named = frozenset(name for profile in profiles for name in profile.permissions)
    implied = {name.removesuffix(EDIT) + VIEW for name in named if name.endswith(EDIT)}
    return (named | implied) & PERMISSIONS


def may(principal: Principal, action: Action, resource: Resource) -> bool:
    """The one question, asked at every door: the tenant first, then the permission."""
    tenant = principal.tenant
    if (tenant.account, tenant.instance) != (resource.account, resource.instance):
        return False
    return action in principal.permissions
