"""The resources of an instance as values: who works there, which numbers, queues, flows and trunks it has."""

from typing import Any, Literal, NamedTuple

import msgspec

from recorder.api import Format, Storage
from vault.pii import Pii

Endpoint = Literal["browser", "phone"]
QuickConnectType = Literal["USER", "QUEUE", "PHONE_NUMBER"]


class Tenant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What everything belongs to; nobody reaches another's."""

    account: str
    instance: str
    alias: str
    """Part of the recordings' object keys and of the sign-in."""


class Queue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    name: str
    caller_number: str = ""
    """OutboundCallerIdNumberId: the number of the instance that calls of this queue show; empty: as the trunk says."""
    caller_name: str = ""
    """OutboundCallerIdName."""
    outbound_flow: str = ""
    """OutboundFlowId: the flow of calls that agents place, run before the called side is connected to them: whether to
    record, attributes, what the called side hears first."""


class RoutingRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One queue that a profile serves."""

    queue: str
    priority: int = 1
    """Lower numbers first."""
    delay: int = 0
    """Seconds that a contact must have aged before it counts for this profile."""


class RoutingProfile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    name: str
    rows: tuple[RoutingRow, ...]
    outbound_queue: str = ""
    """DefaultOutboundQueueId: the queue of the calls that its agents place; empty: they place none."""


class SecurityProfile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    name: str
    permissions: tuple[str, ...]


class User(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    username: str
    name: str
    security_profiles: tuple[str, ...]
    routing_profile: str = ""
    """Empty: not an agent."""
    endpoint: Endpoint = "browser"
    """Where he takes calls until he chooses otherwise."""


class Phone(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A desk phone, or another's softphone, that registers by SIP and is a user's."""

    name: str
    """Its account at the registrar, unique in the instance."""
    user: str
    """The id of whose phone it is."""
    media: Literal["sdes", "dtls", "plain"] = "sdes"
    """How its sound is protected: SRTP with keys in SDP (which TLS must protect), DTLS-SRTP with ICE, or not at all.
    One that registers over a WebSocket always gets DTLS-SRTP."""
    codecs: tuple[str, ...] = ("opus", "G722", "PCMU", "PCMA")
    auto_answer: bool = False
    """It is called once its user has accepted on his page, and asked to answer by itself; else it rings for every
    contact that he is offered, and to pick up is to accept."""
    calls: bool = False
    """Whether it may call the numbers of its instance."""


class RetentionRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long recordings are kept."""

    queue: str = ""
    """Of whose contacts; empty: of every queue without a rule of its own, and of contacts that had none."""
    days: int = 0
    """After the contact's end; 0: for good."""


class Flow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    name: str
    content: dict[str, Any]
    """A document of Amazon Connect's flow language, Version 2019-10-30."""


class QuickConnect(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where agents may transfer to."""

    id: str
    name: str
    type: QuickConnectType
    target: str
    """The id of the user or of the queue, or the number as an agent would dial it."""


class PhoneNumber(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    number: str
    """E.164 or any user part that the trunk delivers."""
    flow: str


class NumberRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which numbers a trunk takes, and how it wants them written."""

    pattern: str = "*"
    """`+49*`: all that begin so; `112`: this one; `X` stands for any digit."""
    priority: int = 1
    """Of trunks whose patterns say as much of the number, the one with the lower priority comes first."""
    strip: int = 0
    """So many characters are taken off the beginning,"""
    prepend: str = ""
    """and this is put there."""


class Outbound(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How calls are placed through a trunk."""

    targets: tuple[str, ...]
    """`host`, `host:port`, with `;transport=udp`, `tcp` or `tls`: tried in this order. A name without a port is looked
    up as RFC 3263 has it."""
    numbers: tuple[NumberRule, ...] = (NumberRule(),)
    callers: tuple[str, ...] = ()
    """The numbers of the instance that may be shown, the first one unless another is wanted; none: all of them."""
    caller_strip: int = 0
    caller_prepend: str = ""
    """How the trunk wants them written, as with the called number."""
    identity: Literal["from", "asserted", "anonymous"] = "from"
    """Who we say is calling. from: the number, in From alone; asserted: in P-Asserted-Identity, too (RFC 3325);
    anonymous: there alone, with Privacy: id, for the network to keep to itself (RFC 3323)."""
    asserted: str = ""
    """The number that is asserted, as the trunk wants it written; empty: the one that is shown."""
    history: Literal["none", "diversion", "history"] = "none"
    """How it is told that a call of a customer is passed on: Diversion (RFC 5806) or History-Info (RFC 7044)."""
    domain: str = ""
    """The host in the addresses of both sides; empty: the target's, and ours."""
    ring_seconds: int = 45
    """How long a call may ring."""
    patience_seconds: int = 5
    """How long a target may be silent before the next one is tried."""


class Registration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where we register with a trunk's `username`, so that it knows where to send its calls."""

    registrars: tuple[str, ...]
    """Written like `Outbound.targets`; we register at every one."""
    domain: str = ""
    """That the address of record is of; empty: the registrar's host."""
    expires: int = 3600
    """Seconds that are asked for; the registrar decides."""


CallerRule = Literal["from", "asserted"]


class PeerCertificate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a trunk shows of itself when it connects by TLS."""

    name: str
    """A DNS name in its subjectAltName, or a SIP URI without a user (RFC 5922)."""
    authority: str
    """The path of a PEM file of the authorities that may have issued it."""


class Trunk(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A carrier, a PBX or a test caller that may send us calls, and that we may call through."""

    name: str
    sources: tuple[str, ...]
    """Addresses or networks (CIDR) that calls may come from."""
    transports: tuple[Literal["udp", "tcp", "tls"], ...] = ("udp", "tcp", "tls")
    srtp: Literal["off", "offered", "required"] = "offered"
    codecs: tuple[str, ...] = ("opus", "PCMU", "PCMA")
    dtmf: Literal["auto", "events", "inband", "info"] = "auto"
    """How digits travel: relay.api.Dtmf."""
    outbound: Outbound | None = None
    """None: no calls go out through it."""
    username: str = ""
    """With which challenges to our requests are answered; empty: they are not."""
    realm: str = ""
    """Whose challenges are."""
    registration: Registration | None = None
    options_seconds: int = 0
    """How often its targets and registrars are asked whether they are there (OPTIONS); 0: never."""
    max_calls: int = 0
    """At once, both directions together; 0: as many as there is room for."""
    max_rate: float = 0.0
    """Calls that may begin in a second, both directions together; 0: as many as come."""
    identity: CallerRule = "from"
    """Who calls: as From says, or as P-Asserted-Identity does, which is for trunks that are trusted (RFC 3325)."""
    suites: tuple[str, ...] = ()
    """Of SDES, in order of preference; empty: all, an offer's first one that is known."""
    nat: Literal["off", "symmetric"] = "off"
    """symmetric: its media are sent to where they come from, not to where its SDP says: relay.api.AddRtpLeg."""
    keying: Literal["sdes", "dtls"] = "sdes"
    """How keys of SRTP are agreed on in calls that go out, and which way is preferred in those that come:
    relay.api.Keys."""
    certificate: PeerCertificate | None = None
    """Without it, TLS shows nobody's name, and the address is who one is."""


class TrunkSecrets(NamedTuple):
    """What is kept of a trunk beside it."""

    id: str
    """Stable, and telling nothing to those who do not know the instance's keys: for metrics and for Contact."""
    password: Pii[str] | None = None


class RecordingOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the calls of an instance are recorded."""

    format: Format = "wav"
    """Of the stereo sound."""
    tracks: bool = False
    """Whether each party gets a file of its own, too."""
    when_interrupted: Literal["keep", "end"] = "keep"
    """What becomes of a call whose recording cannot be written, e.g. because the disk is full."""


class Directory(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything configured in one instance."""

    tenant: Tenant
    users: tuple[User, ...] = ()
    security_profiles: tuple[SecurityProfile, ...] = ()
    routing_profiles: tuple[RoutingProfile, ...] = ()
    queues: tuple[Queue, ...] = ()
    flows: tuple[Flow, ...] = ()
    numbers: tuple[PhoneNumber, ...] = ()
    trunks: tuple[Trunk, ...] = ()
    phones: tuple[Phone, ...] = ()
    quick_connects: tuple[QuickConnect, ...] = ()
    retention: tuple[RetentionRule, ...] = ()
    storage: Storage = Storage()
    """Where its recordings go, as far as it is not as the node's configuration says."""
    recording: RecordingOptions = RecordingOptions()
