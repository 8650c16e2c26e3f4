"""The shell of `admin`: the socket in the data directory, which only its owner may open."""

from pathlib import Path
from typing import Any

import msgspec

from ipc.server import Server
from signaling.commands import admin
from signaling.sip.tracing.redaction import ShownMessage
from signaling.sip_server.sip_history import SipHistory


class AdminSocket:
    def __init__(self, history: SipHistory) -> None:
        self._history = history
        self._server = Server(admin.Commands, self._handle, self._clients_changed)

    async def start(self, path: Path) -> None:
        """Raises OSError."""
        await self._server.start(path)

    async def close(self) -> None:
        await self._server.close()

    async def _handle(self, command: Any) -> msgspec.Struct:
        owners = self._history.contacts()
        if isinstance(command, admin.GetSipCalls):
            return admin.SipCalls(tuple(contact for _, contact in owners))
        found = [self._history.of(*owner) for owner in owners if owner[1] == command.contact]
        return admin.SipMessages(tuple(message for messages in found for message in messages))

    def _clients_changed(self, clients: int) -> None:
        """Messages are redacted for followers only while there is somebody who could be one."""
        self._history.follow = self._tell if clients else None

    def _tell(self, contact: str, message: ShownMessage) -> None:
        self._server.publish(admin.SipMessageSeen(contact, message))
