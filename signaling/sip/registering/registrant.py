"""Our registration at a carrier's registrar (RFC 3261 §10.2): kept up by refreshes, begun again when it is lost.

A registrant tries the addresses of its registrar one after the other. When none answers, or the registrar refuses, it
waits: half a minute at first, twice as long after each failure, half an hour at most, and never exactly so long, so
that a thousand of them do not come back to a restarted registrar at once (RFC 5626 §4.5).
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum

from signaling.sip.core import Core
from signaling.sip.errors import ParseError
from signaling.sip.exchanges.transactions import ClientTransaction, Reply
from signaling.sip.flow import Flow
from signaling.sip.headers import CSeq, NameAddr, make_via
from signaling.sip.headers.expiry import parse_retry_after, parse_seconds
from signaling.sip.messages.grammar import Params
from signaling.sip.messages.message import Headers, Request, Response
from signaling.sip.messages.uri import Uri
from signaling.sip.registering.credentials import Renewal
from signaling.sip.replies import ALLOW, make_contact

FIRST_WAIT, LONGEST_WAIT = 30.0, 1800.0
"""Seconds until the next try after a failure."""
MAX_EXPIRES = 86400
"""A registrar that wants registrations to last longer is refused by us."""
RECOVERY = 2.0
"""Seconds within which a lost connection is replaced."""


class Standing(Enum):
    TRYING = "trying"
    """Not registered yet."""
    REGISTERED = "registered"
    REFUSED = "refused"
    """The registrar has answered that it will not: see the status."""
    UNREACHABLE = "unreachable"
    """None of its addresses answers."""
    ENDED = "ended"
    """Taken back by us."""


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What is to be registered, where."""

    trunk: str
    name: str
    """The registrar as it was configured: tells registrations of one trunk from each other."""
    registrar: Uri
    """The Request-URI: a domain, without user part."""
    address: Uri
    """The address of record."""
    contact: str
    """The user part of our Contact, by which the carrier's calls are known again."""
    expires: int = 3600
    """Seconds that are asked for."""


class Registrant:
    def __init__(self, core: Core, enrolment: Enrolment, changed: Callable[["Registrant"], None]) -> None:
        """`changed` is called whenever the standing is another one."""
        self.enrolment = enrolment
        self.standing = Standing.TRYING
        self.status = 0
        """Of the last final answer; 408 if there was none."""
        self.until: float | None = None
        """When the registration runs out, unless it is refreshed."""
        self.flow: Flow | None = None
        """By which it is registered."""
        self._core = core
        self._changed = changed
        self._expires = enrolment.expires
        self._call_id, self._tag = core.config.new_id(), core.config.new_id()
        self._number = 0
        self._flows: tuple[Flow, ...] = ()
        self._place = 0
        """Which of them is next."""
        self._untried = 0
        """How many are left before we wait."""
        self._failures = 0
        self._transaction: ClientTransaction | None = None
        self._asked = 0
        """Seconds asked for in the request that is under way."""
        self._stopping = False

    def begin(self, flows: tuple[Flow, ...], now: float) -> None:
        """Registers by the first of these flows that is answered. Later calls bring what the name stands for now."""
        if flows == self._flows or self._stopping:
            return
        kept = self._flows[self._place] if self._flows else None
        self._flows, self._place = flows, flows.index(kept) if kept in flows else 0
        if self._transaction is None and self.until is None:
            self._try_all(now)

    def stop(self, now: float) -> None:
        """Takes the registration back; the standing is ENDED once the registrar knows, or cannot be told."""
        if self._stopping:
            return
        self._stopping = True
        for timer in ("next", "expiry"):
            self._core.deadlines.cancel(self, timer)
        if self._transaction is None:
            self._take_back(now, done=self.until is None)

    def flow_closed(self, flow: Flow, now: float) -> None:
        """RFC 5626 §4.5: what was registered by a connection is to be registered by another one."""
        if flow == self.flow and self._transaction is None and not self._stopping:
            self.flow = None
            self._core.deadlines.set(self, "next", now + RECOVERY * self._core.config.draw())

    def handle_timer(self, name: str, now: float) -> None:
        if name == "expiry":
            self.until = self.flow = None
            self._set_standing(Standing.REFUSED if self.status not in (0, 408, 503) else Standing.UNREACHABLE)
        elif self._transaction is None:
            self._try_all(now)

    def handle_response(self, transaction: ClientTransaction, reply: Reply, now: float) -> None:
        if transaction is not self._transaction or reply.response.status < 200:
            return
        self._transaction = None
        self.status = reply.response.status
        if self._stopping:
            registered = self.until is not None or reply.response.status < 300
            self._take_back(now, done=self._asked == 0 or not registered)
        elif reply.response.status < 300:
            self._succeed(reply, now)
        else:
            self._fail(reply.response, now)

    def handle_failure(self, transaction: ClientTransaction, status: int, now: float) -> None:
        if transaction is not self._transaction:
            return
        self._transaction = None
        self.status = status
        if self._stopping:
            self._take_back(now, done=True)
        else:
            self._fail(Response(status, ""), now)

    # The answers.

    def _succeed(self, reply: Reply, now: float) -> None:
        granted = self._read_granted(reply.response)
        if not granted:
            self._wait(0.0, Standing.REFUSED, now)
            return
        self._failures = 0
        self.flow, self.until = reply.flow, now + granted
        self._core.deadlines.set(self, "expiry", self.until)
        # Early enough that a lost answer, and the whole of timer F, do not cost the registration.
        early = granted * (0.8 + 0.1 * self._core.config.draw())
        self._core.deadlines.set(self, "next", now + max(min(early, granted - 40.0), granted / 2))
        self._set_standing(Standing.REGISTERED)

    def _fail(self, response: Response, now: float) -> None:
        if response.status == 423 and self._lengthen(response):
            self._send(self._expires, now)
            return
        away = response.status in (408, 503, 504)
        self._untried -= 1
        if away and self._untried > 0:
            self._place = (self._place + 1) % len(self._flows)
            self._send(self._expires, now)
            return
        wanted = 0.0
        with suppress(ParseError):
            wanted = min(float(parse_retry_after(response.headers.get("Retry-After") or "")), 2 * LONGEST_WAIT)
        self._wait(wanted, Standing.UNREACHABLE if away else Standing.REFUSED, now)

    def _wait(self, at_least: float, standing: Standing, now: float) -> None:
        self._failures += 1
        longest = min(FIRST_WAIT * 2.0 ** min(self._failures - 1, 10), LONGEST_WAIT)
        delay = max(longest * (0.5 + 0.5 * self._core.config.draw()), at_least)
        self._core.deadlines.set(self, "next", now + delay)
        if self._flows:
            self._place = (self._place + 1) % len(self._flows)
        if self.until is None:
            self._set_standing(standing)

    def _lengthen(self, response: Response) -> bool:
        """§10.2.8."""
        try:
            least = parse_seconds(response.headers.get("Min-Expires") or "")
        except ParseError:
            return False
        if not self._expires < least <= MAX_EXPIRES:
            return False
        self._expires = least
        return True

    def _read_granted(self, response: Response) -> int:
        """§10.2.4: in our Contact, else in Expires, else what we have asked for."""
        granted = min(_seconds(response.headers.get("Expires"), self._asked), MAX_EXPIRES)
        with suppress(ParseError):
            for contact in map(NameAddr.parse, response.headers.items("Contact")):
                if contact.uri.user == self.enrolment.contact:
                    return min(_seconds(contact.params.get("expires"), granted), MAX_EXPIRES)
        return granted

    # The requests.

    def _try_all(self, now: float) -> None:
        if not self._flows:
            self.status = 503
            self._wait(0.0, Standing.UNREACHABLE, now)
            return
        self._untried = len(self._flows)
        self._send(self._expires, now)

    def _take_back(self, now: float, done: bool) -> None:
        if done:
            self.until = self.flow = None
            self._set_standing(Standing.ENDED)
        else:
            self._send(0, now)

    def _send(self, seconds: int, now: float) -> None:
        self._asked = seconds
        flow = self._flows[self._place]
        request = self._make_request(flow, seconds)
        self._transaction = self._core.transactions.request(request, flow, self, now)
        self._transaction.renew = Renewal(self._core.wallet, self.enrolment.trunk, lambda request: self._count()).renew
        self._transaction.trunk = self.enrolment.trunk

    def _make_request(self, flow: Flow, seconds: int) -> Request:
        config, enrolment = self._core.config, self.enrolment
        address = str(NameAddr(enrolment.address))
        contact = NameAddr.parse(make_contact(flow, enrolment.registrar.scheme == "sips"))
        uri = contact.uri
        ours = NameAddr(Uri(uri.scheme, enrolment.contact, uri.host, uri.port, uri.params))
        fields = (
            ("Via", str(make_via(flow.transport, flow.local, config.new_id()))),
            ("Max-Forwards", "70"),
            ("From", str(NameAddr(enrolment.address, "", Params((("tag", self._tag),))))),
            ("To", address),
            ("Call-ID", self._call_id),
            ("CSeq", str(CSeq(self._count(), "REGISTER"))),
            ("Contact", f"{ours};expires={seconds}"),
            ("Expires", str(seconds)),
            ALLOW,
            ("User-Agent", config.product),
        )
        return Request("REGISTER", str(enrolment.registrar), Headers(fields))

    def _count(self) -> int:
        self._number += 1
        return self._number

    def _set_standing(self, standing: Standing) -> None:
        if standing is not self.standing:
            self.standing = standing
            self._changed(self)


def _seconds(text: str | None, otherwise: int) -> int:
    try:
        return parse_seconds((text or "").strip(" \t"))
    except ParseError:
        return otherwise
