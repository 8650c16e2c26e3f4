import pytest

from signaling.sip.config import SipConfig
from signaling.sip.events import IncomingCall
from signaling.sip.headers.authentication import read_challenges
from signaling.sip.messages.message import Request, Response
from signaling.sip.registering.gatekeeper import Refused
from signaling.sip.registering.registrar import Changed
from tests.signaling.sip.phone import Office, Phone

ANN = "i-1/phones/ann"
OUTBOUND = {
    "Supported": "outbound",
    "Contact": '<sip:ann@198.51.100.7:40000>;reg-id=1;+sip.instance="<urn:uuid:1>"',
}


@pytest.fixture
def office() -> Office:
    return Office()


def test_a_phone_is_challenged_and_then_registered(office: Office) -> None:
    phone = Phone(office)
    challenge = phone.challenged()
    assert challenge.status == 401
    challenges = read_challenges(challenge.headers, "WWW-Authenticate")
    assert [(found.realm, found.algorithm) for found in challenges] == [("acme", "SHA-256"), ("acme", "MD5")]
    granted = phone.send(phone.signed(challenge))
    assert granted is not None and granted.status == 200
    assert granted.headers.get_all("Contact") == ["<sip:ann@198.51.100.7:40000>;expires=3600"]
    assert office.news() == [Changed(ANN, "198.51.100.7")]
    (binding,) = office.agent.registrar.bindings.of(ANN)
    assert binding.flow == phone.flow
    assert office.agent.knows(phone.flow) and office.agent.uses(phone.flow)


@pytest.mark.parametrize("algorithm", ["SHA-256", "MD5"])
def test_only_what_is_offered_may_be_answered(algorithm: str) -> None:
    office = Office(SipConfig(digests=(algorithm,)))
    phone = Phone(office)
    challenge = phone.challenged()
    assert [found.algorithm for found in read_challenges(challenge.headers, "WWW-Authenticate")] == [algorithm]
    assert phone.register().status == 200
    other = Phone(Office())
    strange = other.signed(other.challenged())
    if algorithm == "MD5":  # the other one has chosen SHA-256
        answers = office.send(strange, other.flow)
        assert [isinstance(answer, Response) and answer.status for answer in answers] == [401]


def test_a_registration_is_refreshed_and_runs_out(office: Office) -> None:
    phone = Phone(office)
    phone.register(Expires="60")
    office.news()
    office.wait(50)
    assert phone.register(Expires="60").status == 200
    assert office.news() == [Changed(ANN, "")]
    office.wait(59)
    assert office.contacts() == ["sip:ann@198.51.100.7:40000"]
    office.wait(2)
    assert office.contacts() == []
    assert office.news() == [Changed(ANN, "")]
    assert not office.agent.knows(phone.flow)


@pytest.mark.parametrize(("expires", "granted"), [("60", "60"), ("100000", "3600"), ("nonsense", "3600"), ("", "3600")])
def test_how_long_a_registration_may_be(office: Office, expires: str, granted: str) -> None:
    answer = Phone(office).register(Expires=expires)
    assert (answer.headers.get("Contact") or "").endswith(f";expires={granted}")


def test_a_short_one_is_refused_with_the_least_that_is_taken(office: Office) -> None:
    answer = Phone(office).register(Contact="<sip:ann@198.51.100.7:40000>;expires=59")
    assert (answer.status, answer.headers.get("Min-Expires")) == (423, "60")
    assert office.contacts() == []


def test_contacts_are_added_asked_for_and_removed(office: Office) -> None:
    phone = Phone(office)
    both = "<sip:ann@198.51.100.7:40000>, <sip:ann@198.51.100.7:40001;transport=tcp>;expires=600"
    assert len(phone.register(Contact=both).headers.get_all("Contact")) == 2
    office.news()
    assert len(phone.register(Contact="").headers.get_all("Contact")) == 2
    assert office.news() == []
    left = phone.register(Contact="<sip:ann@198.51.100.7:40000>;expires=0")
    assert left.headers.get_all("Contact") == ["<sip:ann@198.51.100.7:40001;transport=tcp>;expires=600"]
    gone = phone.register(Contact="*", Expires="0")
    assert (gone.status, gone.headers.get_all("Contact"), office.contacts()) == (200, [], [])


@pytest.mark.parametrize(
    ("contact", "expires"),
    [
        ("*", "60"),
        ("*", ""),
        ("*, <sip:ann@198.51.100.7>", "0"),
        ("<tel:+4930>", "60"),
        ("<sip:ann@198.51.100.7?Replaces=x>", "60"),
        ('<sip:ann@198.51.100.7>;reg-id=0;+sip.instance="<urn:uuid:1>"', "60"),
        (f'<sip:ann@198.51.100.7>;reg-id=1;+sip.instance="<urn:{"x" * 300}>"', "60"),
    ],
)
def test_what_makes_no_sense_changes_nothing(office: Office, contact: str, expires: str) -> None:
    phone = Phone(office)
    phone.register()
    answer = phone.register(Contact=contact, Expires=expires, Supported="outbound")
    assert answer.status == 400
    assert office.contacts() == ["sip:ann@198.51.100.7:40000"]


def test_an_older_request_changes_nothing(office: Office) -> None:
    phone = Phone(office)
    phone.number = 50
    phone.register()
    phone.number = 10
    assert phone.register(Expires="0").status == 400
    assert office.contacts() == ["sip:ann@198.51.100.7:40000"]
    phone.call_id = "after a restart"
    assert phone.register(Expires="0").status == 200
    assert office.contacts() == []


def test_a_repetition_is_answered_as_before_and_changes_nothing(office: Office) -> None:
    phone = Phone(office)
    request = phone.signed(phone.challenged())
    first, second = phone.send(request), phone.send(request)
    assert first == second
    assert len(office.news()) == 1


def test_of_many_contacts_the_newest_stay() -> None:
    office = Office(SipConfig(max_bindings=2))
    phone = Phone(office)
    for port in (1, 2, 3):
        office.wait(1)
        phone.register(Contact=f"<sip:ann@198.51.100.7:{port}>")
    assert office.contacts() == ["sip:ann@198.51.100.7:3", "sip:ann@198.51.100.7:2"]


def test_a_flow_takes_the_place_of_the_same_phones_older_one(office: Office) -> None:
    first = Phone(office, transport="tls", connection=1)
    answer = first.register(**OUTBOUND)
    assert answer.headers.get("Require") == "outbound"
    assert "reg-id=1" in (answer.headers.get("Contact") or "")
    office.wait(1)
    second = Phone(office, transport="tls", connection=2, port=40022, call_id="two")
    second.register(**OUTBOUND)
    (binding,) = office.agent.registrar.bindings.of(ANN)
    assert binding.flow.connection == 2
    assert not office.agent.uses(first.flow)


def test_a_registration_goes_with_its_connection(office: Office) -> None:
    phone, other = Phone(office, transport="wss", connection=7), Phone(office, user="bob")
    twin = Phone(office, transport="tls", connection=7, port=40001, call_id="twin")
    for one in (phone, other, twin):
        one.register()
    office.news()
    office.agent.flow_closed(phone.flow, office.now)
    assert office.contacts() == ["sip:ann@198.51.100.7:40001"]
    assert office.contacts("bob") != []
    assert office.news() == [Changed(ANN, "")]


def test_a_flow_through_somebody_else_is_no_flow(office: Office) -> None:
    answer = Phone(office).register(**OUTBOUND, Via="SIP/2.0/UDP a;branch=z9hG4bKx, SIP/2.0/UDP b;branch=z9hG4bKy")
    assert answer.status == 439


def test_nobody_registers_in_anothers_place(office: Office) -> None:
    phone = Phone(office)
    challenge = phone.challenged()
    answer = phone.send(phone.signed(challenge, To="<sip:bob@acme>"))
    assert answer is not None and answer.status == 403
    assert office.contacts() == office.contacts("bob") == []


def test_an_unknown_extension_is_refused(office: Office) -> None:
    answer = Phone(office).register(Require="outbound, teleport")
    assert (answer.status, answer.headers.get("Unsupported")) == (420, "teleport")


def test_known_and_unknown_accounts_get_the_same(office: Office) -> None:
    wrong = Phone(office, password="guess", host="198.51.100.8")
    nobody = Phone(office, user="eve", password="guess", host="198.51.100.9")
    for phone in (wrong, nobody):
        first, second = phone.challenged(), phone.ask()
        assert second is not None
        assert (first.status, second.status) == (401, 401)
        assert [name for name, _ in first.headers] == [name for name, _ in second.headers]
        assert second.headers.get("WWW-Authenticate") is not None
    told = office.news()
    assert [news.throttled for news in told if isinstance(news, Refused)] == [False, False]
    assert office.agent.registrar.counts == {"challenged": 6, "wrong": 2, "dropped": 4}
    assert "eve" not in repr(told)


def test_a_realm_that_is_not_ours_is_a_strangers(office: Office) -> None:
    phone = Phone(office, domain="elsewhere")
    answers = [phone.send(phone.request()) for _ in range(3)]
    assert [answer.status for answer in answers if answer is not None] == [403]


@pytest.mark.parametrize("user", ["ann", "eve"])
def test_who_guesses_too_often_is_not_listened_to_for_a_while(user: str) -> None:
    office = Office(SipConfig(guess_burst=3))
    guesser = Phone(office, user=user, password="guess")
    statuses = []
    for _ in range(5):
        answer = guesser.ask()
        assert answer is not None
        statuses.append(answer.status)
        office.wait(2)
    assert statuses == [401, 401, 401, 503, 503]
    told = [news.throttled for news in office.news() if isinstance(news, Refused)]
    assert told[:3] == [False] * 3
    assert len(told) > 3 and all(told[3:])
    office.wait(40)
    guesser.password = "correct horse"
    answer = guesser.ask()
    assert answer is not None
    assert answer.status == (200 if user == "ann" else 401)


def test_guesses_from_many_places_do_not_lock_the_phone_out_that_is_registered() -> None:
    office = Office(SipConfig(guess_burst=3))
    phone = Phone(office)
    phone.register()
    for number in range(8):
        Phone(office, password="guess", host=f"203.0.113.{number}").ask()
    assert Phone(office, host="203.0.113.99").register().status == 503
    for port in range(1, 6):
        Phone(office, user="eve", password="guess", port=port).ask()
    assert Phone(office, user="bob", port=6).register().status == 503
    assert phone.register().status == 200


def test_a_used_up_nonce_is_stale_and_no_guess(office: Office) -> None:
    phone = Phone(office)
    challenge = phone.challenged()
    phone.send(phone.signed(challenge))
    phone.count = 0
    stale = phone.send(phone.signed(challenge))
    assert stale is not None and stale.status == 401
    assert "stale=true" in (stale.headers.get("WWW-Authenticate") or "")
    assert not [news for news in office.news() if isinstance(news, Refused)]
    again = phone.send(phone.signed(stale))
    assert again is not None and again.status == 200


def test_challenges_are_not_for_the_asking() -> None:
    office = Office(SipConfig(challenge_burst=3, challenge_rate=1.0))
    phone, another = Phone(office), Phone(office, user="eve", port=40001)
    assert phone.register().status == 200
    answers = [another.send(another.request()) for _ in range(10)]
    assert [answer.status for answer in answers if answer is not None] == [401, 401, 401]
    office.wait(2)
    assert [phone.register().status for _ in range(6)] == [200] * 6


def test_a_source_that_has_shown_no_credentials_gets_one_answer_a_second_whatever_it_asks(office: Office) -> None:
    stranger, guesser = Phone(office), Phone(office, user="eve", password="guess", port=40001)
    elsewhere = Phone(office, domain="elsewhere", port=40002)
    challenge = guesser.challenged()
    for _ in range(5):
        requests = [guesser.signed(challenge), stranger.request(), elsewhere.request(), elsewhere.request("OPTIONS")]
        answers = [guesser.send(request) for request in requests]
        assert answers == [None] * 4
        office.wait(0.99)
        assert stranger.send(requests[1]) is None
        office.wait(0.01)
        assert stranger.send(requests[2]) is not None
    assert Phone(office, host="203.0.113.7").send(stranger.request()) is not None
    assert stranger.register().status == 200
    assert stranger.send(stranger.request()) is not None  # the office is known now


def test_an_office_is_nobodys_again_when_its_phones_have_been_away_for_long(office: Office) -> None:
    phone = Phone(office)
    phone.register(Expires="60")
    office.wait(office.agent._core.config.trust_seconds + 1)
    assert phone.send(phone.request()) is not None
    assert phone.send(phone.request()) is None


def test_a_wrong_password_that_is_repeated_on_the_way_is_one_guess(office: Office) -> None:
    guesser = Phone(office, password="guess")
    wrong = guesser.signed(guesser.challenged())
    for _ in range(4):
        office.wait(0.5)
        guesser.send(wrong)
    assert len([news for news in office.news() if isinstance(news, Refused)]) == 1


def test_the_first_phone_of_an_office_registers_at_once(office: Office) -> None:
    began, phones = office.now, [Phone(office, port=40000 + number, call_id=f"c{number}") for number in range(50)]
    for phone in phones:
        assert phone.register().status == 200
    assert office.now == began


def test_a_call_of_a_phone_is_challenged_too(office: Office) -> None:
    phone = Phone(office)
    phone.register()
    challenge = phone.challenged("INVITE")
    assert challenge.status == 407
    trying = phone.send(phone.signed(challenge, "INVITE"))
    assert trying is not None and trying.status == 100
    event = office.agent.next_event()
    assert isinstance(event, IncomingCall)
    assert (event.trunk, event.called) == (ANN, "100")


def test_a_call_before_the_registration_is_a_strangers(office: Office) -> None:
    phone = Phone(office)
    challenge = phone.challenged("INVITE")
    assert challenge.status == 403
    assert office.agent.next_event() is None


def test_what_else_a_phone_may_ask(office: Office) -> None:
    phone = Phone(office)
    phone.register()
    for method, status in (("OPTIONS", 200), ("SUBSCRIBE", 405), ("MESSAGE", 405), ("REFER", 403), ("BYE", 481)):
        answer = phone.send(phone.request(method))
        assert answer is not None and (method, answer.status) == (method, status)


def test_a_phone_that_is_registered_hears_what_is_wrong_with_its_request(office: Office) -> None:
    phone = Phone(office)
    assert phone.send(phone.request("OPTIONS", CSeq="x")) is None
    phone.register()
    answer = phone.send(phone.request("OPTIONS", CSeq="x"))
    assert answer is not None and answer.status == 400


def test_keep_alive_over_udp_is_answered_to_those_who_are_registered(office: Office) -> None:
    phone, stranger = Phone(office), Phone(office, host="198.51.100.66")
    phone.register()
    for sender, answers in ((phone, [b"\r\n"]), (stranger, [])):
        office.agent.receive(b"\r\n\r\n", sender.flow, office.now)
        assert [outgoing.data for outgoing in office.agent.take()] == answers


def test_a_restored_registration_holds_and_runs_out(office: Office) -> None:
    phone = Phone(office)
    phone.register(Expires="60")
    bindings = office.agent.registrar.bindings.of(ANN)
    heir = Office()
    heir.agent.registrar.restore(ANN, bindings, heir.now)
    assert heir.agent.knows(phone.flow)
    heir.wait(61)
    assert heir.contacts() == []


def test_a_flood_leaves_nothing_behind(office: Office) -> None:
    for number in range(3000):
        phone = Phone(office, user=f"u{number}", host=f"10.0.{number // 250}.{number % 250}", password="guess")
        phone.send(phone.signed(phone.challenged()))
    assert office.agent.transactions == 0
    assert len(office.agent.registrar.bindings) == 0
    assert len(office.news()) < 40


def test_malformed_registers_are_not_answered_to_strangers(office: Office) -> None:
    phone = Phone(office)
    request = phone.request()
    for broken in (
        Request("REGISTER", request.uri, request.headers.add(("CSeq", "9 REGISTER"))),
        Request("REGISTER", request.uri),
    ):
        assert office.send(broken, phone.flow) == []
    assert isinstance(phone.send(phone.request(Authorization="Digest nonsense")), Response)
