"""Any text is one value of a header family, that is written and read back the same, or raises ParseError.

The first line of an input names the header, the second is its value."""

from collections.abc import Callable

from signaling.sip.calls.transfers import read_target
from signaling.sip.errors import ParseError
from signaling.sip.headers import CSeq, NameAddr, RAck, Via
from signaling.sip.headers.authentication import Challenge, Credentials
from signaling.sip.headers.expiry import SessionExpires, parse_min_se, parse_retry_after, parse_seconds
from signaling.sip.headers.identity import read_identity
from signaling.sip.headers.media_type import Disposition, MediaType
from signaling.sip.headers.reason import Reason
from signaling.sip.headers.replaces import Replaces
from signaling.sip.headers.sequence import parse_rseq
from signaling.sip.messages.grammar import Params, split_list
from signaling.sip.messages.message import Headers, Request
from signaling.sip.messages.uri import Uri
from signaling.sip.reaching.targets import Target

VALUES: dict[str, Callable[[str], object]] = {
    "From": NameAddr.parse,
    "Via": Via.parse,
    "CSeq": CSeq.parse,
    "RAck": RAck.parse,
    "Session-Expires": SessionExpires.parse,
    "Reason": Reason.parse,
    "Replaces": Replaces.parse,
    "Content-Type": MediaType.parse,
    "Content-Disposition": Disposition.parse,
    "WWW-Authenticate": Challenge.parse,
    "Authorization": Credentials.parse,
    "uri": Uri.parse,
}
"""Each prints itself."""
READ_ONLY: dict[str, Callable[[str], object]] = {
    "RSeq": parse_rseq,
    "Min-SE": parse_min_se,
    "Expires": parse_seconds,
    "Retry-After": parse_retry_after,
    "list": split_list,
    "params": Params.parse,
    "target": Target.parse,
    "Refer-To": lambda text: read_target(Request("REFER", "sip:h", Headers([("Refer-To", text)]))),
}
IDENTITY = ("P-Asserted-Identity", "Diversion", "History-Info", "Privacy")

SEEDS: list[bytes] = [
    b'From\n"Ada \\"L\\", x" <sip:a:b@c.test:5060;lr?x=y>;tag=1',
    b"Via\nSIP / 2.0 / udp [::1] : 5062 ;branch=z9hG4bKa; rport",
    b"CSeq\n0009 INVITE",
    b"RAck\n1 2 INVITE",
    b"Session-Expires\n1800;refresher=uac;x=y",
    b'Reason\nQ.850;cause=16;text="a;b"',
    b"Replaces\na@b;to-tag=1;from-tag=2;early-only",
    b'Content-Type\nmultipart/mixed;boundary="a b"',
    b"Content-Disposition\nsession;handling=optional",
    b'WWW-Authenticate\nDigest realm="a \\"b\\"", nonce="c,d", qop="auth,x", algorithm=SHA-256, stale=TRUE, opaque=""',
    b'Authorization\nDigest username="a",realm="b",nonce="c",uri="d",response="0f",qop=auth,nc=0000001f,cnonce="e"',
    b"uri\nsips:a%20b@[2001:db8::1]:5061;transport=tcp?Route=%3Csip%3Ax%3E",
    b"uri\ntel:+1-201-555-0123;phone-context=x",
    b"Min-SE\n90;x",
    b"Retry-After\n18 (in a moment);duration=60",
    b"Expires\n3600",
    b"RSeq\n4711",
    b'list\n"a,b", <c,d>;e, f',
    b"target\n[2001:db8::1]:5061;transport=TLS",
    b"Refer-To\n<sip:x@y?Replaces=i%3Bto-tag%3Dz%3Bfrom-tag%3Dx&a=b>",
    b"P-Asserted-Identity\n<tel:+1>, sip:a@b",
    b"Diversion\n<tel:+1>;reason=busy",
    b"History-Info\n<sip:a@b?Reason=SIP%3Bcause%3D302>;index=1.1",
    b"Privacy\nid;user",
]


def one_input(data: bytes) -> None:
    first, _, rest = data.partition(b"\n")
    name, text = first.decode("latin-1"), rest.decode("utf-8", "surrogateescape").replace("\r", "").replace("\n", "")
    if name in IDENTITY:
        identity = read_identity(Headers([(name, text)]))
        assert all(char.isprintable() for char in identity.number + identity.diverted_from)
        return
    try:
        if name in READ_ONLY:
            READ_ONLY[name](text)
        elif name in VALUES:
            value = VALUES[name](text)
            assert VALUES[name](str(value)) == value
    except ParseError as error:
        assert 400 <= error.status <= 599


if __name__ == "__main__":
    from tests.fuzz.atheris_main import main

    main(one_input, SEEDS)
