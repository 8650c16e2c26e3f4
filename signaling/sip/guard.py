"""What is refused before it costs anything: requests that we cannot serve."""

from signaling.sip.errors import ParseError
from signaling.sip.exchanges.transactions import Arrival
from signaling.sip.headers.media_type import MediaType
from signaling.sip.messages.bodies import SDP, read_contents
from signaling.sip.messages.envelope import request_uri
from signaling.sip.messages.message import KNOWN_METHODS, Request
from signaling.sip.replies import ALLOW, EXTENSIONS, METHODS, Answer

OFFERING = ("INVITE", "ACK", "PRACK", "UPDATE")
"""Requests whose body is an offer or an answer."""


def check_request(request: Request) -> Answer | None:
    """The refusal that RFC 3261 §8.2 has for a request, in its order; None if it can be served."""
    if request.method not in METHODS:
        return Answer(405 if request.method in KNOWN_METHODS else 501, "", (ALLOW,))
    try:
        request_uri(request)
    except ParseError as error:
        return Answer(error.status, error.phrase)
    unknown = [tag for tag in request.headers.items("Require") if tag.lower() not in EXTENSIONS]
    if unknown and request.method not in ("ACK", "CANCEL"):
        return Answer(420, "", tuple(("Unsupported", tag) for tag in unknown))
    return _check_content(request)


def check_invite(arrival: Arrival) -> Answer | None:
    """What only a new call must have."""
    request = arrival.request
    if arrival.envelope.contact is None:
        return Answer(400, "Missing Contact")
    if request.headers.get("Max-Forwards") in ("0", "00", "000"):
        # We are a back-to-back user agent: a call that may go no further is not put through (RFC 7332).
        return Answer(483)
    try:
        accepted = [MediaType.parse(kind) for kind in request.headers.items("Accept")]
    except ParseError as error:
        return Answer(error.status, error.phrase)
    if accepted and not any(kind.admits(SDP) for kind in accepted):
        return Answer(406)
    return None


def _check_content(request: Request) -> Answer | None:
    if request.method in OFFERING:
        try:
            unknown = read_contents(request).unknown
        except ParseError as error:
            return Answer(error.status, error.phrase)
        if unknown:
            return Answer(415, "", (("Accept", SDP), ("Accept", "multipart/mixed")))
    if request.body and (request.headers.get("Content-Encoding") or "identity").lower() != "identity":
        return Answer(415, "", (("Accept-Encoding", "identity"),))
    return None
