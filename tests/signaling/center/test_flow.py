import pytest

from signaling.center.flow import FlowError, parse_flow
from tests.signaling.center.floor_plan import action, document, support_flow


def test_a_good_flow_is_taken_as_it_is() -> None:
    flow = parse_flow(support_flow())
    assert flow.start == "hello"
    assert flow.actions["queue"].after_error("NoMatchingError") == "end"
    assert flow.actions["queue"].after_error("AnythingElse") == "end"
    assert flow.actions["record"].after_error("NoMatchingError") == ""


def test_unsupported_blocks_are_refused_by_name() -> None:
    content = document(action("a", "InvokeLambdaFunction", "b"), action("b", "ConnectParticipantWithLexBot", "a"))
    with pytest.raises(FlowError, match="unsupported blocks: ConnectParticipantWithLexBot, InvokeLambdaFunction"):
        parse_flow(content)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ({}, "not a contact flow"),
        ([], "not a contact flow"),
        ({**support_flow(), "Version": "2018-01-01"}, "Version must be"),
        ({**support_flow(), "StartAction": "nowhere"}, "StartAction: there is no action 'nowhere'"),
        (document(action("a", "MessageParticipant", "a")), "Text is needed"),
        (document(action("a", "MessageParticipant", "b", Text="x")), "there is no action 'b'"),
        (document(action("a", "DisconnectParticipant"), action("a", "DisconnectParticipant")), "same Identifier"),
        (document(action("a", "UpdateContactTargetQueue", "a")), "QueueId is needed"),
        (
            document(action("a", "UpdateContactRecordingBehavior", "a", RecordingBehavior={"RecordedParticipants": 1})),
            "RecordedParticipants",
        ),
        (document(action("a", "UpdateContactRecordingBehavior", "a", RecordingBehavior=[])), "RecordedParticipants"),
        (
            document(
                action("a", "UpdateContactRecordingBehavior", "a", RecordingBehavior={"RecordedParticipants": [[]]})
            ),
            "RecordedParticipants",
        ),
        (document(action("a", "UpdateContactAttributes", "a", Attributes={"x": 1})), "Attributes must map"),
        (document(action("a", "DisconnectParticipant", Extra=1)), "takes no Parameters"),
    ],
)
def test_what_is_wrong_is_said(content: object, complaint: str) -> None:
    with pytest.raises(FlowError, match=complaint):
        parse_flow(content)
