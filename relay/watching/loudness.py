"""Whether a payload makes a sound at all. Cheap enough to ask of a packet now and then. Pure."""

import numpy as np

from relay.codecs import g711, l16, opus
from relay.formats import Codec
from relay.streams.malformed import Malformed

SILENT_PEAK = 16
"""-66 dBFS: below this lie digital silence and what codecs make of it, above it the noise of any open microphone."""


def is_sounding(codec: Codec, payload: bytes) -> bool:
    """Of G.722: always, so that nobody is called silent who is not."""
    if codec.name in ("CN", "telephone-event"):
        return False
    if (silent := _SILENT.get(codec.name)) is not None:
        return bool(payload.translate(None, silent))
    if codec.name == "G722":
        return True  # its decoder costs too much to ask, and its sub-bands tell nothing by themselves
    try:
        samples = l16.decode(payload) if codec.name == "L16" else _decoded(payload)
    except Malformed:
        return False
    return bool(len(samples)) and int(np.abs(samples.astype(np.int32)).max()) > SILENT_PEAK


def _decoded(payload: bytes) -> opus.Samples:
    # With another packet's past the decoder would tell of that one's sound.
    _DECODER.reset()
    return _DECODER.decode(payload)


_DECODER = opus.Decoder(8000)
_SILENT: dict[str, bytes] = {
    law: bytes(np.flatnonzero(np.abs(g711.decode(law, np.arange(256, dtype=np.uint8))) <= SILENT_PEAK).tolist())
    for law in g711.LAWS
}
"""The octets of G.711 that make no sound."""
