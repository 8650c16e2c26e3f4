"""Whatever a store gives back for a key object or the head of an object, it parses to what encodes alike, or Damaged is
raised."""

from recorder.errors import Damaged
from recorder.keeping import envelope, key_object
from recorder.keeping.keys import Owner
from vault.pii import Pii

_OWNER = Owner("account", "instance", "contact", "0" * 32)
_FIRST = envelope.MAGICS[1] + (len(_HEAD := (
    b'{"content":"sound","account":"a","instance":"i","contact":"c","recording":"r","key_id":"k",'
    b'"wrapped":"AAAA","salt":"' + b"A" * 44 + b'"}'
))).to_bytes(4) + _HEAD  # fmt: skip
SEEDS: list[bytes] = [
    key_object.encode(_OWNER, bytes(range(60)), "0102030405060708"),
    envelope.begin("sound", _OWNER, envelope.Keyed(Pii(bytes(32)), "connect/a.wav"))[0],
    _FIRST,
]


def one_input(data: bytes) -> None:
    try:
        found = key_object.parse(data)
        assert key_object.parse(key_object.encode(found.owner(), found.wrapped, found.key_id)) == found
    except Damaged:
        pass
    try:
        header, length = envelope.parse_head(data)
        assert length <= min(len(data), envelope.HEAD)
        assert bool(header.wrapped) != bool(header.sound)
    except Damaged:
        pass


if __name__ == "__main__":
    from tests.fuzz.atheris_main import main

    main(one_input, SEEDS)
