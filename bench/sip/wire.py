"""The messages of a call as octets, made and read with as little as it takes: the load must cost less than it loads."""

import re
from dataclasses import dataclass

_STATUS = re.compile(rb"SIP/2\.0 ([1-6][0-9][0-9]) ")
_CALL_ID = re.compile(rb"\r\nCall-ID: *([^\r]+)\r\n")
_CSEQ = re.compile(rb"\r\nCSeq: *[0-9]+ ([A-Z]+)\r\n")
_TO = re.compile(rb"\r\nTo: *([^\r]+)\r\n")
_CONTACT = re.compile(rb"\r\nContact: *<([^>\r]+)>")
_COPIED = re.compile(rb"\r\n((?:Via|From|To|Call-ID|CSeq): *[^\r]+)")
_AUDIO = re.compile(rb"\r\nm=audio ([1-9][0-9]*) ")


@dataclass(frozen=True, slots=True)
class Line:
    """One caller's line: where he is reached, whom he calls, where his sound goes."""

    host: str
    port: int
    server: tuple[str, int]
    number: str
    media: int

    def invite(self, call: str) -> bytes:
        body = (
            f"v=0\r\no=- 1 1 IN IP4 {self.host}\r\ns=-\r\nc=IN IP4 {self.host}\r\nt=0 0\r\n"
            f"m=audio {self.media} RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n"
        )
        more = f"Contact: <sip:load@{self.host}:{self.port}>\r\nContent-Type: application/sdp\r\n"
        return self._request("INVITE", self._target, call, (1, f"<{self._target}>"), more, body)

    def ack(self, call: str, to: str, target: str) -> bytes:
        return self._request("ACK", target, call, (1, to))

    def ack_refusal(self, call: str, to: str) -> bytes:
        """Of the INVITE's own transaction (RFC 3261 §17.1.1.3)."""
        return self._request("ACK", self._target, call, (1, to), branch="INVITE")

    def bye(self, call: str, to: str, target: str) -> bytes:
        return self._request("BYE", target, call, (2, to))

    @property
    def _target(self) -> str:
        return f"sip:{self.number}@{self.server[0]}:{self.server[1]}"

    def _request(
        self,
        method: str,
        target: str,
        call: str,
        place: tuple[int, str],
        more: str = "",
        body: str = "",
        branch: str = "",
    ) -> bytes:
        return (
            f"{method} {target} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {self.host}:{self.port};branch=z9hG4bK{call}{branch or method};rport\r\n"
            f"From: <sip:+15550001@{self.host}>;tag={call}\r\nTo: {place[1]}\r\nCall-ID: {call}\r\n"
            f"CSeq: {place[0]} {method}\r\nMax-Forwards: 70\r\n{more}Content-Length: {len(body)}\r\n\r\n{body}"
        ).encode()


@dataclass(frozen=True, slots=True)
class Heard:
    """What came: an answer with its status, or a request (status 0)."""

    status: int
    method: str
    call: str
    to: str
    target: str
    """Of the Contact; empty without one."""
    has_audio: bool


def read(data: bytes) -> Heard | None:
    """None for what is no SIP message of a call."""
    call, cseq, to = _CALL_ID.search(data), _CSEQ.search(data), _TO.search(data)
    if call is None or cseq is None or to is None:
        return None
    status, contact = _STATUS.match(data), _CONTACT.search(data)
    return Heard(
        int(status.group(1)) if status else 0,
        cseq.group(1).decode(),
        call.group(1).decode(),
        to.group(1).decode(),
        contact.group(1).decode() if contact else "",
        _AUDIO.search(data) is not None,
    )


def accept(request: bytes) -> bytes:
    """200 to a request of the server, as BYE."""
    head = request.partition(b"\r\n\r\n")[0] + b"\r\n"
    return b"SIP/2.0 200 OK\r\n" + b"\r\n".join(_COPIED.findall(head)) + b"\r\nContent-Length: 0\r\n\r\n"
