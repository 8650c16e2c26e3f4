"""Two instances that look alike, contacts, and a store on a temporary file."""

from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from argon2 import PasswordHasher

from recorder.api import Storage
from signaling.center.record import AgentInfo, ContactRecord, QueueInfo, RecordingInfo
from signaling.center.resources import (
    Directory,
    Flow,
    NumberRule,
    Outbound,
    PeerCertificate,
    PhoneNumber,
    Queue,
    QuickConnect,
    RecordingOptions,
    Registration,
    RoutingProfile,
    RoutingRow,
    SecurityProfile,
    Tenant,
    Trunk,
    User,
)
from signaling.center.security import DEFAULT_PROFILES
from signaling.store import Store
from signaling.store.passwords import Passwords
from vault.keyring import LocalKeyring, LocalKms
from vault.pii import Pii

ACME = Tenant("111111111111", "instance-acme", "acme")
RIVAL = Tenant("111111111111", "instance-rival", "rival")
"""Of the same account."""
NAMESAKE = Tenant("222222222222", "instance-acme", "namesake")
"""Another account's, with the same instance id."""
NUMBER = "+491719876543"
NOON = 1_795_435_200.0
DAY = 86400.0
PASSWORD = Pii("correct horse")


class Clock:
    """Time as the test wants it."""

    def __init__(self, now: float = NOON) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def cheap() -> Passwords:
    """argon2id at the least cost, so that tests are quick."""
    return Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


_made: dict[Hashable, bytes] = {}
"""Databases as the tests begin with them, by what is in them: to make one takes longer than most tests of it."""


@asynccontextmanager
async def a_new_store(folder: Path, clock: Clock | None = None) -> AsyncIterator[Store]:
    """On the database of the folder, which all migrations make if it is not there."""
    keyring = LocalKms(LocalKeyring.open(folder / "keyring.json"))
    store = await Store.open(_database(folder), keyring, clock or Clock(), cheap())
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def a_store(folder: Path, clock: Clock | None = None) -> AsyncIterator[Store]:
    """The same, with the migrations of a process done once."""
    await _begin_with(folder, (), ())
    async with a_new_store(folder, clock) as store:
        yield store


@asynccontextmanager
async def a_store_of(
    folder: Path, tenants: tuple[Tenant, ...], users: tuple[str, ...], clock: Clock | None = None
) -> AsyncIterator[Store]:
    """With these instances, in each of which these users have PASSWORD."""
    await _begin_with(folder, tenants, users)
    async with a_new_store(folder, clock) as store:
        yield store


def _database(folder: Path) -> Path:
    return folder / "telephonist.db"


async def _begin_with(folder: Path, tenants: tuple[Tenant, ...], users: tuple[str, ...]) -> None:
    path = _database(folder)
    if path.exists():
        return
    if (tenants, users) not in _made:
        async with a_new_store(folder) as store:
            for tenant in tenants:
                await store.save_directory(a_directory(tenant), dict.fromkeys(users, PASSWORD))
        _made[tenants, users] = path.read_bytes()
    path.write_bytes(_made[tenants, users])


def a_directory(tenant: Tenant = ACME) -> Directory:
    """The ids are the same in every tenant: what tells them apart is the tenant alone."""
    profiles = (SecurityProfile(name, name, tuple(names)) for name, names in DEFAULT_PROFILES.items())
    return Directory(
        tenant,
        users=(
            User("user-1", "ada", f"Ada of {tenant.alias}", ("Agent",), "routing-1"),
            User("user-2", "sam", f"Sam of {tenant.alias}", ("CallCenterManager",)),
            User("user-3", "max", f"Max of {tenant.alias}", ("Admin",)),
            User("user-4", "quinn", f"Quinn of {tenant.alias}", ("QualityAnalyst",)),
        ),
        security_profiles=tuple(profiles),
        routing_profiles=(RoutingProfile("routing-1", "Basic", (RoutingRow("queue-1", 2, 30),), "queue-2"),),
        queues=(Queue("queue-1", "Support"), Queue("queue-2", "Sales", "+15550100", "Acme", "flow-1")),
        quick_connects=(
            QuickConnect("qc-1", "Ada", "USER", "user-1"),
            QuickConnect("qc-2", "Sales", "QUEUE", "queue-2"),
            QuickConnect("qc-3", "The bank", "PHONE_NUMBER", "+49301234"),
        ),
        flows=(Flow("flow-1", "Main", {"Version": "2019-10-30", "Actions": []}),),
        numbers=(PhoneNumber("+15550100", "flow-1"),),
        trunks=(
            Trunk(
                "local",
                ("127.0.0.0/8",),
                srtp="required",
                codecs=("PCMU",),
                suites=("AEAD_AES_256_GCM",),
                nat="symmetric",
                keying="dtls",
            ),
            Trunk("shown", (), ("tls",), certificate=PeerCertificate("sip.carrier.test", "/etc/carrier.pem")),
            Trunk("out", (), outbound=Outbound(("sip.test:5070;transport=tcp",), (NumberRule("+49*", 2, 1, "00"),))),
            Trunk(
                "account",
                (),
                username="ada",
                realm="r",
                registration=Registration(("sip.test",)),
                options_seconds=30,
                max_calls=30,
                max_rate=2.5,
                identity="asserted",
            ),
        ),
        storage=Storage(bucket=f"{tenant.alias}-calls", tags={"of": tenant.alias}),
        recording=RecordingOptions("flac", tracks=True, when_interrupted="end"),
    )


def a_record(contact: str = "contact-1", tenant: Tenant = ACME, **changes: Any) -> ContactRecord:
    record = ContactRecord(
        contact=contact,
        account=tenant.account,
        instance=tenant.instance,
        initiation_method="INBOUND",
        initiated=NOON,
        customer=Pii(NUMBER),
        system="+15550100",
        updated=NOON,
        diverted_from=Pii("+15550133"),
        attributes={"policy": Pii("KX-4711-secret")},
        queue=QueueInfo("queue-1", "Support", NOON + 1, NOON + 3, 2),
        agent=AgentInfo("user-1", "ada", NOON + 3, 60, 5, 5, 1, NOON + 70, NOON + 80),
        agent_connection_attempts=1,
        connected_to_system=NOON,
        disconnected=NOON + 70,
        disconnect_reason="CUSTOMER_DISCONNECT",
        completed=NOON + 80,
    )
    return msgspec.structs.replace(record, **changes)


def a_recording(state: str = "verified", **changes: Any) -> RecordingInfo:
    order = ("recording", "sealed", "finalized", "uploaded", "verified", "released")
    times = {name: NOON + 3 + at for at, name in enumerate(order[: order.index(state) + 1])}
    recording = RecordingInfo("ab" * 16, "connect/acme/CallRecordings/x.wav", state, 60_000, 1000, "cd" * 32, 0, times)
    return msgspec.structs.replace(recording, **changes)
