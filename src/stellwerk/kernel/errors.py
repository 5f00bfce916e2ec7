"""The one family of errors that users meet: each names what was found, what is allowed and the way out."""

from __future__ import annotations

from typing import Any


class StellwerkError(Exception):
    """An error whose text is meant for the person who caused or must mend it.

    ``field`` names what is wrong, ``value`` what was found there, ``allowed`` what may stand there,
    ``hint`` the way out. ``details`` holds further machine-readable facts.
    """

    code = "internal_error"
    status = 500

    def __init__(
        self,
        message: str,
        *,
        field: str | None = None,
        value: Any = None,
        allowed: Any = None,
        hint: str | None = None,
        details: Any = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.value = value
        self.allowed = allowed
        self.hint = hint
        self.details = details

    def body(self) -> dict[str, Any]:
        """Return the JSON body that every interface answers with; absent parts are left out."""
        parts: dict[str, Any] = {"error_code": self.code, "message": self.message}
        for name in ("field", "value", "allowed", "hint", "details"):
            content = getattr(self, name)
            if content is not None:
                parts[name] = content
        return parts


class BadInput(StellwerkError):
    """What was sent does not have the form or content that is allowed."""

    code = "invalid_parameter"
    status = 400


class Unauthenticated(StellwerkError):
    """No valid token or session came with the request."""

    code = "unauthenticated"
    status = 401


class Forbidden(StellwerkError):
    """The caller is known but may not do this."""

    code = "forbidden"
    status = 403


class NotFound(StellwerkError):
    """Nothing of that name exists in what the caller may see."""

    code = "not_found"
    status = 404


class Conflict(StellwerkError):
    """The state of the thing does not admit this change."""

    code = "conflict"
    status = 409


class AlreadyExists(Conflict):
    """Something of that name exists already."""

    code = "already_exists"


class NotOffered(NotFound):
    """The protocol knows this call, and this installation does not offer it."""

    code = "not_offered"


class TooLarge(StellwerkError):
    """More was sent than the limit admits."""

    code = "too_large"
    status = 413


class Unavailable(StellwerkError):
    """The request could not be served now and nothing was changed; ``retry_after`` is in seconds."""

    code = "unavailable"
    status = 503

    def __init__(self, message: str, *, retry_after: int = 1, **parts: Any) -> None:
        super().__init__(message, **parts)
        self.retry_after = retry_after
