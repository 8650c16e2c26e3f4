"""Phones on connections whose source has no turn left: they are answered all the same, when it has."""

from signaling.sip.messages.message import Response, parse_message
from signaling.sip.registering.gatekeeper import Refused
from signaling.sip.registering.waiting import MAX_WAITING
from tests.signaling.sip.phone import Office, Phone


def phones_of(office: Office, count: int, password: str = "correct horse") -> list[Phone]:
    return [
        Phone(office, password=password, transport="tls", port=40000 + number, connection=number, call_id=f"c{number}")
        for number in range(1, count + 1)
    ]


def answers(office: Office) -> dict[int, Response]:
    """By connection."""
    found = {}
    for outgoing in office.agent.take():
        message = parse_message(outgoing.data)
        assert isinstance(message, Response)
        found[outgoing.flow.connection] = message
    return found


def pass_on(office: Office, phone: Phone, challenge: Response | None = None) -> dict[int, Response]:
    request = phone.request() if challenge is None else phone.signed(challenge)
    office.agent.receive(bytes(request), phone.flow, office.now)
    return answers(office)


def wait(office: Office, seconds: float) -> dict[int, Response]:
    """What is answered in that time, the last of it for each."""
    found: dict[int, Response] = {}
    end = office.now + seconds
    while (at := office.agent.get_timer()) is not None and at <= end:
        office.agent.handle_timer(at)
        found |= answers(office)
    office.now = end
    return found


def test_an_office_that_comes_back_all_at_once_is_registered_at_once() -> None:
    office = Office()
    phones = phones_of(office, 64)
    asked = [pass_on(office, phone) for phone in phones]
    assert [list(found) for found in asked] == [[1], *([[]] * 63)]
    challenged, registered = dict(asked[0]), set()
    while challenged:
        number, challenge = challenged.popitem()
        for connection, answer in pass_on(office, phones[number - 1], challenge).items():
            if answer.status == 200:
                registered.add(connection)
            else:
                challenged[connection] = answer
    assert registered == set(range(1, 65))
    assert office.agent.registrar.counts == {"challenged": 64, "admitted": 64}
    assert wait(office, 60) == {}


def test_strangers_on_connections_are_answered_one_a_second_in_their_order() -> None:
    office = Office()
    for phone in phones_of(office, 4):
        pass_on(office, phone)
    assert wait(office, 0.99) == {}
    assert [list(wait(office, 1.0)) for _ in range(4)] == [[2], [3], [4], []]


def test_a_wrong_password_is_told_and_is_one_guess() -> None:
    office = Office()
    (phone,) = phones_of(office, 1, "guess")
    challenge = pass_on(office, phone)[1]
    assert pass_on(office, phone, challenge) == {}
    assert wait(office, 1.5)[1].status == 401
    assert [news.throttled for news in office.news() if isinstance(news, Refused)] == [False]


def test_a_connection_that_is_closed_is_not_waited_for() -> None:
    office = Office()
    phones = phones_of(office, 3)
    for phone in phones:
        pass_on(office, phone)
    office.agent.flow_closed(phones[1].flow, office.now)
    assert list(wait(office, 1.5)) == [3]
    office.agent.flow_closed(phones[2].flow, office.now)
    assert (wait(office, 5.0), office.agent.get_timer()) == ({}, None)


def test_what_waits_is_one_answer_a_connection_and_no_more_than_there_is_room_for() -> None:
    office = Office()
    for number in range(MAX_WAITING + 20):
        phone = Phone(office, transport="tls", host=f"198.51.{number // 250}.{number % 250}", connection=number + 1)
        for _ in range(3):
            pass_on(office, phone)
    assert office.agent.registrar.counts == {"challenged": 3 * MAX_WAITING + 20, "dropped": 2 * 20}
