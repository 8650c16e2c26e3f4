"""A customer's dialog and the contact that it belongs to."""

from dataclasses import dataclass

import msgspec

from signaling.center.center import Center
from vault.pii import Pii


class SavedCustomer(msgspec.Struct, frozen=True):
    """A Session as another process can go on with it."""

    contact: str
    number: str
    caller: Pii[str]
    initiated: float
    source: str
    late_offer: bool
    diverted_from: Pii[str] = Pii("")


@dataclass
class Session:
    """A customer's dialog and the contact that it belongs to."""

    call: str
    contact: str
    center: Center
    number: str
    caller: Pii[str]
    initiated: float
    source: str
    """The address that it came from."""
    late_offer: bool = False
    diverted_from: Pii[str] = Pii("")  # noqa: RUF009  # a value
    joined: bool = False
    """The centre knows of it."""
    over: bool = False

    @property
    def leg(self) -> str:
        return f"{self.contact}/customer"

    def save(self) -> SavedCustomer:
        return SavedCustomer(
            self.contact, self.number, self.caller, self.initiated, self.source, self.late_offer, self.diverted_from
        )

    @classmethod
    def restored(cls, call: str, center: Center, saved: SavedCustomer) -> "Session":
        session = cls(call, saved.contact, center, saved.number, saved.caller, saved.initiated, saved.source)
        session.late_offer, session.diverted_from = saved.late_offer, saved.diverted_from
        session.joined = saved.contact in center.floor.contacts
        return session
