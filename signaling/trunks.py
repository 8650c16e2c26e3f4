"""The trunks of every instance: which one a source belongs to, and whose numbers it may call. Phones that may call are
trunks of their own, without a source: they show who they are with each call."""

import ipaddress
from collections.abc import Iterable

from signaling.center.resources import Directory, Phone, Trunk
from signaling.phones import phone_name
from signaling.sip.flow import Flow

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Trunks:
    """Names are made unique by the instance: "<instance>/<trunk>". The most specific network wins."""

    def __init__(self, directories: Iterable[Directory]) -> None:
        self._trunks: dict[str, Trunk] = {}
        self._networks: list[tuple[Network, str]] = []
        for directory in directories:
            for trunk in directory.trunks:
                name = f"{directory.tenant.instance}/{trunk.name}"
                self._trunks[name] = trunk
                self._networks += [(ipaddress.ip_network(source), name) for source in trunk.sources]
            for phone in directory.phones:
                if phone.calls:
                    self._trunks[phone_name(directory.tenant, phone.name)] = _trunk_of(phone)
        self._networks.sort(key=lambda entry: entry[0].prefixlen, reverse=True)

    def named(self, name: str) -> Trunk | None:
        return self._trunks.get(name)

    def instance_of(self, name: str) -> str:
        """The instance whose numbers the trunk may call."""
        return name.partition("/")[0]

    def of(self, flow: Flow) -> str | None:
        """The trunk that a source belongs to, or None for a stranger."""
        address = ipaddress.ip_address(flow.remote[0])
        for network, name in self._networks:
            if address in network and flow.transport in self._trunks[name].transports:
                return name
        return None


def _trunk_of(phone: Phone) -> Trunk:
    return Trunk(phone.name, (), (), "offered" if phone.media == "plain" else "required", phone.codecs)
