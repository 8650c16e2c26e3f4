import pytest

from signaling.sip.headers.authentication import Challenge, Credentials, Usage
from signaling.sip.registering.digest import (
    ALGORITHMS,
    Account,
    Challenger,
    Subject,
    Verdict,
    answer,
    choose,
    compute_response,
    make_secrets,
)
from signaling.sip.registering.nonces import Visit

MUFASA = Account("Mufasa", "Circle of Life")
PAGE = Subject("GET", "/dir/index.html")
NONCE = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
USAGE = Usage(1, "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ")

REALM = "phones.example"
ADA = Account("ada", "s3cret")
SECRETS = make_secrets(ADA, REALM)
REGISTER = Subject("REGISTER", "sip:phones.example")
HERE = Visit("192.0.2.1", 1000.0)


@pytest.fixture
def challenger() -> Challenger:
    return Challenger(REALM, bytes(32))


def give(challenger: Challenger, count: int = 1, account: Account = ADA, visit: Visit = HERE) -> Credentials:
    """What a client answers to the strongest challenge."""
    challenge = choose(challenger.challenge(visit), REALM)
    assert challenge is not None
    return answer(challenge, account, REGISTER, Usage(count, "c"))


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
    ],
)
def test_examples_of_rfc_7616(algorithm: str, response: str) -> None:
    challenge = Challenge("http-auth@example.org", NONCE, algorithm, ("auth", "auth-int"), "FQhe/qaU925kfnzjCev0ciny")
    credentials = answer(challenge, MUFASA, PAGE, USAGE)
    assert credentials.response == response
    assert Credentials.parse(str(credentials)) == credentials


def test_legacy_example_of_rfc_2069() -> None:
    challenge = Challenge("testrealm@host.com", "dcd98b7102dd2f0e8b11d0f600bfb0c093")
    credentials = answer(challenge, Account("Mufasa", "CircleOfLife"), PAGE, USAGE)
    assert credentials.response == "1949323746fe6a43ef61f9606e7febea"
    assert credentials.usage is None


def test_the_strongest_challenge_of_the_realm_is_chosen() -> None:
    weak, strong = Challenge("r", "1", "MD5"), Challenge("r", "2", "SHA-256", ("auth",))
    elsewhere, unknown = Challenge("x", "3", "SHA-256"), Challenge("r", "4", "SHA-512-256")
    others = [elsewhere, unknown, Challenge("r", "5", "MD5", ("auth-int",))]
    assert choose([weak, *others, strong], "r") == strong
    assert choose([*others, weak], "r") == weak
    assert choose(others, "r") is None


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_right_answer_is_granted(challenger: Challenger, algorithm: str) -> None:
    [challenge] = [found for found in challenger.challenge(HERE) if found.algorithm == algorithm]
    credentials = answer(challenge, ADA, REGISTER, Usage(1, "c"))
    assert challenger.verify(credentials, REGISTER, SECRETS, HERE) is Verdict.GRANTED


def test_what_is_wrong(challenger: Challenger) -> None:
    good = give(challenger)
    other = Subject("INVITE", REGISTER.uri), Subject("REGISTER", "sip:elsewhere.example")
    assert (
        challenger.verify(give(challenger, account=Account("ada", "guess")), REGISTER, SECRETS, HERE) is Verdict.WRONG
    )
    assert challenger.verify(good, other[0], SECRETS, HERE) is Verdict.WRONG
    assert challenger.verify(good, other[1], SECRETS, HERE) is Verdict.WRONG
    assert challenger.verify(good, REGISTER, None, HERE) is Verdict.WRONG
    assert challenger.verify(good, REGISTER, {}, HERE) is Verdict.WRONG
    assert Challenger("other", bytes(32)).verify(good, REGISTER, SECRETS, HERE) is Verdict.WRONG
    assert challenger.verify(good, REGISTER, SECRETS, HERE) is Verdict.GRANTED


def test_an_unknown_account_costs_the_same_work(challenger: Challenger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the time of the answer would tell who has an account."""
    good, work = give(challenger), list[str]()

    def counted(credentials: Credentials, method: str, secret: str) -> str:
        work.append(method)
        return compute_response(credentials, method, secret)

    monkeypatch.setattr("signaling.sip.registering.digest.compute_response", counted)
    for secrets in (SECRETS, None):
        challenger.verify(good, REGISTER, secrets, HERE)
    assert work == ["REGISTER", "REGISTER"]


def test_protection_that_was_not_offered_is_wrong(challenger: Challenger) -> None:
    [challenge, _] = challenger.challenge(HERE)
    bare = Credentials("ada", REALM, challenge.nonce, REGISTER.uri, "", "SHA-256", Usage(1, "c", "auth-int"))
    whole = Credentials(
        "ada", REALM, challenge.nonce, REGISTER.uri, compute_response(bare, "REGISTER", SECRETS["SHA-256"]),
        "SHA-256", bare.usage,
    )  # fmt: skip
    assert challenger.verify(whole, REGISTER, SECRETS, HERE) is Verdict.WRONG


def test_a_count_is_good_once(challenger: Challenger) -> None:
    first = give(challenger)
    challenge = Challenge(REALM, first.nonce, "SHA-256", ("auth",))
    later = answer(challenge, ADA, REGISTER, Usage(5, "c"))
    between = answer(challenge, ADA, REGISTER, Usage(4, "c"))
    seen = [challenger.verify(each, REGISTER, SECRETS, HERE) for each in (first, first, later, between, later)]
    assert seen == [Verdict.GRANTED, Verdict.STALE, Verdict.GRANTED, Verdict.STALE, Verdict.STALE]


def test_a_legacy_client_uses_each_nonce_once(challenger: Challenger) -> None:
    nonce = challenger.challenge(HERE)[1].nonce
    credentials = answer(Challenge(REALM, nonce), ADA, REGISTER, Usage(1, "c"))
    assert credentials.usage is None
    seen = [challenger.verify(credentials, REGISTER, SECRETS, HERE) for _ in range(2)]
    assert seen == [Verdict.GRANTED, Verdict.STALE]


@pytest.mark.parametrize(
    ("visit", "verdict"),
    [
        (Visit(HERE.source, HERE.now + 300), Verdict.GRANTED),
        (Visit(HERE.source, HERE.now + 300.1), Verdict.STALE),
        (Visit(HERE.source, HERE.now - 1), Verdict.STALE),
        (Visit("192.0.2.2", HERE.now), Verdict.STALE),
    ],
)
def test_a_nonce_is_good_for_a_time_and_a_source(challenger: Challenger, visit: Visit, verdict: Verdict) -> None:
    assert challenger.verify(give(challenger), REGISTER, SECRETS, visit) is verdict


def test_a_nonce_of_somebody_else_is_stale(challenger: Challenger) -> None:
    for nonce in ("x", "1.2.3", "..", "zz.1." + "0" * 32, "\udcff"):
        credentials = answer(Challenge(REALM, nonce, "SHA-256", ("auth",)), ADA, REGISTER, Usage(1, "c"))
        assert challenger.verify(credentials, REGISTER, SECRETS, HERE) is Verdict.STALE
    theirs = give(Challenger(REALM, b"x" * 32))
    assert challenger.verify(theirs, REGISTER, SECRETS, HERE) is Verdict.STALE


def test_the_strongest_is_offered_first_with_one_nonce(challenger: Challenger) -> None:
    first, second = challenger.challenge(HERE, stale=True)
    assert (first.algorithm, second.algorithm) == ALGORITHMS
    assert first.nonce == second.nonce != challenger.challenge(HERE)[0].nonce
    assert first.stale and first.qop == ("auth",)
