"""The tables. Every one that belongs to a tenant begins with (account, instance), and so does its primary key.

What is personal is a BLOB of sealed bytes (vault.fields) or an index that tells nothing without its key. The migrations
are the truth of what exists; a test holds them against this page.
"""

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Select,
    Table,
    Text,
    UniqueConstraint,
    select,
)

from signaling.center.resources import Tenant

metadata = MetaData()


def _tenant_table(name: str, *rest: Column[Any] | Index | UniqueConstraint, key: tuple[str, ...] = ("id",)) -> Table:
    return Table(
        name,
        metadata,
        Column("account", Text, nullable=False),
        Column("instance", Text, nullable=False),
        *rest,
        PrimaryKeyConstraint("account", "instance", *key),
        ForeignKeyConstraint(["account", "instance"], ["instances.account", "instances.instance"]),
    )


def _text(name: str) -> Column[Any]:
    return Column(name, Text, nullable=False)


def _added(name: str) -> Column[Any]:
    """A text of a table that had rows before it had this."""
    return Column(name, Text, nullable=False, server_default="")


def _json(name: str) -> Column[Any]:
    return Column(name, JSON, nullable=False)


def of(tenant: Tenant, table: Table) -> Select[Any]:
    """All rows of one tenant: where every query about one begins."""
    return select(table).where(table.c.account == tenant.account, table.c.instance == tenant.instance)


instances = Table(
    "instances",
    metadata,
    _text("account"),
    _text("instance"),
    _text("alias"),
    PrimaryKeyConstraint("account", "instance"),
    UniqueConstraint("alias"),
)

users = _tenant_table(
    "users",
    _text("id"),
    _text("username"),
    _text("name"),
    _json("security_profiles"),
    _text("routing_profile"),
    Column("endpoint", Text, nullable=False, server_default="browser"),
    Column("password", Text),
    UniqueConstraint("account", "instance", "username"),
)
"""`password` is an argon2id hash; without one the user cannot sign in."""

security_profiles = _tenant_table("security_profiles", _text("id"), _text("name"), _json("permissions"))
routing_profiles = _tenant_table(
    "routing_profiles", _text("id"), _text("name"), _json("rows"), _added("outbound_queue")
)
queues = _tenant_table(
    "queues", _text("id"), _text("name"), _added("caller_number"), _added("caller_name"), _added("outbound_flow")
)
quick_connects = _tenant_table("quick_connects", _text("id"), _text("name"), _text("type"), _text("target"))
contact_flows = _tenant_table("contact_flows", _text("id"), _text("name"), _json("content"))
phone_numbers = _tenant_table("phone_numbers", _text("number"), _text("flow"), key=("number",))
trunks = _tenant_table(
    "trunks",
    _text("name"),
    _json("sources"),
    _json("transports"),
    _text("srtp"),
    _json("codecs"),
    _text("dtmf"),
    Column("outbound", JSON(none_as_null=True)),
    _added("username"),
    _added("realm"),
    Column("registration", JSON(none_as_null=True)),
    Column("options_seconds", Integer, nullable=False, server_default="0"),
    Column("password", LargeBinary),
    Column("max_calls", Integer, nullable=False, server_default="0"),
    Column("max_rate", Float, nullable=False, server_default="0"),
    Column("identity", Text, nullable=False, server_default="from"),
    Column("suites", JSON, nullable=False, server_default="[]"),
    Column("nat", Text, nullable=False, server_default="off"),
    Column("keying", Text, nullable=False, server_default="sdes"),
    Column("certificate", JSON(none_as_null=True)),
    key=("name",),
)
"""`password` is sealed."""

phones = _tenant_table(
    "phones",
    _text("name"),
    _text("user"),
    _text("media"),
    _json("codecs"),
    Column("auto_answer", Boolean, nullable=False),
    Column("calls", Boolean, nullable=False),
    Column("secrets", LargeBinary),
    key=("name",),
)
"""`secrets`: H(A1) by algorithm (signaling.sip.registering.digest), sealed; without them nobody can register."""

phone_bindings = _tenant_table(
    "phone_bindings", _text("phone"), _text("key"), _json("binding"), Column("expires", Float), key=("phone", "key")
)
"""`binding`: signaling.store.phones.KeptBinding. No reference to `phones`: it is gone in a minute or an hour anyway."""

storages = _tenant_table("storages", _json("settings"), key=())
"""`settings`: recorder.delivery.storage.Storage."""
recording_options = _tenant_table("recording_options", _json("options"), key=())

contacts = _tenant_table(
    "contacts",
    _text("contact"),
    _text("initiation_method"),
    Column("initiated", Float, nullable=False),
    Column("updated", Float, nullable=False),
    Column("customer", LargeBinary, nullable=False),
    Column("customer_index", LargeBinary, nullable=False),
    Column("system", LargeBinary, nullable=False),
    Column("attributes", LargeBinary, nullable=False),
    Column("initial_contact", Text),
    Column("previous_contact", Text),
    Column("next_contact", Text),
    Column("queue_id", Text),
    Column("queue", JSON(none_as_null=True)),
    Column("agent_id", Text),
    Column("agent", JSON(none_as_null=True)),
    Column("agent_connection_attempts", Integer, nullable=False),
    Column("connected_to_system", Float),
    Column("disconnected", Float),
    Column("disconnect_reason", Text),
    Column("completed", Float),
    Column("recording_acts", JSON, nullable=False, server_default="[]"),
    Column("outcome", Text),
    Column("sip_status", Integer),
    Column("sip_reason", Text),
    Column("diverted_from", LargeBinary),
    Index("contacts_by_time", "account", "instance", "initiated", "contact"),
    Index("contacts_by_customer", "account", "instance", "customer_index", "initiated"),
    Index("contacts_open", "account", "instance", "completed"),
    key=("contact",),
)
"""`customer`, `system`, `attributes` (one JSON object) and `diverted_from` are sealed."""

recordings = _tenant_table(
    "recordings",
    _text("contact"),
    _text("id"),
    _text("key"),
    _text("state"),
    Column("duration_ms", Integer, nullable=False),
    Column("size", BigInteger, nullable=False),
    _text("sha256"),
    Column("gaps", Integer, nullable=False),
    _json("times"),
    _text("reason"),
    _text("type"),
    Index("recordings_by_contact", "account", "instance", "contact"),
)
"""No reference to `contacts`: what the recorder tells must be kept even when it comes before its contact's record."""

tombstones = _tenant_table(
    "tombstones",
    _text("id"),
    _text("contact"),
    _text("type"),
    Column("at", Float, nullable=False),
    _text("by"),
    _text("reason"),
    _text("cause"),
    Column("erased", Float),
)
"""Of recordings that were deleted, by their ids; `erased`: when the store had deleted them."""

legal_holds = _tenant_table(
    "legal_holds", _text("contact"), Column("at", Float, nullable=False), _text("by"), _text("reason"), key=("contact",)
)
retention_rules = _tenant_table(
    "retention_rules", _text("queue"), Column("days", Integer, nullable=False), key=("queue",)
)

live_states = _tenant_table(
    "live_states",
    _text("kind"),
    _text("id"),
    Column("updated", Float, nullable=False),
    Column("state", LargeBinary, nullable=False),
    key=("kind", "id"),
)
"""What goes on now (signaling.survival.live): a row goes when it is over. `state` is sealed."""

sip_traces = _tenant_table(
    "sip_traces",
    _text("contact"),
    Column("at", Float, nullable=False),
    Column("trace", LargeBinary, nullable=False),
    key=("contact", "at"),
)
"""The SIP messages of contacts, redacted: a row each time that all calls of one were over, `at` that of its first
message. `trace` is sealed all the same."""

qualities = _tenant_table(
    "qualities",
    _text("contact"),
    _text("side"),
    _json("quality"),
    key=("contact", "side"),
)
"""No reference to `contacts`: a leg's report may come before or after what else is written of its contact."""

data_keys = _tenant_table(
    "data_keys",
    Column("id", LargeBinary, nullable=False),
    _text("purpose"),
    _text("period"),
    Column("wrapped", LargeBinary, nullable=False),
    Column("created", Float, nullable=False),
    UniqueConstraint("account", "instance", "purpose", "period"),
)
"""Wrapped by the KMS. A row that is gone takes with it all that it sealed."""

audit_events = Table(
    "audit_events",
    metadata,
    _text("account"),
    _text("instance"),
    Column("sequence", Integer, nullable=False),
    Column("at", Float, nullable=False),
    _text("actor"),
    _text("source"),
    _text("action"),
    _text("resource"),
    _text("outcome"),
    _text("detail"),
    Column("previous", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    PrimaryKeyConstraint("account", "instance", "sequence"),
    Index("audit_by_resource", "account", "instance", "resource", "sequence"),
)
"""One chain a tenant (signaling.center.audit). `detail` is JSON.

No reference to `instances`: a sign-in to an instance that does not exist is kept too."""
