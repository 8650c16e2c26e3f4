"""The store: everything that outlives the control plane. The only SQL of the product is in this package."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from sqlalchemy import Select, insert, select

from signaling.center.audit import AuditCheck, AuditEvent, AuditRow, link, verify
from signaling.center.record import ContactRecord, LegalHold, QualityInfo, RecordingInfo, Tombstone
from signaling.center.resources import Directory, SecurityProfile, Tenant, TrunkSecrets, User
from signaling.center.security import granted
from signaling.sip.registering.digest import Secrets
from signaling.sip.tracing.redaction import ShownMessage
from signaling.store import audit_rows, live
from signaling.store import recordings as rows
from signaling.store import sip_traces as traces
from signaling.store.contacts import Beside, from_row, key_ids, number_index, to_row
from signaling.store.database import Database
from signaling.store.directory import as_struct, load_directory, load_tenants, store_directory
from signaling.store.keys import DataKeys
from signaling.store.live import LiveKey, LiveState
from signaling.store.passwords import Passwords
from signaling.store.phones import (
    KeptBinding,
    KeptBindings,
    load_bindings,
    load_sealed,
    save_bindings,
    save_secrets,
    unseal_secrets,
)
from signaling.store.qualities import load_qualities, quality_row
from signaling.store.recordings import Kept
from signaling.store.search import (
    RESULTS,
    ContactQuery,
    Page,
    Position,
    check,
    count_of,
    matching,
    page_of,
    read_token,
    write_token,
)
from signaling.store.tables import (
    audit_events,
    contacts,
    instances,
    of,
    qualities,
    security_profiles,
    sip_traces,
    users,
)
from signaling.store.trunks import load_passwords, opaque_id, save_passwords, unseal_password
from signaling.store.upsert import upsert
from vault.fields import key_of
from vault.kms import Kms
from vault.pii import Pii

AUDIT_PIECE = 1000


class Store:
    """One database. Every question about a tenant names the tenant, and nothing of another's comes back.

    Methods may be called concurrently; writes take turns. Those that touch sealed fields raise KmsError."""

    def __init__(self, database: Database, keys: DataKeys, passwords: Passwords) -> None:
        self._database = database
        self._keys = keys
        self._passwords = passwords

    @classmethod
    async def open(
        cls, where: str | Path, kms: Kms, clock: Callable[[], float], passwords: Passwords | None = None
    ) -> Self:
        """Opens or makes the database and brings its schema up to date. Raises StoreUnavailable.

        `where`: a path, or an SQLAlchemy URL with an async driver. `clock` gives Unix seconds."""
        database = await Database.open(where)
        passwords = passwords or Passwords()
        await passwords.open()
        return cls(database, DataKeys(database, kms, clock), passwords)

    async def close(self) -> None:
        self._passwords.close()
        await self._database.close()

    # Resources

    async def directories(self) -> list[Directory]:
        """Every instance with all its resources."""
        async with self._database.read() as connection:
            return [await load_directory(connection, tenant) for tenant in await load_tenants(connection)]

    async def directory(self, tenant: Tenant) -> Directory:
        """The resources of one instance; none when there is no such instance."""
        async with self._database.read() as connection:
            return await load_directory(connection, tenant)

    async def save_directory(
        self,
        directory: Directory,
        passwords: Mapping[str, Pii[str]] | None = None,
        phone_passwords: Mapping[str, Pii[str]] | None = None,
        trunk_passwords: Mapping[str, Pii[str]] | None = None,
    ) -> None:
        """Inserts or replaces the instance and its resources by their ids, all or nothing; then the passwords of
        phones and trunks, whose key belongs to an instance that is there.

        Who is in `passwords` (by username), `phone_passwords` (by phone) or `trunk_passwords` (by trunk) gets that
        password, the others keep theirs."""
        tenant = directory.tenant
        hashes = {name: await self._passwords.hash(password) for name, password in (passwords or {}).items()}
        async with self._database.write() as connection:
            await store_directory(connection, directory, hashes)
        if phone_passwords or trunk_passwords:
            key = await self._keys.of_resources(tenant)
            async with self._database.write() as connection:
                await save_secrets(connection, key, tenant, phone_passwords or {})
                await save_passwords(connection, key, tenant, trunk_passwords or {})

    async def trunk_secrets(self, tenant: Tenant) -> dict[str, TrunkSecrets]:
        """Of every trunk of the tenant; a password whose key was destroyed is missing. Raises vault.kms.KmsError."""
        async with self._database.read() as connection:
            sealed = await load_passwords(connection, tenant)
        index = await self._keys.of_index(tenant)
        keys = await self._keys.by_ids(tenant, {key_of(value) for value in sealed.values() if value is not None})
        return {
            trunk: TrunkSecrets(
                opaque_id(index, trunk),
                unseal_password(keys[key_of(value)], tenant, trunk, value)
                if value is not None and key_of(value) in keys
                else None,
            )
            for trunk, value in sealed.items()
        }

    async def tenant(self, alias: str) -> Tenant | None:
        async with self._database.read() as connection:
            rows = await connection.execute(select(instances).where(instances.c.alias == alias))
            row = rows.mappings().one_or_none()
        return as_struct(row, Tenant) if row else None

    async def user(self, tenant: Tenant, username: str) -> User | None:
        async with self._database.read() as connection:
            rows = await connection.execute(of(tenant, users).where(users.c.username == username))
            row = rows.mappings().one_or_none()
        return as_struct(row, User) if row else None

    async def verify_password(self, alias: str, username: str, password: Pii[str]) -> User | None:
        """The user, if the instance has such a one with this password. Takes the same time whoever is asked for."""
        query = select(users).join(instances)
        query = query.where(instances.c.alias == alias, users.c.username == username)
        async with self._database.read() as connection:
            row = (await connection.execute(query)).mappings().one_or_none()
        if not await self._passwords.verify(row["password"] if row else None, password) or row is None:
            return None
        return as_struct(row, User)

    async def permissions(self, tenant: Tenant, user: User) -> frozenset[str]:
        """What the user's security profiles grant him now."""
        query = of(tenant, security_profiles).where(security_profiles.c.id.in_(user.security_profiles))
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).all()
        return granted(SecurityProfile(row.id, row.name, tuple(row.permissions)) for row in rows)

    # Phones

    async def phone_secrets(self, tenant: Tenant) -> dict[str, Secrets]:
        """What verifies the passwords of the tenant's phones, by phone; those whose key was destroyed are missing."""
        async with self._database.read() as connection:
            sealed = await load_sealed(connection, tenant)
        keys = await self._keys.by_ids(tenant, {key_of(value) for value in sealed.values()})
        return {
            phone: unseal_secrets(keys[key_of(value)], tenant, phone, value)
            for phone, value in sealed.items()
            if key_of(value) in keys
        }

    async def bindings(self, tenant: Tenant, now: float) -> dict[str, list[KeptBinding]]:
        """Where phones have registered, by phone, as far as it has not run out at `now`, in Unix seconds."""
        async with self._database.read() as connection:
            return await load_bindings(connection, tenant, now)

    async def save_bindings(self, kept: KeptBindings) -> None:
        """Keeps all that these phones have, in place of what was kept of them."""
        async with self._database.write() as connection:
            await save_bindings(connection, kept)

    # Contacts

    async def save_contact(self, record: ContactRecord) -> None:
        """Inserts the record, or replaces it unless what is stored was updated later.

        Its recording is kept as by `save_recording`."""
        tenant = Tenant(record.account, record.instance, "")
        key, index = await self._keys.of_day(tenant, record.initiated), await self._keys.of_index(tenant)
        row = to_row(record, key, index)
        if record.recording is None and record.ivr_recording is None:
            await self._database.keep(contacts, row, newer="updated")
            return
        async with self._database.write() as connection:
            await upsert(connection, contacts, row, newer="updated")
            for recording in (record.recording, record.ivr_recording):
                if recording:
                    await rows.save_recording(connection, tenant, record.contact, recording)

    async def contact(self, tenant: Tenant, contact: str) -> ContactRecord | None:
        found = await self._contacts(tenant, of(tenant, contacts).where(contacts.c.contact == contact))
        return found[0] if found else None

    async def open_contacts(self, tenant: Tenant) -> list[ContactRecord]:
        """Contacts that are not completed, oldest first: what a crash left behind, or what is going on."""
        query = of(tenant, contacts).where(contacts.c.completed.is_(None))
        return await self._contacts(tenant, query.order_by(contacts.c.initiated, contacts.c.contact))

    async def search(self, tenant: Tenant, query: ContactQuery) -> Page:
        """One page of a search. Raises InvalidQuery."""
        check(query)
        position = read_token(query.token)
        index = number_index(await self._keys.of_index(tenant), query.number) if query.number else None
        matches = matching(tenant, query, index)
        limit = min(query.limit, RESULTS - position.seen)
        found = await self._contacts(tenant, page_of(matches, position, limit + 1))
        async with self._database.read() as connection:
            total = (await connection.execute(count_of(matches))).scalar_one()
        return _page(found, position.seen + limit, limit, total)

    # Recordings

    async def save_recording(self, tenant: Tenant, contact: str, recording: RecordingInfo) -> None:
        """Keeps what is known of the contact's recording.

        What has reached fewer states than what is stored is old news, and ignored."""
        async with self._database.write() as connection:
            await rows.save_recording(connection, tenant, contact, recording)

    async def recording(self, tenant: Tenant, id: str) -> Kept | None:
        """A recording by its own id."""
        async with self._database.read() as connection:
            return await rows.find_recording(connection, tenant, id)

    async def set_hold(self, tenant: Tenant, contact: str, hold: LegalHold) -> bool:
        """Whether there was none before; an older one stays as it is."""
        async with self._database.write() as connection:
            return await rows.set_hold(connection, tenant, contact, hold)

    async def clear_hold(self, tenant: Tenant, contact: str) -> bool:
        """Whether there was one."""
        async with self._database.write() as connection:
            return await rows.clear_hold(connection, tenant, contact)

    async def bury(self, tenant: Tenant, kept: Kept, stone: Tombstone) -> bool:
        """Decides that a recording is deleted, for good. False: it is under a legal hold, or was deleted before."""
        async with self._database.write() as connection:
            known = await rows.find_recording(connection, tenant, kept.recording.id)
            held = await rows.load_holds(connection, tenant, [kept.contact])
            if known is None or known.recording.deleted is not None or held:
                return False
            await rows.bury(connection, tenant, known, stone)
            return True

    async def note_erased(self, tenant: Tenant, id: str, at: float) -> None:
        """A deleted recording is not in the store any more."""
        async with self._database.write() as connection:
            await rows.note_erased(connection, tenant, id, at)

    async def unerased(self, tenant: Tenant) -> list[Kept]:
        """Those that are to be deleted and that the store may still have; a hundred at most."""
        async with self._database.read() as connection:
            return await rows.unerased(connection, tenant)

    async def in_trouble(self, tenant: Tenant, limit: int) -> list[Kept]:
        """Recordings that were set aside or do not get on, and that nobody has deleted, the newest first."""
        async with self._database.read() as connection:
            return await rows.in_trouble(connection, tenant, limit)

    async def expired(self, tenant: Tenant, now: float) -> list[Kept]:
        """Those that a retention rule wants deleted, the oldest first; a hundred at most."""
        async with self._database.read() as connection:
            rules = (await load_directory(connection, tenant)).retention
            return await rows.expired(connection, tenant, rules, now)

    # What goes on now

    async def save_live(self, states: Sequence[LiveState], gone: Iterable[LiveKey], at: float) -> None:
        """Keeps the ones and forgets the others, all or nothing. `at`: now."""
        keys = {state.key.tenant: await self._keys.of_day(state.key.tenant, at) for state in states}
        async with self._database.write() as connection:
            await live.save_states(connection, states, keys)
            await live.remove_states(connection, gone)

    async def live_states(self, tenant: Tenant) -> list[LiveState]:
        """What went on when it was saved last; what cannot be opened any more is left out."""
        async with self._database.read() as connection:
            found = await live.load_rows(connection, tenant)
        keys = await self._keys.by_ids(tenant, live.key_ids(found))
        return [state for row in found if (state := live.from_row(tenant, row, keys)) is not None]

    async def save_sip_trace(self, tenant: Tenant, contact: str, messages: list[ShownMessage]) -> None:
        """Keeps them beside those that are kept of the contact."""
        key = await self._keys.of_day(tenant, messages[0].at)
        await self._database.keep(sip_traces, traces.to_row(tenant, contact, messages, key))

    async def sip_trace(self, tenant: Tenant, contact: str) -> list[ShownMessage]:
        """The SIP messages of a contact's calls that are over; none if nothing is known of them any more."""
        async with self._database.read() as connection:
            found = await traces.load(connection, tenant, contact)
        keys = await self._keys.by_ids(tenant, traces.key_ids(found)) if found else {}
        return [message for row in found for message in traces.from_row(tenant, row, keys)]

    # Quality

    async def save_quality(self, tenant: Tenant, contact: str, quality: QualityInfo) -> None:
        """Keeps how one side of the contact sounded, in place of what was known of that side."""
        await self._database.keep(qualities, quality_row(tenant, contact, quality))

    # Audit

    async def audit(self, tenant: Tenant, event: AuditEvent) -> None:
        """Appends to the tenant's chain; on disk when it returns."""
        newest = of(tenant, audit_events).order_by(audit_events.c.sequence.desc()).limit(1)
        async with self._database.write() as connection:
            last = (await connection.execute(newest)).one_or_none()
            row = link(tenant.account, tenant.instance, audit_rows.from_row(last) if last else None, event)
            await connection.execute(insert(audit_events).values(audit_rows.to_row(tenant, row)))

    async def audit_events(self, tenant: Tenant, after: int = 0, limit: int = AUDIT_PIECE) -> list[AuditRow]:
        """The rows whose sequence is greater than `after`, oldest first."""
        query = of(tenant, audit_events).where(audit_events.c.sequence > after)
        async with self._database.read() as connection:
            rows = await connection.execute(query.order_by(audit_events.c.sequence).limit(limit))
            return [audit_rows.from_row(row) for row in rows]

    async def audit_of(self, tenant: Tenant, resource: str, limit: int = AUDIT_PIECE) -> list[AuditRow]:
        """The newest rows about one resource, newest first."""
        query = of(tenant, audit_events).where(audit_events.c.resource == resource)
        async with self._database.read() as connection:
            found = await connection.execute(query.order_by(audit_events.c.sequence.desc()).limit(limit))
            return [audit_rows.from_row(row) for row in found]

    async def verify_audit(self, tenant: Tenant) -> AuditCheck:
        """Follows the tenant's chain from its beginning and names the first row that does not hold."""
        check, after = verify(tenant.account, tenant.instance, ()), 0
        while check.broken is None and (rows := await self.audit_events(tenant, after)):
            check = verify(tenant.account, tenant.instance, rows, since=check)
            after = rows[-1].sequence
        return check

    # Keys

    def rewrap_keys(self, tenant: Tenant) -> AsyncIterator[bool]:
        """Brings the tenant's data keys under the newest version of its master key; for each, whether it was under
        another. May be cut off anywhere and begun again. Raises KmsAway."""
        return self._keys.rewrap(tenant)

    # Inside

    async def _contacts(self, tenant: Tenant, query: Select[Any]) -> list[ContactRecord]:
        async with self._database.read() as connection:
            found = (await connection.execute(query)).all()
            ids = [row.contact for row in found]
            recorded = await rows.load_recordings(connection, tenant, ids)
            held = await rows.load_holds(connection, tenant, ids)
            sounded = await load_qualities(connection, tenant, ids)
        keys = await self._keys.by_ids(tenant, set().union(*map(key_ids, found)))
        beside = {
            id: Beside(recorded.get(id, ()), held.get(id), sounded.get(id, ())) for id in ids
        }  # fmt: skip
        return [from_row(row, keys, beside[row.contact]) for row in found]


def _page(found: list[ContactRecord], seen: int, limit: int, total: int) -> Page:
    """`found` has one more than `limit` if there is a next page; `seen` is the place of this one's last."""
    if len(found) <= limit or seen >= RESULTS:
        return Page(tuple(found[:limit]), None, total)
    last = found[limit - 1]
    return Page(tuple(found[:limit]), write_token(Position(last.initiated, last.contact, seen)), total)
