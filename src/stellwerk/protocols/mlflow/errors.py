"""Errors as MLflow clients read them: a code, a message, and the status that belongs to the code."""

from __future__ import annotations

from stellwerk.kernel.errors import (
    AlreadyExists,
    BadInput,
    Conflict,
    Forbidden,
    NotFound,
    NotOffered,
    StellwerkError,
    TooLarge,
    Unauthenticated,
    Unavailable,
)

# The most special class first.
_CODES: tuple[tuple[type[StellwerkError], str, int], ...] = (
    (AlreadyExists, "RESOURCE_ALREADY_EXISTS", 400),
    (BadInput, "INVALID_PARAMETER_VALUE", 400),
    (Conflict, "INVALID_PARAMETER_VALUE", 400),
    # Not 501: clients and proxies take statuses of that class for a fault of the server and try again.
    (NotOffered, "NOT_IMPLEMENTED", 404),
    (NotFound, "RESOURCE_DOES_NOT_EXIST", 404),
    (Unauthenticated, "UNAUTHENTICATED", 401),
    (Forbidden, "PERMISSION_DENIED", 403),
    (TooLarge, "REQUEST_LIMIT_EXCEEDED", 413),
    (Unavailable, "TEMPORARILY_UNAVAILABLE", 503),
)
# Messages repeat names and values that callers sent.
_LONGEST = 4000
_OTHER = {415: "BAD_REQUEST", 405: "BAD_REQUEST"}


def status_and_body(error: StellwerkError) -> tuple[int, dict[str, object]]:
    """Return status and JSON body of an error; the hint stands in the message, since clients show only that."""
    code, status = _OTHER.get(error.status, "INTERNAL_ERROR"), error.status
    for kind, named, answered in _CODES:
        if isinstance(error, kind):
            code, status = named, answered
            break
    message = error.message if error.hint is None else f"{error.message} {error.hint}"
    if len(message) > _LONGEST:
        message = message[:_LONGEST] + "…"
    return status, {"error_code": code, "message": message}


def endpoint_not_found(method: str, path: str) -> tuple[int, dict[str, object]]:
    """Return status and body for an address that the protocol does not have."""
    return 404, {"error_code": "ENDPOINT_NOT_FOUND", "message": f"There is no endpoint {method} {path[:200]}."}
