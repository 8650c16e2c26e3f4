"""The phones of every instance: who may register, and whose phone is whose."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from signaling.center.resources import Directory, Phone, Tenant
from signaling.sip.registering.digest import Secrets
from signaling.sip.registering.gatekeeper import Known


@dataclass(frozen=True, slots=True)
class Owned:
    """A phone and the instance that it belongs to."""

    tenant: Tenant
    phone: Phone

    @property
    def name(self) -> str:
        """Among the phones of all instances, and unlike that of any trunk."""
        return phone_name(self.tenant, self.phone.name)


class Phones:
    """The accounts of `signaling.sip.registering.registrar`. An instance's realm is its alias: the domain that its
    phones register in, or the first label of it. Where one instance alone has phones, any domain will do, an address
    too."""

    def __init__(self, directories: Iterable[Directory], secrets: Mapping[str, Mapping[str, Secrets]]) -> None:
        """`secrets`: by instance and phone."""
        self._realms: dict[str, dict[str, Known]] = {}
        self._by_name: dict[str, Owned] = {}
        self._by_user: dict[tuple[str, str], list[Owned]] = {}
        for directory in directories:
            tenant = directory.tenant
            for phone in directory.phones:
                owned = Owned(tenant, phone)
                self._by_name[owned.name] = owned
                self._by_user.setdefault((tenant.instance, phone.user), []).append(owned)
                known = self._realms.setdefault(tenant.alias, {})
                if phone.name in (of_instance := secrets.get(tenant.instance, {})):
                    known[phone.name] = Known(owned.name, of_instance[phone.name])
        self._domains = {alias.lower(): alias for alias in self._realms}
        self._only = next(iter(self._realms)) if len(self._realms) == 1 else None

    def realm_of(self, host: str) -> str | None:
        name = host.lower()
        return self._domains.get(name) or self._domains.get(name.partition(".")[0]) or self._only

    def find(self, realm: str, user: str) -> Known | None:
        return self._realms.get(realm, {}).get(user)

    def named(self, name: str) -> Owned | None:
        return self._by_name.get(name)

    def in_realm(self, realm: str) -> Tenant | None:
        """The instance whose realm it is."""
        return next((owned.tenant for owned in self._by_name.values() if owned.tenant.alias == realm), None)

    def of_user(self, instance: str, user: str) -> list[Owned]:
        return self._by_user.get((instance, user), [])

    def __iter__(self) -> Iterator[Owned]:
        return iter(self._by_name.values())


def phone_name(tenant: Tenant, phone: str) -> str:
    return f"{tenant.instance}/phones/{phone}"
