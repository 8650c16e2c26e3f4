"""The trunks of every instance: which one a source belongs to, whose numbers it may call, and who we are there. Phones
that may call are trunks of their own, without a source: they show who they are with each call."""

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

from signaling.carriers.trunk_limits import TrunkLimits
from signaling.center.resources import Directory, Phone, Trunk, TrunkSecrets
from signaling.endpoints.phones import phone_name
from signaling.sip.events import IncomingCall
from signaling.sip.flow import Flow
from signaling.sip.registering.digest import Account

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


MAX_FOUND = 4096


class Trunks:
    """Names are made unique by the instance: "<instance>/<trunk>". The most specific network wins."""

    def __init__(self, directories: Iterable[Directory], secrets: Mapping[str, TrunkSecrets] | None = None) -> None:
        """`secrets`: by unique name."""
        self._trunks: dict[str, Trunk] = {}
        self._secrets = dict(secrets or {})
        self._networks: list[tuple[Network, str]] = []
        self._registrars: dict[str, frozenset[str]] = {}
        self._targets: dict[str, frozenset[str]] = {}
        for directory in directories:
            for trunk in directory.trunks:
                name = f"{directory.tenant.instance}/{trunk.name}"
                self._trunks[name] = trunk
                self._networks += [(ipaddress.ip_network(source), name) for source in trunk.sources]
            for phone in directory.phones:
                if phone.calls:
                    self._trunks[phone_name(directory.tenant, phone.name)] = _trunk_of(phone)
        self._shown: dict[int, frozenset[str]] = {}
        """The trunks whose certificate was shown, by connection."""
        self._networks.sort(key=lambda entry: entry[0].prefixlen, reverse=True)
        self._found: dict[tuple[str, str], str | None] = {}
        """What `of` has found of late: it is asked with every message."""
        self.limits = TrunkLimits(self.named)
        self._by_id = {secret.id: name for name, secret in self._secrets.items()}

    def __iter__(self) -> Iterator[tuple[str, Trunk]]:
        return iter(self._trunks.items())

    def named(self, name: str) -> Trunk | None:
        return self._trunks.get(name)

    def instance_of(self, name: str) -> str:
        """The instance whose numbers the trunk may call."""
        return name.partition("/")[0]

    def id_of(self, name: str) -> str:
        """What stands for the trunk where nobody is to be named: in metrics, and in our Contact at its registrar."""
        secret = self._secrets.get(name)
        return secret.id if secret is not None else ""

    def learn(self, name: str, registrars: frozenset[str], targets: frozenset[str]) -> None:
        """The hosts that its registrars and targets stand for now, names and addresses. Calls may come from the
        registrars; what the targets ask is answered with the trunk's credentials."""
        self._registrars[name], self._targets[name] = registrars, targets
        self._found.clear()

    def shown(self, connection: int, trunks: frozenset[str]) -> None:
        """A connection has shown the certificate of these trunks; of none: it is closed."""
        if trunks:
            self._shown[connection] = trunks
        else:
            self._shown.pop(connection, None)

    def of(self, flow: Flow) -> str | None:
        """The trunk that a source belongs to, or None for a stranger. Of trunks with a certificate it is not the
        address that counts, but what the connection has shown."""
        for name in sorted(self._shown.get(flow.connection, ())):
            if not self._trunks[name].sources or self._is_source(name, flow):
                return name
        place = (flow.transport, flow.remote[0])
        if place not in self._found:
            if len(self._found) >= MAX_FOUND:
                self._found.clear()
            self._found[place] = self._find(flow)
        return self._found[place]

    def _find(self, flow: Flow) -> str | None:
        try:
            address = ipaddress.ip_address(flow.remote[0])
        except ValueError:
            return None
        for network, name in self._networks:
            trunk = self._trunks[name]
            if trunk.certificate is None and address in network and flow.transport in trunk.transports:
                return name
        known = (name for name in self._registrars if self._trunks[name].certificate is None)
        return next((name for name in known if self._is_registrar(name, flow)), None)

    def place(self, call: IncomingCall) -> tuple[str, str]:
        """The trunk of a call and the number that it is for. One that is addressed to the Contact of a registration
        belongs to that trunk, where several have the same carrier, and its number is in To."""
        name = self._by_id.get(call.called)
        if name is None or not (name == call.trunk or self._may_call(name, call.flow)):
            return call.trunk, call.called
        return name, call.addressed

    def account_for(self, name: str, flow: Flow, realm: str) -> Account | None:
        """signaling.sip.registering.credentials.AccountFor."""
        names = [name] if name in self._trunks else [known for known in self._trunks if self._knows(known, flow)]
        for known in names:
            trunk, secret = self._trunks[known], self._secrets.get(known)
            if secret is None or secret.password is None or not trunk.username or trunk.realm != realm:
                continue
            if self._knows(known, flow):
                return Account(trunk.username, secret.password.reveal())
        return None

    def _is_registrar(self, name: str, flow: Flow) -> bool:
        known = flow.remote[0] in self._registrars.get(name, ())
        return known and flow.transport in self._trunks[name].transports and self._has_shown(name, flow)

    def _may_call(self, name: str, flow: Flow) -> bool:
        return self._is_registrar(name, flow) or self._is_source(name, flow)

    def _knows(self, name: str, flow: Flow) -> bool:
        """Whether the trunk is at the other end."""
        return self._may_call(name, flow) or bool({flow.remote[0], flow.name} & self._targets.get(name, frozenset()))

    def _is_source(self, name: str, flow: Flow) -> bool:
        try:
            address = ipaddress.ip_address(flow.remote[0])
        except ValueError:
            return False
        known = any(of == name and address in network for network, of in self._networks)
        return known and flow.transport in self._trunks[name].transports and self._has_shown(name, flow)

    def _has_shown(self, name: str, flow: Flow) -> bool:
        return self._trunks[name].certificate is None or name in self._shown.get(flow.connection, ())


def _trunk_of(phone: Phone) -> Trunk:
    srtp: Literal["offered", "required"] = "offered" if phone.media == "plain" else "required"
    return Trunk(phone.name, (), (), srtp, phone.codecs, keying="dtls" if phone.media == "dtls" else "sdes")
