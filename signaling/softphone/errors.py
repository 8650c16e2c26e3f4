"""What goes wrong between a softphone and the server.

RpcError            answered to the client, with a code of JSON-RPC 2.0 §5.1 or one of ours
└── BadMessage      a message that is no request of this protocol; knows the id to answer, if there was one
"""

from enum import IntEnum
from typing import Any


class Code(IntEnum):
    """The `code` of an error. Ours are 4000 plus the HTTP or SIP status that says the same."""

    PARSE_ERROR = -32700
    INVALID_REQUEST = -32600
    METHOD_NOT_FOUND = -32601
    INVALID_PARAMS = -32602
    INTERNAL_ERROR = -32603
    NOT_SIGNED_IN = 4401
    FORBIDDEN = 4403
    NOT_FOUND = 4404
    WRONG_STATE = 4409
    MEDIA_UNUSABLE = 4488
    UNAVAILABLE = 4503


class RpcError(Exception):
    """Refuses one request. `message` is a sentence for people without personal data; `data` is for programs."""

    def __init__(self, code: int, message: str, data: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = int(code)
        self.message = message
        self.data = data


class BadMessage(RpcError):
    """Raised by `protocol.parse` alone. `id` is the request's, None where it could not be read (JSON-RPC 2.0 §5)."""

    def __init__(self, code: int, message: str, id: int | str | None = None) -> None:
        super().__init__(code, message)
        self.id = id
