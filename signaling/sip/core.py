"""What the sessions of one user agent share."""

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from signaling.sip.calls.dialog import DialogId
from signaling.sip.config import SipConfig
from signaling.sip.deadlines import Deadlines
from signaling.sip.events import SipEvent
from signaling.sip.exchanges.transactions import ServerTransaction, Transactions
from signaling.sip.flow import Flow, Outgoing
from signaling.sip.headers.replaces import Replaces
from signaling.sip.registering.credentials import AccountFor, Wallet, no_account
from signaling.sip.replies import Answer, make_response
from signaling.sip.tracing.tally import Tally, TrunkFor

if TYPE_CHECKING:
    from signaling.sip.calls.session import Session


@dataclass(slots=True)
class Counters:
    """What came and led to nothing, since the start."""

    malformed: int = 0
    strangers: int = 0
    flooded: int = 0
    """Messages of strangers that were not read, since too many had come before them."""
    refused: int = 0
    """Requests answered with an error without a call."""
    unmatched: int = 0
    """Responses and ACKs that nothing waits for."""
    faults: int = 0
    """Errors of our own, contained."""


class Core:
    def __init__(
        self, config: SipConfig, account_for: AccountFor = no_account, trunk_for: TrunkFor = lambda flow: None
    ) -> None:
        self.config = config
        self.wallet = Wallet(account_for, config.new_id)
        self.counters = Counters()
        self.deadlines = Deadlines()
        self.tally = Tally(trunk_for)
        self.transactions = Transactions(config.timers, self.deadlines, self.send)
        self.transactions.count = self.tally.count
        self.events: deque[SipEvent] = deque()
        self.outbox: list[Outgoing] = []
        self.sessions: dict[str, Session] = {}
        self.dialogs: dict[DialogId, Session] = {}
        self.changed: set[str] = set()
        """Calls of which something may have changed that a restored one must know."""

    def send(self, flow: Flow, data: bytes) -> None:
        self.outbox.append(Outgoing(flow, data))

    def respond(self, transaction: ServerTransaction, answer: Answer, now: float, tag: str | None = None) -> None:
        arrival = transaction.arrival
        signed = Answer(answer.status, answer.reason, (*answer.headers, ("Server", self.config.product)), answer.body)
        transaction.respond(make_response(arrival.request, arrival.flow, signed, tag), now)

    def find_replaced(self, replaces: Replaces) -> "Session | None":
        """The call that another one is to take the place of (RFC 3891 §3)."""
        return self.dialogs.get((replaces.call_id, replaces.to_tag, replaces.from_tag))

    def forget(self, session: "Session") -> None:
        self.sessions.pop(session.call, None)
        if session.dialog is not None:
            self.dialogs.pop(session.dialog.id, None)
