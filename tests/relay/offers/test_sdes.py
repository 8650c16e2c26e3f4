import base64

import pytest

from relay.errors import BadSdp
from relay.offers.sdes import Crypto, usable
from relay.transport.srtp import SUITES

KEY = base64.b64encode(bytes(range(30))).decode()
LINE = f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}"


def test_key_and_suite_are_read() -> None:
    crypto = Crypto.parse(LINE)
    assert crypto is not None
    assert (crypto.tag, crypto.suite.name, crypto.key.reveal()) == (1, "AES_CM_128_HMAC_SHA1_80", bytes(range(30)))
    assert crypto.value() == LINE
    assert KEY not in repr(crypto)


@pytest.mark.parametrize("suffix", ["|2^20", "|1048576", "|2^31 WSH=64", " -KDR=3"])
def test_lifetime_and_hints_are_accepted(suffix: str) -> None:
    assert Crypto.parse(LINE + suffix) is not None


@pytest.mark.parametrize(
    "line",
    [
        LINE + "|2^20|1:4",
        LINE + "|1:4",
        LINE + f";inline:{KEY}|2^20|2:4",
        LINE + " UNENCRYPTED_SRTP",
        LINE + " KDR=1",
        LINE.replace("AES_CM_128_HMAC_SHA1_80", "F8_128_HMAC_SHA1_80"),
    ],
)
def test_what_we_have_not_is_no_error_and_not_usable(line: str) -> None:
    assert Crypto.parse(line) is None
    assert len(usable([line, LINE])) == 1


@pytest.mark.parametrize(
    "line",
    [
        "",
        "1",
        "x AES_CM_128_HMAC_SHA1_80 inline:" + KEY,
        "1 AES_CM_128_HMAC_SHA1_80 " + KEY,
        LINE[:-4],
        LINE + "AAAA",
        LINE[:-3],
    ],
)
def test_what_is_malformed_is_an_error(line: str) -> None:
    with pytest.raises(BadSdp):
        Crypto.parse(line)


@pytest.mark.parametrize("suite", SUITES.values(), ids=lambda suite: suite.name)
def test_generated_keys_have_the_suites_length_and_differ(suite: object) -> None:
    for known in SUITES.values():
        first, second = Crypto.generate(1, known), Crypto.generate(1, known)
        assert len(first.key.reveal()) == known.key_size
        assert first.key != second.key
        assert Crypto.parse(first.value()) == first
