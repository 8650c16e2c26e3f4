"""JSON-RPC 2.0 as the standard has it, and every message of the protocol by its schema."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import ValidationError

from signaling.softphone.errors import BadMessage, Code, RpcError
from signaling.softphone.protocol import (
    METHODS,
    AcceptContact,
    AgentChanged,
    Answer,
    ClearContact,
    ContactChanged,
    ContactRemoved,
    DialContact,
    Done,
    DropParticipant,
    HangUpContact,
    HoldContact,
    MuteContact,
    OpenSession,
    RejectContact,
    RenewMedia,
    Request,
    Resume,
    ResumeRecording,
    SecurePause,
    SendDigits,
    SessionClosed,
    SessionOpened,
    SetEndpoint,
    SetStatus,
    Snapshot,
    StopRecording,
    SuspendRecording,
    TransferContact,
)
from signaling.softphone.rpc import failure, notification, parse, result
from tests.signaling.softphone.schema import check
from tests.support.desk import AGENT, CONTACT
from vault.pii import Pii

REQUESTS: list[tuple[str, dict[str, Any], OpenSession | Request]] = [
    ("session.open", {"token": "t"}, OpenSession(token=Pii("t"))),
    (
        "session.open",
        {"resume": {"session": "s", "secret": "x", "seq": 17}},
        OpenSession(resume=Resume("s", Pii("x"), 17)),
    ),
    ("session.open", {"resume": {"session": "s", "secret": "x"}}, OpenSession(resume=Resume("s", Pii("x")))),
    ("agent.setStatus", {"status": "Lunch"}, SetStatus("Lunch")),
    ("agent.setEndpoint", {"endpoint": "phone"}, SetEndpoint("phone")),
    ("contact.accept", {"contactId": "c", "sdp": "v=0"}, AcceptContact("c", "v=0")),
    ("contact.reject", {"contactId": "c"}, RejectContact("c")),
    ("media.renew", {"contactId": "c", "sdp": "v=0"}, RenewMedia("c", "v=0")),
    ("contact.mute", {"contactId": "c", "on": True}, MuteContact("c", True)),
    ("contact.hold", {"contactId": "c", "on": False}, HoldContact("c", False)),
    ("contact.hold", {"contactId": "c", "on": True, "participantId": "d"}, HoldContact("c", True, "d")),
    ("contact.transfer", {"contactId": "c", "quickConnectId": "q"}, TransferContact("c", "q")),
    ("contact.transfer", {"contactId": "c", "number": "+4930"}, TransferContact("c", None, Pii("+4930"))),
    ("contact.drop", {"contactId": "c", "participantId": "d"}, DropParticipant("c", "d")),
    ("contact.sendDigits", {"contactId": "c", "digits": "1#"}, SendDigits("c", Pii("1#"))),
    ("contact.hangup", {"contactId": "c"}, HangUpContact("c")),
    ("contact.clear", {"contactId": "c", "unknown": 1}, ClearContact("c")),
    ("contact.dial", {"number": "+4930"}, DialContact(Pii("+4930"))),
    ("recording.suspend", {"contactId": "c"}, SuspendRecording("c")),
    ("recording.resume", {"contactId": "c"}, ResumeRecording("c")),
    ("recording.stop", {"contactId": "c"}, StopRecording("c")),
    ("recording.securePause", {"contactId": "c", "on": True, "digits": 16}, SecurePause("c", True, 16)),
]


@pytest.mark.parametrize(("method", "params", "request_"), REQUESTS)
def test_every_request_is_read(method: str, params: dict[str, Any], request_: Request) -> None:
    message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    check("fromClient", message)
    call = parse(json.dumps(message))
    assert (call.id, call.request) == (1, request_)


def test_no_method_is_left_out_above() -> None:
    assert {method for method, _, _ in REQUESTS} == set(METHODS)


@pytest.mark.parametrize("id", [0, -5, "a", None])
def test_ids_are_kept_as_they_are(id: int | str | None) -> None:
    message = json.dumps({"jsonrpc": "2.0", "id": id, "method": "contact.clear", "params": {"contactId": "c"}})
    assert parse(message).id == id


def test_without_id_it_is_a_notification() -> None:
    call = parse('{"jsonrpc": "2.0", "method": "contact.clear", "params": {"contactId": "c"}}')
    assert call.id is msgspec.UNSET


@pytest.mark.parametrize(
    ("message", "code", "id"),
    [
        ("", -32700, None),
        ("nonsense", -32700, None),
        ('{"jsonrpc": "2.0", "id": 1, "method": "contact.clear"', -32700, None),
        ('{"jsonrpc": "2.0", "id": 1, "method": 5, "params": ', -32700, None),
        ('{"jsonrpc": "2.0", "id": NaN, "method": "x"}', -32700, None),
        ("[" * 65536, -32700, None),
        ('{"jsonrpc": "2.0", "id": 1, "method": "contact.clear", "params": ' + '{"a":' * 10000, -32700, None),
        ("[]", -32600, None),
        ("1", -32600, None),
        ("null", -32600, None),
        ('{"id": 1, "method": "contact.clear"}', -32600, 1),
        ('{"jsonrpc": "1.0", "id": "a", "method": "contact.clear"}', -32600, "a"),
        ('{"jsonrpc": "2.0", "id": 1.5, "method": "contact.clear"}', -32600, None),
        ('{"jsonrpc": "2.0", "id": true, "method": "contact.clear"}', -32600, None),
        ('{"jsonrpc": "2.0", "id": {}, "method": "contact.clear"}', -32600, None),
        ('{"jsonrpc": "2.0", "id": 1, "result": {}}', -32600, 1),
        ('{"jsonrpc": "2.0", "id": "%s", "method": "contact.clear"}' % ("x" * 65), -32600, None),
        ('{"jsonrpc": "2.0", "id": 1, "method": ""}', -32601, 1),
        ('{"jsonrpc": "2.0", "id": 1, "method": "Contact.Clear"}', -32601, 1),
        ('{"jsonrpc": "2.0", "id": 1, "method": "contact.clear"}', -32602, 1),
        ('{"jsonrpc": "2.0", "id": 1, "method": "contact.clear", "params": ["c"]}', -32602, 1),
        ('{"jsonrpc": "2.0", "id": 1, "method": "contact.clear", "params": null}', -32602, 1),
        ('{"jsonrpc": "2.0", "id": 1, "method": "contact.clear", "params": {"contactId": ""}}', -32602, 1),
        ('{"jsonrpc": "2.0", "id": 1, "method": "contact.mute", "params": {"contactId": "c", "on": 1}}', -32602, 1),
        ('{"jsonrpc": "2.0", "id": 1, "method": "session.open", "params": {"token": 5}}', -32602, 1),
        ('{"jsonrpc": "2.0", "id": 1, "method": "session.open", "params": {"token": ""}}', -32602, 1),
    ],
)
def test_a_bad_message_has_the_error_of_the_standard(message: str, code: int, id: int | str | None) -> None:
    with pytest.raises(BadMessage) as caught:
        parse(message)
    assert (caught.value.code, caught.value.id) == (code, id)
    check("fromServer", json.loads(failure(caught.value.id, caught.value)))


@given(st.text())
def test_text_is_read_or_refused(message: str) -> None:
    with pytest.raises(BadMessage):
        parse(message)


def test_an_error_never_repeats_a_secret() -> None:
    with pytest.raises(BadMessage) as caught:
        parse('{"jsonrpc": "2.0", "id": 1, "method": "session.open", "params": {"token": {"a": "hush"}}}')
    assert "hush" not in caught.value.message


@pytest.mark.parametrize(
    "value",
    [
        Done(),
        Answer("v=0"),
        SessionOpened("s", Pii("x"), 0, False, 1.5, Snapshot(AGENT, (CONTACT,))),
        SessionOpened("s", Pii("x"), 17, True, 1.5),
    ],
)
def test_results_are_as_the_schema_says(value: Done | Answer | SessionOpened) -> None:
    message = json.loads(result(7, value))
    check("fromServer", message)
    assert message["id"] == 7


@pytest.mark.parametrize(
    "value", [AgentChanged(AGENT), ContactChanged(CONTACT), ContactRemoved("c-1"), SessionClosed("draining")]
)
def test_notifications_are_as_the_schema_says(
    value: AgentChanged | ContactChanged | ContactRemoved | SessionClosed,
) -> None:
    message = json.loads(notification(value, 3))
    check("fromServer", message)
    assert message["params"]["seq"] == 3


def test_a_contact_on_the_wire_has_its_number_and_in_print_has_not() -> None:
    assert json.loads(notification(ContactChanged(CONTACT), 1))["params"]["contact"]["customer"] == "+4930555001"
    assert "4930555001" not in repr(CONTACT)


def test_a_refusal_keeps_its_data() -> None:
    message = json.loads(failure(1, RpcError(Code.WRONG_STATE, "No.", {"state": "ENDED"})))
    assert message["error"] == {"code": 4409, "message": "No.", "data": {"state": "ENDED"}}


def test_the_schema_is_strict() -> None:
    with pytest.raises(ValidationError):
        check("fromClient", {"jsonrpc": "2.0", "id": 1, "method": "media.renew", "params": {"contactId": "c"}})
    with pytest.raises(ValidationError):
        check("fromServer", {"jsonrpc": "2.0", "method": "contact.removed", "params": {"contactId": "c"}})
