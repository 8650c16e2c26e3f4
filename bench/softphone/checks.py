"""The checks of a full ICE agent that has one candidate to check, nominated at once (RFC 8445 §7, §8.1.1). Pure."""

import secrets
import struct

from aioice import stun

from bench.softphone.description import Ice

PRIORITY = 0x6EFFFFFF
FIRST_INTERVAL = 0.05
CONSENT_INTERVAL = 4.0
"""RFC 7675 §5.1: five seconds, less something."""


class Checks:
    """`due(now)` gives the next check to send; `receive` says whether a datagram answered one."""

    def __init__(self, ours: Ice, theirs: Ice) -> None:
        self._username = f"{theirs.ufrag}:{ours.ufrag}"
        self._key = theirs.password.reveal().encode()
        self._tie_breaker = secrets.randbits(63)
        self._sent: dict[bytes, None] = {}
        self._next = 0.0
        self._interval = FIRST_INTERVAL
        self.passed = False

    def due(self, now: float) -> bytes | None:
        if now < self._next:
            return None
        self._interval = CONSENT_INTERVAL if self.passed else min(1.0, self._interval * 2)
        self._next = now + self._interval
        return self._make()

    def receive(self, data: bytes) -> bool:
        """Whether this was the answer to a check, the first of which makes `passed` true."""
        try:
            message = stun.parse_message(data)
            genuine = message.check_message_integrity(self._key)
        except (ValueError, struct.error, IndexError):
            return False
        known = genuine and message.transaction_id in self._sent and message.message_class is stun.Class.RESPONSE
        self.passed = self.passed or known
        return known

    def _make(self) -> bytes:
        message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
        message.attributes["USERNAME"] = self._username
        message.attributes["PRIORITY"] = PRIORITY
        message.attributes["ICE-CONTROLLING"] = self._tie_breaker
        message.attributes["USE-CANDIDATE"] = None
        message.add_message_integrity(self._key)
        self._sent[message.transaction_id] = None
        while len(self._sent) > 64:
            del self._sent[next(iter(self._sent))]
        return bytes(message)
