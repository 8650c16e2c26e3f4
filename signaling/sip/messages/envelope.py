"""The headers that every message must carry (RFC 3261 §8.1.1), read and checked once."""

from dataclasses import dataclass

from signaling.sip.errors import ParseError
from signaling.sip.headers import COOKIE, CSeq, NameAddr, Via
from signaling.sip.messages.message import KNOWN_METHODS, Message, Request
from signaling.sip.messages.uri import Uri

MAX_FORWARDS = 255


@dataclass(frozen=True, slots=True)
class Envelope:
    via: Via
    """The topmost."""
    sender: NameAddr
    """From."""
    receiver: NameAddr
    """To."""
    call_id: str
    cseq: CSeq
    contact: NameAddr | None
    """The first one; None for `*` and when there is none."""

    @classmethod
    def read(cls, message: Message) -> "Envelope":
        """Raises ParseError: 400 for what is missing, double or malformed."""
        vias = message.headers.items("Via")
        if not vias:
            raise ParseError("Missing Via")
        envelope = cls(
            Via.parse(vias[0]),
            NameAddr.parse(_single(message, "From")),
            NameAddr.parse(_single(message, "To")),
            _single(message, "Call-ID"),
            CSeq.parse(_single(message, "CSeq")),
            _contact(message),
        )
        if isinstance(message, Request):
            _check_request(message, envelope)
        return envelope

    @property
    def from_tag(self) -> str:
        """Empty for a peer of RFC 2543."""
        return self.sender.tag or ""

    @property
    def to_tag(self) -> str | None:
        return self.receiver.tag

    def server_key(self, request: Request) -> tuple[str, ...]:
        """What an INVITE has in common with its repetitions, CANCEL and ACK (§17.2.3); without a branch, all else."""
        sent_by = f"{self.via.host.lower()}:{self.via.port or 5060}"
        branch = self.via.branch
        if branch.startswith(COOKIE) and branch != COOKIE:
            return (branch.lower(), sent_by)
        return (branch, sent_by, self.call_id, self.from_tag, str(self.cseq.number), request.uri)


def request_uri(request: Request) -> Uri:
    """Raises ParseError: 400 if malformed, 416 for a scheme that SIP does not route by."""
    uri = Uri.parse(request.uri)
    if uri.scheme not in ("sip", "sips", "tel"):
        raise ParseError("Unsupported URI Scheme", 416)
    return uri


def _single(message: Message, name: str) -> str:
    values = message.headers.get_all(name)
    if len(values) != 1 or not values[0]:
        raise ParseError(f"{'Duplicate' if len(values) > 1 else 'Missing'} {name}")
    return values[0]


def _contact(message: Message) -> NameAddr | None:
    contacts = message.headers.items("Contact")
    return NameAddr.parse(contacts[0]) if contacts and contacts[0] != "*" else None


def _check_request(request: Request, envelope: Envelope) -> None:
    if envelope.cseq.method != request.method:
        # RFC 4475 §3.1.2.18: of a method that nobody knows, it matters more that nobody knows it.
        status = 400 if request.method in KNOWN_METHODS else 501
        raise ParseError("CSeq Method Does Not Match", status)
    Uri.parse(request.uri)
    hops = request.headers.get_all("Max-Forwards")
    if any(not (hop.isascii() and hop.isdigit() and len(hop) <= 10 and int(hop) <= MAX_FORWARDS) for hop in hops):
        raise ParseError("Bad Max-Forwards")
    if len(hops) > 1:
        raise ParseError("Duplicate Max-Forwards")
    if envelope.contact is not None and request.method in ("INVITE", "UPDATE") and not envelope.contact.uri.host:
        raise ParseError("Bad Contact")
