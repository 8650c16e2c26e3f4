"""Whatever credentials come, only those of one who knows the password are granted, for their own request, and once;
whatever challenge comes, its answer is read back the same and is not the password.

`%NONCE%` in an input stands for a nonce of ours, `%RESPONSE%` for the right digest of what is around it.
The first line of an input says how often the request has come before, and its method."""

from dataclasses import replace

from signaling.sip.headers.authentication import Challenge, Credentials, Usage, read_challenges, read_credentials
from signaling.sip.messages.message import Headers
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

REALM, URI = "acme", "sip:acme"
ANN = Account("ann", "correct horse")
SECRETS = make_secrets(ANN, REALM)
HERE, THERE = Visit("198.51.100.7", 1000.0), Visit("198.51.100.8", 1000.0)
_NONCE, _RESPONSE = b"%NONCE%", b"%RESPONSE%"

_HEAD = b'Digest username="ann", realm="acme", nonce="%NONCE%", uri="sip:acme", response="%RESPONSE%"'
SEEDS: list[bytes] = [
    b"REGISTER\n" + _HEAD,
    b'REGISTER\n' + _HEAD + b', algorithm=SHA-256, qop=auth, nc=00000001, cnonce="c", opaque=""',
    b"INVITE\n" + _HEAD + b", algorithm=MD5, qop=auth, nc=ffffffff, cnonce=c",
    b"INVITE\n" + _HEAD.replace(b"%NONCE%", b"f4240.1.00") + b", algorithm=sha-256",
    b"REGISTER\n" + _HEAD.replace(b"%RESPONSE%", b"00" * 32) + b", qop=auth-int, nc=00000001, cnonce=c",
    b'REGISTER\nDigest realm="acme", nonce="c,\\"d", qop="auth-int,auth", algorithm=SHA-256, stale=TRUE, opaque="x"',
    b"REGISTER\nDigest realm=acme, nonce=d, algorithm=MD5",
]  # fmt: skip


def one_input(data: bytes) -> None:
    method, _, text = data.partition(b"\n")
    subject = Subject(method.decode("latin-1"), URI)
    _serve(text, subject)
    _answer(text, subject)


def _serve(text: bytes, subject: Subject) -> None:
    challenger = Challenger(REALM, b"k" * 32, size=2)
    nonce = challenger.challenge(HERE)[0].nonce
    filled = text.replace(_NONCE, nonce.encode()).replace(_RESPONSE, b"00")
    credentials = read_credentials(_headers("Authorization", filled), "Authorization", REALM)
    if credentials is None:
        return
    knows = _RESPONSE in text and credentials.algorithm in ALGORITHMS
    if knows:
        right = compute_response(credentials, subject.method, SECRETS[credentials.algorithm])
        credentials = replace(credentials, response=right)
    assert challenger.verify(credentials, subject, None, HERE) is Verdict.WRONG
    assert challenger.verify(credentials, Subject(f"{subject.method}X", URI), SECRETS, HERE) is Verdict.WRONG
    assert challenger.verify(credentials, subject, SECRETS, THERE) is not Verdict.GRANTED
    verdict = challenger.verify(credentials, subject, SECRETS, HERE)
    if verdict is not Verdict.WRONG:
        assert knows and (credentials.realm, credentials.uri) == (REALM, URI)
    if verdict is Verdict.GRANTED:
        assert credentials.nonce == nonce
    assert challenger.verify(credentials, subject, SECRETS, HERE) is not Verdict.GRANTED


def _answer(text: bytes, subject: Subject) -> None:
    for challenge in read_challenges(_headers("WWW-Authenticate", text), "WWW-Authenticate"):
        assert Challenge.parse(str(challenge)) == challenge
        chosen = choose([challenge], challenge.realm)
        if chosen is None:
            continue
        credentials = answer(chosen, ANN, subject, Usage(1, "c"))
        written = str(credentials)
        assert ANN.password not in written
        assert Credentials.parse(written) == credentials


def _headers(name: str, value: bytes) -> Headers:
    text = value.decode("utf-8", "surrogateescape").replace("\r", "").replace("\n", "")
    return Headers([(name, text)])


if __name__ == "__main__":
    from tests.fuzz.atheris_main import main

    main(one_input, SEEDS)
