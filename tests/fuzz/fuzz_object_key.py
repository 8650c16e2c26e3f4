"""Whatever is asked for as an object's key, it is BadKey, or a place below the store's folder, like the keys that are
made of it."""

import os.path

from recorder.api import Party
from recorder.delivery.names import check_key, key_object_key, manifest_key, track_key
from recorder.errors import BadKey

SEEDS: list[bytes] = [
    b"connect/acme/CallRecordings/2026/11/23/0123_20261123T10:00_UTC.wav",
    b"../../etc/passwd", b"/etc/passwd", b"a/./b", b"a//b", b"a/..", b"a\\..\\b", b"a\0b", b"a.new", b"", b"a/",
    "connect/\u202e\u0130/\ud7ff.wav".encode(),
]  # fmt: skip
ROOT = "/store/objects"


def one_input(data: bytes) -> None:
    key = data.decode("utf-8", "surrogateescape")
    try:
        check_key(key)
    except BadKey:
        return
    for name in (key, manifest_key(key), key_object_key(key), track_key(key, Party(3, "other", "leg"))):
        place = os.path.join(ROOT, name)
        assert os.path.normpath(place) == place
        assert place.startswith(ROOT + "/")


if __name__ == "__main__":
    from tests.fuzz.atheris_main import main

    main(one_input, SEEDS)
