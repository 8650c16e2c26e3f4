"""What every call of ours needs, whoever wants it: the permission to dial, a trunk that takes the number, and the
number to be shown."""

import msgspec

from signaling.center.decisions import PlaceCall
from signaling.center.floor import Floor
from signaling.center.resources import Queue
from signaling.center.routes import routes
from signaling.center.security import Action
from vault.pii import Pii


class NoRoute(ValueError):
    """No trunk takes the number."""


PERMISSION: Action = "OutboundCallAccess"


def routed(floor: Floor, call: PlaceCall, number: Pii[str], shown: Queue) -> PlaceCall:
    """The call with the ways to the number, showing what the queue shows. Raises NoRoute."""
    found = routes(floor.trunks, floor.numbers.keys(), number, shown.caller_number)
    if not found:
        raise NoRoute("no trunk takes that number")
    return msgspec.structs.replace(call, routes=tuple(found), caller_name=shown.caller_name)
