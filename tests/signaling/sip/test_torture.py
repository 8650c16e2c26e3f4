"""The messages of RFC 4475 and RFC 5118 at an agent whose every source is a trunk: the exact answer to each."""

from pathlib import Path

import pytest

from signaling.sip.agent import UserAgent
from signaling.sip.config import SipConfig
from signaling.sip.flow import Flow

TORTURE = Path(__file__).parent / "torture"

EXPECTED: dict[str, int | None] = {
    "badaspec.dat": 400,
    "badbranch.dat": 200,
    "baddate.dat": 100,
    "baddn.dat": 400,
    "badinv01.dat": None,
    "badvers.dat": 505,
    "bcast.dat": None,
    "bext01.dat": 420,
    "bigcode.dat": None,
    "clerr.dat": 400,
    "cparam01.dat": 405,
    "cparam02.dat": 405,
    "dblreq.dat": 405,
    "esc01.dat": 100,
    "esc02.dat": 405,
    "escnull.dat": 405,
    "escruri.dat": 100,
    "insuf.dat": 400,
    "intmeth.dat": 405,
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
    "mismatch02.dat": 400,
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

FLOW = Flow("udp", ("192.0.2.1", 5060), ("192.0.2.9", 5060))


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
