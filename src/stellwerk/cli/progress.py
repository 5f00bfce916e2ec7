"""Live progress of a job: one line a stage with its duration, users' output dimmed, a spinner on a terminal."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from datetime import datetime
from types import TracebackType
from typing import Self, TextIO

import click

from stellwerk.cli.output import clean
from stellwerk.client.wire import Event

_TURN = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_CLEAR = "\r\x1b[2K"
_FRAME_SECONDS = 0.1


def seconds_between(start: str, end: str) -> float:
    """Return the seconds between two ISO times of the server."""
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()


class Progress:
    """Prints the events of a job to standard error. Use as a context, so that the spinner always ends."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._live = self._stream.isatty()
        self._lock = threading.Lock()
        self._started: dict[str, str] = {}
        self._stage: str | None = None
        self._stage_since = 0.0
        self._message = ""
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        if self._live:
            self._thread = threading.Thread(target=self._spin, daemon=True)
            self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
        self._stage = None

    def _spin(self) -> None:
        turn = 0
        while not self._ended.wait(_FRAME_SECONDS):
            with self._lock:
                if self._stage is not None:
                    seconds = time.monotonic() - self._stage_since
                    line = f"{_TURN[turn % len(_TURN)]} {self._stage:<12} {seconds:6.1f} s  {self._message}"
                    self._stream.write(_CLEAR + line[:shutil.get_terminal_size().columns - 1])
                    self._stream.flush()
            turn += 1

    def _line(self, text: str) -> None:
        with self._lock:
            start = _CLEAR if self._live else ""
            self._stream.write(start + (text if self._live else click.unstyle(text)) + "\n")
            self._stream.flush()

    def note(self, text: str) -> None:
        """Print a remark of our own."""
        self._line(click.style(f"  {clean(text)}", fg="yellow"))

    def event(self, event: Event) -> None:
        """Show one event."""
        stage, status, message = clean(event["stage"]), event["status"], event["message"] or ""
        if status == "log":
            for line in message.splitlines() or [""]:
                self._line(click.style(f"  | {clean(line)}", dim=True))
            return
        if status == "started":
            self._started[stage] = event["at"]
            with self._lock:
                self._stage, self._stage_since, self._message = stage, time.monotonic(), clean(message)
            return
        if status == "progress":
            with self._lock:
                self._message = clean(message)
            if not self._live and message:
                self._line(f"  {stage:<12}           {clean(message)}")
            return
        self._end(stage, status, message, event["at"])

    def _end(self, stage: str, status: str, message: str, at: str) -> None:
        with self._lock:
            self._stage = None
        seconds = seconds_between(self._started.get(stage, at), at)
        sign = click.style("✓", fg="green") if status == "done" else click.style("✗", fg="red")
        self._line(f"{sign} {stage:<12} {seconds:6.2f} s  {clean(message)}")
