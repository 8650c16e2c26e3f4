"""Any text is one request of the protocol or raises BadMessage; what is answered to it obeys the schema's error."""

import json

from signaling.softphone.errors import BadMessage, Code
from signaling.softphone.protocol import METHODS
from signaling.softphone.rpc import failure, parse

SEEDS: list[bytes] = [
    b'{"jsonrpc": "2.0", "id": 1, "method": "session.open", "params": {"token": "abc"}}',
    b'{"jsonrpc":"2.0","id":"a","method":"session.open","params":{"resume":{"session":"s","secret":"x","seq":17}}}',
    b'{"jsonrpc": "2.0", "id": 2, "method": "contact.accept", "params": {"contactId": "c", "sdp": "v=0\\r\\n"}}',
    b'{"jsonrpc": "2.0", "id": 3, "method": "contact.mute", "params": {"contactId": "c", "on": true}}',
    b'[{"jsonrpc": "2.0", "method": "contact.clear"}]',
    b'{"jsonrpc": "2.0", "id": null, "method": "agent.setStatus", "params": {"status": "\\ud83d\\ude00"}}',
    b"[" * 4096,
]


def one_input(data: bytes) -> None:
    message = data.decode("utf-8", "replace")
    try:
        call = parse(message)
    except BadMessage as error:
        answer = json.loads(failure(error.id, error))
        assert answer["error"]["code"] in set(Code)
        assert answer["id"] == error.id
    else:
        assert isinstance(call.request, tuple(METHODS.values()))


if __name__ == "__main__":
    from tests.fuzz.atheris_main import main

    main(one_input, SEEDS)
