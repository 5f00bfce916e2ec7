"""Passwords: argon2id in a few threads at most, since one check takes 64 MiB of memory."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from stellwerk.kernel.errors import BadInput, Unavailable
from stellwerk.kernel.secret import Secret

MINIMUM = 12
MAXIMUM = 200
_WAIT_SECONDS = 5.0
_hasher = PasswordHasher()
_slots = threading.BoundedSemaphore(2)
# Checked for unknown names, so that the time of an answer does not tell which names exist.
_DUMMY = "$argon2id$v=19$m=65536,t=3,p=4$c3RlbGx3ZXJrLWR1bW15$5CnsaVKbEWKl6qxUvoVb5nMUZ8WlqZdJmVYOYkDH3Qk"


def check_password_form(password: Secret, name: str) -> None:
    """Raise BadInput for a password that is too short, too long, one repeated character or the name itself."""
    text = password.reveal()
    if not MINIMUM <= len(text) <= MAXIMUM:
        raise BadInput(f"A password has at least {MINIMUM} characters.", field="password",
                       allowed=f"{MINIMUM} to {MAXIMUM} characters", hint="Several words in a row are easy to keep.")
    if len(set(text)) < 5 or text.strip().lower() == name.lower():
        raise BadInput("This password is too easy to guess.", field="password",
                       hint="Several words in a row are easy to keep.")


@contextlib.contextmanager
def _slot() -> Iterator[None]:
    if not _slots.acquire(timeout=_WAIT_SECONDS):
        raise Unavailable("Too many people are signing in at this moment.", retry_after=2, hint="Try again.")
    try:
        yield
    finally:
        _slots.release()


def hash_password(password: Secret) -> str:
    """Return the argon2id hash of a password; takes about 0.1 s of a core and 64 MiB."""
    with _slot():
        return _hasher.hash(password.reveal())


def verify_password(password: Secret, stored: str | None) -> bool:
    """Tell whether a password has this hash; takes the same time when there is none."""
    with _slot():
        try:
            _hasher.verify(stored or _DUMMY, password.reveal())
        except (VerificationError, InvalidHashError):
            return False
    return stored is not None
