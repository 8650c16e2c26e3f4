"""Which messages belong to which contact, and what is kept of it."""

from signaling.center.resources import Tenant
from signaling.sip.flow import Flow
from signaling.sip.tracing.redaction import ShownMessage
from signaling.sip_server.sip_history import MAX_UNCLAIMED, UNCLAIMED_SECONDS, SipHistory
from tests.signaling.center.floor_plan import TENANT

FLOW = Flow("udp", ("192.0.2.1", 5060), ("192.0.2.9", 5070))


class Scene:
    def __init__(self) -> None:
        self.now = 100.0
        self.call_ids: dict[str, str] = {}
        self.owners: dict[str, tuple[Tenant, str]] = {}
        self.kept: list[tuple[str, list[str]]] = []
        self.followed: list[tuple[str, str]] = []
        self.history = SipHistory(lambda: self.now, self.call_ids.get, self.owners.get, self._keep)

    def _keep(self, tenant: Tenant, contact: str, messages: list[ShownMessage]) -> None:
        assert tenant == TENANT
        self.kept.append((contact, methods(messages)))

    def follow(self) -> None:
        self.history.follow = lambda contact, message: self.followed.append((contact, message.start.split(" ")[0]))

    def passes(self, method: str, call_id: str) -> None:
        self.now += 1
        data = f"{method} sip:x@h SIP/2.0\r\nCall-ID: {call_id}\r\nCSeq: 1 {method}\r\n\r\n".encode()
        self.history.on_message(data, FLOW, False)

    def begin(self, call: str, contact: str = "") -> None:
        self.passes("INVITE", f"id-{call}")
        self.call_ids[call] = f"id-{call}"
        if contact:
            self.owners[call] = TENANT, contact
        self.history.on_calls_changed({call})

    def end(self, call: str) -> None:
        self.passes("BYE", f"id-{call}")
        del self.call_ids[call]
        self.history.on_calls_changed({call})


def methods(messages: list[ShownMessage]) -> list[str]:
    return [message.start.split(" ")[0] for message in messages]


def test_a_contacts_messages_are_shown_while_it_goes_on_and_kept_when_it_is_over() -> None:
    scene = Scene()
    scene.begin("a", "c-1")
    assert methods(scene.history.of(TENANT, "c-1")) == ["INVITE"]
    assert scene.history.of(Tenant("2", "other", "x"), "c-1") == []
    assert scene.history.contacts() == [(TENANT, "c-1")]
    scene.end("a")
    assert scene.kept == [("c-1", ["INVITE", "BYE"])]
    assert (scene.history.contacts(), scene.history.of(TENANT, "c-1")) == ([], [])


def test_the_calls_of_one_contact_are_one_history_in_the_order_of_time() -> None:
    scene = Scene()
    scene.begin("a", "c-1")
    scene.begin("b", "c-1")
    scene.passes("INFO", "id-a")
    scene.end("b")
    assert scene.kept == []
    scene.end("a")
    assert scene.kept == [("c-1", ["INVITE", "INVITE", "INFO", "BYE", "BYE"])]


def test_a_call_that_became_no_contact_leaves_nothing() -> None:
    scene = Scene()
    scene.begin("a")
    scene.end("a")
    scene.history.close()
    assert scene.kept == [] and len(scene.history._trace) == 0


def test_a_call_that_gets_its_contact_later_brings_what_came_before() -> None:
    scene = Scene()
    scene.begin("a")
    scene.owners["a"] = TENANT, "c-1"
    scene.history.on_calls_changed({"a"})
    assert methods(scene.history.of(TENANT, "c-1")) == ["INVITE"]


def test_a_call_that_was_taken_over_is_shown_from_then_on() -> None:
    scene = Scene()
    scene.call_ids["a"], scene.owners["a"] = "id-a", (TENANT, "c-1")
    scene.history.on_calls_changed({"a"})
    assert scene.history.contacts() == [(TENANT, "c-1")]
    scene.end("a")
    assert scene.kept == [("c-1", ["BYE"])]


def test_what_goes_on_at_the_end_is_kept_then() -> None:
    scene = Scene()
    scene.begin("a", "c-1")
    scene.history.close()
    assert scene.kept == [("c-1", ["INVITE"])]


def test_a_follower_is_told_each_message_of_a_call() -> None:
    scene = Scene()
    scene.begin("a", "c-1")
    scene.follow()
    scene.begin("b", "c-2")
    scene.passes("OPTIONS", "no call")
    scene.end("a")
    assert scene.followed == [("", "INVITE"), ("c-1", "BYE")]


def test_calls_that_nobody_ever_knew_of_leave_nothing_and_push_nobody_out() -> None:
    scene = Scene()
    scene.begin("a", "c-1")
    for number in range(5 * MAX_UNCLAIMED):
        scene.now -= 0.999  # a thousand a second
        scene.passes("INVITE", f"refused-{number}")
    assert scene.history.calls <= MAX_UNCLAIMED + 1
    assert methods(scene.history.of(TENANT, "c-1")) == ["INVITE"]
    scene.now += UNCLAIMED_SECONDS
    scene.passes("INVITE", "refused")
    assert scene.history.calls == 2
    scene.end("a")
    assert scene.kept == [("c-1", ["INVITE", "BYE"])]


def test_what_comes_late_for_a_call_that_is_over_takes_nothing_from_its_contact() -> None:
    scene = Scene()
    scene.begin("a", "c-1")
    scene.begin("b", "c-1")
    scene.end("a")
    scene.passes("BYE", "id-a")
    scene.now += 2 * UNCLAIMED_SECONDS
    scene.passes("INVITE", "refused")
    scene.end("b")
    assert scene.kept == [("c-1", ["INVITE", "INVITE", "BYE", "BYE", "BYE"])]
