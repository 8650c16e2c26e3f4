"""What the load says is SIP, and it reads what our own stack says."""

from bench.sip.wire import Line, accept, read
from signaling.sip.flow import Flow
from signaling.sip.messages.envelope import Envelope
from signaling.sip.messages.message import Request, Response, parse_message
from signaling.sip.replies import Answer, make_response

LINE = Line("127.0.0.1", 7000, ("127.0.0.1", 5060), "+15550123", 9000)
FLOW = Flow("udp", ("127.0.0.1", 5060), ("127.0.0.1", 7000))


def parsed(data: bytes) -> Request:
    message = parse_message(data)
    assert isinstance(message, Request)
    Envelope.read(message)
    return message


def test_every_request_is_one_of_the_same_call() -> None:
    to, target = "<sip:+15550123@127.0.0.1>;tag=x", "sip:127.0.0.1:5060"
    messages = [LINE.invite("c1"), LINE.ack("c1", to, target), LINE.ack_refusal("c1", to), LINE.bye("c1", to, target)]
    requests = [parsed(data) for data in messages]
    assert [request.method for request in requests] == ["INVITE", "ACK", "ACK", "BYE"]
    assert {request.headers.get("Call-ID") for request in requests} == {"c1"}
    branches = [Envelope.read(request).via.branch for request in requests]
    assert branches[0] == branches[2] and len(set(branches)) == 3
    assert b"m=audio 9000 " in requests[0].body


def test_answers_are_read_with_what_the_next_request_needs() -> None:
    answer = Answer(200, headers=(("Contact", "<sip:127.0.0.1:5060;x=y>"),), body=b"v=0\r\nm=audio 20000 RTP/AVP 0\r\n")
    heard = read(bytes(make_response(parsed(LINE.invite("c2")), FLOW, answer, "tag")))
    assert heard is not None
    assert (heard.status, heard.method, heard.call) == (200, "INVITE", "c2")
    assert heard.to.endswith(";tag=tag") and heard.target == "sip:127.0.0.1:5060;x=y"
    assert heard.has_audio
    refusal = read(bytes(make_response(parsed(LINE.invite("c2")), FLOW, Answer(404), "tag")))
    assert refusal is not None and (refusal.status, refusal.has_audio) == (404, False)
    assert read(b"\r\n\r\n") is None


def test_a_request_of_the_server_is_accepted() -> None:
    bye = LINE.bye("c3", "<sip:x@x.test>;tag=x", "sip:127.0.0.1")
    assert read(bye) is not None
    answer = parse_message(accept(bye))
    assert isinstance(answer, Response) and answer.status == 200
    assert Envelope.read(answer).cseq.method == "BYE"
