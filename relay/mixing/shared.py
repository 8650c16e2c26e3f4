"""What is made once in a tick for all who hear it: the packets of Opus, and the frames of G.711. Pure."""

from collections import defaultdict
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from relay.codecs import g711
from relay.mixing.hearing import Mixes
from relay.mixing.sending import OpusSender, Packet
from relay.party import Party, Room
from relay.passing.outbound import Heard
from relay.passing.waiting import FRAME

Faults = list[tuple[str, Exception]]
"""(leg, error)"""


def encode_shared(
    mixes: Mapping[int, Mixes],
    mixed: Mapping[int, npt.NDArray[np.int16]],
    mixed_for: Mapping[Party, int],
    faults: Faults,
) -> dict[OpusSender, list[Packet]]:
    """What each sender of Opus makes of this tick, for all legs that it is shared by. `faults` is told of those whose
    sender cannot."""
    encoded: dict[OpusSender, list[Packet]] = {}
    by_room: dict[Room, list[tuple[Party, OpusSender, int | None]]] = defaultdict(list)
    for leg in mixed_for:
        if isinstance(leg.sender, OpusSender):
            by_room[leg.room].append((leg, leg.sender, mixes[leg.sender.rate].of_listener(leg.row)))
    for room, hearings in by_room.items():
        for sender, number in room.sharing.arrange(hearings).items():
            try:
                encoded[sender] = sender.send_silence() if number is None else sender.send(mixed[sender.rate][number])
            except Exception as error:  # one leg's fault must not silence the worker
                faults += [(leg.name, error) for leg, _, _ in hearings if leg.sender is sender]
    return encoded


def heard_by_all(mixes: Mixes, mixed: npt.NDArray[np.int16]) -> Heard:
    """The mixes of 8 kHz in each law of G.711."""
    if not len(mixed):
        return Heard(_SILENCE, mixes.of_row)
    octets = np.empty((len(g711.LAWS), len(mixed) + 1, FRAME), np.uint8)
    for number, law in enumerate(g711.LAWS):
        octets[number, :-1] = g711.encode(law, mixed)
    octets[:, -1:] = _SILENCE
    return Heard(octets, mixes.of_row)


_SILENCE = np.repeat(np.array([g711.SILENCE[law] for law in g711.LAWS], np.uint8), FRAME).reshape(-1, 1, FRAME)
