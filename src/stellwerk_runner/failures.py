"""Failures as the person who wrote the function needs them: a kind, one sentence, own frames, the way out.

Kinds: ``user_raised`` ``bad_entry`` ``bad_return`` ``not_convertible`` ``uses_other_columns`` ``bad_data``
``out_of_memory`` ``environment`` ``bad_task``.
"""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any

_LONGEST = 4000


class TaskError(Exception):
    """A failure that the runner found itself; ``hint`` is the way out, ``details`` are facts for machines."""

    def __init__(self, kind: str, message: str, *, hint: str = "", details: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.hint = hint
        self.details = details or {}


class UserError(Exception):
    """An exception from a function of the service; ``where`` is the function's name, the cause the exception."""

    def __init__(self, where: str) -> None:
        super().__init__(where)
        self.where = where


def own_frames(error: BaseException, bundle: Path) -> str:
    """Return the traceback of an error with only the frames of files in the bundle, their paths relative to it."""
    lines = []
    if isinstance(error, SyntaxError) and error.filename and _inside(error.filename, bundle):
        place = f'  File "{_short(error.filename, bundle)}", line {error.lineno}\n'
        lines.append(place + f"    {(error.text or '').strip()}\n")
    for frame in traceback.extract_tb(error.__traceback__):
        if _inside(frame.filename, bundle):
            place = f'  File "{_short(frame.filename, bundle)}", line {frame.lineno}, in {frame.name}\n'
            lines.append(place + (f"    {frame.line}\n" if frame.line else ""))
    if not lines:
        return ""
    return ("Traceback (only the service's own files):\n" + "".join(lines) + _one_line(error))[-_LONGEST:]


def _inside(filename: str, bundle: Path) -> bool:
    return Path(filename).resolve().is_relative_to(bundle.resolve())


def _short(filename: str, bundle: Path) -> str:
    return str(Path(filename).resolve().relative_to(bundle.resolve()))


def _one_line(error: BaseException) -> str:
    text = str(error).strip()
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def describe(error: BaseException, bundle: Path) -> dict[str, Any]:
    """Return an error as result.json carries it: kind, message, traceback, hint, details."""
    cause = error.__cause__ if isinstance(error, UserError) and error.__cause__ is not None else error
    if isinstance(cause, MemoryError):
        return {"kind": "out_of_memory", "message": "The task asked for more memory than it may have.",
                "traceback": own_frames(cause, bundle), "details": {},
                "hint": "Use fewer rows or smaller columns, or raise the memory limit of this installation."}
    if isinstance(error, TaskError):
        return {"kind": error.kind, "message": error.message[:_LONGEST], "traceback": _cause_frames(error, bundle),
                "hint": error.hint, "details": error.details}
    where = error.where if isinstance(error, UserError) else "The task"
    return {"kind": "user_raised", "message": f"{where} raised {_one_line(cause)}"[:_LONGEST],
            "traceback": own_frames(cause, bundle), "details": {},
            "hint": "Call the function in a test or a notebook on the same data; it needs nothing of the platform."}


def _cause_frames(error: TaskError, bundle: Path) -> str:
    return own_frames(error.__cause__, bundle) if error.__cause__ is not None else ""
