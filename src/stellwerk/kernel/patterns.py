"""Patterns that people write and callers' text is held against: matched in linear time, whatever the text."""

from __future__ import annotations

from typing import Any, Protocol

LIMITS = "it is matched in linear time, so nothing in it may look around or back"


class Pattern(Protocol):
    """A compiled pattern."""

    def fullmatch(self, text: str) -> Any:
        """Return something true when the whole text matches."""


def compile_pattern(pattern: str) -> Pattern:
    """Return a pattern compiled by RE2; raises ValueError for what is none, looks around or back, or is too large."""
    import re2

    options = re2.Options()
    options.log_errors = False
    try:
        compiled: Pattern = re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0] if error.args else error
        words = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        raise ValueError(f"{words}; {LIMITS}") from None
    return compiled
