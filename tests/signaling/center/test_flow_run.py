from signaling.center.flow import parse_flow
from signaling.center.flow_run import Disconnect, Enqueue, Say, begin, resume
from tests.signaling.center.floor_plan import action, document, support_flow

QUEUES = {"queue-1"}


def test_a_flow_speaks_then_queues() -> None:
    run, instruction = begin(parse_flow(support_flow()), QUEUES)
    assert instruction == Say("Welcome.")
    run, instruction = resume(run, QUEUES)
    assert instruction == Enqueue("queue-1")
    assert run.recorded == {"Agent", "Customer"}


def test_a_failed_prompt_takes_the_error_branch() -> None:
    run, _ = begin(parse_flow(support_flow()), QUEUES)
    assert resume(run, QUEUES, "NoMatchingError")[1] == Disconnect()


def test_the_last_recording_block_wins_and_attributes_add_up() -> None:
    customer, agent = ({"RecordedParticipants": [name]} for name in ("Customer", "Agent"))
    flow = parse_flow(
        document(
            action("a", "UpdateContactRecordingBehavior", "b", RecordingBehavior=customer),
            action("b", "UpdateContactAttributes", "c", Attributes={"tier": "gold", "lang": "de"}),
            action("c", "UpdateContactAttributes", "d", Attributes={"lang": "en"}),
            action("d", "UpdateContactRecordingBehavior", "e", RecordingBehavior=agent),
            action("e", "DisconnectParticipant"),
        )
    )
    run, instruction = begin(flow, QUEUES)
    assert instruction == Disconnect()
    assert run.recorded == {"Agent"}
    assert run.attributes == {"tier": "gold", "lang": "en"}


def test_an_unknown_queue_takes_the_error_branch() -> None:
    assert resume(begin(parse_flow(support_flow()), set())[0], set())[1] == Disconnect()


def test_a_queue_may_be_named_by_its_arn() -> None:
    flow = parse_flow(
        document(
            action("a", "UpdateContactTargetQueue", "b", QueueId="arn:aws:connect:x:1:instance/i/queue/queue-1"),
            action("b", "TransferContactToQueue"),
        )
    )
    assert begin(flow, QUEUES)[1] == Enqueue("queue-1")


def test_a_transfer_without_a_queue_ends_the_contact() -> None:
    assert begin(parse_flow(document(action("a", "TransferContactToQueue"))), QUEUES)[1] == Disconnect()


def test_a_circle_ends() -> None:
    attributes = {"x": "y"}
    flow = parse_flow(document(action("a", "UpdateContactAttributes", "a", Attributes=attributes)))
    assert begin(flow, QUEUES)[1] == Disconnect()
