"""Answers to requests (RFC 3261 §8.2.6)."""

from dataclasses import dataclass

from signaling.sip.errors import ParseError, ValueRefused
from signaling.sip.flow import Flow
from signaling.sip.headers import NameAddr, Via
from signaling.sip.messages.bodies import SDP
from signaling.sip.messages.grammar import Params, refuse_breaks
from signaling.sip.messages.message import Headers, Request, Response
from signaling.sip.messages.uri import Uri, format_host

METHODS = ("INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "UPDATE", "PRACK", "INFO", "REFER", "NOTIFY")
"""That we serve."""
EXTENSIONS = ("100rel", "timer", "replaces", "norefersub")
"""Option tags that we support."""
ALLOW = ("Allow", ", ".join(METHODS))
SUPPORTED = ("Supported", ", ".join(EXTENSIONS))

PHRASES = {
    100: "Trying", 180: "Ringing", 183: "Session Progress", 200: "OK", 202: "Accepted", 302: "Moved Temporarily",
    400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
    406: "Not Acceptable", 407: "Proxy Authentication Required", 408: "Request Timeout", 410: "Gone",
    415: "Unsupported Media Type", 416: "Unsupported URI Scheme", 420: "Bad Extension",
    422: "Session Interval Too Small", 423: "Interval Too Brief", 439: "First Hop Lacks Outbound Support",
    469: "Bad Info Package",
    480: "Temporarily Unavailable", 481: "Call/Transaction Does Not Exist", 482: "Loop Detected", 483: "Too Many Hops",
    484: "Address Incomplete", 486: "Busy Here", 487: "Request Terminated", 488: "Not Acceptable Here",
    489: "Bad Event", 491: "Request Pending", 500: "Server Internal Error", 501: "Not Implemented",
    503: "Service Unavailable", 504: "Server Time-out", 505: "Version Not Supported", 513: "Message Too Large",
    600: "Busy Everywhere", 603: "Decline",
}  # fmt: skip

_URI_TRANSPORTS = {"wss": "ws"}
"""RFC 7118 §4.2: in a URI both kinds of WebSocket are `ws`."""

Fields = tuple[tuple[str, str], ...]
RETRY = (("Retry-After", "10"),)


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said; `make_response` adds what must be copied."""

    status: int
    reason: str = ""
    """Empty: the usual phrase."""
    headers: Fields = ()
    body: bytes = b""


def make_response(request: Request, flow: Flow, answer: Answer, tag: str | None) -> Response:
    """With a tag, To gets it if it has none."""
    reason = answer.reason or PHRASES.get(answer.status, "Unknown")
    fields = [("Via", via) for via in _vias(request, flow)]
    if 100 < answer.status < 300:
        fields += [("Record-Route", value) for value in request.headers.get_all("Record-Route")]
    fields += [
        (name, value) for name in ("From", "To", "Call-ID", "CSeq") for value in request.headers.get_all(name)[:1]
    ]
    if answer.status == 100:
        fields += [("Timestamp", value) for value in request.headers.get_all("Timestamp")]
    if tag is not None:
        fields = [(name, with_tag(value, tag) if name == "To" else value) for name, value in fields]
    return Response(answer.status, reason, Headers((*fields, *answer.headers)), answer.body)


def refusal(status: int, reason: str) -> Answer:
    """Raises ValueRefused for what is not a refusal."""
    if not 300 <= status <= 699:
        raise ValueRefused("not a final status that refuses")
    # §21.5.4: what we lack for now (workers, room on them, the node itself that drains) may be there soon.
    return Answer(status, refuse_breaks(reason), RETRY if status == 503 else ())


def top_via(request: Request) -> Via | None:
    """None if it cannot be read."""
    try:
        return Via.parse(request.headers.items("Via")[0])
    except (ParseError, IndexError):
        return None


def _vias(request: Request, flow: Flow) -> list[str]:
    """As they came, the topmost with where it came from, if it can be read."""
    top = top_via(request)
    if top is None:
        return request.headers.get_all("Via")
    return [str(top.stamp(flow.remote)), *request.headers.items("Via")[1:]]


def with_tag(value: str, tag: str) -> str:
    """A To value as it came, with our tag if it has none; one that cannot be read is left alone."""
    try:
        return value if NameAddr.parse(value).tag is not None else f"{value};tag={tag}"
    except ValueError:
        return value


def with_sdp(answer: Answer, sdp: str | None) -> Answer:
    if sdp is None:
        return answer
    return Answer(answer.status, answer.reason, (*answer.headers, ("Content-Type", SDP)), sdp.encode())


def make_contact(flow: Flow, secure: bool = False) -> str:
    """Where the peer of this flow reaches us; `secure`: the call is for a SIPS URI, so ours is one too (§12.1.1)."""
    transport = _URI_TRANSPORTS.get(flow.transport, flow.transport)
    params = Params() if flow.transport == "udp" or secure else Params((("transport", transport),))
    return str(NameAddr(Uri("sips" if secure else "sip", "", format_host(flow.local[0]), flow.local[1], params)))
