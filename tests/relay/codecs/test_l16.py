import numpy as np
import pytest

from relay.codecs import l16
from relay.streams.malformed import L16Error


def test_the_most_significant_octet_comes_first() -> None:
    assert l16.encode(np.array([0x1234, -2], np.int16)) == b"\x12\x34\xff\xfe"


def test_what_is_encoded_is_decoded() -> None:
    samples = np.arange(-32768, 32768, 7).astype(np.int16)
    assert np.array_equal(l16.decode(l16.encode(samples)), samples)


def test_half_a_sample_is_refused() -> None:
    with pytest.raises(L16Error):
        l16.decode(b"odd")
