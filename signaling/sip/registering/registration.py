"""What a REGISTER asks for (RFC 3261 §10.2, RFC 5626 §4.2)."""

from dataclasses import dataclass

from signaling.sip.errors import ParseError
from signaling.sip.headers import NameAddr
from signaling.sip.headers.expiry import parse_seconds
from signaling.sip.messages.grammar import unquote
from signaling.sip.messages.message import Request
from signaling.sip.messages.uri import Uri

DEFAULT_EXPIRES = 3600
"""What stands for none, and for one that cannot be read (§20.10)."""
MAX_REG_ID = 2**31 - 1
MAX_TEXT = 256
"""Of an instance id."""


@dataclass(frozen=True, slots=True)
class Wish:
    """One Contact of a REGISTER."""

    contact: Uri
    seconds: int
    """0: it is to be removed."""
    instance: str = ""
    reg_id: int = 0


@dataclass(frozen=True, slots=True)
class Registration:
    wishes: tuple[Wish, ...]
    everything: bool = False
    """`*`: all is to be removed."""


def read_registration(request: Request) -> Registration:
    """Raises ParseError."""
    contacts = request.headers.items("Contact")
    expires = _seconds(request.headers.get("Expires"), DEFAULT_EXPIRES)
    if "*" in contacts:
        if len(contacts) > 1 or request.headers.get("Expires") is None or expires:
            raise ParseError("Bad Contact")
        return Registration((), everything=True)
    outbound = "outbound" in [tag.lower() for tag in request.headers.items("Supported")]
    wishes = tuple(_read_wish(contact, expires, outbound) for contact in contacts)
    if len([wish for wish in wishes if wish.reg_id]) > 1:
        raise ParseError("Several Flows")  # RFC 5626 §6: a registration is of one flow, this one
    return Registration(wishes)


def _read_wish(text: str, expires: int, outbound: bool) -> Wish:
    address = NameAddr.parse(text)
    if address.uri.scheme not in ("sip", "sips") or not address.uri.host or address.uri.headers:
        raise ParseError("Bad Contact")
    seconds = _seconds(address.params.get("expires"), expires)
    instance = unquote(address.params.get("+sip.instance") or "")
    reg_id = address.params.get("reg-id") or ""
    if len(instance) > MAX_TEXT:
        raise ParseError("Bad Contact")
    if not outbound or not instance or not reg_id:
        return Wish(address.uri, seconds, instance)
    if not (reg_id.isascii() and reg_id.isdigit() and len(reg_id) <= 10 and 0 < int(reg_id) <= MAX_REG_ID):
        raise ParseError("Bad Contact")
    return Wish(address.uri, seconds, instance, int(reg_id))


def _seconds(text: str | None, otherwise: int) -> int:
    if text is None:
        return otherwise
    try:
        return parse_seconds(text.strip(" \t"))
    except ParseError:
        return DEFAULT_EXPIRES
