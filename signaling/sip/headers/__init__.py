"""The header values that are more than text, a file a family: frozen values that parse and print themselves."""

from signaling.sip.headers.address import NameAddr
from signaling.sip.headers.sequence import MAX_CSEQ, CSeq, RAck, parse_rseq
from signaling.sip.headers.via import COOKIE, Via, make_via

__all__ = ["COOKIE", "MAX_CSEQ", "CSeq", "NameAddr", "RAck", "Via", "make_via", "parse_rseq"]
