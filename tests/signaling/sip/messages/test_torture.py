"""The messages of RFC 4475 and RFC 5118 at an agent whose every source is a trunk: the exact answer to each."""

import hashlib
import json
from pathlib import Path

import pytest

from signaling.sip.agent import UserAgent
from signaling.sip.config import SipConfig
from signaling.sip.errors import FramingError
from signaling.sip.flow import Flow
from signaling.sip.messages.framing import StreamFramer

TORTURE = Path(__file__).parent / "torture"

EXPECTED: dict[str, int | None] = {
    "badaspec.dat": 400,
    "badbranch.dat": 200,
    "baddate.dat": 100,
    "baddn.dat": 400,
    "badinv01.dat": 400,
    "badvers.dat": 505,
    "bcast.dat": None,
    "bext01.dat": 420,
    "bigcode.dat": None,
    "clerr.dat": 400,
    "cparam01.dat": 405,
    "cparam02.dat": 405,
    "dblreq.dat": 405,
    "esc01.dat": 100,
    "esc02.dat": 501,
    "escnull.dat": 405,
    "escruri.dat": 100,
    "insuf.dat": 400,
    "intmeth.dat": 501,
    "inv2543.dat": 400,
    "invut.dat": 415,
    "ipv4-mapped-ipv6.dat": 100,
    "ipv6-bad.dat": 400,
    "ipv6-bug-abnf-3-colons.dat": 400,
    "ipv6-correct-abnf-2-colons.dat": 200,
    "ipv6-good.dat": 405,
    "ipv6-in-sdp.dat": 100,
    "longreq.dat": 100,
    "ltgtruri.dat": 400,
    "lwsdisp.dat": 200,
    "lwsruri.dat": 400,
    "lwsstart.dat": 400,
    "mcl01.dat": 400,
    "mismatch01.dat": 400,
    "mismatch02.dat": 501,
    "mpart01.dat": 405,
    "mult-ip-in-header.dat": 481,
    "mult-ip-in-sdp.dat": 100,
    "multi01.dat": 400,
    "ncl.dat": 400,
    "noreason.dat": None,
    "novelsc.dat": 416,
    "port-ambiguous.dat": 405,
    "port-unambiguous.dat": 405,
    "quotbal.dat": 400,
    "regaut01.dat": 405,
    "regbadct.dat": 400,
    "regescrt.dat": 405,
    "scalar02.dat": 400,
    "scalarlg.dat": None,
    "sdp01.dat": 406,
    "semiuri.dat": 200,
    "transports.dat": 200,
    "trws.dat": 400,
    "unkscm.dat": 416,
    "unksm2.dat": 405,
    "unreason.dat": None,
    "via-received-param-no-delim.dat": 200,
    "via-received-param-with-delim.dat": 481,
    "wsinv.dat": 481,
    "zeromf.dat": 200,
}
"""None: nothing is sent."""

INDEX = {
    entry["file"]: entry
    for index in sorted(TORTURE.glob("index-*.json"))
    for entry in json.loads(index.read_text())["messages"]
}
FLOW = Flow("udp", ("192.0.2.1", 5060), ("192.0.2.9", 5060))
TCP = Flow("tcp", ("192.0.2.1", 5060), ("192.0.2.9", 40000), 3)


def send(name: str) -> tuple[UserAgent, list[bytes]]:
    agent = UserAgent(SipConfig(), lambda flow: "carrier")
    agent.receive((TORTURE / name).read_bytes(), FLOW, 1.0)
    return agent, [outgoing.data for outgoing in agent.take()]


def test_every_message_has_an_expectation() -> None:
    assert {path.name for path in TORTURE.glob("*.dat")} == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_answer(name: str) -> None:
    agent, sent = send(name)
    expected = EXPECTED[name]
    assert [int(data.split()[1]) for data in sent] == ([] if expected is None else [expected])
    assert (agent.next_event() is not None) == (expected == 100)
    assert agent.counters.faults == 0


def test_every_answer_is_one_that_the_rfc_allows() -> None:
    """By the indexes beside the messages: written from the sections of the RFCs, not from what we do."""
    for name, entry in INDEX.items():
        expected = EXPECTED[name]
        outcome = "drop" if expected is None else expected
        allowed = {outcome, f"{str(outcome)[0]}xx"} & set(entry["allow"])
        assert allowed, name
        assert not {str(outcome), f"{str(outcome)[0]}xx"} & set(entry["must_not"]), name


def test_the_messages_are_whole() -> None:
    for name, entry in INDEX.items():
        data = (TORTURE / name).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (entry["bytes"], entry["sha256"])


def framed(name: str) -> tuple[list[bytes], FramingError | None, StreamFramer]:
    """What a stream gives of the message."""
    framer, found = StreamFramer(), list[bytes]()
    try:
        for message in framer.feed((TORTURE / name).read_bytes()):
            found.append(message)
    except FramingError as error:
        return found, error, framer
    return found, None, framer


def test_two_requests_in_a_stream_are_both_answered() -> None:
    found, _, _ = framed("dblreq.dat")  # what is left over is the INVITE's, whose length is too short
    assert [message.lstrip()[:8] for message in found] == [b"REGISTER", b"INVITE s"]


def test_length_beyond_what_came_is_waited_for_in_a_stream() -> None:
    found, error, framer = framed("clerr.dat")
    assert (found, error, framer.is_within) == ([], None, True)


@pytest.mark.parametrize("name", ["ncl.dat", "mcl01.dat"])
def test_length_that_cannot_be_trusted_is_400_in_a_stream(name: str) -> None:
    found, error, _ = framed(name)
    assert found == [] and error is not None
    agent = UserAgent(SipConfig(), lambda flow: "carrier")
    agent.refuse_stream(error, TCP)
    (answer,) = agent.take()
    assert answer.data.startswith(b"SIP/2.0 400 ") and answer.flow == TCP


def test_answer_without_a_readable_via_goes_to_where_it_came_from() -> None:
    agent, _ = send("badinv01.dat")
    assert agent.counters.malformed == 1
    agent.receive((TORTURE / "badinv01.dat").read_bytes(), FLOW, 1.0)
    (outgoing,) = agent.take()
    assert outgoing.flow == FLOW and b"\r\nVia: SIP/2.0/UDP 192.0.2.15;;,;,,\r\n" in outgoing.data


def test_escaped_header_of_a_uri_never_becomes_a_header() -> None:
    for name in ("escruri.dat", "regescrt.dat"):
        _, (answer,) = send(name)
        assert b"\r\nRoute:" not in answer


def test_every_via_is_echoed_in_order() -> None:
    _, (answer,) = send("transports.dat")
    vias = [line for line in answer.split(b"\r\n") if line.startswith(b"Via:")]
    assert [via.split()[1].split(b"/")[2] for via in vias] == [b"UDP", b"SCTP", b"TLS", b"UNKNOWN", b"TCP"]


def test_unsupported_extensions_are_named() -> None:
    _, (answer,) = send("bext01.dat")
    unsupported = [line for line in answer.split(b"\r\n") if line.startswith(b"Unsupported:")]
    assert unsupported == [b"Unsupported: nothingSupportsThis", b"Unsupported: nothingSupportsThisEither"]


def test_answer_goes_to_the_port_of_via() -> None:
    agent = UserAgent(SipConfig(), lambda flow: "carrier")
    agent.receive((TORTURE / "quotbal.dat").read_bytes(), FLOW, 1.0)
    (outgoing,) = agent.take()
    assert outgoing.flow.remote == ("192.0.2.9", 5050)
