"""The shell of `signaling.sip.registering.registrar`: keeps bindings in the store, tells of phones that come and go."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Protocol

import structlog
from prometheus_client.core import GaugeMetricFamily, Metric

from ipc.faults import told
from signaling.center.audit import AuditEvent
from signaling.center.resources import Tenant
from signaling.endpoints.phones import Owned, Phones
from signaling.sip.errors import SipError
from signaling.sip.flow import Flow
from signaling.sip.messages.uri import Uri
from signaling.sip.registering.bindings import Binding
from signaling.sip.registering.gatekeeper import Refused
from signaling.sip.registering.registrar import Changed, News, Registrar
from signaling.store.phones import KeptBinding, KeptBindings

log = structlog.get_logger()

SAVE_SECONDS = 1.0
"""How long bindings wait for others to be written with; a refresh that a crash takes is made up for by the next."""


class Store(Protocol):
    """`signaling.store.Store` in the live server."""

    async def bindings(self, tenant: Tenant, now: float) -> dict[str, list[KeptBinding]]: ...

    async def save_bindings(self, kept: KeptBindings) -> None: ...


class Registrations:
    """`presence(instance, user, there)` is told whether any of the user's phones can be called, when that changes."""

    def __init__(self, phones: Phones, store: Store, clock: Callable[[], float], steady: Callable[[], float]) -> None:
        """`clock`: Unix seconds; `steady`: those of the registrar."""
        self.phones = phones
        self._store = store
        self._clock = clock
        self._steady = steady
        self._registrar: Registrar
        self._presence: Callable[[str, str, bool], None]
        self._audit: Callable[[Tenant, AuditEvent], None]
        self._there: set[tuple[str, str]] = set()
        self._unsaved: dict[str, None] = {}
        self._saver: asyncio.Task[None] | None = None

    def serve(
        self,
        registrar: Registrar,
        presence: Callable[[str, str, bool], None],
        audit: Callable[[Tenant, AuditEvent], None],
    ) -> None:
        self._registrar, self._presence, self._audit = registrar, presence, audit

    async def restore(self, tenant: Tenant) -> None:
        """What an earlier process knew of an instance's phones. Raises StoreError."""
        for phone, kept in (await self._store.bindings(tenant, self._clock())).items():
            if (owned := self.phones.named(phone)) is not None:
                self._registrar.restore(phone, self._thawed(kept), self._steady())
                self._tell_presence(owned)

    def ways_to(self, instance: str, user: str) -> list[tuple[Owned, Binding]]:
        """The ways to the user's phones, the one that registered last first."""
        ways = [
            (owned, binding)
            for owned in self.phones.of_user(instance, user)
            for binding in self._registrar.bindings.of(owned.name)
        ]
        return sorted(ways, key=lambda way: way[1].since, reverse=True)

    def on_news(self, news: News) -> None:
        if isinstance(news, Refused):
            self._refused(news)
            return
        owned = self.phones.named(news.phone)
        if owned is None:
            return
        if news.source:
            log.info("= phone registered", phone=news.phone)
            self._note(owned.tenant, "RegisterPhone", news, owned.phone.user)
        self._tell_presence(owned)
        self._unsaved[news.phone] = None
        if self._saver is None:
            self._saver = asyncio.get_running_loop().create_task(self._save_soon())

    def collect(self) -> Iterator[Metric]:
        """For Prometheus."""
        text = "Ways to registered phones, by transport"
        gauge = GaugeMetricFamily("telephonist_phone_bindings", text, labels=["transport"])
        transports = Counter(
            binding.flow.transport for owned in self.phones for binding in self._registrar.bindings.of(owned.name)
        )
        for transport in sorted(transports):
            gauge.add_metric([transport], transports[transport])
        yield gauge

    async def close(self) -> None:
        """Writes what is still to be written."""
        if self._saver is not None:
            self._saver.cancel()
            await asyncio.gather(self._saver, return_exceptions=True)
        await self._save()

    def _refused(self, refused: Refused) -> None:
        log.warning("x phone refused", throttled=refused.throttled)
        tenant = self.phones.in_realm(refused.realm)
        if tenant is not None:
            what = {"account": refused.user, "why": "too many tries" if refused.throttled else "wrong credentials"}
            event = AuditEvent(self._clock(), "", refused.source, "RegisterPhone", "phone", "refused", what)
            self._audit(tenant, event)

    def _note(self, tenant: Tenant, action: str, changed: Changed, user: str) -> None:
        resource = f"phone/{changed.phone.rpartition('/')[2]}"
        self._audit(tenant, AuditEvent(self._clock(), user, changed.source, action, resource, "allowed"))

    def _tell_presence(self, owned: Owned) -> None:
        who = (owned.tenant.instance, owned.phone.user)
        there = any(self._registrar.bindings.of(one.name) for one in self.phones.of_user(*who))
        if there != (who in self._there):
            self._there ^= {who}
            self._presence(*who, there)

    async def _save_soon(self) -> None:
        await asyncio.sleep(SAVE_SECONDS)
        self._saver = None
        await self._save()

    async def _save(self) -> None:
        unsaved, self._unsaved = self._unsaved, {}
        owned = [found for phone in unsaved if (found := self.phones.named(phone)) is not None]
        kept = {(phone.tenant, phone.name): self._frozen(self._registrar.bindings.of(phone.name)) for phone in owned}
        if not kept:
            return
        try:
            await self._store.save_bindings(kept)
        except Exception as error:
            # The next refresh of each is written again: a phone that is not kept rings all the same.
            log.error("! bindings not kept", phones=len(kept), **told(error))

    def _frozen(self, bindings: tuple[Binding, ...]) -> list[KeptBinding]:
        offset = self._clock() - self._steady()
        return [
            KeptBinding(
                binding.key, str(binding.contact), *binding.flow.remote, *binding.flow.local, binding.call_id,
                binding.number, binding.expires + offset, binding.since + offset, binding.instance, binding.reg_id,
            )
            for binding in bindings
            if not binding.flow.is_reliable
        ]  # fmt: skip

    def _thawed(self, kept: list[KeptBinding]) -> list[Binding]:
        offset = self._clock() - self._steady()
        return [
            Binding(
                contact, Flow("udp", (one.local_host, one.local_port), (one.host, one.port)), one.call_id, one.number,
                one.expires - offset, one.instance, one.reg_id, one.since - offset,
            )
            for one in kept
            if (contact := _read(one.contact)) is not None
        ]  # fmt: skip


def _read(contact: str) -> Uri | None:
    try:
        return Uri.parse(contact)
    except SipError:
        return None
