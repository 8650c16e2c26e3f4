"""Where registered phones can be reached: the bindings of each, and whose flow is whose (RFC 3261 §10, RFC 5626)."""

from dataclasses import dataclass, replace

from signaling.sip.flow import Flow
from signaling.sip.messages.uri import Uri


@dataclass(frozen=True, slots=True)
class Binding:
    """One way to one phone. Values of the phone's own choice; the repr names no one."""

    contact: Uri
    flow: Flow
    """By which it registered, and is called: its Contact may not be an address for anybody else (RFC 5626)."""
    call_id: str
    number: int
    """The CSeq of the latest registration with that Call-ID."""
    expires: float
    """In seconds of the caller's clock."""
    instance: str = ""
    """+sip.instance; empty: a phone that does not know RFC 5626."""
    reg_id: int = 0
    since: float = 0.0
    """When this flow was registered first."""

    @property
    def key(self) -> str:
        """What a later registration of the same replaces (RFC 5626 §6, RFC 3261 §19.1.4)."""
        if self.instance and self.reg_id:
            return f"{self.instance} {self.reg_id}"
        contact = self.contact
        transport = (contact.params.get("transport") or "").lower()
        return f"{contact.scheme}:{contact.user}@{contact.host.lower()}:{contact.port or ''};{transport}"


class Bindings:
    """Of every phone, by its name. What is left of a phone is replaced whole."""

    def __init__(self) -> None:
        self._by_phone: dict[str, tuple[Binding, ...]] = {}
        self._by_flow: dict[Flow, dict[str, None]] = {}

    def __len__(self) -> int:
        return sum(len(bindings) for bindings in self._by_phone.values())

    def of(self, phone: str) -> tuple[Binding, ...]:
        """The one that registered last comes first."""
        return self._by_phone.get(phone, ())

    def at(self, flow: Flow) -> tuple[str, ...]:
        """The phones that have registered by that flow."""
        if not self._by_flow:
            return ()
        return tuple(self._by_flow.get(plain(flow), ()))

    def set(self, phone: str, bindings: tuple[Binding, ...]) -> None:
        for binding in self.of(phone):
            self._forget(phone, plain(binding.flow))
        self._by_phone.pop(phone, None)
        if bindings:
            self._by_phone[phone] = tuple(sorted(bindings, key=lambda binding: binding.since, reverse=True))
        for binding in bindings:
            self._by_flow.setdefault(plain(binding.flow), {})[phone] = None

    def _forget(self, phone: str, flow: Flow) -> None:
        phones = self._by_flow.get(flow, {})
        phones.pop(phone, None)
        if not phones:
            self._by_flow.pop(flow, None)


def plain(flow: Flow) -> Flow:
    """Without our own address, of which we may have several names."""
    return replace(flow, local=("", 0))
