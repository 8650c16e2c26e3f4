"""Transfers of one call: asked of us, and by us (REFER, RFC 3515; without a subscription, RFC 4488)."""

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

from signaling.sip.calls.dialog import Outline
from signaling.sip.errors import ParseError
from signaling.sip.events import TransferAsked, TransferReported
from signaling.sip.exchanges.transactions import UNATTENDED, ClientTransaction, Reply, ServerTransaction
from signaling.sip.headers import NameAddr
from signaling.sip.headers.replaces import Replaces
from signaling.sip.messages.bodies import FRAGMENT
from signaling.sip.messages.message import Request
from signaling.sip.messages.uri import Uri
from signaling.sip.replies import PHRASES, Answer
from vault.pii import Pii

if TYPE_CHECKING:
    from signaling.sip.calls.session import Session

_fragment = re.compile(rb"\s*SIP/2\.0[ \t]+([1-6][0-9][0-9])[ \t\r\n]")


def read_target(request: Request) -> tuple[Uri, Replaces | None]:
    """Whom to call, and the dialog to take the place of. Raises ParseError."""
    values = request.headers.get_all("Refer-To")
    if len(values) != 1:
        raise ParseError("Bad Refer-To")
    uri = NameAddr.parse(values[0]).uri
    if uri.scheme not in ("sip", "sips", "tel"):
        raise ParseError("Unsupported URI Scheme", 416)
    fields = [field.partition("=") for field in uri.headers.split("&")]
    found = [Replaces.parse(unquote(value)) for name, _, value in fields if name.lower() == "replaces"]
    plain = Uri(uri.scheme, uri.user, uri.host, uri.port, uri.params)
    return plain, found[0] if found else None


def number_of(request: Request) -> str:
    return (request.headers.get("CSeq") or "").split(" ")[0]


class Transfers:
    """One in each direction at a time."""

    def __init__(self, session: "Session") -> None:
        self._session = session
        self._asked: ServerTransaction | None = None
        """A REFER that is not decided yet."""
        self._subscription: str | None = None
        """What Event says in our reports; None: nobody is to be told."""
        self._awaited: ClientTransaction | None = None
        """Our own REFER, while reports on it may come."""

    # Asked of us.

    def take(self, transaction: ServerTransaction, now: float) -> None:
        session, request = self._session, transaction.arrival.request
        try:
            target, replaces = read_target(request)
        except ParseError as error:
            session.core.respond(transaction, Answer(error.status, error.phrase), now)
            return
        if self._asked is not None or self._subscription is not None or not session.is_confirmed:
            session.core.respond(transaction, session.offers.postpone(), now)
            return
        self._asked = transaction
        replaced = session.core.find_replaced(replaces) if replaces is not None else None
        session.core.events.append(
            TransferAsked(session.call, Pii(target), replaced.call if replaced is not None else None)
        )

    def accept(self, now: float) -> None:
        """202, and the first report (RFC 3515 §2.4.4), unless the peer wants none."""
        transaction, self._asked = self._asked, None
        if transaction is None:
            return
        request = transaction.arrival.request
        silent = (request.headers.get("Refer-Sub") or "").strip().lower() == "false"
        fields = (("Refer-Sub", "false"),) if silent else ()
        answer = self._session.describe(202)
        self._session.core.respond(transaction, Answer(202, "", (*answer.headers, *fields)), now)
        if not silent:
            self._subscription = f"refer;id={transaction.arrival.envelope.cseq.number}"
            self.report(100, now)

    def refuse(self, answer: Answer, now: float) -> None:
        transaction, self._asked = self._asked, None
        if transaction is not None:
            self._session.core.respond(transaction, answer, now)

    def report(self, status: int, now: float) -> None:
        """How the new call goes; a final status is the last report."""
        if self._subscription is None:
            return
        state = "active;expires=180" if status < 200 else "terminated;reason=noresource"
        fields = (("Event", self._subscription), ("Subscription-State", state), ("Content-Type", FRAGMENT))
        body = f"SIP/2.0 {status} {PHRASES.get(status, 'Unknown')}\r\n".encode()
        contact = self._session.describe(200).headers
        self._session.send(Outline("NOTIFY", (*contact, *fields), body), UNATTENDED, now)
        if status >= 200:
            self._subscription = None

    # By us.

    def ask(self, target: str, now: float) -> None:
        """REFER to that URI. TransferReported follows, in any case."""
        fields = (*self._session.describe(200).headers, ("Refer-To", f"<{target}>"))
        self._awaited = self._session.send(Outline("REFER", fields), self, now)

    def handle_response(self, transaction: ClientTransaction, reply: Reply, now: float) -> None:
        status = reply.response.status
        if status < 200:
            return
        if status >= 300:
            self._end(status)
        elif (reply.response.headers.get("Refer-Sub") or "").strip().lower() == "false":
            self._end(200)

    def handle_failure(self, transaction: ClientTransaction, status: int, now: float) -> None:
        self._end(status)

    def notified(self, transaction: ServerTransaction, now: float) -> None:
        """A NOTIFY in the call: only one of our own REFER has a meaning."""
        session, request = self._session, transaction.arrival.request
        package, _, params = (request.headers.get("Event") or "").partition(";")
        number = next((pair[3:] for pair in params.replace(" ", "").split(";") if pair.startswith("id=")), None)
        if package.strip().lower() != "refer":
            session.core.respond(transaction, Answer(489, "", (("Allow-Events", "refer"),)), now)
            return
        if self._awaited is None or number not in (None, number_of(self._awaited.request)):
            session.core.respond(transaction, Answer(481), now)
            return
        session.core.respond(transaction, Answer(200), now)
        match = _fragment.match(request.body + b"\n")
        status = int(match.group(1)) if match is not None else 100
        over = (request.headers.get("Subscription-State") or "").strip().lower().startswith("terminated")
        if status >= 200 or over:
            # A subscription that ends without a result: the outcome is not known.
            self._end(status if status >= 200 else 500)
        else:
            session.core.events.append(TransferReported(session.call, status))

    def stop(self, now: float) -> None:
        """The call is over."""
        self.refuse(Answer(487), now)
        self._subscription = None
        self._end(487)

    def _end(self, status: int) -> None:
        if self._awaited is not None:
            self._awaited = None
            self._session.core.events.append(TransferReported(self._session.call, status))
