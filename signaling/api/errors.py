"""The API's errors: one tree, each with its HTTP status and Amazon Connect's name for it."""

from aiohttp import web


class ApiError(Exception):
    """Answered as {"__type", "message"}."""

    status = 500
    type = "InternalServiceException"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class InvalidRequest(ApiError):
    status, type = 400, "InvalidRequestException"


class InvalidParameter(ApiError):
    status, type = 400, "InvalidParameterException"


class TooSlow(ApiError):
    status, type = 408, "InvalidRequestException"


class NotSignedIn(ApiError):
    status, type = 401, "UnauthorizedException"


class AccessDenied(ApiError):
    status, type = 403, "AccessDeniedException"


class DestinationNotAllowed(ApiError):
    status, type = 403, "DestinationNotAllowedException"


class NotFound(ApiError):
    status, type = 404, "ResourceNotFoundException"


class Conflict(ApiError):
    status, type = 409, "ResourceConflictException"


class RangeNotSatisfiable(ApiError):
    status, type = 416, "InvalidRequestException"

    def __init__(self, total: int) -> None:
        super().__init__("the range begins after the end")
        self.total = total


class Throttled(ApiError):
    status, type = 429, "ThrottlingException"

    def __init__(self, seconds: float) -> None:
        super().__init__("Too many tries. Wait a little and try again.")
        self.seconds = seconds


class Unavailable(ApiError):
    status, type = 503, "ServiceUnavailableException"


_TYPES = {
    400: InvalidRequest.type,
    404: NotFound.type,
    405: "InvalidRequestException",
    413: "RequestTooLargeException",
    415: "InvalidRequestException",
}


def answer(error: ApiError) -> web.Response:
    """The error as Connect would send it."""
    response = _response(error.status, error.type, error.message)
    if isinstance(error, RangeNotSatisfiable):
        response.headers["Content-Range"] = f"bytes */{error.total}"
    if isinstance(error, Throttled):
        response.headers["Retry-After"] = str(max(1, round(error.seconds)))
    return response


def answer_http(error: web.HTTPException) -> web.Response:
    """What aiohttp itself refuses, in the same shape."""
    response = _response(error.status, _TYPES.get(error.status, ApiError.type), error.reason)
    if allowed := error.headers.get("Allow"):
        response.headers["Allow"] = allowed
    return response


def _response(status: int, type: str, message: str) -> web.Response:
    body = {"__type": type, "message": message}
    return web.json_response(body, status=status, headers={"x-amzn-ErrorType": type})
