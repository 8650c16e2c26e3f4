"""The shell of the registrar, with the real one and a store in memory."""

import asyncio
from typing import Any

import msgspec
import pytest

from signaling.center.audit import AuditEvent
from signaling.center.resources import Phone as PhoneResource
from signaling.center.resources import Tenant
from signaling.endpoints import registrations
from signaling.endpoints.phones import Phones
from signaling.endpoints.registrations import Registrations
from signaling.sip.registering.digest import Account, make_secrets
from signaling.store.phones import KeptBinding, KeptBindings
from tests.signaling.center.floor_plan import TENANT, directory
from tests.signaling.sip.phone import PASSWORD, Office, Phone

DESK = "instance-1/phones/desk"
EPOCH = 1_700_000_000.0


class Kept:
    def __init__(self) -> None:
        self.kept: dict[str, list[KeptBinding]] = {}
        self.broken = False

    async def bindings(self, tenant: Tenant, now: float) -> dict[str, list[KeptBinding]]:
        return self.kept

    async def save_bindings(self, kept: KeptBindings) -> None:
        if self.broken:
            raise OSError("disk full")
        self.kept |= {phone: list(bindings) for (_, phone), bindings in kept.items()}


class House:
    """What a node has of phones, around a registrar in virtual time."""

    def __init__(self, store: Kept, offset: float = EPOCH) -> None:
        resources = msgspec.structs.replace(
            directory(), phones=(PhoneResource("desk", "ann"), PhoneResource("hall", "ann"))
        )
        secrets = {name: make_secrets(Account(name, PASSWORD), TENANT.alias) for name in ("desk", "hall")}
        phones = Phones([resources], {"instance-1": secrets})
        self.office = Office(accounts=phones)
        self.registrations = Registrations(phones, store, lambda: self.office.now + offset, lambda: self.office.now)
        self.presence: list[tuple[str, str, bool]] = []
        self.audited: list[AuditEvent] = []
        registrar = self.office.agent.registrar
        self.registrations.serve(registrar, self._present, lambda tenant, event: self.audited.append(event))

    def _present(self, *who: Any) -> None:
        self.presence.append(who)

    def phone(self, user: str = "desk", **more: Any) -> Phone:
        return Phone(self.office, user=user, domain=TENANT.alias, realm=TENANT.alias, **more)

    def tell(self) -> None:
        for news in self.office.news():
            self.registrations.on_news(news)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registrations, "SAVE_SECONDS", 0.0)


async def test_the_user_is_there_while_one_of_his_phones_is() -> None:
    house = House(Kept())
    desk, hall = house.phone(expires="60"), house.phone("hall", port=40001, expires="120")
    desk.register()
    house.tell()
    house.office.wait(1)
    hall.register()
    house.tell()
    (gauge,) = house.registrations.collect()
    assert [(sample.labels, sample.value) for sample in gauge.samples] == [({"transport": "udp"}, 2.0)]
    ways = house.registrations.ways_to("instance-1", "ann")
    assert [owned.phone.name for owned, _ in ways] == ["hall", "desk"]
    house.office.wait(70)
    house.tell()
    assert house.presence == [("instance-1", "ann", True)]
    house.office.wait(70)
    house.tell()
    assert house.presence[1:] == [("instance-1", "ann", False)]
    assert house.registrations.ways_to("instance-1", "ann") == []
    await house.registrations.close()


async def test_registrations_over_udp_outlive_the_process_and_its_clock() -> None:
    store = Kept()
    house = House(store)
    phone = house.phone(expires="60")
    phone.register()
    house.phone("hall", transport="tls", connection=3).register()
    house.tell()
    await house.registrations.close()
    assert {name: len(kept) for name, kept in store.kept.items()} == {DESK: 1, "instance-1/phones/hall": 0}
    heir = House(store, EPOCH + 500)
    heir.office.now -= 490  # ten seconds later, by another monotonic clock
    await heir.registrations.restore(TENANT)
    assert heir.presence == [("instance-1", "ann", True)]
    assert heir.office.agent.registrar.bindings.of(DESK)[0].flow == phone.flow
    heir.office.wait(49)
    assert heir.office.agent.knows(phone.flow)
    heir.office.wait(2)
    assert not heir.office.agent.knows(phone.flow)


async def test_what_cannot_be_written_now_harms_nobody() -> None:
    store = Kept()
    store.broken = True
    house = House(store)
    phone = house.phone()
    phone.register()
    house.tell()
    await asyncio.sleep(0.01)
    store.broken = False
    phone.register()
    house.tell()
    await house.registrations.close()
    assert len(store.kept[DESK]) == 1


async def test_who_registers_and_who_guesses_is_audited_without_a_name() -> None:
    house = House(Kept())
    desk = house.phone()
    desk.register()
    house.phone("eve", password="guess", host="203.0.113.5").register()
    desk.register()
    house.tell()
    lines = [(event.action, event.resource, event.outcome, event.source) for event in house.audited]
    assert lines == [
        ("RegisterPhone", "phone/desk", "allowed", "198.51.100.7"),
        ("RegisterPhone", "phone", "refused", "203.0.113.5"),
    ]
    assert "eve" not in repr(house.audited)
    await house.registrations.close()
