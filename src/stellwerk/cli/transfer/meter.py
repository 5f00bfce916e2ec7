"""One line that says how far a transfer is: counts, rate, and how long it will take."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from types import TracebackType
from typing import Self, TextIO

import click

from stellwerk.cli.output import clean

_CLEAR = "\r\x1b[2K"
_LIVE_SECONDS = 0.2
_LINE_SECONDS = 10.0


def counted(number: float) -> str:
    """Return a count as people read it: 812, 12,300, 4.2 M."""
    return f"{number:,.0f}" if number < 1_000_000 else f"{number / 1e6:,.1f} M"


def lasting(seconds: float) -> str:
    """Return a duration in words."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


class Meter:
    """Counts what was done and shows it: rewritten on a terminal, else a line now and then."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._live = self._stream.isatty()
        self._lock = threading.Lock()
        self._stage = ""
        self._since = time.monotonic()
        self._shown = self._since
        self._total: dict[str, int] = {}
        self.done: dict[str, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._wipe()

    def stage(self, name: str, total: dict[str, int]) -> None:
        """Begin a stage with what is to be done in it."""
        with self._lock:
            self._stage, self._total, self.done = name, total, {}
            self._since = time.monotonic()
            self._shown = self._since if not self._live else 0.0

    @property
    def seconds(self) -> float:
        """How long the stage has lasted."""
        return time.monotonic() - self._since

    def add(self, what: str, count: int) -> None:
        """Count what was done."""
        with self._lock:
            self.done[what] = self.done.get(what, 0) + count
            now = time.monotonic()
            if now - self._shown >= (_LIVE_SECONDS if self._live else _LINE_SECONDS):
                self._shown = now
                self._write(self._line(now - self._since))

    def end_stage(self) -> None:
        """Leave the last line of a stage standing."""
        with self._lock:
            text = self._line(self.seconds, ended=True)
            self._stream.write((_CLEAR if self._live else "") + text + "\n")
            self._stream.flush()

    def note(self, text: str) -> None:
        """Print a remark."""
        with self._lock:
            line = click.style(f"  {clean(text)}", fg="yellow")
            self._stream.write((_CLEAR + line if self._live else click.unstyle(line)) + "\n")
            self._stream.flush()

    def _write(self, text: str) -> None:
        if self._live:
            self._stream.write(_CLEAR + text[:shutil.get_terminal_size().columns - 1])
        else:
            self._stream.write(text + "\n")
        self._stream.flush()

    def _wipe(self) -> None:
        if self._live:
            self._stream.write(_CLEAR)
            self._stream.flush()

    def _line(self, seconds: float, *, ended: bool = False) -> str:
        parts = [f"{self._stage:<9}"]
        for what in dict.fromkeys([*self._total, *self.done]):
            done, total = self.done.get(what, 0), self._total.get(what)
            parts.append(f"{what} {counted(done)}" + (f" of {counted(total)}" if total is not None else ""))
        points = self.done.get("points", 0)
        if points and seconds > 0:
            parts.append(f"{counted(points / seconds)} points/s")
        if ended:
            parts.append(lasting(seconds))
        else:
            share = self._share()
            if share:
                parts.append(f"about {lasting(seconds * (1 - share) / share)} left")
        return "  ".join(parts)

    def _share(self) -> float:
        # Points take nearly all of the time where there are many; where their number is not known, runs must do.
        for what in ("points", "runs"):
            total = self._total.get(what)
            if total:
                return min(self.done.get(what, 0) / total, 1.0)
        return 0.0
